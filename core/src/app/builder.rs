//! What an [`Eyelet`] is made of.

use super::{Eyelet, Running};
use crate::{
    Backoff, encode,
    feed::Hub,
    http::{Access, Bind, Listener, Page, Server},
    pipeline::{Open, Pipeline},
    upload::{Client, Sender, UploadUrl},
};
use eyelet_hal::{CameraSource, Error, ErrorKind, JpegEncoder, Quality, Result, clock::SystemClock};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

/// Where it listens by default: for this machine alone.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// Puts an [`Eyelet`] together. Nothing is opened before [`open`](Self::open) or [`start`](Self::start).
pub struct Builder {
    server: Server,
    camera: Option<Open<dyn CameraSource>>,
    encoder: Open<dyn JpegEncoder>,
    quality: Quality,
    pipeline: Option<Pipeline>,
    addresses: Vec<String>,
    bound: Vec<TcpListener>,
    listeners: Vec<Listener>,
    upload: Option<Sender>,
}

impl Default for Builder {
    fn default() -> Self {
        Server::new(Hub::default(), Arc::new(SystemClock)).into()
    }
}

impl From<Server> for Builder {
    /// Around a server that is set up already, with its hub.
    fn from(server: Server) -> Self {
        Self {
            server,
            camera: None,
            encoder: Box::new(|| encode::by_name("auto")),
            quality: Quality::DEFAULT,
            pipeline: None,
            addresses: Vec::new(),
            bound: Vec::new(),
            listeners: Vec::new(),
            upload: None,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Builder {
    /// Shows the camera that `open` opens. It is called by [`open`](Self::open) or [`start`](Self::start), which
    /// return its error, and again on the camera thread whenever the camera was lost.
    #[must_use]
    pub fn camera<C, F>(mut self, mut open: F) -> Self
    where
        C: CameraSource + 'static,
        F: FnMut() -> Result<C> + Send + 'static,
    {
        self.camera = Some(Box::new(move || Ok(Box::new(open()?))));
        self
    }

    /// Encodes with what `open` opens, at the start and after an encoder kept failing. By default that is the software
    /// encoder `auto` of [`encode::by_name`]. It needs a [`camera`](Self::camera).
    #[must_use]
    pub fn encoder<E, F>(mut self, mut open: F) -> Self
    where
        E: JpegEncoder + 'static,
        F: FnMut() -> Result<E> + Send + 'static,
    {
        self.encoder = Box::new(move || Ok(Box::new(open()?)));
        self
    }

    /// The quality of its pictures, [`Quality::DEFAULT`] by default.
    #[must_use]
    pub fn quality(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }

    /// Runs this pipeline, which publishes into [`hub`](Self::hub), instead of a [`camera`](Self::camera).
    #[must_use]
    pub fn pipeline(self, pipeline: Pipeline) -> Self {
        Self { pipeline: Some(pipeline), ..self }
    }

    /// Listens there as well: `IP:PORT` (port 0 picks a free one), `[IPv6]:PORT` or `unix:/path`. By default it listens on
    /// 127.0.0.1:8000, for this machine alone; `0.0.0.0:8000` is for the network.
    #[must_use]
    pub fn bind(mut self, address: &str) -> Self {
        self.addresses.push(address.to_owned());
        self
    }

    /// Serves this port as well, which [`http::listen`](crate::http::listen) has bound.
    #[must_use]
    pub fn listen_on(mut self, bound: TcpListener) -> Self {
        self.bound.push(bound);
        self
    }

    /// Serves this listener as well.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Replaces the page at `/`.
    #[must_use]
    pub fn html(mut self, html: impl Into<bytes::Bytes>) -> Self {
        self.server.page = Page::new(html);
        self
    }

    /// Admits only clients with one of these credentials.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.server.access = access;
        self
    }

    /// How many may watch at once, [`MAX_VIEWERS`](crate::http::MAX_VIEWERS) by default.
    #[must_use]
    pub fn max_viewers(mut self, viewers: usize) -> Self {
        self.server.max_viewers = viewers;
        self
    }

    /// Changes what else can be set of the server: limits, proxies, origins, TLS, ...
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(&mut Server)) -> Self {
        configure(&mut self.server);
        self
    }

    /// Sends the newest picture to this address again and again, beside the stream.
    #[must_use]
    pub fn upload_to(self, url: UploadUrl) -> Self {
        let Hub { feed, metrics, .. } = self.hub();
        let backoff = Backoff::new(fastrand::Rng::new());
        let sender = Sender::newest(Client::new(url), backoff, metrics.upload.clone(), feed.subscribe());
        self.upload(sender)
    }

    /// Uploads with this, beside the stream.
    #[must_use]
    pub fn upload(self, sender: Sender) -> Self {
        Self { upload: Some(sender), ..self }
    }

    /// The pictures, counters and state that will be served: a program without a camera publishes its own pictures there.
    pub fn hub(&self) -> &Hub {
        &self.server.hub
    }

    /// Opens the camera and the encoder, and binds the ports. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of opening the devices, and of [`Listener::bind`]; `InvalidInput` for an address that is none.
    pub fn open(self) -> Result<Eyelet> {
        let Self { server, camera, encoder, quality, mut pipeline, addresses, bound, mut listeners, upload } =
            self;
        if let Some(camera) = camera {
            let clock = Arc::clone(&server.clock);
            let mut opened = Pipeline::new(camera, encoder, server.hub.clone()).quality(quality).clock(clock);
            opened.open_camera()?;
            opened.open_encoder()?;
            pipeline = Some(opened);
        }
        for address in &addresses {
            let bind: Bind = address.parse().map_err(|what| {
                Error::new(ErrorKind::InvalidInput, format!("cannot listen on {address:?}")).with_remedy(what)
            })?;
            listeners.push(Listener::bind(&bind)?);
        }
        for bound in bound {
            listeners.push(Listener::try_from(bound)?);
        }
        if listeners.is_empty() {
            listeners.push(Listener::bind(&DEFAULT.into())?);
        }
        if let Some(sender) = &upload {
            let progress = sender.progress();
            server.hub.status.uploading(move || progress.status());
        }
        Ok(Eyelet { server, listeners, pipeline, camera: None, upload })
    }

    /// Opens everything and serves from now on, on threads of its own: one for the camera and one for connections.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `OutOfMemory` if the system refuses a thread.
    pub fn start(self) -> Result<Running> {
        Running::start(self)
    }
}
