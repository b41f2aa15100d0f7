//! From flags to a pipeline.

use crate::{
    cli::{CameraArgs, CameraRequest, Failure, Platform},
    clock::Clock,
    encode::Renewing,
    feed::Hub,
    pipeline::{Pipeline, Reopen},
};
use eyelet_hal::CameraSource;
use std::{sync::Arc, time::Duration};

/// A camera is lost when it lends nothing for this long, or for this many of its periods.
const STALL: Duration = Duration::from_secs(3);
const STALL_PERIODS: u32 = 5;

/// The pipeline that the flags ask for, with its camera open.
pub(in crate::cli) fn pipeline<D: Platform>(
    args: &CameraArgs<D::Flags>,
    hub: Hub,
    clock: Arc<dyn Clock>,
) -> Result<Pipeline, Failure> {
    let mut reopen = open::<D>(args)?;
    // Opened here first: a camera that cannot be is a mistake now, and a fault to wait out later. Before the
    // encoder, which may have something to log: a mistake is told in one line.
    let camera = Some(opened(&mut reopen)?);
    let (name, flags) = (args.encoder.clone(), args.own.clone());
    let encoder = Box::new(Renewing::new(Box::new(move || D::encoder(&name, &flags)))?);
    let stall_after = STALL.max(STALL_PERIODS * args.fps.period());
    Ok(Pipeline { camera, reopen, encoder, quality: args.quality, stall_after, clock, hub })
}

/// The camera that the flags ask for, open.
pub(in crate::cli) fn camera<D: Platform>(
    args: &CameraArgs<D::Flags>,
) -> Result<Box<dyn CameraSource>, Failure> {
    opened(&mut open::<D>(args)?)
}

/// What opens the camera that the flags ask for.
pub(in crate::cli) fn open<D: Platform>(args: &CameraArgs<D::Flags>) -> Result<Reopen, Failure> {
    let request = CameraRequest {
        name: args.camera.clone().unwrap_or_else(|| D::CAMERA.to_owned()),
        size: args.size,
        fps: args.fps,
        format: args.format,
    };
    Ok(D::cameras(request, &args.own)?)
}

/// What a device refuses is no wrong usage: another device may take it.
fn opened(open: &mut Reopen) -> Result<Box<dyn CameraSource>, Failure> {
    open().map_err(|error| Failure::runtime(error.to_string()))
}
