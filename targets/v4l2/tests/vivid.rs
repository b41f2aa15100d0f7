//! The camera against a real kernel: its `vivid` driver, which makes frames and, on request, errors.
//!
//! Ignored where there is no vivid; the virtual board runs them: `vivid --ignored --test-threads=1`.

use eyelet_hal::clock::{Clock, SystemClock};
use eyelet_hal::{CameraSource, ErrorKind, Memory, PixelFormat};
use eyelet_v4l2::{Role, V4l2Camera, V4l2Config, V4l2Device, V4l2Opener, find_camera, nodes};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const WAIT: Duration = Duration::from_secs(5);

fn vivid() -> PathBuf {
    let nodes = nodes(Path::new("/dev"), Path::new("/sys"), &SystemClock);
    let vivid = nodes.iter().find(|n| {
        n.is_camera() && n.capabilities.as_ref().is_ok_and(|capabilities| capabilities.driver == "vivid")
    });
    vivid.unwrap_or_else(|| panic!("no vivid camera among {nodes:?}")).path.clone()
}

fn config(format: Option<PixelFormat>) -> V4l2Config {
    let mut config = V4l2Config::new(vivid());
    config.format = format;
    config
}

fn open(config: &V4l2Config) -> V4l2Camera {
    V4l2Camera::open(config, Arc::new(SystemClock)).unwrap()
}

fn press(camera: &V4l2Camera, button: &str) {
    camera.set_control(&format!("{button}=1").parse().unwrap()).unwrap();
}

/// Reads until something else than a frame comes.
fn until_error(camera: &mut V4l2Camera) -> eyelet_hal::Error {
    for _ in 0..1000 {
        if let Err(error) = camera.next_frame(WAIT) {
            return error;
        }
    }
    panic!("1000 frames and no error");
}

#[test]
#[ignore = "needs the vivid driver"]
fn vivid_is_listed_and_found() {
    let nodes = nodes(Path::new("/dev"), Path::new("/sys"), &SystemClock);
    let device = V4l2Device::open(&vivid(), &SystemClock).unwrap();
    assert_eq!(device.capabilities().role(), Role::Camera);
    assert!(device.formats().unwrap().iter().any(|format| format.pixel == Some(PixelFormat::Yuyv)));
    assert!(find_camera(nodes).is_ok());
}

#[test]
#[ignore = "needs the vivid driver"]
fn every_format_streams() {
    let offered = V4l2Device::open(&vivid(), &SystemClock).unwrap().formats().unwrap();
    let mut streamed = 0;
    for format in PixelFormat::ALL {
        if !offered.iter().any(|info| info.pixel == Some(format)) {
            let error = V4l2Camera::open(&config(Some(format)), Arc::new(SystemClock)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            continue;
        }
        let mut camera = open(&config(Some(format)));
        assert_eq!(camera.format().to_string(), format!("640x480 {format}"), "{:?}", camera.note());
        camera.start().unwrap();
        let mut last = None;
        for _ in 0..5 {
            let frame = camera.next_frame(WAIT).unwrap();
            assert!(Some(frame.meta().sequence) > last);
            last = Some(frame.meta().sequence);
            let age = SystemClock.monotonic().saturating_sub(frame.meta().captured_at);
            assert!(age < WAIT, "{age:?}");
            for (index, plane) in frame.planes().iter().enumerate() {
                let geometry = frame.format().plane(index).unwrap();
                assert!(plane.bytes.len() >= geometry.min_len(plane.stride).unwrap());
                assert!(matches!(plane.memory, Memory::DmaBuf { .. }));
            }
            let luma = frame.planes()[0].bytes;
            assert!(luma.iter().any(|byte| *byte != luma[0]), "a picture, not one colour");
        }
        streamed += 1;
    }
    assert!(streamed >= 4, "only {streamed} formats");
}

#[test]
#[ignore = "needs the vivid driver"]
fn second_run_works_and_nothing_stays_busy() {
    let mut camera = open(&config(None));
    assert_eq!(camera.format().pixel, PixelFormat::Nv12, "the cheapest that vivid has");
    for _ in 0..3 {
        camera.start().unwrap();
        std::mem::forget(camera.next_frame(WAIT).unwrap());
        let busy = V4l2Camera::open(&config(Some(PixelFormat::Yuyv)), Arc::new(SystemClock)).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::Busy);
        let path = vivid();
        assert_eq!(
            busy.to_string(),
            format!("cannot open {}: busy; is another streamer running?", path.display())
        );
        camera.stop().unwrap();
        // Free for others: they may even change the format.
        let mut other = open(&config(Some(PixelFormat::Yuyv)));
        other.start().unwrap();
        other.next_frame(WAIT).unwrap();
    }
    camera.start().unwrap();
    assert_eq!(camera.next_frame(WAIT).unwrap().format().pixel, PixelFormat::Nv12, "set again");
}

#[test]
#[ignore = "needs the vivid driver"]
fn size_too_large_for_the_memory_is_an_error() {
    let mut config = config(Some(PixelFormat::Yuyv));
    // vivid's largest is nearest to it, and four buffers of that are more than the board has.
    config.size = (60_000, 50_000);
    let error = V4l2Camera::open(&config, Arc::new(SystemClock)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
    assert!(error.to_string().ends_with("choose a smaller size"), "{error}");
}

#[test]
#[ignore = "needs the vivid driver"]
fn controls_are_listed_and_set() {
    let mut config = config(None);
    config.controls.push("brightness=77".parse().unwrap());
    let camera = open(&config);
    let controls = camera.device().controls().unwrap();
    let brightness = controls.iter().find(|c| c.name == "brightness").unwrap();
    assert_eq!(brightness.value, Some(77), "{brightness}");
    let names: Vec<_> = controls.iter().map(|c| c.to_string()).collect();
    assert!(controls.len() > 20, "{names:#?}");
    config.controls = vec!["brightness=9999".parse().unwrap()];
    let error = V4l2Camera::open(&config, Arc::new(SystemClock)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("out of range; use 0 to 255"), "{error}");
}

#[test]
#[ignore = "needs the vivid driver"]
fn flagged_frame_is_skipped_and_counted() {
    let mut camera = open(&config(None));
    camera.start().unwrap();
    press(&camera, "inject_v4l2_buf_flag_error");
    for _ in 0..20 {
        match camera.next_frame(WAIT) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::CorruptFrame),
        }
    }
    assert_eq!(camera.damaged_frames(), 1);
}

#[test]
#[ignore = "needs the vivid driver"]
fn driver_s_counter_may_wrap() {
    let mut camera = open(&config(None));
    press(&camera, "wrap_sequence_number");
    camera.start().unwrap();
    let mut last = camera.next_frame(WAIT).unwrap().meta().sequence;
    assert!(last >= 0xffff_ff80, "{last:#x}");
    while last <= u64::from(u32::MAX) {
        let sequence = camera.next_frame(WAIT).unwrap().meta().sequence;
        assert!(sequence > last && sequence - last < 1000, "{last:#x} to {sequence:#x}");
        last = sequence;
    }
    camera.set_control(&"wrap_sequence_number=0".parse().unwrap()).unwrap();
}

#[test]
#[ignore = "needs the vivid driver"]
fn injected_errors_are_reported_and_survived() {
    let mut camera = open(&config(None));
    for button in ["inject_vidioc_reqbufs_error", "inject_vidioc_qbuf_error", "inject_vidioc_streamon_error"]
    {
        press(&camera, button);
        let error = camera.start().unwrap_err();
        assert!(error.to_string().starts_with("cannot start "), "{button}: {error}");
        camera.start().unwrap();
        camera.next_frame(WAIT).unwrap();
        camera.stop().unwrap();
    }
    camera.start().unwrap();
    let frame = camera.next_frame(WAIT).unwrap();
    drop(frame);
    press(&camera, "inject_vidioc_qbuf_error");
    let error = until_error(&mut camera);
    assert!(error.to_string().starts_with("cannot give a buffer back to "), "{error}");
    camera.next_frame(WAIT).unwrap();

    press(&camera, "inject_fatal_streaming_error");
    assert_eq!(until_error(&mut camera).kind(), ErrorKind::Disconnected);
    camera.stop().unwrap();
    camera.start().unwrap();
    camera.next_frame(WAIT).unwrap();
}

#[test]
#[ignore = "needs the vivid driver"]
fn disconnected_camera_opened_anew_comes_back() {
    let mut opener = V4l2Opener::new(config(None), Arc::new(SystemClock));
    for _ in 0..3 {
        let mut camera = opener.open().unwrap();
        camera.start().unwrap();
        camera.next_frame(WAIT).unwrap();
        press(&camera, "disconnect");
        let error = until_error(&mut camera);
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        drop(camera);
    }
}
