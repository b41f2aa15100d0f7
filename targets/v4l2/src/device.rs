//! One open node: what it is and what it offers.

use crate::{
    choose::{FormatInfo, IntervalRange},
    control::{self, ControlInfo, ControlSetting},
    driver::{Driver, is_gone},
    enumerate, error,
    kernel::{self, KernelDevice, KernelQueue},
    sys::*,
    text::text,
};
use eyelet_hal::clock::Clock;
use eyelet_hal::{Error, ErrorKind, Result};
use rustix::io::Errno;
use std::{fmt, io, os::unix::ffi::OsStrExt, path::Path, time::Duration};

/// What a node is for, of what matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A camera that [`V4l2Camera`](crate::V4l2Camera) can read.
    Camera,
    /// A camera that supports only the multi-planar API.
    MultiPlanar,
    /// A camera that gives its frames by `read()` only.
    ReadOnly,
    /// Data about frames, not frames: the second node of each USB camera.
    Metadata,
    /// Takes frames instead of giving them: a UVC gadget, a loopback.
    Output,
    /// A codec or scaler.
    MemoryToMemory,
    /// Radio, VBI, and the rest.
    Other,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Camera => "a camera",
            Self::MultiPlanar => "a multi-planar camera",
            Self::ReadOnly => "a camera that cannot stream, only read()",
            Self::Metadata => "a metadata node",
            Self::Output => "an output node (as of a UVC gadget)",
            Self::MemoryToMemory => "a codec",
            Self::Other => "no video capture node",
        })
    }
}

/// What a node reports about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The driver: `uvcvideo`.
    pub driver: String,
    /// The card: `HD Webcam C920`.
    pub card: String,
    /// Where it is plugged in: `usb-0000:00:14.0-1`.
    pub bus: String,
    /// `V4L2_CAP_*` flags of this node.
    pub flags: u32,
}

impl Capabilities {
    /// Of a device that is not there, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(driver: &str, card: &str, bus: &str, flags: u32) -> Self {
        Self { driver: driver.into(), card: card.into(), bus: bus.into(), flags }
    }

    /// Whether it gives frames and does nothing else with them.
    pub(crate) fn only_captures(&self) -> bool {
        !self.has_any(V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_OUTPUT_MPLANE)
    }

    /// What the node is for.
    pub fn role(&self) -> Role {
        // Whatever else it can do: a loopback device takes frames, too, and reports that it is a codec.
        if self.has_any(V4L2_CAP_VIDEO_CAPTURE) && self.has_any(V4L2_CAP_STREAMING) {
            Role::Camera
        } else if self.has_any(V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE) {
            Role::MemoryToMemory
        } else if self.has_any(V4L2_CAP_VIDEO_CAPTURE) {
            Role::ReadOnly
        } else if self.has_any(V4L2_CAP_VIDEO_CAPTURE_MPLANE) {
            Role::MultiPlanar
        } else if self.has_any(V4L2_CAP_META_CAPTURE) {
            Role::Metadata
        } else if self.has_any(V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_OUTPUT_MPLANE) {
            Role::Output
        } else {
            Role::Other
        }
    }

    fn has_any(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }
}

const FORMATS: &str = "list all formats of";
const CONTROLS: &str = "list all controls of";

/// What a node lists about itself.
#[derive(Debug)]
#[non_exhaustive]
pub struct Survey {
    /// Its formats and their sizes.
    pub formats: Vec<FormatInfo>,
    /// Its controls with their present values.
    pub controls: Vec<ControlInfo>,
    /// Why something is left out, if it is.
    pub missing: Vec<Error>,
}

/// An open V4L2 node. Opening it changes nothing on the device.
pub struct V4l2Device {
    name: String,
    device: KernelDevice,
    capabilities: Capabilities,
}

impl fmt::Debug for V4l2Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("V4l2Device")
            .field("name", &self.name)
            .field("capabilities", &self.capabilities)
            .finish()
    }
}

impl V4l2Device {
    /// Opens a node of any role. `clock` spaces the attempts while a USB camera wakes up.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`, `Busy`, `Disconnected`, and `Unsupported` for what is no V4L2 device.
    pub fn open(path: &Path, clock: &dyn Clock) -> Result<Self> {
        let name = path.display().to_string();
        let fail = |e| error::system("open", &name, e);
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(Error::new(ErrorKind::InvalidInput, "cannot open a path with a NUL byte")
                .with_remedy("correct it"));
        }
        let device = retry_busy(clock, || KernelDevice::open(path)).map_err(fail)?;
        let raw = kernel::query_capability(&device).map_err(|e| {
            // Some other devices refuse an unknown ioctl this way.
            let no_v4l2 = Errno::from_io_error(&e) == Some(Errno::INVAL);
            fail(if no_v4l2 { Errno::NOTTY.into() } else { e })
        })?;
        let own = raw.capabilities & V4L2_CAP_DEVICE_CAPS != 0 && raw.device_caps != 0;
        let flags = if own { raw.device_caps } else { raw.capabilities };
        let capabilities = Capabilities {
            driver: text(&raw.driver),
            card: text(&raw.card),
            bus: text(&raw.bus_info),
            flags,
        };
        Ok(Self { name, device, capabilities })
    }

    /// The path it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the node reports about itself.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Its formats and their sizes, in the driver's order. What cannot be read is left out.
    ///
    /// # Errors
    /// What the device reports if nothing can be read; none for a node that is no camera, which offers nothing.
    pub fn formats(&self) -> Result<Vec<FormatInfo>> {
        self.read(FORMATS, enumerate::formats(&self.device))
    }

    /// The intervals offered in a format and size; empty if the driver lists none.
    pub fn intervals(&self, fourcc: [u8; 4], size: (u32, u32)) -> Vec<IntervalRange> {
        enumerate::intervals(&self.device, fourcc, size)
    }

    /// Its controls with their present values. What cannot be read is left out.
    ///
    /// # Errors
    /// What the device reports if nothing can be read; a device without controls has an empty list.
    pub fn controls(&self) -> Result<Vec<ControlInfo>> {
        self.read(CONTROLS, control::list(&self.device))
    }

    /// All that it lists, and why some of it is left out.
    pub fn survey(&self) -> Survey {
        let (formats, formats_error) = enumerate::formats(&self.device);
        let (controls, controls_error) = control::list(&self.device);
        let missing = [(FORMATS, formats_error), (CONTROLS, controls_error)];
        let missing =
            missing.into_iter().filter_map(|(what, error)| Some(self.error(what, error?))).collect();
        Survey { formats, controls, missing }
    }

    /// A list, if it is not lost with the device.
    fn read<T>(&self, operation: &str, (list, failed): (Vec<T>, Option<io::Error>)) -> Result<Vec<T>> {
        match failed {
            Some(e) if list.is_empty() || is_gone(&e) => Err(self.error(operation, e)),
            _ => Ok(list),
        }
    }

    /// Sets a control.
    ///
    /// # Errors
    /// `InvalidInput`, with what there is, for a name or a value that the device lacks; what the device reports.
    pub fn set_control(&self, setting: &ControlSetting) -> Result<()> {
        self.set_listed(&self.controls()?, setting)
    }

    /// Sets one of its controls, which it has listed.
    ///
    /// # Errors
    /// As [`set_control`](Self::set_control).
    pub(crate) fn set_listed(&self, controls: &[ControlInfo], setting: &ControlSetting) -> Result<()> {
        control::set(&self.device, &self.name, controls, setting)
    }

    pub(crate) fn error(&self, operation: &str, error: io::Error) -> Error {
        error::system(operation, &self.name, error)
    }

    pub(crate) fn driver(&self) -> &dyn Driver {
        &self.device
    }

    pub(crate) fn queue(&self) -> KernelQueue {
        KernelQueue::new(self.device.clone())
    }
}

/// Two USB cameras that wake from autosuspend at one moment: one open fails with `EBUSY`, and soon works.
fn retry_busy<T>(clock: &dyn Clock, mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const PAUSE: Duration = Duration::from_millis(100);
    for _ in 0..4 {
        match open() {
            Err(e) if Errno::from_io_error(&e) == Some(Errno::BUSY) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
        clock.sleep_until(clock.monotonic() + PAUSE);
    }
    open()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;

    fn clock() -> ManualClock {
        ManualClock::new(Duration::ZERO)
    }

    fn open(path: &str) -> Error {
        V4l2Device::open(Path::new(path), &clock()).map(drop).unwrap_err()
    }

    #[test]
    fn open_of_what_is_not_a_device_is_refused_in_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (path, kind, why) in [
            ("/dev/null", ErrorKind::Unsupported, "not a V4L2 device; use a /dev/video* node"),
            (
                "/dev/eyelet-none",
                ErrorKind::NotFound,
                "no such device; is the camera plugged in, and the name right?",
            ),
            ("/", ErrorKind::Unsupported, "not a V4L2 device; use a /dev/video* node"),
            (
                file.path().to_str().unwrap(),
                ErrorKind::Unsupported,
                "not a V4L2 device; use a /dev/video* node",
            ),
        ] {
            let error = open(path);
            assert_eq!(error.to_string(), format!("cannot open {path}: {why}"));
            assert_eq!(error.kind(), kind, "{path}");
        }
        assert_eq!(open("/dev/vid\0eo0").kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn busy_node_is_tried_again_for_a_while() {
        let clock = clock();
        let mut busy = 3;
        let opened = retry_busy(&clock, || {
            busy -= 1;
            if busy > 0 { Err(Errno::BUSY.into()) } else { Ok(()) }
        });
        assert!(opened.is_ok());
        assert_eq!(clock.monotonic(), Duration::from_millis(200));

        let error = retry_busy(&clock, || Err::<(), _>(Errno::BUSY.into())).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::BUSY));
        let error = retry_busy(&clock, || Err::<(), _>(Errno::NOENT.into())).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::NOENT));
        assert_eq!(clock.monotonic(), Duration::from_millis(600), "only what is busy is waited for");
    }

    #[test]
    fn roles_follow_the_capabilities_of_the_node() {
        for (flags, role) in [
            (0x0420_0001, Role::Camera),
            (0x04a0_0000, Role::Metadata),
            (0x0420_0002, Role::Output),
            (0x0420_1000, Role::MultiPlanar),
            (0x0420_8000, Role::MemoryToMemory),
            (0x0520_8003, Role::Camera), // v4l2loopback
            (0x0120_0001, Role::ReadOnly),
            (0, Role::Other),
        ] {
            assert_eq!(Capabilities::of("d", "c", "b", flags).role(), role, "{flags:#x}");
        }
    }
}
