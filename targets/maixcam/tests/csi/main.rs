//! The MaixCAM's built-in camera, with a stand-in for MaixPy, and on a model of the scaler's driver.

// What runs tests of riscv64 in emulation cannot start another program.
#[cfg(not(target_arch = "riscv64"))]
mod conformance;
#[cfg(not(target_arch = "riscv64"))]
mod failures;
#[cfg(not(target_arch = "riscv64"))]
mod flags;
#[cfg(not(target_arch = "riscv64"))]
mod hangs;
#[cfg(not(target_arch = "riscv64"))]
mod kills;
#[cfg(not(target_arch = "riscv64"))]
#[path = "../support/logged.rs"]
mod logged;
#[cfg(not(target_arch = "riscv64"))]
mod pictures;
mod raw;
#[cfg(not(target_arch = "riscv64"))]
mod stops;
#[cfg(not(target_arch = "riscv64"))]
mod support;
#[cfg(not(target_arch = "riscv64"))]
mod whole;
