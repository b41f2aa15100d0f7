//! A camera in the browser: the board's on the board, a simulated one on a laptop.
//!
//! ```text
//! my-camera [ADDRESS]
//! ```

mod camera;

use std::env;

/// On the board for the network, which has neither screen nor keyboard; on a laptop for this machine alone.
const ADDRESS: &str = if cfg!(target_arch = "riscv64") { "0.0.0.0:8000" } else { "127.0.0.1:8000" };

fn main() -> eyelet_hal::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| ADDRESS.to_owned());
    let running = my_camera::app(camera::open).bind(&address).start()?;
    println!("streaming on {}", running.addresses().join(" "));
    running.wait();
    Ok(())
}
