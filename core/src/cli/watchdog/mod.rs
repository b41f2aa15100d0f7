//! Heartbeats to what restarts a program or a machine that hangs: systemd, and a watchdog device.
//!
//! A heartbeat means that the threads run: the socket thread, on which this runs, and the camera threads, which run with or
//! without a camera. An unplugged camera is no reason for a restart.

mod device;
mod systemd;

use super::Failure;
use crate::feed::{HANG, Hub};
use device::WatchdogDevice;
use eyelet_hal::clock::Clock;
use std::{
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};
use systemd::Systemd;

/// The longest time between two heartbeats. The shortest limit of a watchdog device is a second or two.
const PERIOD: Duration = Duration::from_millis(500);

/// The longest that stopping may take before it counts as a hang.
const STOPPING: Duration = Duration::from_secs(40);

/// Two checks are this far apart only if the whole process was stopped.
const STOPPED: Duration = Duration::from_secs(5);

/// What the heartbeats go to.
#[derive(Debug, Default)]
pub(super) struct Watchdogs {
    systemd: Option<Systemd>,
    device: Option<WatchdogDevice>,
    /// The last status that systemd was sent.
    sent: String,
    hanging: bool,
    /// When the threads were last checked.
    checked: Option<Duration>,
    /// Until then the camera thread is not blamed.
    grace: Duration,
}

impl Watchdogs {
    /// systemd, if it has started this program and wants notifications, and the device at this path. From now on the device
    /// restarts the machine unless [`run`](Self::run) runs.
    ///
    /// # Errors
    /// Why the device cannot be opened.
    pub(super) fn open(device: Option<&Path>) -> Result<Self, Failure> {
        let device = device.map(WatchdogDevice::open).transpose()?;
        Ok(Self { systemd: Systemd::from_environment(), device, ..Self::default() })
    }

    /// The program is ready.
    pub(super) fn ready(&self) {
        self.notify("READY=1");
    }

    /// The program is about to end, when this has been done. A device has its heartbeats meanwhile, for as long as a camera that
    /// is still being opened may take to close.
    pub(super) fn stopping(&mut self, stop: impl FnOnce()) {
        self.notify("STOPPING=1");
        let Some(device) = &mut self.device else { return stop() };
        let (running, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let feed = move || {
                let until = Instant::now() + STOPPING;
                while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) && Instant::now() < until {
                    device.feed();
                }
            };
            // Without a thread there are none.
            let _ = thread::Builder::new().name("watchdog".to_owned()).spawn_scoped(scope, feed);
            stop();
            drop(running);
        });
    }

    /// Sends heartbeats until the future is dropped.
    pub(super) async fn run(&mut self, hubs: &[Hub], clock: &dyn Clock) {
        if self.systemd.is_none() && self.device.is_none() {
            return std::future::pending().await;
        }
        let wanted = self.systemd.as_ref().and_then(Systemd::period).unwrap_or(PERIOD);
        let mut ticks = tokio::time::interval(PERIOD.min(wanted));
        // After a pause of the whole machine one heartbeat is as good as many.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.check(hubs, clock.monotonic());
        }
    }

    /// A heartbeat, if the threads run at `now` on the monotonic clock.
    fn check(&mut self, hubs: &[Hub], now: Duration) {
        let hangs = hubs.iter().any(|hub| hub.status.hung_for(now).is_some());
        // The whole process was stopped, as by SIGSTOP, and the camera thread with it: its time begins anew.
        if self.checked.replace(now).is_some_and(|before| now.saturating_sub(before) >= STOPPED) {
            self.grace = now + HANG;
        }
        if now < self.grace && hangs {
            return self.heartbeat();
        }
        let reason = hubs.iter().find_map(|hub| hub.status.snapshot(now).health.err());
        let status = match reason {
            None => "STATUS=streaming".to_owned(),
            Some(reason) => format!("STATUS=no signal: {}", reason.replace('\n', " ")),
        };
        if self.sent != status {
            self.notify(&status);
            self.sent = status;
        }
        if hangs {
            if !std::mem::replace(&mut self.hanging, true) {
                tracing::error!("the camera thread hangs; the watchdog gets no more heartbeats");
            }
            return;
        }
        if std::mem::take(&mut self.hanging) {
            tracing::info!("the camera thread runs again");
        }
        self.heartbeat();
    }

    /// All is well.
    fn heartbeat(&mut self) {
        if self.systemd.as_ref().is_some_and(|systemd| systemd.period().is_some()) {
            self.notify("WATCHDOG=1");
        }
        if let Some(device) = &mut self.device {
            device.feed();
        }
    }

    fn notify(&self, what: &str) {
        if let Some(systemd) = &self.systemd {
            systemd.notify(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs, io,
        os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixDatagram},
        },
    };

    /// All that has come.
    fn received(socket: &UnixDatagram) -> Vec<String> {
        let mut messages = Vec::new();
        let mut bytes = [0; 1000];
        loop {
            match socket.recv(&mut bytes) {
                Ok(len) => messages.push(String::from_utf8(bytes[..len].to_vec()).unwrap()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return messages,
                Err(e) => panic!("{e}"),
            }
        }
    }

    /// systemd's end of the socket, as a path and as an abstract name.
    fn sockets(dir: &Path) -> [(UnixDatagram, String); 2] {
        let path = dir.join("notify").to_str().unwrap().to_owned();
        let name = format!("eyelet-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let sockets = [
            (UnixDatagram::bind(&path).unwrap(), path),
            (UnixDatagram::bind_addr(&abstract_name).unwrap(), format!("@{name}")),
        ];
        for (socket, _) in &sockets {
            socket.set_nonblocking(true).unwrap();
        }
        sockets
    }

    #[test]
    fn systemd_gets_heartbeats_while_the_threads_run_with_or_without_a_camera() {
        let dir = tempfile::tempdir().unwrap();
        for (socket, name) in sockets(dir.path()) {
            let systemd = Systemd::new(name.as_ref(), Some("20000000"), None);
            let mut watchdogs = Watchdogs { systemd, ..Watchdogs::default() };
            let hub = Hub::default();
            watchdogs.ready();
            assert_eq!(received(&socket), ["READY=1"]);

            let second = Duration::from_secs(1);
            hub.status.heartbeat(second);
            hub.status.lost("cannot open /dev/video0:\nunplugged");
            watchdogs.check(std::slice::from_ref(&hub), second);
            watchdogs.check(std::slice::from_ref(&hub), 2 * second);
            assert_eq!(
                received(&socket),
                ["STATUS=no signal: cannot open /dev/video0: unplugged", "WATCHDOG=1", "WATCHDOG=1"]
            );

            for later in 3..HANG.as_secs() as u32 {
                watchdogs.check(std::slice::from_ref(&hub), later * second);
            }
            assert!(received(&socket).iter().all(|message| message == "WATCHDOG=1"), "it may yet come");
            watchdogs.check(std::slice::from_ref(&hub), second + HANG);
            watchdogs.check(std::slice::from_ref(&hub), 2 * second + HANG);
            let hung = received(&socket);
            assert!(
                hung.iter()
                    .all(|message| message.starts_with("STATUS=no signal: the camera thread has hung"))
            );

            hub.status.heartbeat(3 * second + HANG);
            watchdogs.check(std::slice::from_ref(&hub), 3 * second + HANG);
            assert!(received(&socket).contains(&"WATCHDOG=1".to_owned()), "it runs again");
            watchdogs.stopping(|| ());
            assert_eq!(received(&socket), ["STOPPING=1"]);
        }
    }

    #[test]
    fn camera_thread_after_a_stopped_process_gets_its_full_time_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("watchdog");
        fs::write(&path, "").unwrap();
        let mut watchdogs = Watchdogs::open(Some(&path)).unwrap();
        let (hub, second) = (Hub::default(), Duration::from_secs(1));
        hub.status.heartbeat(second);
        watchdogs.check(std::slice::from_ref(&hub), second);
        // SIGSTOP for half a minute; then the camera thread is slow to come, but not slower than it may be.
        let back = 31 * second;
        for later in 0..15 {
            watchdogs.check(std::slice::from_ref(&hub), back + later * second);
        }
        assert_eq!(fs::read(&path).unwrap().len(), 16, "heartbeats");
        assert!(!watchdogs.hanging);
        // It does not come at all.
        watchdogs.check(std::slice::from_ref(&hub), back + HANG);
        assert!(watchdogs.hanging);
        assert_eq!(fs::read(&path).unwrap().len(), 16);
        // Late as it is, it comes.
        hub.status.heartbeat(back + HANG + second);
        watchdogs.check(std::slice::from_ref(&hub), back + HANG + second);
        assert!(!watchdogs.hanging, "and that is logged");
    }

    #[test]
    fn watchdog_device_is_fed_while_the_threads_run_and_disarmed_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("watchdog");
        fs::write(&path, "").unwrap();
        let mut watchdogs = Watchdogs::open(Some(&path)).unwrap();
        let hub = Hub::default();
        hub.status.heartbeat(Duration::ZERO);
        for turn in 0..20 {
            watchdogs.check(std::slice::from_ref(&hub), turn * Duration::from_secs(1));
        }
        assert_eq!(fs::read(&path).unwrap(), [0; 15], "not while the camera thread hangs");
        drop(watchdogs);
        assert_eq!(
            fs::read(&path).unwrap(),
            [&[0; 15][..], b"V"].concat(),
            "an ordinary end restarts nothing"
        );

        // A camera that takes long to close is no hang.
        let mut watchdogs = Watchdogs::open(Some(&path)).unwrap();
        fs::write(&path, "").unwrap();
        let late = Instant::now() + Duration::from_secs(60);
        watchdogs.stopping(|| {
            while fs::read(&path).unwrap().len() < 2 {
                assert!(Instant::now() < late, "there were heartbeats");
                thread::yield_now();
            }
        });
        drop(watchdogs);

        match Watchdogs::open(Some(&dir.path().join("none/watchdog"))) {
            Err(Failure::Runtime(what)) => {
                assert!(what.starts_with("cannot open ") && what.contains("; "), "{what}");
            }
            other => panic!("{other:?}"),
        }
    }
}
