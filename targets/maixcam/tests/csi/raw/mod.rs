//! Frames taken from the scaler.

mod camera;
#[cfg(not(target_arch = "riscv64"))]
mod child;
mod encode;
mod kill;
mod rules;
mod support;
