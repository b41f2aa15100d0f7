//! What differs from one eyelet binary to the next: its devices, defaults and further flags.

use super::{Findings, Outcome, Output, Size};
use crate::{feed::Fps, pipeline::Open};
use eyelet_hal::{CameraSource, JpegEncoder, PixelFormat, Quality, Result};
use std::{fmt::Debug, net::SocketAddr};

/// The camera that the flags ask for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CameraRequest {
    /// Its name, as in `--camera`.
    pub name: String,
    /// The size of its frames in pixels.
    pub size: Size,
    /// Frames per second.
    pub fps: Fps,
    /// Their pixel format; `None` leaves it to the camera.
    pub format: Option<PixelFormat>,
    /// Whether its frames are edited, which JPEGs cannot be: where `format` leaves it to the camera, raw ones are wanted, in host
    /// memory. A camera that has JPEGs alone is opened all the same, and refused with the flags that are to be left out.
    pub raw: bool,
    /// The quality of the JPEGs, for a camera that encodes them itself.
    pub quality: Quality,
    /// The names of the other cameras that the program uses at the same time.
    pub others: Vec<String>,
    /// How many of them come before this one.
    pub position: usize,
}

/// What one binary adds to the subcommands that all share.
pub trait Platform: Debug + 'static {
    /// The name of the binary.
    const PROGRAM: &'static str;
    /// What `--version` says behind the name: the version, and which sources it is built from.
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    /// The default of `--camera`.
    const CAMERA: &'static str;
    /// The names that `--camera` takes, to suggest one for a mistyped name; empty where they are those of devices.
    const CAMERAS: &'static [&'static str] = &[];
    /// The names that `--encoder` takes besides those of the [software encoders](crate::encode::NAMES), to suggest one.
    const ENCODERS: &'static [&'static str] = &[];
    /// The default of `--bind`.
    const BIND: SocketAddr;
    /// Flags that only this binary has.
    type Flags: clap::Args + Clone + Debug + Send + 'static;
    /// Subcommands that only this binary has; [`NoCommand`] where there are none.
    type Command: clap::Subcommand + Debug;

    /// How to open the camera: at the start, and again after it was lost.
    ///
    /// # Errors
    /// If there can be no such camera. Errors of opening it come later, from what this returns.
    fn cameras(request: CameraRequest, flags: &Self::Flags) -> Result<Open<dyn CameraSource>>;

    /// The encoder of this name; `auto` is the best one. Frames that are JPEGs already pass through it.
    ///
    /// # Errors
    /// `InvalidInput`, with a remedy that lists the names.
    fn encoder(name: &str, flags: &Self::Flags) -> Result<Box<dyn JpegEncoder>>;

    /// What there is and what is missing, with what the flags ask for in mind. It opens nothing that another program has. What
    /// takes long asks `go_on` a few times a second, and gives up once that says no: the findings count for nothing then.
    fn doctor(request: &CameraRequest, flags: &Self::Flags, go_on: &dyn Fn() -> bool) -> Findings;

    /// Runs one of this binary's own subcommands.
    ///
    /// # Errors
    /// As those of the other subcommands.
    fn run(command: Self::Command, output: &Output) -> Outcome;
}

/// No further subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum NoCommand {}
