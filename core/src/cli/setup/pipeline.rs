//! From flags to a pipeline.

use crate::{
    cli::{CameraArgs, CameraRequest, Failure, Platform},
    encode,
    feed::Hub,
    pipeline::{Open, Pipeline},
};
use eyelet_hal::{CameraSource, Error, JpegEncoder, clock::Clock};
use std::sync::Arc;

/// A camera is lost without a frame for [`Pipeline::STALL_AFTER`], or for this many of its periods.
const STALL_PERIODS: u32 = 5;

/// The pipeline that the flags ask for, with its camera open.
pub(in crate::cli) fn pipeline<D: Platform>(
    args: &CameraArgs<D::Flags>,
    hub: Hub,
    clock: Arc<dyn Clock>,
) -> Result<Pipeline, Failure> {
    let (name, flags) = (args.encoder.clone(), args.own.clone());
    let mut pipeline = Pipeline::new(open::<D>(args)?, Box::new(move || D::encoder(&name, &flags)), hub)
        .quality(args.quality)
        .stall_after(Pipeline::STALL_AFTER.max(STALL_PERIODS * args.fps.period()))
        .clock(clock);
    // Opened here first: a device that cannot be opened is a mistake now, and a fault to wait out later. The camera before
    // the encoder, which may have something to log: a mistake is reported in one line.
    pipeline.open_camera().map_err(refused)?;
    pipeline.open_encoder().map_err(|error| wrong_encoder::<D>(error, &args.encoder))?;
    Ok(pipeline)
}

/// The camera that the flags ask for, open.
pub(in crate::cli) fn camera<D: Platform>(
    args: &CameraArgs<D::Flags>,
) -> Result<Box<dyn CameraSource>, Failure> {
    open::<D>(args)?().map_err(refused)
}

/// The camera that the flags ask for, in their words.
pub(in crate::cli) fn request<D: Platform>(args: &CameraArgs<D::Flags>) -> CameraRequest {
    CameraRequest {
        name: args.camera.clone().unwrap_or_else(|| D::CAMERA.to_owned()),
        size: args.size,
        fps: args.fps,
        format: args.format,
        quality: args.quality,
    }
}

/// Opens the camera that the flags ask for.
pub(in crate::cli) fn open<D: Platform>(
    args: &CameraArgs<D::Flags>,
) -> Result<Open<dyn CameraSource>, Failure> {
    let request = request::<D>(args);
    let name = request.name.clone();
    D::cameras(request, &args.own).map_err(|error| Failure::of_name(error, &name, D::CAMERAS.iter().copied()))
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
