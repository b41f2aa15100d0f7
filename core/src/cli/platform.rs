//! What differs from one eyelet binary to the next: its devices.

use super::{Findings, Outcome, Output, Size};
use crate::{feed::Fps, pipeline::Open};
use eyelet_hal::{CameraSource, JpegEncoder, PixelFormat, Result};
use std::{fmt::Debug, net::SocketAddr};

/// The camera that the flags ask for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CameraRequest {
    /// Which one.
    pub name: String,
    /// How large.
    pub size: Size,
    /// How often.
    pub fps: Fps,
    /// In which format; `None` leaves it to the camera.
    pub format: Option<PixelFormat>,
}

/// The cameras and encoders of one binary.
pub trait Platform: Debug + 'static {
    /// The name of the binary.
    const PROGRAM: &'static str;
    /// `--camera` when nobody says.
    const CAMERA: &'static str;
    /// `--bind` when nobody says.
    const BIND: SocketAddr;
    /// Flags that only this binary has.
    type Flags: clap::Args + Clone + Debug + Send + 'static;
    /// Subcommands that only this binary has; [`NoCommand`] where there are none.
    type Command: clap::Subcommand + Debug;

    /// Something that opens the camera, and opens it again after it was lost.
    ///
    /// # Errors
    /// If there can be no such camera; what a camera says when it is opened comes later.
    fn cameras(request: CameraRequest, flags: &Self::Flags) -> Result<Open<dyn CameraSource>>;

    /// The encoder of this name; `auto` picks the best. It hands on what is compressed already.
    ///
    /// # Errors
    /// `InvalidInput`, with the names there are.
    fn encoder(name: &str, flags: &Self::Flags) -> Result<Box<dyn JpegEncoder>>;

    /// What there is and what is missing.
    fn doctor(flags: &Self::Flags) -> Findings;

    /// Runs one of this binary's own subcommands.
    ///
    /// # Errors
    /// As the other commands.
    fn run(command: Self::Command, output: &Output) -> Outcome;
}

/// No further subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum NoCommand {}
