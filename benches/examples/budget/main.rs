//! Draws how the bit budget follows a scene that becomes noisy and still again: the picture in docs/operate.md.
//!
//! ```text
//! cargo run -p eyelet-bench --example budget -- docs/budget.svg
//! ```
//!
//! Everything runs in simulated time, so that each run gives the same picture. It prints the figures too.

#![allow(clippy::print_stdout)]

mod plot;
mod run;

use eyelet_hal::{PixelFormat, StreamFormat};
use eyelet_sim::{camera::SimConfig, scene::Scene};
use run::{Script, Sent, used};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut camera = SimConfig::default();
    camera.scene = Scene::Changing;
    camera.format = StreamFormat::new(PixelFormat::Nv12, 320, 240).ok_or("no size")?;
    let script = Script { camera, max_kbps: 5000, quality: 80, quality_min: 60, viewers: 1, seconds: 30.0 };
    let sent = run::run(&script)?;
    println!("| seconds | scene | kbit/s in any second | quality | pictures a second |");
    println!("|---|---|---:|---:|---:|");
    for (from, to, scene) in [(0.0, 10.0, "still"), (12.0, 20.0, "noisy"), (22.0, 30.0, "still")] {
        let (least, most) = used(&script, &sent, from, to, 1.0);
        let kbps = |part: f64| (part * f64::from(script.max_kbps)).round();
        let phase: Vec<&Sent> = sent.iter().filter(|sent| (from..to).contains(&sent.at)).collect();
        let quality = phase.iter().filter_map(|sent| sent.quality);
        let (low, high) = (quality.clone().min().unwrap_or(0), quality.max().unwrap_or(0));
        let fps = phase.len() as f64 / (to - from);
        let (least, most) = (kbps(least), kbps(most));
        println!("| {from} to {to} | {scene} | {least} to {most} | {low} to {high} | {fps:.1} |");
    }
    if let Some(file) = std::env::args_os().nth(1) {
        std::fs::write(file, plot::svg(&script, &sent))?;
    }
    Ok(())
}
