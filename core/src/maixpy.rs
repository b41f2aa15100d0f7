//! `JpegStreamer`: MaixPy's streaming server, with its verbs.

use crate::{
    app::{Builder, Running},
    encode,
    feed::Hub,
    http::{self, Access, CredentialSources, Routes, Server, SnapshotPolicy},
    image::Image,
    jpeg,
    net::addresses::{self, Families},
    pipeline::{Publisher, Unwanted},
};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Frame, FrameMeta, JpegEncoder, Result, StreamFormat, clock::SystemClock};
use std::{
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Without viewers a raw picture is encoded this often at most: the first viewer sees one at once, also
/// when the application never writes again.
const UNWATCHED: Duration = Duration::from_secs(1);

/// A server that shows browsers what an application writes.
///
/// ```no_run
/// use eyelet_core::{JpegStreamer, image::{Color, Image, Thickness}};
///
/// let mut streamer = JpegStreamer::new("", 8000, 16)?;
/// streamer.set_html("<html><body><img src='/stream'></body></html>");
/// streamer.start()?;
/// println!("http://{}:{}", streamer.host(), streamer.port());
/// loop {
///     let mut image = Image::new(320, 240)?;
///     image.draw_rect(60, 60, 80, 80, Color::from_rgb(255, 0, 0), Thickness::Filled);
///     streamer.write(&image)?; // never blocks
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), eyelet_hal::Error>(())
/// ```
pub struct JpegStreamer {
    address: SocketAddr,
    /// Bound but not yet served.
    listener: Option<TcpListener>,
    server: Server,
    publisher: Mutex<Writer>,
    running: Option<Running>,
}

struct Writer {
    publisher: Publisher,
    encoder: Box<dyn JpegEncoder>,
    encoded: Option<Instant>,
    written: u64,
}

/// What [`JpegStreamer::write`] takes: a whole JPEG, or pixels.
#[derive(Debug)]
#[non_exhaustive]
pub enum Written<'a> {
    /// A JPEG, from SOI to EOI.
    Jpeg(Bytes),
    /// A frame of any format.
    Frame(&'a Frame<'a>),
    /// A drawn picture.
    Image(&'a Image),
}

impl From<Bytes> for Written<'_> {
    fn from(jpeg: Bytes) -> Self {
        Self::Jpeg(jpeg)
    }
}

impl From<Vec<u8>> for Written<'_> {
    fn from(jpeg: Vec<u8>) -> Self {
        Self::Jpeg(jpeg.into())
    }
}

impl<'a> From<&'a Frame<'a>> for Written<'a> {
    fn from(frame: &'a Frame<'a>) -> Self {
        Self::Frame(frame)
    }
}

impl<'a> From<&'a Image> for Written<'a> {
    fn from(image: &'a Image) -> Self {
        Self::Image(image)
    }
}

impl std::fmt::Debug for JpegStreamer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JpegStreamer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl JpegStreamer {
    /// Binds `host:port` (an empty host is every IPv4 address of the machine, `::` every IPv6
    /// address, port 0 picks a free one) for at most
    /// `clients` viewers at once. Pictures are encoded at [`Quality::DEFAULT`](eyelet_hal::Quality::DEFAULT).
    ///
    /// # Errors
    /// `InvalidInput` if there is no such host, else the errors of [`http::listen`].
    pub fn new(host: &str, port: u16, clients: usize) -> Result<Self> {
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        let address =
            (host, port).to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(|| {
                let what = format!("cannot listen on {host}: no such host");
                Error::new(ErrorKind::InvalidInput, what).with_remedy("try \"\"")
            })?;
        let listener = http::listen(address)?;
        let address = listener.local_addr().unwrap_or(address);
        let hub = Hub::default();
        let mut server = Server::new(hub.clone(), Arc::new(SystemClock));
        server.max_viewers = clients;
        server.snapshot = SnapshotPolicy::FreshOrNewest;
        let encoder = encode::by_name("auto")?;
        hub.status.encoding(encoder.name());
        let publisher = Publisher::new(Arc::new(SystemClock), hub);
        let publisher = Mutex::new(Writer { publisher, encoder, encoded: None, written: 0 });
        Ok(Self { address, listener: Some(listener), server, publisher, running: None })
    }

    /// Replaces the page at `/`, also while running.
    pub fn set_html(&self, html: impl Into<String>) {
        self.server.page.set(html.into());
    }

    /// The application's own routes beside `/stream` and so on: a page's settings, say. What is added takes effect with the next
    /// [`start`](Self::start), which returns `InvalidInput` for a path that a route cannot have.
    ///
    /// ```
    /// # let mut streamer = eyelet_core::JpegStreamer::new("127.0.0.1", 0, 1)?;
    /// streamer.routes().get("/about", |_| eyelet_core::http::Reply::text("a camera\n"));
    /// streamer.start()?;
    /// # Ok::<(), eyelet_hal::Error>(())
    /// ```
    pub fn routes(&mut self) -> &mut Routes {
        &mut self.server.routes
    }

    /// Requires one of these passwords or tokens; by default none is required. Takes effect with the next
    /// [`start`](Self::start).
    ///
    /// # Errors
    /// As [`Access::only`].
    pub fn set_access(&mut self, sources: CredentialSources) -> Result<()> {
        self.server.access = Access::only(sources)?;
        Ok(())
    }

    /// Serves from now on. Does nothing if it is running.
    ///
    /// # Errors
    /// If the port was taken since [`stop`](Self::stop), or the system refuses a thread; `InvalidInput` for a
    /// [route](Self::routes) that cannot be.
    pub fn start(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => http::listen(self.address)?,
        };
        self.running = Some(Builder::from(self.server.clone()).listen_on(listener).start()?);
        Ok(())
    }

    /// Ends every connection and frees the port. Does nothing when not running.
    pub fn stop(&mut self) {
        self.listener = None;
        self.running = None;
    }

    /// Shows this picture from now on: the newest wins. Never waits for a viewer.
    ///
    /// Pixels are encoded here, on the caller's thread, and only while there are viewers (else once a second at most).
    ///
    /// # Errors
    /// `CorruptFrame` if the JPEG is not whole, and those of the encoder; the previous picture stays.
    pub fn write<'a>(&self, picture: impl Into<Written<'a>>) -> Result<()> {
        let mut writer = self.writer();
        match picture.into() {
            Written::Jpeg(bytes) => {
                let mut whole = Vec::with_capacity(bytes.len());
                let info = jpeg::repair(&bytes, &mut whole)?;
                let format = StreamFormat::new(
                    eyelet_hal::PixelFormat::Jpeg,
                    u32::from(info.width),
                    u32::from(info.height),
                )
                .ok_or_else(|| Error::new(ErrorKind::CorruptFrame, "the JPEG has no size"))?;
                writer.publisher.jpeg(whole.into(), format);
                Ok(())
            }
            Written::Frame(frame) => writer.frame(frame),
            Written::Image(image) => {
                use eyelet_hal::clock::Clock as _;
                writer.written += 1;
                let meta = FrameMeta::new(writer.written, SystemClock.monotonic());
                writer.frame(&image.frame(meta)?)
            }
        }
    }

    /// An address that a browser can open: never `0.0.0.0`.
    pub fn host(&self) -> String {
        addresses::reachable(self.address, Families::Own)
            .first()
            .map_or(self.address, |a| *a)
            .ip()
            .to_string()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.publisher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn frame(&mut self, frame: &Frame<'_>) -> Result<()> {
        let fresh = self.encoded.is_some_and(|at| at.elapsed() < UNWATCHED);
        let unwanted = if fresh { Unwanted::Keep } else { Unwanted::Encode };
        self.publisher.frame(frame, &mut *self.encoder, unwanted)?;
        if !fresh {
            self.encoded = Some(Instant::now());
        }
        Ok(())
    }
}
