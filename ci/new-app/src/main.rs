//! A camera in the browser: the board's on the board, a simulated one on a laptop.
//!
//! ```text
//! my-camera [ADDRESS]
//! ```

mod camera;

use std::{env, io};

/// The board is watched from elsewhere; on a laptop the stream is for this machine alone.
const ADDRESS: &str = if cfg!(target_arch = "riscv64") { "0.0.0.0:8000" } else { "127.0.0.1:8000" };

fn main() -> eyelet_hal::Result<()> {
    // Warnings and changes of state, a line each; without a subscriber nothing is logged.
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
    let address = env::args().nth(1).unwrap_or_else(|| ADDRESS.to_owned());
    let running = camera::add_to(::my_camera::app())?.bind(&address).stop_on_signals().start()?;
    tracing::info!("streaming on {}", running.addresses().join(" "));
    // Until SIGINT, SIGTERM or SIGHUP; then the camera is closed.
    running.wait();
    Ok(())
}
