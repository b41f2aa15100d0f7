//! Time and text on each frame, drawn before it is encoded.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example overlay [ADDRESS]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use embedded_graphics::{
    pixelcolor::Rgb888,
    prelude::*,
    primitives::{Circle, PrimitiveStyle},
};
use eyelet_core::{
    Eyelet,
    feed::Utc,
    image::{Color, Thickness},
    pipeline::FrameInHand,
};
use eyelet_hal::{Result, clock::SystemClock};
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::{fmt::Write as _, sync::Arc};

fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let mut text = String::new(); // kept from frame to frame, so that none allocates
    let running = Eyelet::builder()
        .camera(|| SimCamera::open(SimConfig::default(), Arc::new(SystemClock)))
        .each_frame(move |frame| draw(frame, &mut text))
        .bind(address.as_deref().unwrap_or("127.0.0.1:8000"))
        .start()?;
    println!("streaming on {}", running.addresses().join(" "));
    running.wait();
    Ok(())
}

fn draw(frame: &mut FrameInHand<'_>, text: &mut String) -> Result<()> {
    text.clear();
    // Writing to a String cannot fail.
    let _ = write!(text, "garden  {}", Utc::from_unix(frame.label().captured_at));
    let mut canvas = frame.canvas()?;
    let width = canvas.width();
    canvas.draw_rect(0, 0, width, 24, Color::BLACK, Thickness::Filled);
    canvas.draw_string(28, 2, text, Color::WHITE);
    // Whatever draws with embedded-graphics draws here.
    let red = PrimitiveStyle::with_fill(Rgb888::RED);
    let Ok(()) = Circle::new(Point::new(7, 6), 13).into_styled(red).draw(&mut canvas);
    Ok(())
}
