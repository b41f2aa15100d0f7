//! A camera server to embed: cameras, the server that shows them and an upload, put together and started as one.
//!
//! ```no_run
//! use eyelet_core::Eyelet;
//! # fn open() -> eyelet_hal::Result<Box<dyn eyelet_hal::CameraSource>> { unimplemented!() }
//! # fn main() -> eyelet_hal::Result<()> {
//! let running = Eyelet::builder().camera(open).bind("127.0.0.1:8000").start()?;
//! println!("streaming on {}", running.addresses().join(" "));
//! running.wait(); // for ever, or until a signal with `stop_on_signals`; dropping `running` instead stops all of it
//! # Ok(())
//! # }
//! ```
//!
//! [`Builder::start`] needs no runtime of the caller's. A program that has a tokio runtime uses [`Builder::open`] and
//! [`Eyelet::serve`] instead. The command line and [`JpegStreamer`](crate::JpegStreamer) are built on this.

mod builder;
#[cfg_attr(not(feature = "control"), path = "no_control.rs")]
mod control;
mod running;
mod signals;

pub use builder::Builder;
pub use running::Running;
#[cfg(feature = "cli")]
pub(crate) use signals::is_ignored;

use crate::{
    feed::{CameraName, Hub},
    http::{Listener, Server},
    pipeline::{self, Pipeline},
    upload::Sender,
};
use control::Saver;
use eyelet_hal::Result;
use signals::Signals;
use std::{fmt, future::pending};

/// A camera server whose devices are open and whose ports are bound, and that does not serve yet.
///
/// Connections wait in the kernel's queue until [`serve`](Self::serve) is polled. Dropping it stops the cameras and frees the
/// ports.
pub struct Eyelet {
    server: Server,
    listeners: Vec<Listener>,
    pipelines: Vec<Pipeline>,
    cameras: Vec<pipeline::Running>,
    upload: Option<Sender>,
    // Behind the cameras, which have made their last change when it drops.
    saver: Option<Saver>,
    signals: Option<Signals>,
}

impl fmt::Debug for Eyelet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eyelet").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl Eyelet {
    /// A server without a camera yet, with the defaults of the command line.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The pictures, counters and state that it serves, of the first camera where there are several.
    pub fn hub(&self) -> &Hub {
        &self.server.hub
    }

    /// The addresses that a browser can open, best first, each with the scheme and the base path; never `0.0.0.0`. For a
    /// Unix socket, its path and how to connect to it.
    pub fn addresses(&self) -> Vec<String> {
        let (scheme, path) = (self.server.scheme(), &self.server.base_path);
        let addresses = self.listeners.iter().flat_map(|listener| listener.addresses(scheme));
        addresses.map(|address| path.below(&address)).collect()
    }

    /// Its cameras, the first one first.
    pub fn cameras(&self) -> impl Iterator<Item = (Option<&CameraName>, &Hub)> {
        self.server.cameras()
    }

    /// Where it listens.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Starts the camera threads; [`serve`](Self::serve) does so too. Does nothing if they run, or if a signal has
    /// [stopped](Builder::stop_on_signals) it.
    ///
    /// # Errors
    /// `OutOfMemory` if the system refuses a thread.
    pub fn start_cameras(&mut self) -> Result<()> {
        if self.signals.as_ref().is_some_and(Signals::came) {
            return Ok(());
        }
        for pipeline in self.pipelines.drain(..) {
            self.cameras.push(pipeline.spawn()?);
        }
        Ok(())
    }

    /// Serves and uploads until the future is dropped; it ends by itself only with an error, by a
    /// [signal](Builder::stop_on_signals), or after an upload with a [limit](Sender::limit). Can be called once: later calls
    /// have no listeners left. The cameras run until `self` is dropped.
    ///
    /// # Errors
    /// As [`start_cameras`](Self::start_cameras).
    pub async fn serve(&mut self) -> Result<()> {
        self.start_cameras()?;
        let (server, listeners) = (self.server.clone(), std::mem::take(&mut self.listeners));
        let upload = async {
            match self.upload.take() {
                // Without a limit it has no end.
                Some(sender) => sender.run().await,
                None => pending().await,
            }
        };
        let signal = async {
            match &self.signals {
                Some(signals) => signals.stopped().await,
                None => pending().await,
            }
        };
        let saver = async {
            match &self.saver {
                Some(saver) => saver.run().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = signal => Ok(()),
            () = saver => Ok(()),
            () = server.run(listeners) => Ok(()),
            ended = upload => ended,
        }
    }
}
