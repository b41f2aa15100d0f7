//! What the modelled sensor sees: a scene of the simulator that stands still, with each frame's number in it.

use eyelet_hal::clock::ManualClock;
use eyelet_hal::{CameraSource, PixelFormat, StreamFormat};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    pace::Rate,
    pattern,
    scene::{Canvas, Scene},
};
use std::{sync::Arc, time::Duration};

/// A scene as NV21: `height` rows of `stride` luma bytes, then the chroma.
#[derive(Clone, Debug)]
pub(super) struct Still {
    stride: usize,
    bytes: Vec<u8>,
}

impl Still {
    /// Draws it; `None` for a size that cannot be drawn.
    pub(super) fn new(stride: u32, height: u32) -> Option<Self> {
        let mut config = SimConfig::default();
        config.format = StreamFormat::new(PixelFormat::Nv21, stride, height)?;
        config.rate = Rate::FreeRunning;
        config.scene = Scene::Detail;
        config.buffers = 1;
        let mut camera = SimCamera::open(config, Arc::new(ManualClock::new(Duration::ZERO))).ok()?;
        camera.start().ok()?;
        let frame = camera.next_frame(Duration::ZERO).ok()?;
        let rows = frame.planes().iter().zip([height, height / 2]).flat_map(|(plane, rows)| {
            (0..rows as usize).map(|y| &plane.bytes[y * plane.stride..][..stride as usize])
        });
        Some(Self { stride: stride as usize, bytes: rows.collect::<Vec<_>>().concat() })
    }

    /// The picture with this number in it.
    pub(super) fn numbered(&mut self, number: u32) -> &[u8] {
        let (width, height) = (pattern::WIDTH as usize, pattern::HEIGHT as usize);
        let mut corner = Canvas::new(pattern::WIDTH, pattern::HEIGHT);
        let fits = self.stride >= width && self.bytes.len() / self.stride / 3 * 2 >= height;
        if fits && pattern::draw(&mut corner, number).is_ok() {
            for (row, to) in corner.bytes().chunks(3 * width).zip(self.bytes.chunks_mut(self.stride)) {
                // Black, white and what is between: each of the three is the luma.
                row.iter().step_by(3).zip(to).for_each(|(luma, to)| *to = *luma);
            }
        }
        &self.bytes
    }
}
