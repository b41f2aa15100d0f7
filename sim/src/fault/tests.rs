//! What the faults do to a camera, on a clock that no test waits for.

use super::*;
use crate::{
    camera::{SimCamera, SimConfig},
    pace::{Fps, Rate},
    scene::Scene,
};
use eyelet_hal::{PixelFormat, StreamFormat, clock::ManualClock, jpeg};

/// 100 frames a second of a picture that stands still: too small for a pattern.
struct Setup {
    clock: Arc<ManualClock>,
    camera: SimConfig,
    faults: FaultConfig,
}

impl Setup {
    fn new(pixel: PixelFormat) -> Self {
        let camera = SimConfig {
            format: StreamFormat::new(pixel, 16, 12).unwrap(),
            rate: Rate::Fps(Fps::new(100.0).unwrap()),
            scene: Scene::Bars,
            ..SimConfig::default()
        };
        let clock = Arc::new(ManualClock::new(Duration::ZERO));
        Self { clock, camera, faults: FaultConfig::default() }
    }

    fn faults(&self, seed: u64) -> Faults {
        Faults::new(self.faults.clone(), seed, self.clock.clone())
    }

    fn open(&self, faults: &Faults) -> Result<FaultInjector<SimCamera>> {
        faults.open(|| SimCamera::open(self.camera.clone(), self.clock.clone()))
    }

    fn started(&self, seed: u64) -> FaultInjector<SimCamera> {
        let mut camera = self.open(&self.faults(seed)).unwrap();
        camera.start().unwrap();
        camera
    }

    /// The first plane of a frame that nothing befell.
    fn good(&self) -> Vec<u8> {
        let mut camera = SimCamera::open(self.camera.clone(), self.clock.clone()).unwrap();
        camera.start().unwrap();
        camera.next_frame(Duration::ZERO).unwrap().planes()[0].bytes.to_vec()
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// What came of one call: the number and the bytes, or the kind of error.
fn next(camera: &mut impl CameraSource) -> std::result::Result<(u64, Vec<u8>), ErrorKind> {
    match camera.next_frame(SECOND) {
        Ok(frame) => Ok((frame.meta().sequence, frame.planes()[0].bytes.to_vec())),
        Err(e) => Err(e.kind()),
    }
}

fn chance(probability: f64) -> Chance {
    Chance::new(probability).unwrap()
}

#[test]
fn same_seed_gives_the_same_faults() {
    let mut setup = Setup::new(PixelFormat::Jpeg);
    setup.faults.drop = chance(0.2);
    setup.faults.corrupt = chance(0.2);
    setup.faults.truncate = chance(0.2);
    setup.faults.stall = chance(0.05);
    let run = |seed| {
        let mut camera = setup.started(seed);
        (0..200).map(|_| next(&mut camera)).collect::<Vec<_>>()
    };
    let first = run(3);
    assert_eq!(first, run(3));
    assert_ne!(first, run(4));
}

#[test]
fn injector_without_faults_changes_nothing() {
    let setup = Setup::new(PixelFormat::Nv12);
    let good = setup.good();
    let mut camera = setup.started(1);
    for sequence in 0..50 {
        assert_eq!(next(&mut camera), Ok((sequence, good.clone())));
    }
}

#[test]
fn lost_frames_show_as_gaps_at_the_configured_rate() {
    let mut setup = Setup::new(PixelFormat::Grey);
    setup.faults.drop = chance(0.1);
    let mut camera = setup.started(5);
    let last = (0..4000).map(|_| next(&mut camera).unwrap().0).last().unwrap();
    // 4000 / 0.9 is 4444 and a standard deviation is 22.
    assert!((4334..4554).contains(&last), "{last} frames for 4000");
}

#[test]
fn corrupt_frames_look_wrong_at_the_configured_rate() {
    for pixel in [PixelFormat::Grey, PixelFormat::Jpeg] {
        let mut setup = Setup::new(pixel);
        setup.faults.corrupt = chance(0.25);
        let good = setup.good();
        let mut camera = setup.started(6);
        let frames: Vec<_> = (0..2000).map(|_| next(&mut camera).unwrap().1).collect();
        assert!(frames.iter().all(|frame| frame.len() == good.len()));
        // 500, and a standard deviation is 19.
        let wrong = frames.iter().filter(|frame| **frame != good).count();
        assert!((400..600).contains(&wrong), "{wrong} of 2000 {pixel} frames");
    }
}

#[test]
fn cut_jpeg_is_lent_and_a_cut_raw_frame_is_corrupt() {
    let mut setup = Setup::new(PixelFormat::Jpeg);
    setup.faults.truncate = Chance::ALWAYS;
    let good = setup.good();
    let mut camera = setup.started(7);
    for sequence in 0..100 {
        let (number, bytes) = next(&mut camera).unwrap();
        assert_eq!(number, sequence);
        assert!(!bytes.is_empty() && bytes.len() < good.len() && good.starts_with(&bytes));
        assert!(jpeg::inspect(&bytes).is_err());
    }
    for pixel in PixelFormat::RAW {
        let mut setup = Setup::new(pixel);
        setup.faults.truncate = Chance::ALWAYS;
        let mut camera = setup.started(8);
        for _ in 0..10 {
            assert_eq!(next(&mut camera), Err(ErrorKind::CorruptFrame), "{pixel}");
        }
    }
}

#[test]
fn silence_times_out_in_time_and_ends_in_time() {
    let mut setup = Setup::new(PixelFormat::Grey);
    setup.faults.stall = Chance::ALWAYS;
    setup.faults.stall_for = Duration::from_millis(2500);
    let mut camera = setup.started(9);
    assert_eq!(next(&mut camera), Err(ErrorKind::TimedOut));
    assert_eq!(setup.clock.monotonic(), SECOND);
    assert_eq!(next(&mut camera), Err(ErrorKind::TimedOut));
    let (number, _) = next(&mut camera).unwrap();
    assert_eq!(setup.clock.monotonic(), Duration::from_millis(2500));
    assert_eq!(number, 250, "the newest frame, as a camera would have it");
    assert_eq!(camera.next_frame(Duration::ZERO).unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn camera_that_loses_every_frame_does_not_hold_the_caller() {
    let mut setup = Setup::new(PixelFormat::Grey);
    setup.faults.drop = Chance::ALWAYS;
    for rate in [setup.camera.rate, Rate::FreeRunning] {
        setup.camera.rate = rate;
        let before = setup.clock.monotonic();
        assert_eq!(next(&mut setup.started(10)), Err(ErrorKind::TimedOut), "{rate:?}");
        assert_eq!(setup.clock.monotonic() - before, SECOND, "{rate:?}");
    }
}

#[test]
fn unplugged_camera_is_gone_until_it_is_back_and_opened_anew() {
    let mut setup = Setup::new(PixelFormat::Nv12);
    setup.faults.unplug_after = NonZeroU64::new(3);
    setup.faults.unplug_for = Duration::from_secs(2);
    let faults = setup.faults(11);
    for round in 0..3 {
        let mut camera = setup.open(&faults).unwrap();
        camera.start().unwrap();
        for sequence in 0..3 {
            assert_eq!(next(&mut camera).unwrap().0, sequence, "round {round}");
        }
        let out = setup.clock.monotonic();
        assert_eq!(next(&mut camera), Err(ErrorKind::Disconnected));
        let error = setup.open(&faults).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "cannot open the camera: it is unplugged; wait until it is back");
        setup.clock.advance(Duration::from_millis(1999));
        assert_eq!(setup.open(&faults).unwrap_err().kind(), ErrorKind::NotFound);
        setup.clock.sleep_until(out + Duration::from_secs(2));
        // The old one does not come back, whatever one does.
        assert_eq!(next(&mut camera), Err(ErrorKind::Disconnected));
        camera.stop().unwrap();
        assert_eq!(camera.start().unwrap_err().kind(), ErrorKind::Disconnected);
    }
}

#[test]
fn camera_is_unplugged_at_the_configured_rate() {
    let mut setup = Setup::new(PixelFormat::Grey);
    setup.faults.unplug = chance(0.01);
    let faults = setup.faults(13);
    let mut frames = 0;
    for _ in 0..100 {
        let mut camera = setup.open(&faults).unwrap();
        camera.start().unwrap();
        let end = loop {
            match next(&mut camera) {
                Ok(_) => frames += 1,
                Err(end) => break end,
            }
        };
        assert_eq!(end, ErrorKind::Disconnected);
        assert_eq!(setup.open(&faults).unwrap_err().kind(), ErrorKind::NotFound);
        setup.clock.advance(setup.faults.unplug_for);
    }
    // 9900, and a standard deviation is 995.
    assert!((5000..15_000).contains(&frames), "{frames} frames for 100 times");
}

#[test]
fn resized_frames_keep_the_upper_half() {
    for pixel in PixelFormat::ALL {
        let mut setup = Setup::new(pixel);
        setup.faults.resize_after = NonZeroU64::new(3);
        let good = setup.good();
        let mut camera = setup.started(13);
        for number in 0..20 {
            let frame = camera.next_frame(SECOND).unwrap();
            let half = pixel != PixelFormat::Jpeg && number / 3 % 2 == 1;
            assert_eq!(frame.format().height.get(), if half { 6 } else { 12 }, "{pixel}, frame {number}");
            assert!(good.starts_with(&frame.planes()[0].bytes[..good.len() / 2]), "{pixel}");
        }
    }
}

#[test]
fn error_of_opening_is_passed_on() {
    let setup = Setup::new(PixelFormat::Grey);
    let error =
        setup.faults(12).open(|| Err::<SimCamera, _>(Error::new(ErrorKind::Busy, "in use"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
}

#[test]
fn camera_whose_frames_are_not_taken_is_unplugged_all_the_same() {
    let mut setup = Setup::new(PixelFormat::Grey);
    setup.faults.unplug_after = NonZeroU64::new(30);
    let mut camera = setup.started(1);
    // 100 frames a second, of which every fifth is taken: 0, 5, ... 30.
    let mut taken = Vec::new();
    let end = loop {
        match next(&mut camera) {
            Ok((number, _)) => taken.push(number),
            Err(kind) => break kind,
        }
        setup.clock.advance(Duration::from_millis(50));
    };
    assert_eq!(end, ErrorKind::Disconnected);
    assert_eq!(taken, (0..=30).step_by(5).collect::<Vec<_>>());
}

#[test]
fn chances_are_those_of_all_frames_taken_or_not() {
    // How many frames a camera takes until it is pulled out, on average, when every so many are taken.
    let mean = |pause: u64| {
        let mut setup = Setup::new(PixelFormat::Grey);
        setup.faults.unplug = chance(0.02);
        let lives = (0..200).map(|seed| {
            let mut camera = setup.started(seed);
            let mut last = 0;
            while let Ok((number, _)) = next(&mut camera) {
                last = number;
                setup.clock.advance(Duration::from_millis(10 * pause));
            }
            last
        });
        lives.sum::<u64>() / 200
    };
    // 50 on average, and five times that if only the taken ones counted.
    for pause in [0, 5] {
        assert!((35..70).contains(&mean(pause)), "{} at {pause}", mean(pause));
    }
}
