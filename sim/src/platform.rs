//! The simulator's devices, flags and subcommands.

use crate::{
    camera::{MAX_SIDE, SimCamera, SimConfig},
    fault::{Chance, FailingEncoder, FaultConfig, Faults},
    pace::Rate,
    receive::{self, Folder},
    replay::ReplayCamera,
    scene::Scene,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use eyelet_core::{
    cli::{self, Camera, CameraRequest, Failure, Findings, Outcome, Output, Platform, Signals},
    encode, http,
    pipeline::Open,
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, JpegEncoder, PixelFormat, Result, StreamFormat,
    clock::{Clock, SystemClock},
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU64,
    path::PathBuf,
    sync::Arc,
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The devices of `eyelet-sim`.
#[derive(Debug)]
pub struct Simulator;

/// The simulator's own flags.
#[derive(Clone, Debug, clap::Args)]
pub struct SimFlags {
    /// What the camera sees
    #[arg(long, value_name = "NAME", default_value_t, value_parser = scene())]
    pub scene: Scene,
    /// Seed of scenes and faults: the same seed gives the same run
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub seed: u64,
    /// Probability, 0 to 1, that a frame is lost
    #[arg(long, value_name = "P", default_value_t)]
    pub drop_chance: Chance,
    /// Probability that a frame's bytes are damaged
    #[arg(long, value_name = "P", default_value_t)]
    pub corrupt_chance: Chance,
    /// Probability that a frame is truncated
    #[arg(long, value_name = "P", default_value_t)]
    pub truncate_chance: Chance,
    /// Probability that the camera stalls for a while
    #[arg(long, value_name = "P", default_value_t)]
    pub stall_chance: Chance,
    /// Probability that the encoder fails at a frame
    #[arg(long, value_name = "P", default_value_t)]
    pub encoder_fail_chance: Chance,
    /// Change the size of raw frames after every N frames, to half the height and back
    #[arg(long, value_name = "N", value_parser = frames)]
    pub resize_after: Option<NonZeroU64>,
    /// Unplug the camera after N frames; it comes back
    #[arg(long, value_name = "N", value_parser = frames)]
    pub unplug_after: Option<NonZeroU64>,
    /// Probability that the camera is unplugged before a frame; it comes back
    #[arg(long, value_name = "P", default_value_t)]
    pub unplug_chance: Chance,
}

fn scene() -> impl TypedValueParser<Value = Scene> {
    PossibleValuesParser::new(Scene::ALL.map(Scene::name)).try_map(|name| name.parse())
}

fn seed(text: &str) -> std::result::Result<u64, &'static str> {
    text.parse().map_err(|_| "a seed is a whole number from 0 to 18446744073709551615")
}

fn frames(text: &str) -> std::result::Result<NonZeroU64, &'static str> {
    text.parse().map_err(|_| "a number of frames is 1 or more")
}

/// The simulator's own subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum SimCommand {
    /// Store uploaded pictures in a folder: a small upload server
    Receive(ReceiveArgs),
}

/// `receive`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReceiveArgs {
    /// Where to store the pictures; created if it does not exist
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::new(LOOPBACK, 8080), value_parser = tcp)]
    pub bind: SocketAddr,
    /// What is logged to stderr: error, warn, info, debug, or a filter
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = cli::log_filter)]
    pub log: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: cli::ConfigArgs,
}

/// A TCP address: `receive` has no Unix sockets.
fn tcp(text: &str) -> std::result::Result<SocketAddr, &'static str> {
    match text.parse()? {
        http::Bind::Tcp(address) => Ok(address),
        _ => Err("receive listens on TCP only, such as 127.0.0.1:8080"),
    }
}

impl SimFlags {
    fn faults(&self) -> FaultConfig {
        FaultConfig {
            drop: self.drop_chance,
            corrupt: self.corrupt_chance,
            truncate: self.truncate_chance,
            stall: self.stall_chance,
            unplug_after: self.unplug_after,
            unplug: self.unplug_chance,
            resize_after: self.resize_after,
            ..FaultConfig::default()
        }
    }
}

/// Opens the camera behind its faults, as often as requested.
fn reopen<C: CameraSource + 'static>(
    faults: Faults,
    mut open: impl FnMut() -> Result<C> + Send + 'static,
) -> Open<dyn CameraSource> {
    Box::new(move || Ok(Box::new(faults.open(&mut open)?)))
}

impl Platform for Simulator {
    const PROGRAM: &'static str = "eyelet-sim";
    const VERSION: &'static str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("EYELET_BUILD"), ")");
    const CAMERA: &'static str = "sim";
    const CAMERAS: &'static [&'static str] = &["sim", "replay:DIR"];
    const BIND: SocketAddr = SocketAddr::new(LOOPBACK, 8000);
    type Flags = SimFlags;
    type Command = SimCommand;

    fn cameras(request: CameraRequest, flags: &SimFlags) -> Result<Open<dyn CameraSource>> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let faults = Faults::new(flags.faults(), flags.seed, Arc::clone(&clock));
        let rate = Rate::Fps(request.fps);
        if let Some(dir) = request.name.strip_prefix("replay:").map(PathBuf::from) {
            return Ok(reopen(faults, move || ReplayCamera::open(&dir, rate, Arc::clone(&clock))));
        }
        if request.name != Self::CAMERA {
            return Err(Error::new(ErrorKind::InvalidInput, format!("no camera {:?}", request.name))
                .with_remedy("use sim or replay:DIR"));
        }
        let (width, height) = (request.size.width, request.size.height);
        let format = StreamFormat { pixel: request.format.unwrap_or(PixelFormat::Nv12), width, height };
        let (scene, seed, quality) = (flags.scene, flags.seed, request.quality);
        let config = SimConfig { format, rate, scene, seed, quality, ..SimConfig::default() };
        Ok(reopen(faults, move || SimCamera::open(config.clone(), Arc::clone(&clock))))
    }

    fn encoder(name: &str, flags: &SimFlags) -> Result<Box<dyn JpegEncoder>> {
        let encoder = encode::by_name(name)?;
        Ok(match flags.encoder_fail_chance {
            Chance::NEVER => encoder,
            chance => Box::new(FailingEncoder::new(encoder, chance, flags.seed)),
        })
    }

    fn doctor(_: &CameraRequest, _: &SimFlags, _: &dyn Fn() -> bool) -> Findings {
        let sizes = cli::Sizes { min: (1, 1), max: (MAX_SIDE, MAX_SIDE), step: (1, 1) };
        let format = |pixel: PixelFormat, sizes: &[cli::Sizes]| cli::Format {
            name: Some(pixel.name().to_owned()),
            sizes: sizes.to_vec(),
            ..cli::Format::default()
        };
        let scenes = (0..).zip(Scene::ALL.map(|scene| scene.name().to_owned()));
        let scene = cli::Control {
            name: "scene".to_owned(),
            kind: "menu",
            max: Scene::ALL.len() as i64 - 1,
            step: 1,
            menu: scenes.collect(),
            line: format!("scenes: {}", Scene::ALL.map(Scene::name).join(" ")),
            ..cli::Control::default()
        };
        let sim = Camera {
            name: "sim".to_owned(),
            description: "drawn pictures, any size up to 8192x8192, any rate".to_owned(),
            formats: PixelFormat::ALL.map(|pixel| format(pixel, &[sizes])).into(),
            controls: vec![scene],
            ..Camera::default()
        };
        let replay = Camera {
            name: "replay:DIR".to_owned(),
            description: "the JPEG files of a folder, looped".to_owned(),
            formats: vec![format(PixelFormat::Jpeg, &[])],
            ..Camera::default()
        };
        let encoders = encode::NAMES.iter().map(|&name| name.to_owned()).collect();
        Findings { cameras: vec![sim, replay], encoders, problems: vec![] }
    }

    fn run(command: SimCommand, output: &Output) -> Outcome {
        match command {
            SimCommand::Receive(args) => store(args, output),
        }
    }
}

fn store(args: ReceiveArgs, output: &Output) -> Outcome {
    output.log(&args.log)?;
    let folder = Folder::open(&args.dir, Arc::new(SystemClock))?;
    let listener = http::listen(args.bind).map_err(|e| Failure::of_flag(e, "--bind"))?;
    let cannot = |e: std::io::Error| Failure::runtime(format!("cannot listen on {}: {e}", args.bind));
    let bound = listener.local_addr().map_err(cannot)?;
    let runtime = cli::runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    // Files are written by threads. The first is there from the start; later ones are a help.
    std::thread::Builder::new().spawn(|| ()).map_err(|e| {
        Failure::runtime(format!("cannot start a thread: {e}; raise the limit of processes (ulimit -u)"))
    })?;
    runtime.block_on(async {
        let _ = tokio::task::spawn_blocking(|| ()).await;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(cannot)?;
        output.announce(&format!("receiving on http://{bound}/upload"));
        let mut outcome = Ok(());
        let stopped = async { outcome = signals.stopped().await };
        receive::run(listener, folder, receive::Options::default(), stopped).await;
        outcome
    })
}
