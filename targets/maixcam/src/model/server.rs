//! The camera port of a [`Machine`] on a socket, for bring-up processes that are real.

use super::machine::Machine;
use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Serves the camera port on a Unix socket, and lets the camera have its frames at its own rate. Dropping it ends
/// both, and every connection.
#[derive(Debug)]
pub struct CameraServer {
    path: PathBuf,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    machine: Arc<Machine>,
    over: AtomicBool,
    connections: Mutex<Vec<(UnixStream, JoinHandle<()>)>>,
}

impl CameraServer {
    /// Serves it at `path`, which must not be there.
    ///
    /// # Errors
    /// As `bind`.
    pub fn start(machine: &Arc<Machine>, path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let listener = UnixListener::bind(&path)?;
        let (machine, over) = (Arc::clone(machine), AtomicBool::new(false));
        let shared = Arc::new(Shared { machine, over, connections: Mutex::new(Vec::new()) });
        let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads =
            vec![thread::spawn(move || accept(&listener, &one)), thread::spawn(move || pace(&other))];
        Ok(Self { path, shared, threads })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CameraServer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // It wakes who accepts.
        let _ = UnixStream::connect(&self.path);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let connections =
            std::mem::take(&mut *self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner));
        for (stream, thread) in connections {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(own) = stream.try_clone() else { continue };
        let machine = Arc::clone(&shared.machine);
        let thread = thread::spawn(move || converse(stream, &machine));
        shared.connections.lock().unwrap_or_else(PoisonError::into_inner).push((own, thread));
    }
}

/// One process.
fn converse(stream: UnixStream, machine: &Arc<Machine>) {
    let connection = machine.connect_camera();
    let Ok(mut answers) = stream.try_clone() else { return };
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let answer = connection.line(&line);
        if writeln!(answers, "{answer}").is_err() {
            return;
        }
    }
}

fn pace(shared: &Shared) {
    let mut next = Instant::now();
    while !shared.over.load(Ordering::SeqCst) {
        let fps = shared.machine.driver(|driver| driver.camera_fps());
        let step = fps.map_or(Duration::from_millis(5), |fps| Duration::from_secs(1) / fps);
        next = (next + step).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
        shared.machine.deliver();
    }
}
