//! A camera whose pictures are drawn.

use crate::{
    compress::Compressor,
    controls::{self, Values},
    convert::FrameLayout,
    pace::{Fps, Pacer, Rate},
    scene::{Moment, Painter, Scene},
};
use eyelet_hal::{
    CameraControls, CameraSource, Control, Error, ErrorKind, Frame, FrameMeta, Lease, Mode, Modes,
    PixelFormat, Plane, Quality, Requeue, Result, StreamFormat, clock::Clock,
};
use std::{cell::RefCell, collections::VecDeque, num::NonZeroU32, sync::Arc, time::Duration};

/// The longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 8192;
/// The most buffers of a ring: that of V4L2.
pub const MAX_BUFFERS: u32 = 32;

/// The configuration of a [`SimCamera`].
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
    fn check(&self) -> Result<()> {
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

    fn show(&mut self, scene: Scene) {
        if scene != self.config.scene {
            let StreamFormat { width, height, .. } = self.config.format;
            self.config.scene = scene;
            self.painter = Painter::new(scene, width.get(), height.get(), self.config.seed);
        }
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

impl CameraControls for SimCamera {
    fn list(&mut self) -> Result<Vec<Control>> {
        Ok(controls::list(&self.values, &self.config, &self.original))
    }

    fn set(&mut self, name: &str, value: i64) -> Result<()> {
        self.find(name, value)?;
        // Each is in the range of its control.
        match name {
            controls::BRIGHTNESS => self.values.brightness = value as i16,
            controls::BRIGHTNESS_AUTOMATIC => self.values.brightness_automatic = value == 1,
            controls::NOISE => self.values.noise = value as u8,
            controls::MIRROR => self.values.mirror = value == 1,
            controls::SCENE => self.show(Scene::ALL[value as usize]),
            controls::QUALITY => self.config.quality = Quality::new(value as u8).unwrap_or_default(),
            _ => {
                self.values = Values::default();
                self.show(self.original.scene);
            }
        }
        self.painter.effects = self.values.effects();
        Ok(())
    }

    fn modes(&mut self) -> Result<Option<Modes>> {
        let fps = match self.config.rate {
            Rate::Fps(fps) => Some(fps.get()),
            Rate::FreeRunning => None,
        };
        Ok(Some(controls::modes(&self.config, fps)))
    }

    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        let refuse =
            |why: &str| Error::new(ErrorKind::InvalidInput, format!("cannot change the mode of sim: {why}"));
        if self.pacer.is_some() {
            return Err(refuse("it is started").with_remedy("call stop() first"));
        }
        let mut config = self.config.clone();
        config.format = StreamFormat::new(config.format.pixel, mode.size.0, mode.size.1)
            .ok_or_else(|| refuse("no side of the size may be 0"))?;
        if let Rate::Fps(fps) = &mut config.rate {
            *fps = Fps::new(mode.fps).ok_or_else(|| refuse("there is no such rate"))?;
        }
        let mut changed = Self::open(config, Arc::clone(&self.clock))?;
        (changed.original, changed.values) = (self.original.clone(), self.values);
        changed.painter.effects = changed.values.effects();
        *self = changed;
        Ok(())
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
    use crate::pattern;
    use eyelet_hal::clock::ManualClock;

    fn small(pixel: PixelFormat) -> SimConfig {
        let format = StreamFormat::new(pixel, 160, 48).unwrap();
        SimConfig { format, rate: Rate::Fps(Fps::new(10.0).unwrap()), ..SimConfig::default() }
    }

    fn open(config: SimConfig) -> (SimCamera, Arc<ManualClock>) {
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
    fn mode_is_changed_while_stopped_and_leaves_the_controls_as_they_are() {
        let (mut camera, _) = open(small(PixelFormat::Jpeg));
        camera.set(controls::MIRROR, 1).unwrap();
        camera.set(controls::QUALITY, 30).unwrap();
        let mode = Mode { size: (320, 240), fps: 5.0 };
        camera.start().unwrap();
        assert_eq!(camera.set_mode(mode).unwrap_err().kind(), ErrorKind::InvalidInput);
        camera.stop().unwrap();
        assert!(camera.set_mode(Mode { size: (0, 240), ..mode }).is_err());
        assert_eq!(camera.modes().unwrap().unwrap().now, Mode { size: (160, 48), fps: 10.0 });
        camera.set_mode(mode).unwrap();
        assert_eq!(camera.modes().unwrap().unwrap().now, mode);
        let value = |camera: &mut SimCamera, name| {
            let list = camera.list().unwrap();
            list.iter().find(|control| control.name == name).unwrap().value
        };
        let values = [controls::MIRROR, controls::QUALITY].map(|name| value(&mut camera, name));
        assert_eq!(values, [Some(1), Some(30)]);
        camera.start().unwrap();
        let format = camera.format();
        assert_eq!((format.width.get(), format.height.get()), (320, 240));
        assert_eq!(camera.next_frame(Duration::ZERO).unwrap().format(), format);
        camera.set(controls::RESET, 1).unwrap();
        assert_eq!(value(&mut camera, controls::MIRROR), Some(0));
    }

    #[test]
    fn automatic_brightness_makes_the_other_inactive_and_without_effect() {
        let luma = |settings: &[(&str, i64)]| {
            let (mut camera, _) = open(small(PixelFormat::Grey));
            settings.iter().for_each(|(name, value)| camera.set(name, *value).unwrap());
            let inactive = camera.list().unwrap()[0].inactive;
            camera.start().unwrap();
            let frame = camera.next_frame(Duration::ZERO).unwrap();
            (frame.planes()[0].bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>(), inactive)
        };
        let (plain, dark) = (luma(&[]), luma(&[(controls::BRIGHTNESS, -50)]));
        assert!(dark.0 < plain.0 && !dark.1);
        let automatic = luma(&[(controls::BRIGHTNESS, -50), (controls::BRIGHTNESS_AUTOMATIC, 1)]);
        assert_eq!(automatic, (plain.0, true));
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
