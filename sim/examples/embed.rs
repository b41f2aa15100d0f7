//! A camera server in one's own program: the lines of the README.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example embed [ADDRESS]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::Eyelet;
use eyelet_hal::clock::SystemClock;
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::sync::Arc;

fn main() -> eyelet_hal::Result<()> {
    let running = Eyelet::builder()
        .camera(|| SimCamera::open(SimConfig::default(), Arc::new(SystemClock)))
        .bind(&address())
        .start()?;
    println!("streaming on {}", running.addresses().join(" "));
    running.wait();
    Ok(())
}

fn address() -> String {
    std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned())
}
