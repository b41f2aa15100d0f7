//! Finds what moves by comparing the brightness of each frame with that of the frame before. It is printed, and the page at
//! ADDRESS draws a box around it.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example motion [ADDRESS] [SCENE]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{Eyelet, image::View, pipeline::FrameInHand};
use eyelet_hal::{Result, clock::SystemClock};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    scene::Scene,
};
use std::{error::Error, sync::Arc};

/// Pixels from one that is compared to the next.
const STEP: u32 = 8;
/// How much its brightness must change: more than the noise of a sensor.
const CHANGE: u8 = 24;
/// Rows of those pixels at the top that are left out: a clock or a counter that a camera draws there is no motion.
const TOP: u32 = 4;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next();
    let mut config = SimConfig::default();
    config.scene = arguments.next().map_or(Ok(Scene::Box), |scene| scene.parse())?;
    let mut motion = Motion::default();
    let running = Eyelet::builder()
        .camera(move || SimCamera::open(config.clone(), Arc::new(SystemClock)))
        .each_frame(move |frame| motion.look(frame))
        .bind(address.as_deref().unwrap_or("127.0.0.1:8000"))
        .stop_on_signals()
        .start()?;
    println!("streaming on {}", running.addresses().join(" "));
    // Frames are wanted though nobody watches.
    let _pictures = running.hubs()[0].feed.subscribe();
    running.wait();
    Ok(())
}

#[derive(Default)]
struct Motion {
    /// The brightness of the frame before, of one pixel of each STEP x STEP.
    before: Vec<u8>,
    moves: bool,
}

impl Motion {
    fn look(&mut self, frame: &mut FrameInHand<'_>) -> Result<()> {
        let moving = self.compare(&frame.view()?);
        let number = frame.label().sequence;
        if let Some(place) = moving {
            frame.data().detection(place, "motion", 1.0);
        }
        // Only a change is news.
        match (moving, self.moves) {
            (Some([x, y, width, height]), false) => {
                println!("frame {number}: motion in {width}x{height} at {x}, {y}");
            }
            (None, true) => println!("frame {number}: still"),
            _ => {}
        }
        self.moves = moving.is_some();
        Ok(())
    }

    /// The box around all that changed, as x, y, width, height.
    fn compare(&mut self, view: &View<'_>) -> Option<[f32; 4]> {
        let (columns, rows) = (view.width() / STEP, view.height() / STEP);
        let first = self.before.is_empty();
        self.before.resize((columns * rows) as usize, 0);
        let (mut left, mut top, mut right, mut bottom) = (columns, rows, 0, 0);
        let places = (TOP..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        for ((column, row), before) in places.zip(&mut self.before) {
            let now = view.luma(column * STEP, row * STEP).unwrap_or(0);
            if now.abs_diff(std::mem::replace(before, now)) > CHANGE {
                (left, top) = (left.min(column), top.min(row));
                (right, bottom) = (right.max(column + 1), bottom.max(row + 1));
            }
        }
        let place = [left, top, right.saturating_sub(left), bottom.saturating_sub(top)];
        (right > 0 && !first).then(|| place.map(|cells| (cells * STEP) as f32))
    }
}
