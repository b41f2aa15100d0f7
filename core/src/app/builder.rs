//! What an [`Eyelet`](super::Eyelet) is made of.

mod open;

use super::{Running, control::Control, signals::Signals};
use crate::{
    Backoff,
    feed::{Budget, Hub},
    http::{Access, Listener, Page, Reply, Request, Routes, Server},
    pipeline::{EachFrame, Edits, Flip, FrameInHand, Hand, Mask, Open, Pipeline, Rotation},
    upload::{Client, Sender, UploadUrl},
};
use eyelet_hal::{CameraSource, Error, ErrorKind, JpegEncoder, Quality, Result, clock::SystemClock};
use std::{fmt, net::TcpListener, num::NonZeroU32, sync::Arc};

/// A camera that is not open yet.
struct Camera {
    name: Option<String>,
    open: Open<dyn CameraSource>,
    edits: Option<Edits>,
    hand: Option<Box<dyn Hand>>,
}

/// Puts an [`Eyelet`](super::Eyelet) together. Nothing is opened before [`open`](Self::open) or [`start`](Self::start).
pub struct Builder {
    server: Server,
    cameras: Vec<Camera>,
    /// For the first camera.
    edits: Option<Edits>,
    hand: Option<Box<dyn Hand>>,
    /// Instead of the default.
    encoder: Option<Open<dyn JpegEncoder>>,
    quality: Quality,
    pipelines: Vec<Pipeline>,
    addresses: Vec<String>,
    bound: Vec<TcpListener>,
    listeners: Vec<Listener>,
    upload: Option<Sender>,
    pub(super) control: Control,
    budget: Option<Budget>,
    /// A pointer, so that a program without it is no larger for it.
    signals: Option<fn() -> Result<Signals>>,
    /// The first call that cannot be followed.
    mistake: Option<Error>,
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
            cameras: Vec::new(),
            edits: None,
            hand: None,
            encoder: None,
            quality: Quality::DEFAULT,
            pipelines: Vec::new(),
            addresses: Vec::new(),
            bound: Vec::new(),
            listeners: Vec::new(),
            upload: None,
            control: Control::default(),
            budget: None,
            signals: None,
            mistake: None,
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
    pub fn camera<C, F>(mut self, open: F) -> Self
    where
        C: CameraSource + 'static,
        F: FnMut() -> Result<C> + Send + 'static,
    {
        self.add(None, boxed(open));
        self
    }

    /// Shows this camera too, or first, as [`camera`](Self::camera), under a [name](crate::feed::CameraName): at `/NAME/`, `/NAME/stream`,
    /// `/NAME/snapshot` and so on. The addresses without a name are the first camera's, but for the page, which shows all. Each
    /// camera has a thread of its own, fails and comes back by itself.
    #[must_use]
    pub fn named_camera<C, F>(mut self, name: &str, open: F) -> Self
    where
        C: CameraSource + 'static,
        F: FnMut() -> Result<C> + Send + 'static,
    {
        self.add(Some(name.to_owned()), boxed(open));
        self
    }

    fn add(&mut self, name: Option<String>, open: Open<dyn CameraSource>) {
        let (edits, hand) = (self.edits.take(), self.hand.take());
        self.cameras.push(Camera { name, open, edits, hand });
    }

    /// Rotates each picture of the camera that was added last, or of the first if there is none yet, as
    /// [`Pipeline::rotate`] does.
    #[must_use]
    pub fn rotate(self, rotation: Rotation) -> Self {
        self.edit(|edits| edits.rotate(rotation))
    }

    /// Flips each picture of that camera, after it was rotated, as [`Pipeline::flip`] does.
    #[must_use]
    pub fn flip(self, flip: Flip) -> Self {
        self.edit(|edits| edits.flip(flip))
    }

    /// Makes this part of each picture of that camera black, as [`Pipeline::mask`] does.
    #[must_use]
    pub fn mask(self, mask: Mask) -> Self {
        self.edit(|edits| edits.mask(mask))
    }

    /// Writes this text on each picture of that camera, as [`Pipeline::overlay`] does.
    #[cfg(feature = "drawing")]
    #[must_use]
    pub fn overlay(self, overlay: crate::pipeline::Overlay) -> Self {
        self.edit(|edits| edits.overlay(overlay))
    }

    fn edit(mut self, edit: impl FnOnce(&mut Edits)) -> Self {
        let edits = self.cameras.last_mut().map_or(&mut self.edits, |camera| &mut camera.edits);
        edit(edits.get_or_insert_default());
        self
    }

    /// Calls `each` with every wanted [frame](crate::pipeline#frames-before-they-are-encoded) of the camera that was added last,
    /// or of the first if there is none yet, before it is encoded: to look at it, to draw on it, and to attach what it shows.
    /// What `each` keeps stays when the camera is opened again. There is one function for each camera: it can call others.
    #[must_use]
    pub fn each_frame(
        mut self,
        each: impl FnMut(&mut FrameInHand<'_>) -> Result<()> + Send + 'static,
    ) -> Self {
        let camera = self.cameras.last_mut().map_or(&mut self.hand, |camera| &mut camera.hand);
        if camera.replace(Box::new(EachFrame::new(each))).is_some() {
            let what = "two functions are to have each frame of one camera";
            let error = Error::new(ErrorKind::InvalidInput, what).with_remedy("call one from the other");
            self.mistake.get_or_insert(error);
        }
        self
    }

    /// Encodes with what `open` opens, at the start and after an encoder kept failing. By default that is the software
    /// encoder `auto` of [`encode::by_name`](crate::encode::by_name). It needs a [`camera`](Self::camera), and each camera opens one of its own.
    #[must_use]
    pub fn encoder<E, F>(mut self, mut open: F) -> Self
    where
        E: JpegEncoder + 'static,
        F: FnMut() -> Result<E> + Send + 'static,
    {
        self.encoder = Some(Box::new(move || Ok(Box::new(open()?))));
        self
    }

    /// The quality of its pictures, [`Quality::DEFAULT`] by default.
    #[must_use]
    pub fn quality(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }

    /// Runs this pipeline too, which publishes into a hub of the server.
    #[must_use]
    pub fn pipeline(mut self, pipeline: Pipeline) -> Self {
        self.pipelines.push(pipeline);
        self
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

    /// Answers `GET` and `HEAD` at this path of the application's own, such as `/threshold`. See [`Routes`] for what a handler
    /// may do, and how long.
    #[must_use]
    pub fn get<R: Into<Reply>>(
        self,
        path: &str,
        handler: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Self {
        self.routes(|routes| _ = routes.get(path, handler))
    }

    /// Answers `POST` at this path of the application's own.
    #[must_use]
    pub fn post<R: Into<Reply>>(
        self,
        path: &str,
        handler: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Self {
        self.routes(|routes| _ = routes.post(path, handler))
    }

    /// Adds further [`Routes`] of the application's own: those with a future for an answer, say.
    #[must_use]
    pub fn routes(mut self, add: impl FnOnce(&mut Routes)) -> Self {
        add(&mut self.server.routes);
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

    /// Keeps all pictures that leave the server, to viewers, as snapshots and as uploads, within so many kbit/s: see [`Budget`].
    /// Their quality is lowered to `quality_min` for it, and then there are fewer. Pictures that the program publishes itself
    /// are counted only.
    #[must_use]
    pub fn max_kbps(self, max_kbps: NonZeroU32, quality_min: Quality) -> Self {
        self.budget(Budget::new(max_kbps, quality_min))
    }

    /// As [`max_kbps`](Self::max_kbps), with a budget that other servers may share.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget: Some(budget), ..self }
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

    /// Stops everything when the process gets SIGINT, SIGTERM or SIGHUP: [`Running::wait`] and
    /// [`Eyelet::serve`](super::Eyelet::serve) return, and cameras that are still being opened are given up. Off by default: a
    /// program may have its own code for signals, and one without ends at once, with its cameras left as they are. The MaixCAM's
    /// built-in camera has to be closed.
    ///
    /// A second signal ends the process at once, with 128 and its number. Signals that the process ignored at the start
    /// (`nohup`) stay ignored. When all has ended without one, by a drop of `Running` say, they do nothing any more: end the
    /// program then.
    #[must_use]
    pub fn stop_on_signals(self) -> Self {
        Self { signals: Some(Signals::watch), ..self }
    }

    /// The pictures, counters and state that will be served: a program without a camera publishes its own pictures there.
    pub fn hub(&self) -> &Hub {
        &self.server.hub
    }

    /// Opens everything and serves from now on, on threads of its own: one for the camera and one for connections.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `OutOfMemory` if the system refuses a thread.
    pub fn start(self) -> Result<Running> {
        Running::start(self)
    }
}

fn boxed<C, F>(mut open: F) -> Open<dyn CameraSource>
where
    C: CameraSource + 'static,
    F: FnMut() -> Result<C> + Send + 'static,
{
    Box::new(move || Ok(Box::new(open()?)))
}
