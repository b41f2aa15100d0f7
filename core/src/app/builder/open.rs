//! Opens what a builder has been given.

use super::{Builder, Camera};
use crate::{
    app::{Eyelet, signals::Signals},
    encode,
    feed::{CameraName, Hub},
    http::{Bind, Listener, Server},
    pipeline::Pipeline,
};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
};

/// Where it listens by default: for this machine alone.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

impl Builder {
    /// Opens the cameras and their encoders, and binds the ports. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of opening the devices, and of [`Listener::bind`]; `InvalidInput` for an address that is none, for a name
    /// that a camera cannot have or that is missing or taken where there are several, for a path that a route cannot have, and
    /// for an [`encoder`](Self::encoder), an edit such as [`rotate`](Self::rotate) or an [`each_frame`](Self::each_frame) without a
    /// camera, for a second `each_frame` of the same, and for a bit budget whose lowest quality is above the cameras' own;
    /// `Unsupported` for an edit that frames of that camera's format cannot have.
    pub fn open(mut self) -> Result<Eyelet> {
        self.check()?;
        let Self {
            mut server,
            cameras,
            encoder,
            quality,
            mut pipelines,
            addresses,
            bound,
            listeners,
            upload,
            control,
            budget,
            signals,
            ..
        } = self;
        let signals = signals.map(|watch| watch()).transpose()?;
        let encoder = encoder.unwrap_or_else(|| Box::new(|| encode::by_name("auto")));
        let encoder = Arc::new(Mutex::new(encoder));
        server.cameras().for_each(|(_, hub)| control.begin(hub));
        for (index, Camera { name, open, edits, hand }) in cameras.into_iter().enumerate() {
            let hub = hub_of(&mut server, index, name.as_deref())?;
            control.begin(&hub);
            let encoder = Arc::clone(&encoder);
            let encoder = Box::new(move || encoder.lock().unwrap_or_else(PoisonError::into_inner)());
            let clock = Arc::clone(&server.clock);
            let mut opened =
                Pipeline::new(open, encoder, hub).quality(quality).clock(clock).edits(edits).in_hand(hand);
            if let Some(name) = name {
                opened = opened.name(name);
            }
            let stopped = || signals.as_ref().is_some_and(Signals::came);
            if opened.open_camera_unless(stopped)? {
                opened.check_edits().map_err(|(error, _)| error)?;
                opened.open_encoder()?;
            }
            pipelines.push(opened);
        }
        if let Some(budget) = budget {
            for (_, hub) in server.cameras() {
                budget.limit(hub)?;
            }
        }
        let upload = upload.map(|sender| sender.within(server.hub.budget.get().cloned()));
        let saver = control.restore(server.cameras())?;
        server.routes.check(server.cameras().filter_map(|(name, _)| name))?;
        let listeners = listen(listeners, &addresses, bound)?;
        if let Some(sender) = &upload {
            let progress = sender.progress();
            server.hub.status.uploading(move || progress.status());
        }
        Ok(Eyelet { server, listeners, pipelines, cameras: Vec::new(), upload, saver, signals })
    }

    /// Whether all of it fits together.
    fn check(&mut self) -> Result<()> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        let needs_camera = [
            (self.edits.is_some(), "an edit"),
            (self.hand.is_some(), "each_frame"),
            (self.encoder.is_some(), "encoder"),
        ];
        for (given, what) in needs_camera {
            if given && self.cameras.is_empty() {
                return Err(Error::new(ErrorKind::InvalidInput, format!("{what} has no camera"))
                    .with_remedy("add the camera with camera or named_camera; a pipeline has its own"));
            }
        }
        self.control.check()
    }
}

/// The hub of the camera with this number and name, which the server shows from now on.
fn hub_of(server: &mut Server, index: usize, name: Option<&str>) -> Result<Hub> {
    let wrong = |why: &'static str| {
        let what = format!("cannot add camera {:?}", name.unwrap_or_default());
        Error::new(ErrorKind::InvalidInput, what).with_remedy(why)
    };
    let name: Option<CameraName> = name.map(str::parse).transpose().map_err(wrong)?;
    if name.is_some() && server.cameras().any(|(taken, _)| taken == name.as_ref()) {
        return Err(wrong("give each camera a name of its own"));
    }
    match (index, name) {
        (0, name) => {
            server.name = name;
            Ok(server.hub.clone())
        }
        (_, Some(name)) => {
            let hub = Hub::default();
            server.others.push((name, hub.clone()));
            Ok(hub)
        }
        (_, None) => Err(wrong("give each of several cameras a name")),
    }
}

/// These listeners, and those of further addresses and ports; the default's if there are none.
fn listen(
    mut listeners: Vec<Listener>,
    addresses: &[String],
    bound: Vec<TcpListener>,
) -> Result<Vec<Listener>> {
    for address in addresses {
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
    Ok(listeners)
}
