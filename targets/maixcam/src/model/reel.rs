//! What the modelled sensor sees: one still scene, and in its corner the number of each frame.

use super::Memory;
use eyelet_hal::{CameraSource as _, PixelFormat, StreamFormat, clock::ManualClock};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    pace::Rate,
    pattern,
    scene::{Canvas, Scene},
};
use std::{sync::Arc, time::Duration};

/// A scene as NV21 with rows of a multiple of 64 bytes, as the scaler writes it.
#[derive(Clone, Debug)]
pub struct Reel {
    format: StreamFormat,
    stride: usize,
    /// Luma, then chroma.
    still: Vec<u8>,
    number: Canvas,
    row: Vec<u8>,
}

impl Reel {
    /// Draws the scene once; a width divisible by 2, as NV21 has it. `None` for a size that has no picture.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let format = StreamFormat::new(PixelFormat::Nv21, width, height)?;
        let stride = width.checked_next_multiple_of(64)?;
        let mut config = SimConfig::default();
        config.format = format;
        config.scene = Scene::Card;
        config.rate = Rate::FreeRunning;
        config.padding = (stride - width) as usize;
        config.buffers = 1;
        let mut camera = SimCamera::open(config, Arc::new(ManualClock::new(Duration::ZERO))).ok()?;
        camera.start().ok()?;
        let frame = camera.next_frame(Duration::ZERO).ok()?;
        let still = frame.planes().iter().flat_map(|plane| plane.bytes).copied().collect();
        let number = Canvas::new(pattern::WIDTH, pattern::HEIGHT);
        Some(Self { format, stride: stride as usize, still, number, row: vec![0; pattern::WIDTH as usize] })
    }

    /// Bytes of a picture.
    pub fn len(&self) -> usize {
        self.still.len()
    }

    /// Whether a picture has no bytes; it has some.
    pub fn is_empty(&self) -> bool {
        self.still.is_empty()
    }

    /// Puts the scene at `physical`, with the number 0. `false` if there is no memory.
    pub fn lay(&self, memory: &mut dyn Memory, physical: u64) -> bool {
        memory.write(physical, &self.still)
    }

    /// Writes the number of a frame into the scene at `physical`, and nothing else: that is all that changes from frame
    /// to frame. A picture too small for a number has none. `false` if there is no memory.
    pub fn mark(&mut self, memory: &mut dyn Memory, physical: u64, number: u32) -> bool {
        let (width, height) = (self.format.width.get(), self.format.height.get());
        if width < pattern::WIDTH || height < pattern::HEIGHT {
            return true;
        }
        let Ok(()) = pattern::draw(&mut self.number, number);
        let rows = self.number.bytes().chunks(3 * pattern::WIDTH as usize);
        (physical..).step_by(self.stride).zip(rows).all(|(at, rgb)| {
            // Its blocks are grey, and grey's luma is any of its colours.
            for (luma, rgb) in self.row.iter_mut().zip(rgb.as_chunks::<3>().0) {
                *luma = rgb[0];
            }
            memory.write(at, &self.row)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ram(Vec<u8>);

    impl Memory for Ram {
        fn read(&self, physical: u64, into: &mut [u8]) -> bool {
            into.copy_from_slice(&self.0[physical as usize..][..into.len()]);
            true
        }

        fn write(&mut self, physical: u64, from: &[u8]) -> bool {
            self.0[physical as usize..][..from.len()].copy_from_slice(from);
            true
        }

        fn flush(&mut self, _: u64, _: u64) {}

        fn invalidate(&mut self, _: u64, _: u64) {}
    }

    #[test]
    fn frame_has_the_rows_of_the_scaler_and_its_number() {
        for (width, height, stride) in [(640, 480, 640), (552, 368, 576), (64, 64, 64)] {
            let mut reel = Reel::new(width, height).unwrap();
            assert_eq!(reel.len(), stride * height as usize * 3 / 2);
            let mut ram = Ram(vec![0; 4096 + reel.len()]);
            assert!(reel.lay(&mut ram, 4096));
            for number in [0, 7, u32::MAX] {
                assert!(reel.mark(&mut ram, 4096, number));
                let read = pattern::read_sequence(&ram.0[4096..], width as usize, height as usize, stride);
                assert_eq!(read, (width >= 128).then_some(number), "{width}x{height}");
            }
        }
        assert!(Reel::new(0, 480).is_none());
    }

    #[test]
    fn number_does_not_change_the_picture_around_it() {
        let mut reel = Reel::new(640, 480).unwrap();
        let mut ram = Ram(vec![0; reel.len()]);
        reel.lay(&mut ram, 0);
        let before = ram.0.clone();
        reel.mark(&mut ram, 0, 77);
        let corner = |at: usize| at < 640 * 24 && at % 640 < 128;
        assert!(before.iter().zip(&ram.0).enumerate().all(|(at, (a, b))| a == b || corner(at)));
        reel.mark(&mut ram, 0, 0);
        assert_eq!(before, ram.0);
    }
}
