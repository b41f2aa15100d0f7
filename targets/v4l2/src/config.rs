//! The configuration of a V4L2 camera.

use crate::control::ControlSetting;
use eyelet_hal::PixelFormat;
use std::path::PathBuf;

/// Which camera to open, and how.
///
/// ```
/// use eyelet_v4l2::V4l2Config;
/// let mut config = V4l2Config::new("/dev/video0");
/// config.size = (1280, 720);
/// config.controls.push("brightness=120".parse().unwrap());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct V4l2Config {
    /// The node, `/dev/video0`, or `auto` for the first camera there is.
    pub path: PathBuf,
    /// Width and height in pixels; the camera takes its nearest.
    pub size: (u32, u32),
    /// Frames per second; the camera takes its nearest.
    pub fps: u32,
    /// The pixel format; `None` takes the cheapest that the camera has: jpeg, then nv12 or nv21, then yuyv.
    pub format: Option<PixelFormat>,
    /// No JPEGs, since frames are to be edited, where the camera has anything else and `format` leaves it open.
    pub raw: bool,
    /// Buffers to request of the driver, 2 to 32; it may give more or fewer. Each is a whole frame of memory;
    /// more of them bridge a longer pause of the reader.
    pub buffers: u32,
    /// Controls to set after opening, in this order.
    pub controls: Vec<ControlSetting>,
}

impl V4l2Config {
    /// 640x480 at 30 fps from the node at `path`, in the cheapest format, with 4 buffers.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            size: (640, 480),
            fps: 30,
            format: None,
            raw: false,
            buffers: 4,
            controls: Vec::new(),
        }
    }

    /// Why this configuration cannot be, and what can, if it cannot.
    pub(crate) fn refusal(&self) -> Option<(&'static str, &'static str)> {
        if self.size.0 == 0 || self.size.1 == 0 {
            Some(("no side of the size may be 0", "640x480 is a size"))
        } else if self.fps == 0 {
            Some(("the rate may not be 0", "30 is a rate"))
        } else if !(2..=32).contains(&self.buffers) {
            Some(("the number of buffers is out of range", "use 2 to 32"))
        } else {
            None
        }
    }
}

impl Default for V4l2Config {
    /// The first camera there is.
    fn default() -> Self {
        Self::new("auto")
    }
}
