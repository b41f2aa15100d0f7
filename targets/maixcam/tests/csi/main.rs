//! The MaixCAM's built-in camera, with a stand-in for MaixPy.

// What runs tests of riscv64 in emulation cannot start another program.
#![cfg(not(target_arch = "riscv64"))]

mod conformance;
mod failures;
mod kills;
mod pictures;
mod support;
