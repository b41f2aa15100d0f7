//! From flags to a pipeline.

use super::{CameraArgs, CameraRequest, Devices, Failure};
use crate::{clock::Clock, hub::Hub, pipeline::Pipeline};
use std::{sync::Arc, time::Duration};

/// A camera is lost when it lends nothing for this long, or for this many of its periods.
const STALL: Duration = Duration::from_secs(3);
const STALL_PERIODS: u32 = 5;

/// The pipeline that the flags ask for, with its camera open.
pub(super) fn pipeline<D: Devices>(
    args: &CameraArgs<D::Flags>,
    hub: Hub,
    clock: Arc<dyn Clock>,
) -> Result<Pipeline, Failure> {
    let encoder = D::encoder(&args.encoder, &args.own)?;
    let mut reopen = D::cameras(request::<D>(args), &args.own)?;
    // Opened here first: a camera that cannot be is a mistake now, and a fault to wait out later.
    let camera = Some(reopen()?);
    let stall_after = STALL.max(STALL_PERIODS * args.fps.period());
    Ok(Pipeline { camera, reopen, encoder, quality: args.quality, stall_after, clock, hub })
}

pub(super) fn request<D: Devices>(args: &CameraArgs<D::Flags>) -> CameraRequest {
    CameraRequest {
        name: args.camera.clone().unwrap_or_else(|| D::CAMERA.to_owned()),
        size: args.size,
        fps: args.fps,
        format: args.format,
    }
}
