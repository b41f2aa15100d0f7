//! Which camera there is.

use eyelet_hal::{Result, clock::SystemClock};
use std::sync::Arc;

/// The board's first V4L2 camera, such as a USB camera.
#[cfg(target_arch = "riscv64")]
pub fn open() -> Result<eyelet_v4l2::V4l2Camera> {
    use eyelet_v4l2::{V4l2Camera, V4l2Config};
    V4l2Camera::open(&V4l2Config::default(), Arc::new(SystemClock))
}

/// A simulated one.
#[cfg(not(target_arch = "riscv64"))]
pub fn open() -> Result<eyelet_sim::camera::SimCamera> {
    use eyelet_sim::camera::{SimCamera, SimConfig};
    SimCamera::open(SimConfig::default(), Arc::new(SystemClock))
}
