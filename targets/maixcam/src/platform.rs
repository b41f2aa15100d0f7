//! The board's devices and flags.

use crate::{
    cameras::Cameras,
    csi::{self, CsiMode},
    physical::HostCamera,
    sys::Kernel,
    venc::{self, HwJpegEncoder},
};
use eyelet_core::{
    cli::{self, CameraRequest, Findings, NoCommand, Outcome, Output, Platform, Problem},
    encode,
    pipeline::Open,
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, JpegEncoder, Result,
    clock::{Clock, SystemClock},
};
use eyelet_v4l2::{
    Capabilities, ControlInfo, ControlKind, ControlSetting, FormatInfo, Node, SizeRange, V4l2Device, nodes,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

/// Where the SG2002's JPEG unit is.
pub(crate) const JPEG_UNIT: &str = "/dev/cvi_vc_enc0";

/// The board has neither screen nor keyboard, so its stream is watched from elsewhere; a webcam on any other machine is not
/// shown to the network unless a flag asks for it. Which of the two it is follows from the build: the board's is for riscv64.
const LISTENS_ON: Ipv4Addr =
    if cfg!(target_arch = "riscv64") { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };

/// The devices of `eyelet`.
#[derive(Debug)]
pub struct Board;

/// The board's own flags.
#[derive(Clone, Debug, clap::Args)]
pub struct BoardFlags {
    /// Set a control of the camera, such as brightness=120; repeatable; doctor lists them
    #[arg(long, value_name = "NAME=VALUE")]
    pub control: Vec<ControlSetting>,
    /// How frames come from the MaixCAM's built-in camera: auto, raw (no copy) or jpeg (MaixPy encodes)
    #[arg(long, value_name = "MODE")]
    pub csi: Option<CsiMode>,

    /// Where the encoder and the built-in camera meet.
    #[arg(skip)]
    pub standby: venc::Standby,
}

impl Platform for Board {
    const PROGRAM: &'static str = "eyelet";
    const VERSION: &'static str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("EYELET_BUILD"), ")");
    const CAMERA: &'static str = "auto";
    const ENCODERS: &'static [&'static str] = venc::NAMES;
    const BIND: SocketAddr = SocketAddr::new(IpAddr::V4(LISTENS_ON), 8000);
    type Flags = BoardFlags;
    type Command = NoCommand;

    fn cameras(request: CameraRequest, flags: &BoardFlags) -> Result<Open<dyn CameraSource>> {
        #[cfg(feature = "model")]
        if request.name == "sim" {
            return Ok(simulated(&request));
        }
        let in_host_memory = request.raw;
        let mut cameras = Cameras::new(request, flags)?;
        Ok(Box::new(move || match cameras.open()? {
            camera if in_host_memory => Ok(Box::new(HostCamera::new(camera, Arc::new(Kernel::default())))),
            camera => Ok(camera),
        }))
    }

    fn encoder(name: &str, flags: &BoardFlags) -> Result<Box<dyn JpegEncoder>> {
        venc::by_name(name, &flags.standby).map_err(with_flag)
    }

    fn doctor(request: &CameraRequest, _: &BoardFlags, go_on: &dyn Fn() -> bool) -> Findings {
        let mut findings = Findings::default();
        findings.encoders.extend(encode::NAMES.map(str::to_owned));
        // On another chip it is not missing.
        if Path::new(JPEG_UNIT).exists() {
            match venc::check() {
                Ok(()) => findings.encoders.push(HwJpegEncoder::NAME.to_owned()),
                Err(error) => findings.problems.push(problem(JPEG_UNIT, &with_flag(error))),
            }
        }
        let nodes = nodes(Path::new("/dev"), Path::new("/sys"), &SystemClock);
        for node in &nodes {
            examine(node, &SystemClock, &mut findings);
        }
        match csi::doctor::examine(Path::new("/"), &Kernel::default(), request.size, go_on) {
            // Without the built-in camera, a USB camera is enough.
            Some(csi) if csi.camera.is_some() || findings.cameras.is_empty() => {
                findings.cameras.extend(csi.camera);
                findings.problems.extend(csi.problems);
            }
            Some(_) => {}
            None => findings.problems.extend(no_camera(&nodes)),
        }
        findings
    }

    fn run(command: NoCommand, _: &Output) -> Outcome {
        match command {}
    }
}

/// The flag that leaves the unit alone, where the unit is another than the SG2002's.
fn with_flag(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unsupported => error.with_remedy("use --encoder software"),
        _ => error,
    }
}

/// The simulator's camera, for machines that have only a model of the board's encoder.
#[cfg(feature = "model")]
fn simulated(request: &CameraRequest) -> Open<dyn CameraSource> {
    use eyelet_hal::{PixelFormat, StreamFormat};
    use eyelet_sim::{
        camera::{SimCamera, SimConfig},
        pace::Rate,
    };
    let mut config = SimConfig::default();
    let pixel = request.format.unwrap_or(PixelFormat::Nv12);
    config.format = StreamFormat { pixel, width: request.size.width, height: request.size.height };
    config.rate = Rate::Fps(request.fps);
    Box::new(move || Ok(Box::new(SimCamera::open(config.clone(), Arc::new(SystemClock))?)))
}

fn examine(node: &Node, clock: &dyn Clock, findings: &mut Findings) {
    let name = node.path.display().to_string();
    let mut missing = |error: &Error| findings.problems.push(problem(&name, error));
    match &node.capabilities {
        Err(error) => missing(error),
        // Nodes of metadata, of outputs and of codecs are as they should be.
        Ok(_) if !node.is_camera() => {}
        Ok(capabilities) => {
            let device = match V4l2Device::open(&node.path, clock) {
                Ok(device) => device,
                Err(error) => return missing(&error),
            };
            let survey = device.survey();
            survey.missing.iter().for_each(missing);
            findings.cameras.push(cli::Camera {
                name: name.clone(),
                description: description(capabilities),
                formats: survey.formats.iter().map(format).collect(),
                controls: survey.controls.into_iter().map(control).collect(),
                ..cli::Camera::default()
            });
        }
    }
}

/// What there is instead of a camera, if no node is one. One that is busy, or belongs to another user, may be.
fn no_camera(nodes: &[Node]) -> Option<Problem> {
    let may_be = |node: &Node| match &node.capabilities {
        Ok(_) => node.is_camera(),
        Err(error) => matches!(error.kind(), ErrorKind::Busy | ErrorKind::PermissionDenied),
    };
    if nodes.iter().any(may_be) {
        return None;
    }
    let others: Vec<String> = nodes.iter().filter_map(Node::role_in_words).collect();
    let what =
        if others.is_empty() { "no camera".to_owned() } else { format!("no camera: {}", others.join(", ")) };
    let remedy = "plug in a USB camera, and switch the board's USB port to host mode".to_owned();
    Some(Problem { kind: ErrorKind::NotFound, device: None, what, remedy })
}

/// Card, driver and bus, of which a driver may leave out any.
fn description(capabilities: &Capabilities) -> String {
    let named = |name: &str| if name.is_empty() { "unnamed" } else { name }.to_owned();
    let Capabilities { card, driver, bus, .. } = capabilities;
    format!("{} ({}, {})", named(card), named(driver), named(bus))
}

fn format(format: &FormatInfo) -> cli::Format {
    let sizes = format.sizes.iter().map(|size| match *size {
        SizeRange::Discrete(width, height) => {
            cli::Sizes { min: (width, height), max: (width, height), step: (0, 0) }
        }
        SizeRange::Stepwise { min, max, step } => cli::Sizes { min, max, step },
    });
    cli::Format {
        name: format.pixel.map(|pixel| pixel.name().to_owned()),
        fourcc: Some(String::from_utf8_lossy(&format.fourcc).trim_end().to_owned()),
        sizes: sizes.collect(),
        line: format.to_string(),
    }
}

fn control(info: ControlInfo) -> cli::Control {
    let line = info.to_string();
    let kind = info.kind.name();
    let menu = if let ControlKind::Menu(items) = info.kind { items } else { Vec::new() };
    cli::Control {
        name: info.name,
        kind,
        min: info.minimum,
        max: info.maximum,
        step: info.step,
        default: info.default,
        value: info.value,
        menu,
        read_only: info.read_only,
        inactive: info.inactive,
        line,
    }
}

/// An error of a device as `doctor` lists it.
fn problem(device: &str, error: &Error) -> Problem {
    let (what, remedy) = (error.message().to_owned(), error.remedy().unwrap_or("see the message").to_owned());
    Problem { kind: error.kind(), device: Some(device.to_owned()), what, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doctor_without_a_camera_names_the_other_nodes() {
        let node = |number, flags| Node::of(number, Ok(Capabilities::of("driver", "", "bus", flags)));
        let what = |nodes: &[Node]| no_camera(nodes).unwrap().what;
        assert_eq!(what(&[]), "no camera");
        let nodes = [node(0, 0x0420_1000), node(1, 0x0120_0001)];
        assert_eq!(
            what(&nodes),
            "no camera: /dev/video0 is a multi-planar camera, /dev/video1 is a camera that cannot stream, only read()"
        );
        assert_eq!(description(nodes[0].capabilities.as_ref().unwrap()), "unnamed (driver, bus)");
    }

    /// It listed "no camera" as well.
    #[test]
    fn doctor_with_a_busy_camera_does_not_miss_one() {
        let cannot = |kind| Node::of(0, Err(Error::new(kind, "cannot open /dev/video0")));
        assert!(no_camera(&[cannot(ErrorKind::Busy)]).is_none());
        assert!(no_camera(&[cannot(ErrorKind::PermissionDenied)]).is_none());
        assert!(no_camera(&[Node::of(0, Ok(Capabilities::of("driver", "", "bus", 0x0420_0001)))]).is_none());
        assert_eq!(no_camera(&[cannot(ErrorKind::Unsupported)]).unwrap().what, "no camera");
    }

    #[test]
    fn encoder_on_another_chip_is_an_error_with_the_flag() {
        let error = with_flag(Error::new(ErrorKind::Unsupported, "no SG2002").with_remedy("use software"));
        assert_eq!(error.to_string(), "no SG2002; use --encoder software");
        let busy = || Error::new(ErrorKind::Busy, "busy").with_remedy("stop it");
        assert_eq!(with_flag(busy()).to_string(), busy().to_string());
    }

    #[test]
    fn problem_of_an_error_keeps_sentence_and_remedy_apart() {
        let error = Error::new(ErrorKind::Busy, "cannot open /dev/video0: busy; or so").with_remedy("wait");
        let problem = problem("/dev/video0", &error);
        assert_eq!((&*problem.what, &*problem.remedy), ("cannot open /dev/video0: busy; or so", "wait"));
    }
}
