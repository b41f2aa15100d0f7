//! A V4L2 camera, from its configuration to its frames.

use crate::{
    capture::Capture,
    choose::{FormatInfo, Interval, Request, choose},
    config::V4l2Config,
    control::{ControlInfo, ControlSetting},
    device::{Capabilities, Role, V4l2Device},
    driver::is_gone,
    kernel::KernelQueue,
    list::{find_camera, nodes, same_camera},
    memory,
    negotiate::{Settled, settle},
    ring::Ring,
};
use eyelet_hal::clock::Clock;
use eyelet_hal::{CameraControls, CameraSource, Error, ErrorKind, Frame, Result, StreamFormat};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const DEV: &str = "/dev";
const SYS: &str = "/sys";

/// A USB webcam or any other single-planar V4L2 capture device.
///
/// ```no_run
/// use eyelet_hal::clock::SystemClock;
/// use eyelet_hal::CameraSource;
/// use eyelet_v4l2::{V4l2Camera, V4l2Config};
/// use std::{sync::Arc, time::Duration};
///
/// let mut camera = V4l2Camera::open(&V4l2Config::new("/dev/video0"), Arc::new(SystemClock))?;
/// camera.start()?;
/// let frame = camera.next_frame(Duration::from_secs(1))?;
/// assert_eq!(frame.format().width.get(), 640);
/// # Ok::<(), eyelet_hal::Error>(())
/// ```
pub struct V4l2Camera {
    pub(crate) capture: Capture<KernelQueue>,
    pub(crate) device: V4l2Device,
    pub(crate) settled: Settled,
    /// What it offers, and what of it is wanted now.
    pub(crate) formats: Vec<FormatInfo>,
    pub(crate) request: Request,
    pub(crate) buffers: u32,
    /// Its controls as they were listed last.
    pub(crate) listed: Vec<ControlInfo>,
    note: Option<String>,
}

impl V4l2Camera {
    /// Opens the camera and sets format, rate and controls. Nothing streams until
    /// [`start`](CameraSource::start). `clock` measures timeouts and stamps frames whose driver does not.
    ///
    /// # Errors
    /// Those of [`V4l2Device::open`]; `Unsupported` for a node that is no camera and for a format that the
    /// camera lacks; `Busy` while another process streams; `InvalidInput` for what the driver refuses, for an
    /// impossible configuration and for a control that is not there.
    pub fn open(config: &V4l2Config, clock: Arc<dyn Clock>) -> Result<Self> {
        if let Some(why) = config.refusal() {
            let (what, remedy) = why;
            return Err(Error::new(ErrorKind::InvalidInput, format!("cannot open a camera: {what}"))
                .with_remedy(remedy));
        }
        let path = if config.path == Path::new("auto") {
            find_camera(nodes(Path::new(DEV), Path::new(SYS), &*clock))?
        } else {
            config.path.clone()
        };
        let device = V4l2Device::open(&path, &*clock)?;
        usable(device.name(), device.capabilities())?;
        let V4l2Config { size, fps, format, raw, .. } = *config;
        let request = Request { size, fps, format, raw };
        let formats = device.formats()?;
        let choice = choose(device.name(), &formats, &request)?;
        let settled = settle(device.name(), device.driver(), choice, config.fps)?;
        if let Some(available) = memory::available() {
            memory::check(device.name(), config.buffers, settled.buffer.sizeimage, available)?;
        }
        for setting in &config.controls {
            device.set_control(setting)?;
        }
        let note = request.difference(device.name(), settled.choice, settled.interval);
        let ring = Ring::new(device.name().to_owned(), device.queue());
        let capture = Capture::new(ring, settled.stream, settled.buffer, config.buffers, clock);
        Ok(Self {
            capture,
            device,
            settled,
            formats,
            request,
            buffers: config.buffers,
            listed: Vec::new(),
            note,
        })
    }

    /// What was taken, in a sentence, if it differs from the configuration.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The rate that the driver agreed to; `None` if it does not say.
    pub fn interval(&self) -> Option<Interval> {
        self.settled.interval
    }

    /// What the device reports about itself.
    pub fn capabilities(&self) -> &Capabilities {
        self.device.capabilities()
    }

    /// Buffers that came back without a picture since opening: marked damaged by the driver, or empty. They
    /// are skipped, and show as gaps in the sequence where the driver counted them.
    pub fn damaged_frames(&self) -> u64 {
        self.capture.damaged()
    }

    /// What its node lists: its formats, and its controls as V4L2 describes them.
    pub fn device(&self) -> &V4l2Device {
        &self.device
    }

    /// Sets a control, also while streaming.
    ///
    /// # Errors
    /// Those of [`V4l2Device::set_control`].
    pub fn set_control(&self, setting: &ControlSetting) -> Result<()> {
        self.device.set_control(setting)
    }
}

impl fmt::Debug for V4l2Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("V4l2Camera").field("device", &self.device).field("settled", &self.settled).finish()
    }
}

/// Refuses a node that is no camera.
fn usable(name: &str, capabilities: &Capabilities) -> Result<()> {
    let (why, remedy) = match capabilities.role() {
        Role::Camera => return Ok(()),
        Role::MultiPlanar => ("it supports only the multi-planar API".to_owned(), "use another camera"),
        Role::ReadOnly => ("it supports only read(), no streaming".to_owned(), "use another camera"),
        role => (format!("it is {role}, not a camera"), "choose another /dev/video* node"),
    };
    Err(Error::new(ErrorKind::Unsupported, format!("cannot use {name}: {why}")).with_remedy(remedy))
}

impl CameraSource for V4l2Camera {
    fn name(&self) -> &str {
        self.capture.name()
    }

    fn format(&self) -> StreamFormat {
        self.capture.format()
    }

    fn start(&mut self) -> Result<()> {
        if self.capture.is_started() {
            return Ok(());
        }
        // The format belongs to the device, not to this descriptor: others may have changed it meanwhile.
        let changed = match self.device.driver().format() {
            Ok(now) => now != self.settled.buffer,
            Err(e) if is_gone(&e) => return Err(self.device.error("start", e)),
            // It answered nothing else when it was set.
            Err(_) => false,
        };
        if changed {
            let fps = self.settled.interval.map_or(30.0, Interval::fps).round() as u32;
            let (name, driver) = (self.device.name(), self.device.driver());
            self.settled = settle(name, driver, self.settled.choice, fps.max(1))?;
            self.capture.set_format(self.settled.stream, self.settled.buffer);
        }
        self.capture.start()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        self.capture.next_frame(timeout)
    }

    fn stop(&mut self) -> Result<()> {
        self.capture.stop()
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        Some(self)
    }
}

/// Opens a camera again and again, and finds it under another node name after it was plugged in anew.
///
/// A node keeps its number as long as a process holds it open, so a camera that is plugged in again may come
/// back as `/dev/video2`. It is the same camera if card and bus are the same.
#[derive(Clone, Debug)]
pub struct V4l2Opener {
    config: V4l2Config,
    clock: Arc<dyn Clock>,
    known: Option<Capabilities>,
}

impl V4l2Opener {
    /// For this configuration.
    pub fn new(config: V4l2Config, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, known: None }
    }

    /// Opens the camera. Drop the old one first.
    ///
    /// # Errors
    /// Those of [`V4l2Camera::open`].
    pub fn open(&mut self) -> Result<V4l2Camera> {
        let camera = match V4l2Camera::open(&self.config, Arc::clone(&self.clock)) {
            Err(error) if may_have_moved(error.kind()) => {
                let Some(path) = self.moved() else { return Err(error) };
                let config = V4l2Config { path, ..self.config.clone() };
                V4l2Camera::open(&config, Arc::clone(&self.clock))?
            }
            result => result?,
        };
        self.known = Some(camera.capabilities().clone());
        Ok(camera)
    }

    /// Where the camera that was open before is now, if not where it was.
    fn moved(&self) -> Option<PathBuf> {
        let nodes = nodes(Path::new(DEV), Path::new(SYS), &*self.clock);
        same_camera(&nodes, self.known.as_ref()?).filter(|path| *path != self.config.path).map(Path::to_owned)
    }
}

/// A name that is gone, or is another kind of node now.
fn may_have_moved(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Disconnected | ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;

    fn open(change: impl FnOnce(&mut V4l2Config)) -> Error {
        let mut config = V4l2Config::new("/dev/null");
        change(&mut config);
        V4l2Camera::open(&config, Arc::new(ManualClock::new(Duration::ZERO))).unwrap_err()
    }

    #[test]
    fn impossible_configuration_is_an_error_before_anything_is_opened() {
        for (error, part) in [
            (open(|c| c.size = (0, 480)), "640x480 is a size"),
            (open(|c| c.fps = 0), "30 is a rate"),
            (open(|c| c.buffers = 1), "use 2 to 32"),
            (open(|c| c.buffers = 33), "use 2 to 32"),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().ends_with(part), "{error}");
        }
        assert_eq!(open(|_| {}).kind(), ErrorKind::Unsupported);
        assert_eq!(open(|c| c.path = "/dev/eyelet-none".into()).kind(), ErrorKind::NotFound);
    }

    #[test]
    fn node_that_is_no_camera_is_an_error_that_names_it() {
        let refusal = |flags| usable("/dev/video1", &Capabilities::of("d", "c", "b", flags)).unwrap_err();
        assert_eq!(
            refusal(0x0420_0002).to_string(),
            "cannot use /dev/video1: it is an output node (as of a UVC gadget), not a camera; choose another \
             /dev/video* node"
        );
        assert_eq!(
            refusal(0x0420_1000).to_string(),
            "cannot use /dev/video1: it supports only the multi-planar API; use another camera"
        );
        assert!(usable("/dev/video0", &Capabilities::of("d", "c", "b", 0x0420_0001)).is_ok());
    }

    #[test]
    fn opener_without_a_camera_reports_the_reason() {
        let clock = Arc::new(ManualClock::new(Duration::ZERO));
        let mut opener = V4l2Opener::new(V4l2Config::new("/dev/eyelet-none"), clock);
        assert_eq!(opener.open().unwrap_err().kind(), ErrorKind::NotFound);
    }
}
