//! A server on this machine, and a camera that publishes what the test gives it.

use bytes::Bytes;
use eyelet_core::{
    Hub,
    feed::{Label, Picture, PictureKind, RunId},
    http::{self, Listeners, Server},
};
use eyelet_hal::clock::{Clock as _, SystemClock};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// Far longer than anything here takes: only a hang meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs until this drops.
pub(crate) struct Running {
    pub(crate) hub: Hub,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server on a free port, changed as the test needs it.
pub(crate) fn serve(change: impl FnOnce(&mut Server)) -> Running {
    let listener = http::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    Running::on(tokio::net::TcpListener::from_std(listener).unwrap(), address, change)
}

impl Running {
    /// A server where these listen.
    pub(crate) fn on(
        listeners: impl Into<Listeners>,
        address: SocketAddr,
        change: impl FnOnce(&mut Server),
    ) -> Self {
        let hub = Hub::default();
        let mut server = Server::new(hub.clone(), Arc::new(SystemClock));
        change(&mut server);
        Self { hub, address, task: tokio::spawn(server.run(listeners.into())) }
    }

    /// Publishes a picture of `len` times the last digit of its number.
    pub(crate) fn publish(&self, sequence: u64, len: usize) {
        let jpeg = Bytes::from(vec![b'0' + (sequence % 10) as u8; len]);
        let captured_at = SystemClock.unix();
        self.hub.feed.publish(Picture {
            jpeg,
            label: Label { run: RunId::new(0), sequence, captured_at },
            kind: PictureKind::Live,
        });
    }
}
