//! From flags to a pipeline.

use crate::{
    cli::{CameraArgs, CameraRequest, CameraSpec, Failure, Outcome, Platform, args::picture},
    encode,
    feed::{CameraName, Hub},
    pipeline::{Open, Pipeline, wait_to_go_on},
};
use eyelet_hal::{CameraSource, Error, ErrorKind, JpegEncoder, clock::Clock, monotonic};
use std::sync::Arc;

/// A camera is lost without a frame for [`Pipeline::STALL_AFTER`], or for this many of its periods.
const STALL_PERIODS: u32 = 5;

/// Called a few times a second while something takes long; it fails if a signal has come that ends the command.
pub(in crate::cli) type Check<'a> = &'a mut (dyn FnMut() -> Outcome + Send);

/// The pipelines of all cameras that the flags ask for, each with its name, its camera open and a hub of its own.
pub(in crate::cli) fn pipelines<D: Platform>(
    args: &CameraArgs<D::Flags>,
    clock: &Arc<dyn Clock>,
    check: Check<'_>,
) -> Result<Vec<(Option<CameraName>, Hub, Pipeline)>, Failure> {
    let names: Vec<_> = args.camera.iter().map(|camera| camera.name.as_ref()).collect();
    if names.len() > 1 {
        if let Some(unnamed) = args.camera.iter().find(|camera| camera.name.is_none()) {
            let device = &unnamed.device;
            return Err(Failure::Usage(format!(
                "--camera {device} has no name, which each of several cameras needs; write --camera NAME={device}"
            )));
        }
        if let Some(twice) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
            let name = args.camera[twice].name.as_ref().map_or("", CameraName::as_str);
            return Err(Failure::Usage(format!(
                "two cameras are called {name}; give each a name of its own (--camera)"
            )));
        }
    }
    let default = [CameraSpec { name: None, device: D::CAMERA.to_owned() }];
    let all = if args.camera.is_empty() { &default[..] } else { &args.camera };
    let mut one = |(position, camera): (usize, &CameraSpec)| {
        let hub = Hub::default();
        let device = (&*camera.device, position);
        let pipeline = pipeline::<D>(args, device, hub.clone(), Arc::clone(clock), check)?;
        let pipeline = camera.name.iter().fold(pipeline, |pipeline, name| pipeline.name(name.as_str()));
        Ok((camera.name.clone(), hub, pipeline))
    };
    all.iter().enumerate().map(&mut one).collect()
}

/// The pipeline of this camera, which is in this place among several, open.
pub(in crate::cli) fn pipeline<D: Platform>(
    args: &CameraArgs<D::Flags>,
    (device, position): (&str, usize),
    hub: Hub,
    clock: Arc<dyn Clock>,
    check: Check<'_>,
) -> Result<Pipeline, Failure> {
    let (name, flags) = (args.encoder.clone(), args.own.clone());
    let edits = picture::edits(args)?;
    let open = open::<D>(args, (device, position))?;
    let mut pipeline = Pipeline::new(open, Box::new(move || D::encoder(&name, &flags)), hub)
        .quality(args.quality)
        .edits(edits)
        .stall_after(Pipeline::STALL_AFTER.max(STALL_PERIODS * args.fps.period()))
        .clock(clock);
    // Opened here first: a device that cannot be opened is a mistake now, and a fault to wait out later. The camera before
    // the encoder, which may have something to log: a mistake is reported in one line.
    patiently(device, check, || pipeline.continue_opening())?.map_err(refused)?;
    pipeline.check_edits().map_err(|(error, format)| {
        let error = picture::not_of(&error, format);
        // With a single camera there is no question which.
        match args.camera.get(position).and_then(|camera| camera.name.as_ref()) {
            Some(name) if args.camera.len() > 1 => error.map_message(|what| format!("{name}: {what}")),
            _ => error,
        }
    })?;
    pipeline.open_encoder().map_err(|error| wrong_encoder::<D>(error, &args.encoder))?;
    Ok(pipeline)
}

/// The one camera that the flags ask for.
///
/// # Errors
/// Where they ask for several.
pub(in crate::cli) fn device<D: Platform>(args: &CameraArgs<D::Flags>) -> Result<&str, Failure> {
    match &*args.camera {
        [] => Ok(D::CAMERA),
        [camera] => Ok(&camera.device),
        several => Err(Failure::Usage(format!(
            "--camera is given {} times; only serve takes several cameras, so name one",
            several.len()
        ))),
    }
}

/// The camera that the flags ask for, open.
pub(in crate::cli) fn camera<D: Platform>(
    args: &CameraArgs<D::Flags>,
    check: Check<'_>,
) -> Result<Box<dyn CameraSource>, Failure> {
    let device = device::<D>(args)?;
    patiently(device, check, open::<D>(args, (device, 0))?)?.map_err(refused)
}

/// What comes of opening this camera, however long that takes.
///
/// # Errors
/// Those of `check`.
pub(in crate::cli) fn patiently<T>(
    device: &str,
    check: Check<'_>,
    mut open: impl FnMut() -> eyelet_hal::Result<T>,
) -> Result<eyelet_hal::Result<T>, Failure> {
    let mut is_logged = false;
    loop {
        let began = monotonic();
        match open() {
            Err(error) if error.kind() == ErrorKind::Opening => {
                if !std::mem::replace(&mut is_logged, true) {
                    tracing::info!(camera = device, "opening the camera, which may take a while");
                }
                check()?;
                wait_to_go_on(began);
            }
            opened => return Ok(opened),
        }
    }
}

/// This camera, which is in this place among several, as the flags ask for it.
pub(in crate::cli) fn request<D: Platform>(
    args: &CameraArgs<D::Flags>,
    (device, position): (&str, usize),
) -> CameraRequest {
    let others = args.camera.iter().enumerate().filter(|(at, _)| *at != position);
    let others = others.map(|(_, camera)| camera.device.clone()).collect();
    CameraRequest {
        name: device.to_owned(),
        size: args.size,
        fps: args.fps,
        format: args.format,
        raw: args.picture.is_given(),
        quality: args.quality,
        others,
        position,
    }
}

/// Opens this camera as the flags ask for it.
pub(in crate::cli) fn open<D: Platform>(
    args: &CameraArgs<D::Flags>,
    device: (&str, usize),
) -> Result<Open<dyn CameraSource>, Failure> {
    let request = request::<D>(args, device);
    D::cameras(request, &args.own)
        .map_err(|error| Failure::of_name(error, device.0, D::CAMERAS.iter().copied()))
}

/// The encoder that the flags ask for.
pub(in crate::cli) fn encoder<D: Platform>(
    args: &CameraArgs<D::Flags>,
) -> Result<Box<dyn JpegEncoder>, Failure> {
    D::encoder(&args.encoder, &args.own).map_err(|error| wrong_encoder::<D>(error, &args.encoder))
}

fn wrong_encoder<D: Platform>(error: Error, name: &str) -> Failure {
    Failure::of_name(error, name, D::ENCODERS.iter().copied().chain(encode::NAMES))
}

/// What a device refuses is not wrong usage: another device may take it.
fn refused(error: Error) -> Failure {
    Failure::runtime(error.to_string())
}
