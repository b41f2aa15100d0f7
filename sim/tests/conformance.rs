//! Every camera of the simulator keeps the contract of `CameraSource`.

use eyelet_hal::{
    CameraSource, PixelFormat, StreamFormat,
    clock::SystemClock,
    conformance::{self, CameraExpectations},
};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    fault::{Chance, FaultConfig, Faults},
    pace::{Fps, Rate},
    recorder::Recorder,
    replay::ReplayCamera,
    scene::Scene,
};
use std::{sync::Arc, time::Duration};

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock)
}

fn rate() -> Rate {
    Rate::Fps(Fps::new(100.0).unwrap())
}

fn config(pixel: PixelFormat) -> SimConfig {
    let mut config = SimConfig::default();
    config.format = StreamFormat::new(pixel, 161, 121).unwrap();
    config.rate = rate();
    config
}

fn sim(pixel: PixelFormat) -> SimCamera {
    SimCamera::open(config(pixel), clock()).unwrap()
}

fn check(mut camera: impl CameraSource) {
    conformance::camera(&mut camera, &CameraExpectations::default()).assert_passed();
}

#[test]
fn sim_camera_of_every_format_conforms() {
    // At the same time: they wait more than they work.
    std::thread::scope(|scope| {
        for pixel in PixelFormat::ALL {
            scope.spawn(move || check(sim(pixel)));
        }
    });
}

#[test]
fn sim_camera_with_padding_and_a_single_buffer_conforms() {
    let mut config = config(PixelFormat::Nv12);
    config.padding = 15;
    config.buffers = 1;
    check(SimCamera::open(config, clock()).unwrap());
}

#[test]
fn free_running_sim_camera_conforms() {
    let mut config = config(PixelFormat::Yuyv);
    config.rate = Rate::FreeRunning;
    check(SimCamera::open(config, clock()).unwrap());
}

#[test]
fn recorder_and_replay_conform() {
    let dir = tempfile::tempdir().unwrap();
    check(Recorder::new(sim(PixelFormat::Jpeg), dir.path()).unwrap());
    let replay = ReplayCamera::open(dir.path(), rate(), clock()).unwrap();
    assert!(replay.pictures() >= 96);
    check(replay);
}

#[test]
fn fault_injector_without_faults_conforms() {
    let faults = Faults::new(FaultConfig::default(), 0, clock());
    check(faults.open(|| Ok(sim(PixelFormat::I420))).unwrap());
}

#[test]
fn fault_injector_with_faults_of_real_cameras_conforms() {
    let mut config = FaultConfig::default();
    config.drop = Chance::new(0.1).unwrap();
    config.truncate = Chance::new(0.1).unwrap();
    config.stall = Chance::new(0.03).unwrap();
    config.stall_for = Duration::from_millis(30);
    let faults = Faults::new(config, 1, clock());
    let mut expect = CameraExpectations::default();
    expect.tolerated = 40;
    let mut camera = faults.open(|| Ok(sim(PixelFormat::Nv21))).unwrap();
    let report = conformance::camera(&mut camera, &expect);
    report.assert_passed();
    assert!(!report.remarks[0].contains(" 0 dropped"), "{report}");
    assert!(!report.remarks[0].contains(" 0 damaged"), "{report}");
}

#[test]
fn camera_that_lends_damaged_jpegs_fails_conformance() {
    let mut config = FaultConfig::default();
    config.truncate = Chance::new(0.1).unwrap();
    let mut camera = Faults::new(config, 2, clock()).open(|| Ok(sim(PixelFormat::Jpeg))).unwrap();
    let report = conformance::camera(&mut camera, &CameraExpectations::default());
    let failed: Vec<_> = report.failures().map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["compressed frames are whole and of the frame's size"], "{report}");
}

#[test]
fn camera_shows_every_scene() {
    for scene in Scene::ALL {
        let mut config = config(PixelFormat::Grey);
        config.scene = scene;
        let mut camera = SimCamera::open(config, clock()).unwrap();
        camera.start().unwrap();
        let frame = camera.next_frame(Duration::from_secs(2)).unwrap();
        let luma = frame.planes()[0];
        let sequence = eyelet_sim::pattern::read_sequence(luma.bytes, 161, 121, luma.stride);
        assert_eq!(sequence.map(u64::from), Some(frame.meta().sequence), "{scene}");
    }
}
