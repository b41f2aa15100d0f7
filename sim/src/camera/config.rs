//! What a simulated camera is opened with.

use crate::{pace::Rate, scene::Scene};
use eyelet_hal::{Error, ErrorKind, PixelFormat, Quality, Result, StreamFormat};
use std::num::NonZeroU32;

/// The longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 8192;
/// The most buffers of a ring: that of V4L2.
pub const MAX_BUFFERS: u32 = 32;

/// The configuration of a [`SimCamera`](super::SimCamera).
///
/// ```
/// use eyelet_sim::{camera::SimConfig, pace::Rate, scene::Scene};
/// use eyelet_hal::{PixelFormat, StreamFormat};
///
/// let mut config = SimConfig::default(); // 640x480 nv12, 30 fps, the test card
/// config.format = StreamFormat::new(PixelFormat::Jpeg, 320, 240).unwrap();
/// config.scene = Scene::Detail;
/// config.rate = Rate::FreeRunning;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimConfig {
    /// Pixel format and size; either side 1 to [`MAX_SIDE`].
    pub format: StreamFormat,
    /// How fast frames come.
    pub rate: Rate,
    /// What is seen.
    pub scene: Scene,
    /// For all that is random in the scene.
    pub seed: u64,
    /// Buffers in the ring, 1 to [`MAX_BUFFERS`].
    pub buffers: u32,
    /// Bytes that follow each row, as drivers that align rows leave them.
    pub padding: usize,
    /// For `jpeg` frames.
    pub quality: Quality,
}

impl Default for SimConfig {
    fn default() -> Self {
        let (width, height) = (NonZeroU32::MIN.saturating_add(639), NonZeroU32::MIN.saturating_add(479));
        Self {
            format: StreamFormat { pixel: PixelFormat::Nv12, width, height },
            rate: Rate::default(),
            scene: Scene::default(),
            seed: 0,
            buffers: 4,
            padding: 0,
            quality: Quality::DEFAULT,
        }
    }
}

impl SimConfig {
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |why: String, remedy: String| {
            let what = format!("cannot open sim: {why}");
            Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy))
        };
        let (width, height) = (self.format.width.get(), self.format.height.get());
        if width > MAX_SIDE || height > MAX_SIDE {
            let remedy = format!("use at most {MAX_SIDE}x{MAX_SIDE}");
            return refuse(format!("{width}x{height} is too large"), remedy);
        }
        if !(1..=MAX_BUFFERS).contains(&self.buffers) {
            let remedy = format!("use 1 to {MAX_BUFFERS}");
            return refuse(format!("it cannot have {} buffers", self.buffers), remedy);
        }
        Ok(())
    }
}
