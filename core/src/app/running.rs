//! A server on a thread of its own.

use super::{Builder, Eyelet};
use crate::feed::Hub;
use eyelet_hal::{Error, ErrorKind, Result};
use std::{io, thread};
use tokio::{runtime, sync::oneshot};

/// A running [`Eyelet`]. Dropping it ends every connection, stops the cameras and frees the ports.
///
/// That waits for code of the application that is at work: for a handler of a route, and for a function that has a frame in
/// its hand. One that never returns keeps it waiting for ever.
#[derive(Debug)]
pub struct Running {
    hubs: Vec<Hub>,
    addresses: Vec<String>,
    // `None` once it was waited for.
    thread: Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>,
}

impl Running {
    pub(super) fn start(builder: Builder) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let mut eyelet = {
            let _context = runtime.enter();
            builder.open()?
        };
        eyelet.start_cameras()?;
        let hubs = eyelet.cameras().map(|(_, hub)| hub.clone()).collect();
        let addresses = eyelet.addresses();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                runtime.block_on(serve(&mut eyelet, stopped));
                drop(eyelet);
                // Does not wait for a lookup of an upload server's name that may still be under way.
                runtime.shutdown_background();
            })
            .map_err(no_thread)?;
        Ok(Self { hubs, addresses, thread: Some((stop, thread)) })
    }

    /// The pictures, counters and state that it serves, of each camera; a server without a camera has one too.
    pub fn hubs(&self) -> &[Hub] {
        &self.hubs
    }

    /// The addresses that a browser can open: see [`Eyelet::addresses`].
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Waits for ever; or until a [signal](Builder::stop_on_signals), or an upload with a
    /// [limit](crate::upload::Sender::limit) that is reached, has ended it. Then all is closed, as after a drop.
    pub fn wait(mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            join(thread);
            drop(stop);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            // The receiver is gone only if the thread is.
            let _ = stop.send(());
            join(thread);
        }
    }
}

async fn serve(eyelet: &mut Eyelet, stopped: oneshot::Receiver<()>) {
    tokio::select! {
        ended = eyelet.serve() => if let Err(error) = ended {
            tracing::error!("{error}");
        },
        _ = stopped => {}
    }
}

fn join(thread: thread::JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("the server's thread panicked");
    }
}

fn no_thread(error: io::Error) -> Error {
    Error::new(ErrorKind::OutOfMemory, format!("cannot start the server's thread: {error}"))
        .with_remedy("is the limit of processes or of open files reached?")
        .with_source(error)
}
