//! A camera whose pictures are drawn.

mod config;
mod controls;

pub use config::{MAX_BUFFERS, MAX_SIDE, SimConfig};

use crate::{
    compress::Compressor,
    convert::FrameLayout,
    pace::Pacer,
    scene::{Moment, Painter},
};
use controls::Values;
use eyelet_hal::{
    CameraControls, CameraSource, Error, ErrorKind, Frame, FrameMeta, Lease, PixelFormat, Plane, Requeue,
    Result, StreamFormat, clock::Clock,
};
use std::{cell::RefCell, collections::VecDeque, sync::Arc, time::Duration};

/// A camera whose pictures are drawn. It behaves like a V4L2 one: frames come at their own times into a ring of
/// buffers, and a reader that is late misses some.
///
/// ```
/// use eyelet_hal::clock::ManualClock;
/// use eyelet_hal::CameraSource;
/// use eyelet_sim::{camera::{SimCamera, SimConfig}, pattern};
/// use std::{sync::Arc, time::Duration};
///
/// // A clock that stands still until something sleeps on it: tests need not wait.
/// let clock = Arc::new(ManualClock::new(Duration::ZERO));
/// let mut camera = SimCamera::open(SimConfig::default(), clock)?;
/// camera.start()?;
/// for sequence in 0..3 {
///     let frame = camera.next_frame(Duration::from_secs(1))?;
///     let luma = frame.planes()[0];
///     assert_eq!(pattern::read_sequence(luma.bytes, 640, 480, luma.stride), Some(sequence));
/// }
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
#[derive(Debug)]
pub struct SimCamera {
    config: SimConfig,
    /// How it was opened.
    original: SimConfig,
    values: Values,
    clock: Arc<dyn Clock>,
    painter: Painter,
    delivery: Delivery,
    ring: Ring,
    buffers: Vec<Vec<u8>>,
    /// `Some` while it runs.
    pacer: Option<Pacer>,
}

/// How a drawn picture becomes a frame.
#[derive(Debug)]
enum Delivery {
    Raw(FrameLayout),
    Compressed(Compressor),
}

/// The free buffers, in the order in which they came back.
#[derive(Debug, Default)]
struct Ring {
    free: RefCell<VecDeque<u32>>,
}

impl Requeue for Ring {
    fn requeue(&self, index: u32) {
        self.free.borrow_mut().push_back(index);
    }
}

impl SimCamera {
    /// A camera, not started. Draws what stands still in the scene.
    ///
    /// # Errors
    /// `InvalidInput` for a size or a number of buffers out of range, with what the range is; `OutOfMemory` where the
    /// buffers do not fit.
    pub fn open(config: SimConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        config.check()?;
        let StreamFormat { pixel, width, height } = config.format;
        let delivery = match pixel {
            PixelFormat::Jpeg => Compressor::new(config.format).map(Delivery::Compressed),
            _ => FrameLayout::new(config.format, config.padding).map(Delivery::Raw),
        };
        let delivery = delivery.ok_or_else(|| {
            let what = format!("cannot open sim: no {} with rows padded so far", config.format);
            Error::new(ErrorKind::InvalidInput, what)
        })?;
        let len = match &delivery {
            Delivery::Raw(layout) => layout.len(),
            Delivery::Compressed(_) => 0,
        };
        let buffers = (0..config.buffers).map(|_| buffer(&config, len)).collect::<Result<_>>()?;
        let painter = Painter::new(config.scene, width.get(), height.get(), config.seed);
        let (original, values) = (config.clone(), Values::default());
        Ok(Self {
            config,
            original,
            values,
            clock,
            painter,
            delivery,
            ring: Ring::default(),
            buffers,
            pacer: None,
        })
    }
}

impl CameraSource for SimCamera {
    fn name(&self) -> &str {
        "sim"
    }

    fn format(&self) -> StreamFormat {
        self.config.format
    }

    fn start(&mut self) -> Result<()> {
        if self.pacer.is_none() {
            // As with V4L2, whatever was leased before belongs to the ring again.
            self.ring.free = RefCell::new((0..self.config.buffers).collect());
            self.pacer = Some(Pacer::new(self.config.rate, self.clock.monotonic()));
        }
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let pacer = self.pacer.as_mut().ok_or_else(|| not_started("sim"))?;
        let index = self.ring.free.get_mut().pop_front().ok_or_else(|| {
            let what = format!("sim: all {} buffers are leased", self.config.buffers);
            Error::new(ErrorKind::Busy, what).with_remedy("drop a frame first")
        })?;
        let lease = Lease::new(&self.ring, index);
        let tick = pacer.wait(&*self.clock, timeout).ok_or_else(|| no_frame("sim", timeout))?;
        let buffer = &mut self.buffers[index as usize];
        let moment = Moment::new(tick.sequence, tick.elapsed, self.clock.to_unix(tick.at));
        let canvas = self.painter.paint(&moment);
        let format = self.config.format;
        let meta = FrameMeta::new(tick.sequence, tick.at);
        match &mut self.delivery {
            Delivery::Raw(layout) => {
                layout.convert(canvas.bytes(), buffer);
                Frame::leased(format, meta, &layout.planes(buffer), lease)
            }
            Delivery::Compressed(compressor) => {
                buffer.clear();
                compressor.encode(canvas.bytes(), self.config.quality, buffer)?;
                Frame::leased(format, meta, &[Plane::host(buffer, 0)], lease)
            }
        }
    }

    fn stop(&mut self) -> Result<()> {
        self.pacer = None;
        Ok(())
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        Some(self)
    }
}

/// One buffer of the ring.
fn buffer(config: &SimConfig, len: usize) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).map_err(|cause| {
        let (count, format) = (config.buffers, config.format);
        let what = format!("cannot open sim: no memory for {count} buffers of {format}");
        Error::new(ErrorKind::OutOfMemory, what).with_remedy("choose a smaller size").with_source(cause)
    })?;
    buffer.resize(len, 0);
    Ok(buffer)
}

pub(crate) fn not_started(name: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{name}: not started")).with_remedy("call start() first")
}

pub(crate) fn no_frame(name: &str, timeout: Duration) -> Error {
    Error::new(ErrorKind::TimedOut, format!("{name}: no frame in {timeout:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pace::{Fps, Rate},
        pattern,
    };
    use eyelet_hal::clock::ManualClock;

    pub(super) fn small(pixel: PixelFormat) -> SimConfig {
        let format = StreamFormat::new(pixel, 160, 48).unwrap();
        SimConfig { format, rate: Rate::Fps(Fps::new(10.0).unwrap()), ..SimConfig::default() }
    }

    pub(super) fn open(config: SimConfig) -> (SimCamera, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1_700_000_000)));
        (SimCamera::open(config, clock.clone()).unwrap(), clock)
    }

    /// Sequence number, time of capture in milliseconds, and the number in the pixels.
    fn next(camera: &mut SimCamera, timeout: u64) -> (u64, u128, Option<u32>) {
        let frame = camera.next_frame(Duration::from_millis(timeout)).unwrap();
        let luma = frame.planes()[0];
        let drawn = pattern::read_sequence(luma.bytes, 160, 48, luma.stride);
        (frame.meta().sequence, frame.meta().captured_at.as_millis(), drawn)
    }

    #[test]
    fn frames_come_at_their_times_and_carry_their_numbers() {
        let (mut camera, clock) = open(small(PixelFormat::Nv12));
        clock.advance(Duration::from_secs(5));
        camera.start().unwrap();
        for i in 0..50 {
            let seen = next(&mut camera, 1000);
            assert_eq!(seen, (i, 5000 + 100 * u128::from(i), Some(i as u32)));
            assert_eq!(clock.monotonic().as_millis(), seen.1);
        }
    }

    #[test]
    fn late_reader_gets_the_newest_and_sees_the_gap() {
        let (mut camera, clock) = open(small(PixelFormat::I420));
        camera.start().unwrap();
        assert_eq!(next(&mut camera, 0), (0, 0, Some(0)));
        clock.advance(Duration::from_millis(1234));
        assert_eq!(next(&mut camera, 0), (12, 1200, Some(12)));
        let error = camera.next_frame(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "sim: no frame in 20ms");
        assert_eq!(next(&mut camera, 1000), (13, 1300, Some(13)));
    }

    #[test]
    fn leaked_frames_make_the_camera_busy_until_it_is_started_again() {
        let (mut camera, _) = open(SimConfig { buffers: 3, ..small(PixelFormat::Grey) });
        camera.start().unwrap();
        for _ in 0..3 {
            // A frame that is never dropped: its lease never ends.
            std::mem::forget(camera.next_frame(Duration::from_secs(1)).unwrap());
        }
        let error = camera.next_frame(Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert_eq!(error.to_string(), "sim: all 3 buffers are leased; drop a frame first");
        camera.stop().unwrap();
        camera.start().unwrap();
        assert_eq!(next(&mut camera, 1000).2, Some(0));
    }

    #[test]
    fn buffers_take_turns_as_in_a_ring() {
        let (mut camera, _) = open(SimConfig { buffers: 3, ..small(PixelFormat::Grey) });
        camera.start().unwrap();
        let mut buffer = || camera.next_frame(Duration::from_secs(1)).unwrap().planes()[0].bytes.as_ptr();
        let first = [buffer(), buffer(), buffer()];
        assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
        assert_eq!([buffer(), buffer(), buffer()], first);
    }

    #[test]
    fn stop_and_start_count_anew() {
        let (mut camera, clock) = open(small(PixelFormat::Rgb24));
        camera.start().unwrap();
        camera.next_frame(Duration::from_secs(1)).unwrap();
        camera.next_frame(Duration::from_secs(1)).unwrap();
        camera.stop().unwrap();
        assert_eq!(camera.next_frame(Duration::ZERO).unwrap_err().kind(), ErrorKind::InvalidInput);
        clock.advance(Duration::from_secs(9));
        camera.start().unwrap();
        let meta = camera.next_frame(Duration::ZERO).unwrap().meta();
        assert_eq!((meta.sequence, meta.captured_at.as_millis()), (0, 9100));
    }

    #[test]
    fn sizes_and_rings_out_of_range_are_refused() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Duration::ZERO));
        let refused = |config| {
            let error = SimCamera::open(config, Arc::clone(&clock)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.to_string()
        };
        let huge = StreamFormat::new(PixelFormat::Grey, 99_999, 99_999).unwrap();
        assert_eq!(
            refused(SimConfig { format: huge, ..SimConfig::default() }),
            "cannot open sim: 99999x99999 is too large; use at most 8192x8192"
        );
        for buffers in [0, 33] {
            assert_eq!(
                refused(SimConfig { buffers, ..SimConfig::default() }),
                format!("cannot open sim: it cannot have {buffers} buffers; use 1 to 32")
            );
        }
        let text = refused(SimConfig { padding: usize::MAX, ..SimConfig::default() });
        assert_eq!(text, "cannot open sim: no 640x480 nv12 with rows padded so far");
    }

    #[test]
    fn padding_changes_no_pixel() {
        let picture = |padding| {
            let (mut camera, _) = open(SimConfig { padding, ..small(PixelFormat::Nv21) });
            camera.start().unwrap();
            let frame = camera.next_frame(Duration::ZERO).unwrap();
            let rows = frame.planes().iter().flat_map(|plane| {
                assert_eq!(plane.stride, 160 + padding);
                plane.bytes.chunks(plane.stride).flat_map(|row| row[..160].to_vec())
            });
            rows.collect::<Vec<_>>()
        };
        assert!(picture(0) == picture(7));
    }
}
