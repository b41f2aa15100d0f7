//! The kernel's virtual host controller: where the camera is plugged in.

use std::{
    fs, io,
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Something that takes a USB device over a socket.
pub trait Bus {
    /// Plugs in what speaks on the other end of `socket`.
    ///
    /// # Errors
    /// One line that says what is missing.
    fn attach(&self, socket: UnixStream) -> io::Result<()>;

    /// Pulls it out.
    ///
    /// # Errors
    /// If nothing is plugged in.
    fn detach(&self) -> io::Result<()>;
}

/// One port of `vhci_hcd`. Needs root and the module `vhci-hcd`.
#[derive(Clone, Debug)]
pub struct Vhci {
    folder: PathBuf,
    port: u8,
}

impl Vhci {
    /// A high-speed camera; the kernel's number for it.
    const HIGH_SPEED: u8 = 3;
    /// A port that was just left takes this long at most to be free again.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Port `port` of the first controller, counted from 0.
    pub fn new(port: u8) -> Self {
        Self { folder: Path::new("/sys/devices/platform/vhci_hcd.0").into(), port }
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, text).map_err(|e| {
            let remedy = match e.kind() {
                io::ErrorKind::NotFound => "; load the module vhci-hcd",
                io::ErrorKind::PermissionDenied => "; run as root",
                _ => "",
            };
            io::Error::new(e.kind(), format!("cannot write {text:?} to {}: {e}{remedy}", path.display()))
        })
    }
}

impl Bus for Vhci {
    fn attach(&self, socket: UnixStream) -> io::Result<()> {
        let device_id = u32::from(self.port) + 1;
        let line = format!("{} {} {device_id} {}", self.port, socket.as_raw_fd(), Self::HIGH_SPEED);
        let deadline = Instant::now() + Self::PATIENCE;
        loop {
            match self.write("attach", &line) {
                // The port is still occupied by what was pulled out.
                Err(e) if e.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(20));
                }
                other => return other,
            }
        }
    }

    fn detach(&self) -> io::Result<()> {
        self.write("detach", &self.port.to_string())
    }
}
