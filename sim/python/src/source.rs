//! Which camera there is, and what goes wrong with it: the same plug and the same dice for everybody who opens it.

use crate::{error::raised, error::refused, format::Format, process::Maker};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, PixelFormat, Result, StreamFormat,
    clock::{Clock, SystemClock},
};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    fault::{Chance, FaultConfig, Faults},
    pace::{Fps, Rate},
    replay::ReplayCamera,
    scene::Scene,
};
use pyo3::{prelude::*, types::PyDict};
use std::{num::NonZeroU64, path::PathBuf, sync::Arc, time::Duration};

/// A camera that can be opened, again and again.
#[pyclass(frozen, module = "maix._native")]
pub(crate) struct Source {
    name: String,
    scene: Scene,
    seed: u64,
    faults: Faults,
    clock: Arc<dyn Clock>,
    maker: Maker,
}

/// What a program asks of the camera.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) format: Format,
    pub(crate) fps: f64,
}

#[pymethods]
impl Source {
    /// `name` is `sim`, `replay:DIR` or a V4L2 node; `faults` are those of `eyelet_sim.configure`.
    #[new]
    fn new(name: String, scene: &str, seed: u64, faults: &Bound<'_, PyDict>) -> PyResult<Self> {
        let scene = scene.parse().map_err(|e| raised(refused(format!("{scene:?}: {e}"))))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut config = FaultConfig::default();
        for (name, value) in faults {
            let name: String = name.extract()?;
            fault(&mut config, &name, value.extract()?).map_err(raised)?;
        }
        let faults = Faults::new(config, seed, Arc::clone(&clock));
        Ok(Self { name, scene, seed, faults, clock, maker: Maker::this() })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }
}

/// Sets one fault.
fn fault(config: &mut FaultConfig, name: &str, value: f64) -> Result<()> {
    let no = |allowed: &'static str| refused(format!("{name} cannot be {value}")).with_remedy(allowed);
    let chance = || Chance::new(value).ok_or_else(|| no("a chance is 0 (never) to 1 (always)"));
    let seconds =
        || Duration::try_from_secs_f64(value).map_err(|_| no("a time is a number of seconds, 0 or more"));
    let frames = || {
        let whole = (value.fract() == 0.0 && value >= 1.0).then_some(value as u64);
        whole.and_then(NonZeroU64::new).ok_or_else(|| no("a number of frames is 1 or more"))
    };
    match name {
        "drop_chance" => config.drop = chance()?,
        "corrupt_chance" => config.corrupt = chance()?,
        "truncate_chance" => config.truncate = chance()?,
        "stall_chance" => config.stall = chance()?,
        "stall_for" => config.stall_for = seconds()?,
        "unplug_after" => config.unplug_after = Some(frames()?),
        "unplug_chance" => config.unplug = chance()?,
        "unplug_for" => config.unplug_for = seconds()?,
        _ => return Err(refused(format!("there is no fault {name:?}"))),
    }
    Ok(())
}

impl Source {
    /// Opens and starts the camera.
    ///
    /// # Errors
    /// The camera's.
    pub(crate) fn open(&self, request: Request) -> Result<Box<dyn CameraSource + Send>> {
        self.maker.check("camera")?;
        let rate = Fps::new(request.fps).map(Rate::Fps);
        let rate =
            rate.ok_or_else(|| refused(format!("a camera cannot give {} frames a second", request.fps)))?;
        let clock = || Arc::clone(&self.clock);
        let mut camera: Box<dyn CameraSource + Send> = if self.name == "sim" {
            let pixel = request.format.pixel().unwrap_or(PixelFormat::Rgb24);
            let format = StreamFormat::new(pixel, request.width, request.height)
                .ok_or_else(|| refused("a camera's picture has no side of 0"))?;
            let mut config = SimConfig::default();
            (config.format, config.rate, config.scene, config.seed) = (format, rate, self.scene, self.seed);
            Box::new(self.faults.open(|| SimCamera::open(config, clock()))?)
        } else if let Some(dir) = self.name.strip_prefix("replay:").map(PathBuf::from) {
            Box::new(self.faults.open(|| ReplayCamera::open(&dir, rate, clock()))?)
        } else {
            self.open_v4l2(request)?
        };
        camera.start()?;
        Ok(camera)
    }

    #[cfg(feature = "v4l2")]
    fn open_v4l2(&self, request: Request) -> Result<Box<dyn CameraSource + Send>> {
        if self.name != "v4l2" && !self.name.starts_with('/') {
            return Err(self.unknown());
        }
        let node = if self.name == "v4l2" { "auto" } else { &self.name };
        let mut config = eyelet_v4l2::V4l2Config::new(node);
        (config.size, config.fps) = ((request.width, request.height), request.fps.max(1.0) as u32);
        let clock = Arc::clone(&self.clock);
        Ok(Box::new(self.faults.open(|| eyelet_v4l2::V4l2Camera::open(&config, clock))?))
    }

    #[cfg(not(feature = "v4l2"))]
    fn open_v4l2(&self, _: Request) -> Result<Box<dyn CameraSource + Send>> {
        Err(self.unknown())
    }

    fn unknown(&self) -> Error {
        let known = if cfg!(feature = "v4l2") {
            "use sim, replay:DIR, v4l2 or /dev/videoN"
        } else {
            "use sim or replay:DIR"
        };
        Error::new(ErrorKind::InvalidInput, format!("no camera {:?}", self.name)).with_remedy(known)
    }
}
