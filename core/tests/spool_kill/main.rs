//! Uploads through a spool, killed again and again with kill -9: nothing that was taken is lost, the order holds.
//!
//! A binary of its own, without a harness: it starts itself and is killed.
//!
//! `cargo test -p eyelet-core --test spool_kill -- KILLS SEED [DIR]`. Each kill is a process of its own, on the same
//! folder: half of them kill themselves before, in or after a file operation, half are killed from outside at some
//! moment. A server takes what they send, and refuses, hangs up or stays silent at random.

// A program that prints figures.
#![allow(clippy::print_stdout)]

mod child;
mod killer;
mod ledger;
mod server;

use ledger::Ledger;
use server::{Mood, Server};
use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// As many as an ordinary test run has time for.
const KILLS: u32 = 40;

/// Operations, with what is before, in and after each, that a process may live to see.
const MOMENTS: u32 = 160;
const EARLY: u32 = 16;

/// Between which a kill from outside comes after the start.
const LONGEST_LIFE: Duration = Duration::from_millis(30);

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(|first| &first[..]) {
        Some("child") if arguments.len() == 2 => return,
        Some("child") => return child::run(&arguments[1..]),
        _ => {}
    }
    // What cargo or a person may add for ordinary tests is none of ours.
    let mut own = arguments.iter().filter(|argument| !argument.starts_with("--"));
    let mut number = |default: u32| own.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (kills, seed) = (number(KILLS), u64::from(number(1)));
    let dir = match own.next() {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    if !can_start_itself() {
        println!("SKIPPED: no program of this processor can be started here by another");
        return;
    }
    let begun = Instant::now();
    let ledger = torture(dir.unwrap().path(), kills, seed);
    let report = ledger.check(kills);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{report}, seed {seed}, {seconds:.1} s");
}

/// Not under user-mode emulation: the emulator runs this program, but the kernel cannot start another such one.
fn can_start_itself() -> bool {
    match Command::new(env::current_exe().unwrap()).args(["child", "nothing"]).status() {
        Ok(status) => status.success(),
        Err(e) => {
            assert_eq!(e.raw_os_error(), Some(rustix::io::Errno::NOEXEC.raw_os_error()), "{e}");
            false
        }
    }
}

fn torture(dir: &Path, kills: u32, seed: u64) -> Ledger {
    let mut rng = fastrand::Rng::with_seed(seed);
    let server = Server::start(rng.fork());
    let mut ledger = Ledger::default();
    let mut life = 0;
    while ledger.kills() < kills {
        life += 1;
        // A server that is down for whole lives lets the spool grow.
        server.mood(if rng.u8(0..4) == 0 { Mood::Down } else { Mood::Erratic });
        if rng.bool() {
            // Every other one early, where finding what is left and sending it lie.
            let moments = if rng.bool() { EARLY } else { MOMENTS };
            let moment = rng.u32(0..moments);
            let (mut child, output) = spawn(dir, server.address(), life, &moment.to_string());
            let (taken, last_word) = read_all(output);
            let place = last_word.unwrap_or_else(|| panic!("life {life} did not get to moment {moment}"));
            ledger.died(life, &taken, child.wait().unwrap(), Some(place));
        } else {
            let after = rng.u32(0..LONGEST_LIFE.as_micros() as u32);
            let (mut child, output) = spawn(dir, server.address(), life, "never");
            let reader = thread::spawn(move || read_all(output));
            thread::sleep(Duration::from_micros(after.into())); // the moment of the kill, not a wait for anything
            child.kill().unwrap();
            let status = child.wait().unwrap();
            ledger.died(life, &reader.join().unwrap().0, status, None);
        }
        // What a dead process had sent may still be on its way.
        server.wait_until_quiet();
    }
    server.mood(Mood::Well);
    let (mut child, output) = spawn(dir, server.address(), life + 1, "drain");
    assert_eq!(read_all(output), (vec![], None));
    assert!(child.wait().unwrap().success(), "the spool opens and empties");
    server.wait_until_quiet();
    let left: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"], "nothing is left, and nothing was set aside");
    ledger.arrived(server.arrivals());
    ledger
}

fn spawn(dir: &Path, address: &str, life: u64, end: &str) -> (Child, ChildStdout) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["child", dir.to_str().unwrap(), address, &life.to_string(), end])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    (child, output)
}

/// The output of a process: the sequences of the pictures that were taken, and where it killed itself.
fn read_all(output: ChildStdout) -> (Vec<u64>, Option<String>) {
    let (mut taken, mut last_word) = (Vec::new(), None);
    for line in BufReader::new(output).lines().map(|line| line.unwrap()) {
        match line.parse() {
            Ok(sequence) => taken.push(sequence),
            Err(_) => last_word = Some(line),
        }
    }
    (taken, last_word)
}

/// Whether it was kill -9 that ended a process.
fn killed(status: std::process::ExitStatus) -> bool {
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}
