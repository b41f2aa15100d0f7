//! The MaixCAM's built-in camera.
//!
//! Its sensor, ISP and exposure control need the vendor's code, and MaixPy, the Python package on every MaixCAM, has it. So
//! a `python3` process of eyelet's own opens the camera and [holds](Held) it open.

pub(crate) mod doctor;
mod held;
mod raw;

pub use held::Held;
pub use raw::RawCamera;
