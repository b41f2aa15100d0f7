//! Two cameras in one program: on one page, and each with addresses of its own.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example two_cameras [ADDRESS]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::Eyelet;
use eyelet_hal::{Result, clock::SystemClock};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    scene::Scene,
};
use std::sync::Arc;

fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let running = Eyelet::builder()
        .named_camera("front", || open(Scene::Card))
        .named_camera("back", || open(Scene::Detail))
        .bind(address.as_deref().unwrap_or("127.0.0.1:8000"))
        .stop_on_signals()
        .start()?;
    for address in running.addresses() {
        println!("streaming on {address}, {address}front/stream and {address}back/stream");
    }
    running.wait();
    Ok(())
}

fn open(scene: Scene) -> Result<SimCamera> {
    let mut config = SimConfig::default();
    config.scene = scene;
    SimCamera::open(config, Arc::new(SystemClock))
}
