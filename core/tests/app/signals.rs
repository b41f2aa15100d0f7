//! A program that is stopped by signals.

// Some tests are run again as programs of their own, which print a line and end with a code.
#![allow(clippy::exit, clippy::print_stdout)]

use crate::support::Grey;
use eyelet_core::{Eyelet, pipeline::FrameInHand};
use eyelet_hal::{Error, ErrorKind};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The test of this name, in this file, in a process of its own, with `EYELET_TEST_CHILD` set; and its first lines, up to the one that
/// begins with `ready`. `None` under user-mode emulation: the kernel cannot start another such program.
fn child(test: &str) -> Option<Child> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("signals::{test}"), "--nocapture"])
        .env("EYELET_TEST_CHILD", "1")
        .stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            assert_eq!(e.raw_os_error(), Some(rustix::io::Errno::NOEXEC.raw_os_error()), "{e}");
            println!("SKIPPED: no program of this processor can be started here by another");
            return None;
        }
    };
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map(|line| line.unwrap()).any(|line| line.ends_with("ready")), "{test}");
    Some(child)
}

fn is_child() -> bool {
    std::env::var_os("EYELET_TEST_CHILD").is_some()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Whether this process ignores the signal.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
    mask & (1 << (signal.as_raw() - 1)) != 0
}

#[test]
fn signal_stops_the_server_and_closes_its_camera() {
    if is_child() {
        let closed = Arc::new(AtomicUsize::new(0));
        let mine = Arc::clone(&closed);
        let builder = Eyelet::builder().camera(move || Ok(Grey::open(&mine))).bind("127.0.0.1:0");
        let running = builder.stop_on_signals().start().unwrap();
        println!("ready");
        running.wait();
        std::process::exit(if closed.load(Ordering::SeqCst) == 1 { 7 } else { 8 });
    }
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        // What is started with nohup ignores SIGHUP, what a shell starts in the background SIGINT, and so does what they start.
        if is_ignored(signal) {
            continue;
        }
        let Some(mut child) = child("signal_stops_the_server_and_closes_its_camera") else { return };
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(7), "{signal:?}");
    }
}

#[test]
fn signal_while_a_camera_is_being_opened_gives_that_up() {
    if is_child() {
        let opening = || {
            println!("ready");
            std::thread::sleep(Duration::from_millis(10));
            Err::<Grey, _>(Error::new(ErrorKind::Opening, "not yet"))
        };
        let builder = Eyelet::builder().camera(opening).bind("127.0.0.1:0").stop_on_signals();
        builder.start().unwrap().wait();
        std::process::exit(7);
    }
    let Some(mut child) = child("signal_while_a_camera_is_being_opened_gives_that_up") else { return };
    // It is read to its end, so that its lines do not fill the pipe.
    send(&child, Signal::TERM);
    std::io::copy(child.stdout.as_mut().unwrap(), &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn second_signal_ends_a_program_that_does_not_end_by_the_first() {
    if is_child() {
        let each = |_: &mut FrameInHand<'_>| {
            println!("ready");
            loop {
                std::thread::park();
            }
        };
        let closed = Arc::default();
        let builder = Eyelet::builder().camera(move || Ok(Grey::open(&closed))).each_frame(each);
        let running = builder.bind("127.0.0.1:0").stop_on_signals().start().unwrap();
        let _wanted = running.hubs()[0].feed.subscribe();
        running.wait();
        std::process::exit(8);
    }
    let Some(mut child) = child("second_signal_ends_a_program_that_does_not_end_by_the_first") else {
        return;
    };
    let begun = Instant::now();
    let ended = loop {
        // Two that come at once count as one.
        send(&child, Signal::TERM);
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None if begun.elapsed() > Duration::from_secs(20) => {
                break child.kill().and(child.wait()).unwrap();
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(ended.code(), Some(128 + 15), "{ended}");
}
