//! A camera of Python's. Waiting for a frame lets other threads have the interpreter, and notices signals.

use crate::{
    convert,
    error::{raised, refused},
    format::Format,
    picture::Picture,
    process::Maker,
    raster::Raster,
    resample::Method,
    source::{Request, Source},
};
use eyelet_hal::{CameraSource, ErrorKind, Quality, Result};
use pyo3::prelude::*;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a signal waits at most.
const SLICE: Duration = Duration::from_millis(20);

/// How long a frame takes at least. A program that divides by the milliseconds that it took, as MaixPy's page about streams
/// does, runs on every board: none is as fast as a desk.
const LEAST: Duration = Duration::from_millis(2);

/// A camera that is open, until it is closed or gone.
#[pyclass(frozen, module = "maix._native")]
pub(crate) struct Camera {
    request: Request,
    maker: Maker,
    /// Locked only by a thread that has let go of the interpreter.
    camera: Mutex<Option<Box<dyn CameraSource + Send>>>,
}

#[pymethods]
impl Camera {
    #[new]
    fn new(py: Python<'_>, source: &Source, size: (u32, u32), format: u8, fps: f64) -> PyResult<Self> {
        let open = || -> Result<Self> {
            let format = Format::numbered(format)?;
            let request = Request { width: size.0, height: size.1, format, fps };
            let camera = source.open(request)?;
            Ok(Self { request, maker: Maker::this(), camera: Mutex::new(Some(camera)) })
        };
        py.detach(open).map_err(raised)
    }

    /// Waits for the next frame until `timeout` seconds have passed or `stop()` is true; `None` without a frame. A negative
    /// timeout is none. `flips` are rows and columns in the opposite order.
    fn read(
        &self,
        py: Python<'_>,
        timeout: f64,
        stop: &Bound<'_, PyAny>,
        flips: (bool, bool),
    ) -> PyResult<Option<Picture>> {
        self.maker.check("camera").map_err(raised)?;
        let start = Instant::now();
        // Out of range is for ever.
        let end = Duration::try_from_secs_f64(timeout).ok().and_then(|wait| start.checked_add(wait));
        loop {
            let left = end.map_or(SLICE, |end| end.saturating_duration_since(Instant::now()).min(SLICE));
            match py.detach(|| self.next(left, flips)) {
                Ok(raster) => {
                    py.detach(|| std::thread::sleep(LEAST.saturating_sub(start.elapsed())));
                    return Ok(Some(raster.into()));
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                Err(error) => return Err(raised(error)),
            }
            py.check_signals()?;
            if end.is_some_and(|end| Instant::now() >= end) || stop.call0()?.extract()? {
                return Ok(None);
            }
        }
    }

    /// Whether it is open.
    fn is_open(&self, py: Python<'_>) -> bool {
        self.maker.is_here()
            && py.detach(|| self.camera.lock().unwrap_or_else(PoisonError::into_inner).is_some())
    }

    fn close(&self, py: Python<'_>) {
        if self.maker.is_here() {
            py.detach(|| *self.camera.lock().unwrap_or_else(PoisonError::into_inner) = None);
        }
    }
}

impl Camera {
    /// The next frame, in the format and size that were asked for.
    fn next(&self, timeout: Duration, (rows, columns): (bool, bool)) -> Result<Raster> {
        let Request { width, height, format, .. } = self.request;
        let raster = {
            let mut lock = self.camera.lock().unwrap_or_else(PoisonError::into_inner);
            let camera = lock.as_mut().ok_or_else(|| refused("the camera is closed"))?;
            let taken = camera.next_frame(timeout).and_then(|frame| convert::of_frame(&frame, format));
            if taken.as_ref().is_err_and(|error| error.kind() == ErrorKind::Disconnected) {
                *lock = None;
            }
            taken?
        };
        let (width, height) = (width as usize, height as usize);
        let raster = if (raster.width, raster.height) == (width, height) {
            raster
        } else {
            raster.into_pixels()?.resized(width, height, 0, Method::Bilinear)?
        };
        let raster = if rows || columns { raster.into_pixels()?.flipped(rows, columns)? } else { raster };
        if raster.format == format { Ok(raster) } else { raster.to(format, Quality::DEFAULT) }
    }
}

impl Raster {
    /// The picture with pixels that follow each other.
    fn into_pixels(self) -> Result<Self> {
        match self.format.channels() {
            Some(_) => Ok(self),
            None => self.to(Format::Rgb888, Quality::DEFAULT),
        }
    }
}
