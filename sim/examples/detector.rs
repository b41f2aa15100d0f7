//! A program that finds something in each frame, lets browsers see it, and can be set while it runs.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example detector [ADDRESS]
//! curl http://127.0.0.1:8000/threshold
//! curl --data 0.95 http://127.0.0.1:8000/threshold
//! ```
//!
//! The page paints each box over the very frame that it was found in; other programs get the same at `/events`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{Eyelet, feed::FrameData, http::Reply};
use eyelet_hal::clock::SystemClock;
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::sync::{Arc, Mutex, PoisonError};

fn main() -> eyelet_hal::Result<()> {
    let threshold = Arc::new(Mutex::new(0.5));
    let [read, set] = [(); 2].map(|()| Arc::clone(&threshold));
    let running = Eyelet::builder()
        .camera(|| SimCamera::open(SimConfig::default(), Arc::new(SystemClock)))
        .each_frame(move |frame| {
            let threshold = *threshold.lock().unwrap_or_else(PoisonError::into_inner);
            detect(frame.label().sequence, threshold, frame.data());
            Ok(())
        })
        .get("/threshold", move |_| Reply::json(&*read.lock().unwrap_or_else(PoisonError::into_inner)))
        .post("/threshold", move |request| {
            *set.lock().unwrap_or_else(PoisonError::into_inner) = request.json()?;
            Ok::<_, Reply>(())
        })
        .bind(&address())
        .start()?;
    println!("streaming on {}", running.addresses().join(" "));
    running.wait();
    Ok(())
}

/// Stands in for a detector that looks at the frame: something that moves by eight pixels a frame.
fn detect(sequence: u64, threshold: f32, found: &mut FrameData) {
    let score = 0.9;
    if score >= threshold {
        let x = (sequence % 64) * 8;
        found.detection([x as f32, 200.0, 96.0, 64.0], "wanderer", score);
    }
    found.value("threshold", f64::from(threshold));
}

fn address() -> String {
    std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned())
}
