//! The limits of what a peer may use, and for how long: every number, with its reason.

use std::time::Duration;

/// A peer has this long for its first byte, from then on this long for a request's head, and an idle connection this
/// long until its next: a person's browser sends one within a round trip, and connects again without being noticed.
pub(super) const HEADER_TIME: Duration = Duration::from_secs(10);

/// The longest request head; cookies and proxies make them long.
pub(super) const HEADER_BYTES: usize = 16 * 1024;

/// What a viewer may send after its request, in bytes. It has nothing to send, and reading costs time.
pub(super) const CHATTER: usize = 16 * 1024;

/// `--max-connections-per-address` by default: five browsers with six connections each behind one router.
pub const CONNECTIONS_PER_ADDRESS: usize = 32;

/// The longest body of a request for a route of the application's own: settings, not pictures.
const BODY_BYTES: usize = 64 * 1024;

/// Connections beyond the viewers by default: pages, snapshots, scrapers, and clients that get a 503.
const OTHER_CONNECTIONS: usize = 240;

/// File descriptors that connections leave to all else, at least.
const RESERVED_FILES: usize = 64;

/// What may be needed beyond what is open when a server begins: a camera that is opened again under another driver, with
/// a descriptor for each of up to 16 buffers; an upload's connection and look-up; a spooled picture on its way to the
/// disk; a page, users, a certificate or a log that is read or opened again; two parts in memfds; and one
/// connection too many, to refuse it.
const LATER_FILES: usize = 32;

/// At least this many connections are attempted, however low the limit of open files.
const FEWEST_CONNECTIONS: usize = 16;

/// However small the picture, a peer has the time for this many bytes.
const FEWEST_BYTES: usize = 64 * 1024;

/// Bytes a second: a peer that takes less is disconnected. One small picture would take half a minute.
const SLOWEST: f64 = 2_000.0;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// In all; `None` is 240 more than viewers. Never more than the process may have files open, less 64; or less what
    /// it had open when the server began and 32, if that is more.
    pub connections: Option<usize>,
    /// From one IPv4 address or one IPv6 /64 network (what one customer or one machine has). Not counted:
    /// `127.0.0.1`, `::1` and Unix sockets, where a web server on this machine stands for all of its clients.
    pub connections_per_address: usize,
    /// The longest body of a request for a [route](super::Routes) of the application's own, in bytes; 64 KiB by default. It
    /// waits in memory until all of it is there.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: None, connections_per_address: CONNECTIONS_PER_ADDRESS, body: BODY_BYTES }
    }
}

impl Limits {
    /// How many connections there may be beside `max_viewers`, where `open_files` may be open and `held` are.
    pub(super) fn connections(&self, max_viewers: usize, open_files: Option<u64>, held: usize) -> usize {
        let wanted = self.connections.unwrap_or(max_viewers.saturating_add(OTHER_CONNECTIONS));
        let open_files = open_files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
        let reserved = RESERVED_FILES.max(held + LATER_FILES);
        let possible = open_files.saturating_sub(reserved).max(FEWEST_CONNECTIONS);
        if possible < wanted {
            let remedy = "raise it with ulimit -n or LimitNOFILE=";
            tracing::warn!(possible, wanted, "the limit of open files allows few connections; {remedy}");
        }
        wanted.min(possible)
    }
}

/// How many files this process has open: the camera and its buffers, listening sockets, a spool, logs, a watchdog and
/// whatever else there is. 0 where the system does not say.
pub(super) fn held_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// How long a peer may take not one byte while `bytes` wait for it. The kernel reports room only when
/// half of what it holds has gone, so a slow viewer seems to take nothing for a while, and is not cut off; one
/// that never reads is.
pub(super) fn stall_budget(bytes: usize) -> Duration {
    Duration::from_secs_f64(bytes.max(FEWEST_BYTES) as f64 / SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stall_budget_grows_with_the_picture() {
        assert_eq!(stall_budget(0).as_secs(), 32);
        assert_eq!(stall_budget(60_000), stall_budget(0));
        assert_eq!(stall_budget(200_000), Duration::from_secs(100));
    }

    #[test]
    fn default_connections_leave_file_descriptors_for_the_rest() {
        let limits = Limits::default();
        assert_eq!(limits.connections(16, Some(1024), 12), 256);
        assert_eq!(limits.connections(16, None, 12), 256);
        assert_eq!(limits.connections(2_000, Some(1024), 12), 960);
        assert_eq!(limits.connections(2_000, Some(1024), 60), 932, "a camera with many buffers");
        assert_eq!(limits.connections(16, Some(10), 12), 16);
        let few = Limits { connections: Some(3), ..limits };
        assert_eq!(few.connections(16, Some(1024), 12), 3);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn open_files_are_counted() {
        let before = held_files();
        let _more: Vec<_> = (0..50).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        // Other tests open and close files meanwhile.
        assert!(before > 3 && held_files() > before + 20, "{before} and {}", held_files());
    }
}
