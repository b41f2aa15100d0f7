//! A model of the SG2002's driver of the JPEG unit and the scaler, with its hazards as rules: what a board would answer
//! with a crash, a hang or a leak is noticed here.
//!
//! [`Driver`] has the rules. It is asked as the kernel asks a driver (a node, a number, bytes) and has no threads and
//! no clock, so that anything that can deliver ioctls can serve it. [`Machine`] is a whole board around it in this process:
//! memory with a cache that must be flushed, processes that can be killed, locks on files. The camera of either is opened
//! and closed by lines of the camera port (`port.rs`), from a test or, with a [`CameraServer`], from another process.

mod channels;
mod driver;
mod ion;
mod machine;
mod picture;
mod port;
mod process;
mod scaler;
mod scene;
mod server;

pub use driver::{Answer, Damage, Driver, Faults, Memory, Violation};
pub use machine::{CameraConnection, Leftovers, Machine};
pub use port::Setting;
pub use process::Process;
pub use server::CameraServer;

/// What `--encoder` calls an encoder on a board of its own.
pub const NAME: &str = "sg2002-model";
