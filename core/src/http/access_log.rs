//! The access log: a line for each request that was understood, in the combined format of Apache and nginx.
//!
//! ```text
//! 192.168.0.9 - - [26/Nov/2026:01:22:31 +0000] "GET /state HTTP/1.1" 200 734 "-" "curl/8.5.0" 0.002
//! ```
//!
//! The last number is how long it took, in seconds. A stream has its line at its end. Whatever a client sends, a line is
//! one line of printable ASCII: all else is written `\xHH`. The values of `token` and the query of a referrer are `***`.

use crate::{
    line_writer::LineWriter,
    net::{credentials, socket::Peer},
};
use eyelet_hal::{Error, ErrorKind, Result, clock::Clock};
use hyper::{
    HeaderMap, Request,
    header::{HeaderName, REFERER, USER_AGENT},
};
use std::{
    fmt::Write as _,
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// At most this many bytes of each value that a client sends are logged.
const LONGEST: usize = 1024;

/// The status of a request without an answer, because the client had left: as in nginx.
const LEFT: u16 = 499;

/// Where lines go. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct AccessLog(LineWriter);

impl From<LineWriter> for AccessLog {
    fn from(lines: LineWriter) -> Self {
        Self(lines)
    }
}

impl AccessLog {
    /// Appends to a file. The server does not wait for it: lines that it does not take are lost, which is logged once, and
    /// counted in it. When it is moved away, as by logrotate, a new one is made.
    ///
    /// # Errors
    /// If it cannot be written to, or there is no thread to do so.
    pub fn append(path: &Path) -> Result<Self> {
        let (file, moved) = (open(path)?, path.to_owned());
        let renew = move |file: &File| if is_at(file, &moved) { None } else { open(&moved).ok() };
        let lines = LineWriter::renewing(file, "lines of the access log", renew, report).map_err(|e| {
            let what = format!("cannot start the access log: {e}");
            Error::new(ErrorKind::OutOfMemory, what)
                .with_remedy("is the limit of processes reached?")
                .with_source(e)
        })?;
        Ok(Self(lines))
    }

    /// Waits until all is written, `timeout` at most.
    ///
    /// # Errors
    /// As [`LineWriter::flush`].
    pub fn flush(&self, timeout: Duration) -> io::Result<()> {
        self.0.flush(timeout)
    }

    /// The line of a request that has just come.
    pub(super) fn entry<B>(&self, request: &Request<B>, client: &Peer, clock: &Arc<dyn Clock>) -> Box<Entry> {
        let mut before = String::new();
        let mut after = String::new();
        match client.ip() {
            Some(ip) => drop(write!(before, "{ip}")),
            None => before.push_str("unix"),
        }
        let uri = request.uri();
        let date = date(clock.unix());
        let _ = write!(before, " - - [{date}] \"{} ", request.method());
        // Without the host of the absolute form, and what may stand in front of that.
        clean(&mut before, uri.path().as_bytes());
        if let Some(query) = uri.query() {
            before.push('?');
            clean(&mut before, redacted(query).as_bytes());
        }
        let _ = write!(before, " {:?}\"", request.version());
        for (name, quote) in [(REFERER, " \""), (USER_AGENT, "\" \"")] {
            after.push_str(quote);
            field(&mut after, request.headers(), &name);
        }
        let (log, clock) = (self.clone(), Arc::clone(clock));
        Box::new(Entry { came: clock.monotonic(), log, clock, before, after, status: LEFT, bytes: 0 })
    }
}

/// A line, written when this drops.
#[derive(Debug)]
pub(super) struct Entry {
    log: AccessLog,
    clock: Arc<dyn Clock>,
    came: Duration,
    before: String,
    after: String,
    pub(super) status: u16,
    /// Of the body.
    pub(super) bytes: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Self { before, after, status, bytes, .. } = self;
        let took = self.clock.monotonic().saturating_sub(self.came).as_secs_f64();
        self.log.0.line(&[format!("{before} {status} {bytes}{after}\" {took:.3}\n").as_bytes()]);
    }
}

fn report(error: Option<io::ErrorKind>) {
    match error.map(io::Error::from) {
        Some(error) => {
            tracing::warn!(%error, "cannot write the access log; lines are lost meanwhile");
        }
        None => tracing::info!("the access log is written again"),
    }
}

/// Whether the file is still where it was opened.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.append(true).create(true).mode(0o640);
    // A named pipe without a reader must not block.
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as _);
    options.open(path).map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Other,
        };
        let what = format!("cannot log to {}: {error}", path.display());
        Error::new(kind, what).with_remedy("name a file that can be written to").with_source(error)
    })
}

/// `26/Nov/2026:01:22:31 +0000`
fn date(unix: Duration) -> String {
    // Thu, 26 Nov 2026 01:22:31 GMT
    let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + unix);
    let part = |from, to| text.get(from..to).unwrap_or_default();
    format!("{}/{}/{}:{} +0000", part(5, 7), part(8, 11), part(12, 16), part(17, 25))
}

fn field(line: &mut String, headers: &HeaderMap, name: &HeaderName) {
    let Some(value) = headers.get(name) else { return line.push('-') };
    match value.to_str() {
        // It may hold a token of ours, or a secret of another site.
        Ok(text) if name == REFERER => clean(line, credentials::concealed(text).as_bytes()),
        _ if name == REFERER => line.push('-'),
        _ => clean(line, value.as_bytes()),
    }
}

/// A query without the token, however its name is written.
fn redacted(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_token(name) => format!("{name}=***"),
        _ => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn is_token(name: &str) -> bool {
    credentials::decoded(name).is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"token"))
}

/// Adds bytes so that they stay within their quotes and their line.
fn clean(line: &mut String, bytes: &[u8]) {
    for &byte in bytes.iter().take(LONGEST) {
        match byte {
            b'"' | b'\\' => drop(write!(line, "\\x{byte:02x}")),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => drop(write!(line, "\\x{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;
    use proptest::prelude::*;

    fn line(request: &Request<()>, finish: impl FnOnce(&mut Entry)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = AccessLog::append(&path).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Duration::from_secs(1_795_656_151)));
        let client = Peer::Tcp("192.168.0.9:5".parse().unwrap());
        let mut entry = log.entry(request, &client, &clock);
        clock.sleep_until(Duration::from_millis(1500));
        finish(&mut entry);
        drop(entry);
        log.flush(Duration::from_secs(60)).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn line_has_the_combined_format() {
        let request = Request::get("/stream?fps=5").header(USER_AGENT, "curl/8.5.0").body(()).unwrap();
        let line = line(&request, |entry| (entry.status, entry.bytes) = (200, 734));
        let end = "\"GET /stream?fps=5 HTTP/1.1\" 200 734 \"-\" \"curl/8.5.0\" 1.500\n";
        assert_eq!(line, format!("192.168.0.9 - - [26/Nov/2026:01:22:31 +0000] {end}"));
    }

    #[test]
    fn secrets_are_not_logged() {
        for (uri, shown) in [
            ("/?token=secret", "/?token=***"),
            ("/stream?fps=1&token=secret&t=1", "/stream?fps=1&token=***&t=1"),
            ("/?%74oken=secret&TOKEN=secret", "/?%74oken=***&TOKEN=***"),
            ("http://me:secret@cam/state", "/state"),
        ] {
            let referrer = "http://me:secret@cam/?token=secret";
            let request = Request::get(uri).header(REFERER, referrer).header("Authorization", "secret");
            let line = line(&request.body(()).unwrap(), |_| ());
            assert!(line.contains(&format!("\"GET {shown} HTTP/1.1\" 499 0 ")), "{line}");
            assert!(!line.contains("secret"), "{line}");
        }
    }

    #[test]
    fn file_that_was_moved_is_replaced_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let [path, moved] = ["log", "log.1"].map(|name| folder.path().join(name));
        let log = AccessLog::append(&path).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Duration::ZERO));
        let ask = |uri: &str| {
            drop(log.entry(&Request::get(uri).body(()).unwrap(), &Peer::Unix, &clock));
            log.flush(Duration::from_secs(60)).unwrap();
        };
        ask("/one");
        fs::rename(&path, &moved).unwrap();
        ask("/two");
        ask("/three");
        let [new, old] = [path, moved].map(|path| fs::read_to_string(path).unwrap());
        assert!(old.contains("/one") && old.lines().count() == 1, "{old}");
        assert!(new.contains("/two") && new.contains("/three") && new.lines().count() == 2, "{new}");
    }

    #[test]
    fn unwritable_file_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("no/such")] {
            let error = AccessLog::append(&path).unwrap_err().to_string();
            assert!(
                error.starts_with("cannot log to ")
                    && error.ends_with("; name a file that can be written to"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn client_cannot_add_lines_of_its_own(agent in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let agent: Vec<u8> = agent.into_iter().filter(|byte| *byte >= 32 && *byte != 127).collect();
            let request = Request::get("/").header(USER_AGENT, &agent[..]).body(()).unwrap();
            let line = line(&request, |_| ());
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(line.matches('"').count(), 6);
            prop_assert!(line.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert!(line.len() < 5000);
        }
    }
}
