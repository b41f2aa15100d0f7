//! Lines for a file, a pipe or a terminal that may be slow: writing a line never waits.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// So many bytes of lines may wait; further lines are lost, and counted.
const CAPACITY: usize = 64 * 1024;

/// The thread calls the kernel and little else.
const STACK: usize = 64 * 1024;

/// Writes lines to a file on a thread of its own, which ends when the last clone drops.
///
/// A terminal that was stopped with Ctrl-S, a pipe whose reader sleeps and a disk that does not answer block `write`
/// for as long as they please. Here they block that thread alone: lines wait in memory, as many as fit in 64 KiB, and
/// later ones are lost. How many is written in their place once the file takes lines again.
///
/// The file is never made non-blocking: that would affect every program that shares it, such as the user's shell.
#[derive(Clone, Debug)]
pub struct LineWriter(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write, or no writer any more.
    more: Condvar,
    /// All is written.
    done: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    /// Written after the lines, and replaced as long as it waits.
    latest: Vec<u8>,
    lost: u64,
    /// The thread waits for something to write.
    rests: bool,
    closed: bool,
    /// Of the last attempt.
    error: Option<io::ErrorKind>,
}

impl LineWriter {
    /// Starts the thread. `noun` names in the report what was lost: "log lines".
    ///
    /// # Errors
    /// The system's, when it allows no more threads.
    pub fn start(file: File, noun: &'static str) -> io::Result<Self> {
        Self::renewing(file, noun, |_| None, |_| ())
    }

    /// As [`start`](Self::start). Before it writes, the thread asks `renew` for another file to go on with. `report` hears
    /// when the file takes no more lines and why, and with `None` when it takes them again.
    ///
    /// # Errors
    /// The same.
    pub fn renewing(
        file: File,
        noun: &'static str,
        renew: impl Fn(&File) -> Option<File> + Send + 'static,
        report: impl Fn(Option<io::ErrorKind>) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writer = Self(Arc::new(Handle(Arc::clone(&shared))));
        let thread = thread::Builder::new().name("lines".to_owned()).stack_size(STACK);
        thread.spawn(move || shared.run(file, noun, &renew, &report))?;
        Ok(writer)
    }

    /// Writes a line, given in pieces and with its end, as soon as that can be done.
    pub fn line(&self, pieces: &[&[u8]]) {
        let mut queue = self.0.0.lock();
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if queue.lines.len() + length > CAPACITY {
            queue.lost += 1;
            return;
        }
        pieces.iter().for_each(|piece| queue.lines.extend_from_slice(piece));
        self.0.0.wake(&mut queue);
    }

    /// Writes these bytes after all lines, unless something later has taken their place by then.
    pub fn latest(&self, bytes: &[u8]) {
        let mut queue = self.0.0.lock();
        queue.latest.clear();
        queue.latest.extend_from_slice(bytes);
        self.0.0.wake(&mut queue);
    }

    /// Waits until all is written, `timeout` at most.
    ///
    /// # Errors
    /// `TimedOut` if it is not by then, or the system's error of the last attempt.
    pub fn flush(&self, timeout: Duration) -> io::Result<()> {
        let Shared { done, .. } = &*self.0.0;
        let waited = done.wait_timeout_while(self.0.0.lock(), timeout, |queue| !queue.rests || queue.waits());
        let (queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        match queue.error {
            _ if waited.timed_out() => Err(io::ErrorKind::TimedOut.into()),
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.more.notify_one();
    }
}

impl Queue {
    fn waits(&self) -> bool {
        !self.lines.is_empty() || !self.latest.is_empty() || self.lost > 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, queue: &mut Queue) {
        if mem::take(&mut queue.rests) {
            self.more.notify_one();
        }
    }

    fn run(
        &self,
        mut file: File,
        noun: &str,
        renew: &dyn Fn(&File) -> Option<File>,
        report: &dyn Fn(Option<io::ErrorKind>),
    ) {
        // Two pairs of buffers change places, so that none is allocated anew.
        let (mut lines, mut latest) = (Vec::new(), Vec::new());
        let (mut lost, mut torn, terminal) = (0, false, file.is_terminal());
        loop {
            lines.clear();
            latest.clear();
            {
                let mut queue = self.lock();
                while !queue.waits() {
                    queue.rests = true;
                    self.done.notify_all();
                    if queue.closed {
                        return;
                    }
                    queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                queue.rests = false;
                mem::swap(&mut queue.lines, &mut lines);
                mem::swap(&mut queue.latest, &mut latest);
                lost += mem::take(&mut queue.lost);
            }
            if let Some(new) = renew(&file) {
                (file, torn) = (new, false);
            }
            let all = lines.len();
            if lost > 0 {
                // Cannot fail: it is memory.
                let _ = writeln!(lines, "{noun} lost: {lost}");
            }
            lines.extend_from_slice(&latest);
            let (written, error) = if terminal && would_stop_us(&file) {
                (0, Some(io::ErrorKind::WouldBlock))
            } else {
                // A line of which the disk took a part only stays by itself.
                torn = torn && file.write_all(b"\n").is_err();
                write(&mut file, &lines)
            };
            // A full disk, or a reader that has gone: the next line tries again.
            if error.is_some() {
                torn |= written > 0 && lines[written - 1] != b'\n';
                lost += lines[written.min(all)..all].iter().filter(|&&byte| byte == b'\n').count() as u64;
            } else {
                lost = 0;
            }
            let before = mem::replace(&mut self.lock().error, error);
            if before != error {
                report(error);
            }
        }
    }
}

/// How many of the bytes were written, and why not the others.
fn write(file: &mut File, bytes: &[u8]) -> (usize, Option<io::ErrorKind>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Some(io::ErrorKind::WriteZero)),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Some(error.kind())),
        }
    }
    (written, None)
}

/// Whether a terminal stops the whole process for writing to it: after `stty tostop`, one in the background.
fn would_stop_us(terminal: &File) -> bool {
    use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};
    tcgetattr(terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::TOSTOP))
        && tcgetpgrp(terminal).is_ok_and(|foreground| foreground != rustix::process::getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// A pipe that is not read, full to the last byte.
    fn full() -> (io::PipeReader, File) {
        let (reader, mut writer) = pipe();
        let size = rustix::pipe::fcntl_getpipe_size(&writer).unwrap();
        writer.write_all(&vec![b'.'; size]).unwrap();
        (reader, writer)
    }

    fn rest(mut reader: impl Read) -> String {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text.trim_start_matches('.').to_owned()
    }

    #[test]
    fn full_pipe_delays_no_writer_and_lost_lines_are_counted() {
        let (reader, file) = full();
        let writer = LineWriter::start(file, "log lines").unwrap();
        // It takes the first line and cannot write it; only then is it certain how many others fit.
        writer.line(&[b"first\n"]);
        while !writer.0.0.lock().lines.is_empty() {
            thread::yield_now();
        }
        let line = [b'x'; 1024];
        for _ in 0..CAPACITY / line.len() + 7 {
            writer.line(&[&line[1..], b"\n"]);
        }
        for status in ["status 1", "status 2"] {
            writer.latest(status.as_bytes());
        }
        assert!(writer.flush(Duration::ZERO).is_err(), "the pipe is full");
        drop(writer);
        let text = rest(reader);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + CAPACITY / line.len() + 2);
        assert_eq!((lines[0], lines[lines.len() - 2]), ("first", "log lines lost: 7"));
        assert_eq!(lines.last(), Some(&"status 2"), "only the last one counts");
    }

    /// To be written to instead, once it is there.
    type Next = Arc<Mutex<Option<File>>>;

    fn renewing(file: File, report: impl Fn(Option<io::ErrorKind>) + Send + 'static) -> (LineWriter, Next) {
        let next = Next::default();
        let renew = Arc::clone(&next);
        let writer = LineWriter::renewing(file, "lines", move |_| renew.lock().unwrap().take(), report);
        (writer.unwrap(), next)
    }

    fn pipe() -> (io::PipeReader, File) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, File::from(std::os::fd::OwnedFd::from(writer)))
    }

    #[test]
    fn lines_are_all_there_after_a_flush_and_after_a_change_of_files() {
        let dir = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| dir.path().join(name));
        let (writer, next) = renewing(File::create(&old).unwrap(), |_| ());
        writer.line(&[b"one ", b"line\n"]);
        writer.flush(Duration::from_secs(60)).unwrap();
        *next.lock().unwrap() = Some(File::create(&new).unwrap());
        writer.clone().line(&[b"another\n"]);
        writer.flush(Duration::from_secs(60)).unwrap();
        assert_eq!(std::fs::read_to_string(old).unwrap(), "one line\n");
        assert_eq!(std::fs::read_to_string(new).unwrap(), "another\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn lines_that_a_full_disk_refuses_are_counted_and_reported_once() {
        let (reports, reported) = std::sync::mpsc::channel();
        let disk = File::options().write(true).open("/dev/full").unwrap();
        let (writer, next) = renewing(disk, move |error| reports.send(error).unwrap());
        for line in [b"one\n", b"two\n"] {
            writer.line(&[line]);
            let refused = writer.flush(Duration::from_secs(60)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::StorageFull, "it does not try for ever");
        }
        let (reader, file) = pipe();
        *next.lock().unwrap() = Some(file);
        writer.line(&[b"three\n"]);
        drop(writer);
        assert_eq!(rest(reader), "three\nlines lost: 2\n");
        assert_eq!(reported.iter().collect::<Vec<_>>(), [Some(io::ErrorKind::StorageFull), None]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn partly_written_line_is_ended_and_counted_as_lost() {
        let (mut reader, mut file) = pipe();
        let size = rustix::pipe::fcntl_getpipe_size(&file).unwrap();
        file.write_all(&vec![b'.'; size - 4096]).unwrap();
        rustix::io::ioctl_fionbio(&file, true).unwrap();
        let (writer, _next) = renewing(file, |_| ());
        writer.line(&[b"whole\n", &[b'x'; 6000], b"\n"]);
        assert_eq!(writer.flush(Duration::from_secs(60)).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        reader.read_exact(&mut vec![0; size]).unwrap();
        writer.line(&[b"next\n"]);
        drop(writer);
        assert_eq!(rest(reader), "\nnext\nlines lost: 1\n", "and the one that was whole is not lost");
    }
}
