//! Which camera there is: the board's on the board, a simulated one everywhere else.

use eyelet_core::app::Builder;
use eyelet_hal::{Result, clock::SystemClock};
use std::sync::Arc;

/// A USB camera if one is plugged in, else the MaixCAM's built-in one; encoded by its JPEG unit if there is one.
#[cfg(target_arch = "riscv64")]
pub fn add_to(app: Builder) -> Result<Builder> {
    use eyelet_hal::{CameraSource, ErrorKind};
    use eyelet_maixcam::{
        csi::{CsiConfig, CsiOpener},
        sys::Kernel,
        venc::{self, Standby},
    };
    use eyelet_v4l2::{V4l2Config, V4l2Opener};

    // Keeps the unit out of the way while the built-in camera opens.
    let standby = Standby::default();
    // With its default format a camera that can sends JPEGs, which pass through. To look at pixels or draw on them, in
    // `each_frame`, have it send raw frames: `config.format = Some(eyelet_hal::PixelFormat::Yuyv)`.
    let mut usb = V4l2Opener::new(V4l2Config::default(), Arc::new(SystemClock));
    let mut built_in = CsiOpener::new(CsiConfig::default(), Arc::new(Kernel::default()), standby.clone())?;
    let open = move || -> Result<Box<dyn CameraSource>> {
        match usb.open() {
            Err(no_usb) if no_usb.kind() == ErrorKind::NotFound => match built_in.open() {
                Err(error) if error.kind() == ErrorKind::NotFound => Err(no_usb),
                camera => Ok(Box::new(camera?)),
            },
            camera => Ok(Box::new(camera?)),
        }
    };
    Ok(app.camera(open).encoder(move || venc::by_name("auto", &standby)))
}

/// A simulated one, with a clock and a number in each picture.
#[cfg(not(target_arch = "riscv64"))]
pub fn add_to(app: Builder) -> Result<Builder> {
    use eyelet_sim::camera::{SimCamera, SimConfig};
    Ok(app.camera(|| SimCamera::open(SimConfig::default(), Arc::new(SystemClock))))
}
