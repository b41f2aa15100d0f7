//! Flags and subcommands.

pub(super) mod budget;
pub(super) mod config;
pub(super) mod control;
#[cfg(feature = "generate")]
mod generate;
pub(super) mod hide_args;
pub(super) mod log_filter;
pub(super) mod picture;
pub(super) mod suggest;
mod top;
pub(super) mod values;

pub use top::{StateUrl, TopArgs};

#[cfg(feature = "generate")]
pub use generate::{CompletionsArgs, ManArgs};

use crate::{
    cli::{
        Platform,
        setup::{
            access::{AccessArgs, ClientArgs, Secret, TokenArgs},
            tls::{RootsArgs, ServerTlsArgs},
        },
    },
    feed::{CameraName, Fps},
    http::{AllowedOrigin, BasePath, Bind},
    spool::WhenFull,
    upload::{FIELD, UploadMethod, UploadUrl},
    watch::StreamUrl,
};
use budget::BudgetArgs;
use clap::{ArgAction, Args, Parser, Subcommand};
use control::ControlArgs;
use eyelet_hal::{PixelFormat, Quality};
use picture::PictureArgs;
use std::{num::NonZeroU64, path::PathBuf, str::FromStr, time::Duration};
use values::{ByteCount, HeaderLine, Size, UnixGroup, UnixMode, count, period};

/// JPEG camera streaming: serve a camera to browsers, or upload its pictures.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
pub(in crate::cli) struct Cli<D: Platform> {
    #[command(subcommand)]
    pub(in crate::cli) command: Command<D>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command<D: Platform> {
    /// Stream the camera until stopped (the default command)
    Serve(Box<ServeArgs<D::Flags>>),
    /// Take one picture
    Snapshot(SnapshotArgs<D::Flags>),
    /// Send pictures to a server until stopped
    Upload(Box<UploadArgs<D::Flags>>),
    /// Read any MJPEG-over-HTTP stream and measure it
    Watch(WatchArgs),
    /// Show a server's cameras, budget, uploads and viewers, once a second
    Top(TopArgs),
    /// List cameras, formats and encoders, and anything missing
    Doctor(DoctorArgs<D::Flags>),
    #[command(flatten)]
    Own(D::Command),
    /// Print completions for a shell
    #[cfg(feature = "generate")]
    Completions(CompletionsArgs),
    /// Write pages for `man`
    #[cfg(feature = "generate")]
    Man(ManArgs),
}

/// The configuration file, which every command accepts.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Read flags from a TOML file; flags on the command line take precedence
    // Taken out of the arguments before clap sees a value for it; see `config`.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What `serve`, `snapshot` and `upload` share.
#[derive(Clone, Debug, Args)]
pub struct CameraArgs<F: Args> {
    /// The camera; `doctor` lists them
    // `command` adds the default.
    #[arg(long, value_name = "[NAME=]SPEC")]
    pub camera: Vec<CameraSpec>,
    /// Size of the pictures
    #[arg(long, value_name = "WxH", default_value = "640x480")]
    pub size: Size,
    /// Frames per second
    #[arg(long, value_name = "N", default_value = "30")]
    pub fps: Fps,
    /// Pixel format: nv12, nv21, i420, yuv422p, yuyv, rgb24, bgr24, grey or jpeg
    #[arg(long, value_name = "NAME")]
    pub format: Option<PixelFormat>,
    /// JPEG encoder; `doctor` lists them
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = device)]
    pub encoder: String,
    /// JPEG quality, 1 to 100
    #[arg(long, value_name = "1..100", default_value = "80")]
    pub quality: Quality,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub picture: PictureArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    /// What is logged to stderr: error, warn, info, debug, or a filter such as eyelet_core::http=debug
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log_filter::log_filter)]
    pub log: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub own: F,
}

/// How pictures are uploaded: what `upload` and `serve --upload` share.
#[derive(Clone, Debug, Args)]
pub struct UploadFlags {
    /// How pictures are sent: post, put, or form for multipart/form-data
    #[arg(long, value_name = "METHOD", default_value = "post")]
    pub upload_method: UploadMethod,
    /// The form field that holds the picture
    #[arg(long, value_name = "NAME", default_value = FIELD)]
    pub upload_field: String,
    /// An extra header for each upload; repeatable
    #[arg(long, value_name = "'NAME: VALUE'", action = ArgAction::Append)]
    pub upload_header: Vec<HeaderLine>,
    /// Send the newest picture at this interval, such as 10s or 5m, and none in between
    #[arg(long, value_name = "S", value_parser = period)]
    pub upload_every: Option<Duration>,
    /// Give up an attempt when the server accepts no data, or then does not answer, for this many seconds
    #[arg(long, value_name = "S", default_value = "30", value_parser = period)]
    pub upload_timeout: Duration,
    /// Upload through this HTTP proxy, such as http://USER:PASSWORD@HOST:3128; '' for none [default: the environment's]
    #[arg(long, value_name = "URL")]
    pub upload_proxy: Option<Secret>,
    /// Send passwords and secret headers over http, where others on the way can read them
    #[arg(long)]
    pub insecure_credentials: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub roots: RootsArgs,
    /// Keep pictures in this folder until the server has accepted them
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// Maximum size of the spool, such as 500M [default: 64M]
    #[arg(long, value_name = "BYTES")]
    pub spool_max: Option<ByteCount>,
    /// What happens when the spool is full: drop-oldest or hold [default: drop-oldest]
    #[arg(long, value_name = "POLICY")]
    pub spool_full: Option<WhenFull>,
}

/// `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs<F: Args> {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub camera: CameraArgs<F>,
    /// Where to listen
    // `command` adds the choices and the default.
    #[arg(long, value_name = "ADDR")]
    pub bind: Vec<Bind>,
    /// Octal mode of the files of Unix sockets: write permission allows connecting [default: 660]
    #[arg(long, value_name = "MODE")]
    pub unix_mode: Option<UnixMode>,
    /// Group of the files of Unix sockets, by name or number
    #[arg(long, value_name = "GROUP")]
    pub unix_group: Option<UnixGroup>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub access: AccessArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub clients: ClientArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub tls: ServerTlsArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub control: ControlArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub budget: BudgetArgs,
    /// Your own page for `/`
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The path in front of every route, such as /cam, for a reverse proxy that does not remove it
    #[arg(long, value_name = "PATH", default_value_t)]
    pub base_path: BasePath,
    /// How many clients may watch at once
    #[arg(long, value_name = "N", default_value_t = crate::http::MAX_VIEWERS, value_parser = max_viewers)]
    pub max_viewers: usize,
    /// Write to this watchdog device while all is well; it restarts the machine when the writes stop
    #[arg(long, value_name = "DEVICE")]
    pub watchdog: Option<PathBuf>,
    /// How many connections may be open at once [default: 240 more than --max-viewers]
    #[arg(long, value_name = "N", value_parser = max_connections)]
    pub max_connections: Option<usize>,
    /// How many connections one IPv4 address or one IPv6 /64 network may have
    #[arg(
        long, value_name = "N", default_value_t = crate::http::CONNECTIONS_PER_ADDRESS,
        value_parser = max_connections
    )]
    pub max_connections_per_address: usize,
    /// An origin whose pages may read this server's answers, such as `https://example.org`; * for all; repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<AllowedOrigin>,
    /// Upload pictures to this server while streaming
    #[arg(long, value_name = "URL")]
    pub upload: Option<UploadUrl>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub upload_flags: UploadFlags,
}

/// `[NAME=]SPEC`: one camera of several, or the only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraSpec {
    /// What it is called in addresses.
    pub name: Option<CameraName>,
    /// What `doctor` calls it.
    pub device: String,
}

impl FromStr for CameraSpec {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // What has other characters is a path with `=` in it.
        let is_name =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let (name, text) = match text.split_once('=') {
            Some((name, rest)) if is_name(name) => (Some(name.parse()?), rest),
            _ => (None, text),
        };
        Ok(Self { name, device: device(text)? })
    }
}

/// The name of a camera or an encoder.
fn device(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        Err("a name has at least one character; `doctor` lists them")
    } else {
        Ok(text.to_owned())
    }
}

fn max_viewers(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|n| (1..=10_000).contains(n)).ok_or("a number of viewers from 1 to 10000")
}

fn max_connections(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or("a number of connections from 1 to 100000")
}

/// `snapshot`.
#[derive(Clone, Debug, Args)]
pub struct SnapshotArgs<F: Args> {
    /// Where to save the picture: a name ending in .jpg or .png, or - for a JPEG on stdout
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub camera: CameraArgs<F>,
}

/// `upload`.
#[derive(Clone, Debug, Args)]
pub struct UploadArgs<F: Args> {
    /// Where to send each picture, such as http://192.168.0.2:8080/upload
    #[arg(value_name = "URL")]
    pub url: UploadUrl,
    /// End after this many pictures have been accepted
    #[arg(long, value_name = "N", value_parser = count)]
    pub count: Option<NonZeroU64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub upload_flags: UploadFlags,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub camera: CameraArgs<F>,
}

/// `watch`.
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    /// The stream, such as http://192.168.0.7:8000/stream
    #[arg(value_name = "URL")]
    pub url: StreamUrl,
    /// End after this many pictures
    #[arg(long, value_name = "N", value_parser = count)]
    pub frames: Option<NonZeroU64>,
    /// End after this many seconds
    #[arg(long, value_name = "S", value_parser = period)]
    pub seconds: Option<Duration>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub token: TokenArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub roots: RootsArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs<F: Args> {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Test the camera and the encoder against eyelet's contract
    #[arg(long)]
    pub conformance: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub camera: CameraArgs<F>,
}
