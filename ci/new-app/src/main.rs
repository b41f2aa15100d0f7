//! A camera in the browser: the board's on the board, a simulated one on a laptop.
//!
//! ```text
//! my-camera [ADDRESS]
//! ```

mod camera;

use std::env;

/// The board is watched from elsewhere; on a laptop the stream is for this machine alone.
const ADDRESS: &str = if cfg!(target_arch = "riscv64") { "0.0.0.0:8000" } else { "127.0.0.1:8000" };

fn main() -> eyelet_hal::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| ADDRESS.to_owned());
    let running = camera::add_to(::my_camera::app())?.bind(&address).start()?;
    println!("streaming on {}", running.addresses().join(" "));
    running.wait();
    Ok(())
}
