//! A camera, and a client.

use eyelet_hal::{
    CameraSource, Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat,
    clock::{Clock as _, SystemClock},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A grey picture, a hundred times a second.
pub(crate) struct Grey {
    pixels: Vec<u8>,
    sequence: u64,
    /// When a frame with this number was captured, as the camera has it.
    pub(crate) stamp: fn(u64) -> Duration,
    /// Counts the cameras that were closed.
    closed: Arc<AtomicUsize>,
}

impl Grey {
    pub(crate) fn open(closed: &Arc<AtomicUsize>) -> Self {
        let stamp = |_| SystemClock.monotonic();
        Self { pixels: vec![128; 16 * 16], sequence: 0, stamp, closed: Arc::clone(closed) }
    }
}

impl Drop for Grey {
    fn drop(&mut self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

impl CameraSource for Grey {
    fn name(&self) -> &str {
        "grey"
    }
    fn format(&self) -> StreamFormat {
        StreamFormat::new(PixelFormat::Grey, 16, 16).unwrap()
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        std::thread::sleep(timeout.min(Duration::from_millis(10)));
        self.sequence += 1;
        let meta = FrameMeta::new(self.sequence, (self.stamp)(self.sequence));
        Frame::new(self.format(), meta, &[Plane::host(&self.pixels, 16)])
    }
}

/// The status line and everything after it.
pub(crate) fn get(address: &str, path: &str) -> String {
    let host = address.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
