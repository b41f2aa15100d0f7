//! The MaixCAM's built-in camera.
//!
//! Its sensor, image processor and exposure control need the vendor's code, and MaixPy, the Python package on every MaixCAM,
//! has it. So a `python3` process of eyelet's own opens the camera and [holds](Held) it open. With the mode
//! [`Jpeg`](CsiMode::Jpeg) that process encodes the pictures too, and sends them.
//!
//! [`CsiOpener`] opens a [`CsiCamera`] as [`CsiConfig`] says. `child` is the process and `child.py` its text, `words` is what
//! the two say to each other, `bringup` has what must not happen meanwhile, `only_one` sees to it that there is one process at a
//! time, `jpeg` has the pictures that the process sends.
//!
//! In the mode [`Raw`](CsiMode::Raw) the process does nothing but hold the camera, and [`RawCamera`] takes the frames.

mod bringup;
mod camera;
mod child;
mod config;
pub(crate) mod doctor;
mod held;
mod holders;
mod jpeg;
mod only_one;
mod opener;
mod python;
mod raw;
mod words;

pub use camera::CsiCamera;
pub(crate) use config::has_control;
pub use config::{CsiConfig, CsiMode, Patience};
pub use held::Held;
pub use opener::CsiOpener;
pub(crate) use python::is_installed;
pub use raw::{Counts as RawCounts, RawCamera};

use eyelet_hal::{Error, ErrorKind};

/// What `CameraSource` asks of a camera that is not started.
fn not_started() -> Error {
    Error::new(ErrorKind::InvalidInput, "the built-in camera is not started").with_remedy("call start()")
}

/// The error that the process reports.
fn refusal(stage: &str, text: &str) -> Error {
    let error = |kind, what| Error::new(kind, format!("MaixPy cannot {what}: {text}"));
    match stage {
        "import" => error(ErrorKind::NotFound, "be imported".to_owned())
            .with_remedy("install it as its documentation says, or use a USB camera"),
        "open" => error(ErrorKind::Other, "open the built-in camera".to_owned())
            .with_remedy("stop other programs that use the camera, and check its cable"),
        "read" => error(ErrorKind::Disconnected, "read the built-in camera".to_owned())
            .with_remedy("restart the board if it stays so"),
        control => error(ErrorKind::InvalidInput, format!("set {}", config::as_given(control)))
            .with_remedy("use another value, or update MaixPy"),
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    /// It said hmirror=1, which nobody had asked for.
    #[test]
    fn refusal_of_a_control_has_the_name_that_it_was_given() {
        for (control, want) in [("hmirror=1", "hflip=1"), ("gain=2048", "gain=2048")] {
            let error = refusal(control, "no such register");
            assert_eq!(error.message(), format!("MaixPy cannot set {want}: no such register"));
        }
    }
}
