//! A USB camera made of software.
//!
//! The kernel's `vhci_hcd` takes one end of a socket as a USB device and speaks USB/IP on it; here is the other
//! end: the descriptors, controls and payloads of a USB Video Class 1.1 camera, so that the real `uvcvideo` driver
//! streams from it, with faults on demand. Layers, from the wire up: [`usbip`], [`descriptor`], [`probe`],
//! [`endpoint0`], [`payload`], [`device`] (all pure, with the time as an argument), then [`vhci`] and [`run`].

#![forbid(unsafe_code)]

pub mod descriptor;
pub mod device;
pub mod endpoint0;
pub mod fault;
pub mod mode;
pub mod payload;
pub mod probe;
mod processing;
pub mod run;
pub mod usbip;
pub mod vhci;

/// Errno values as USB/IP carries them, negated.
pub mod status {
    /// The endpoint is halted: how a device refuses.
    pub const EPIPE: i32 = -32;
    /// A packet was damaged on the wire.
    pub const EILSEQ: i32 = -84;
    /// The request was taken back.
    pub const ECONNRESET: i32 = -104;
}
