//! A camera of one's own, from scratch: a ball that bounces, ten times a second.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example own_camera [ADDRESS]
//! cargo run --release -p eyelet-sim --example own_camera check
//! ```
//! `check` tries whether it keeps what a camera promises, as a test of a real one should.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{
    Eyelet,
    image::{Canvas, Color, Thickness},
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, PixelFormat, Result, StreamFormat,
    conformance::{self, CameraExpectations},
    monotonic,
};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_millis(100);

struct BallCamera {
    format: StreamFormat,
    buffer: Vec<u8>,
    sequence: u64,
    /// When the next frame comes; `None` while it is stopped.
    due: Option<Duration>,
}

impl BallCamera {
    fn open(width: u32, height: u32) -> Result<Self> {
        let format = StreamFormat::new(PixelFormat::Nv12, width, height);
        let sized = format.and_then(|format| Some((format, vec![0; format.packed_len()?])));
        let (format, buffer) =
            sized.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "ball: no such size"))?;
        Ok(Self { format, buffer, sequence: 0, due: None })
    }
}

impl CameraSource for BallCamera {
    fn name(&self) -> &str {
        "ball"
    }

    fn format(&self) -> StreamFormat {
        self.format
    }

    fn start(&mut self) -> Result<()> {
        self.due.get_or_insert_with(monotonic);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.due = None;
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let due = self.due.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "ball: not started").with_remedy("call start() first")
        })?;
        // A device would wait here: in poll(), say.
        let wait = due.saturating_sub(monotonic());
        std::thread::sleep(wait.min(timeout));
        if wait > timeout {
            return Err(Error::new(ErrorKind::TimedOut, format!("ball: no frame in {timeout:?}")));
        }
        *due = monotonic() + INTERVAL;
        self.sequence += 1;
        let meta = FrameMeta::now(self.sequence);

        let mut canvas = Canvas::packed(self.format, &mut self.buffer)?;
        let (width, height) = (canvas.width(), canvas.height());
        canvas.draw_rect(0, 0, width, height, Color::from_rgb(20, 60, 20), Thickness::Filled);
        let (x, y) = (bounce(self.sequence * 7, width - 32), bounce(self.sequence * 5, height - 32));
        canvas.draw_rect(x, y, 32, 32, Color::from_rgb(255, 220, 0), Thickness::Filled);
        canvas.into_frame(meta)
    }
}

/// Where something is after a way of `far`, between 0 and `end`.
fn bounce(far: u64, end: u32) -> i32 {
    let end = u64::from(end);
    let at = far % (2 * end);
    at.min(2 * end - at) as i32
}

fn main() -> Result<()> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("check") {
        let report = conformance::camera(&mut BallCamera::open(320, 240)?, &CameraExpectations::default());
        println!("{report}");
        return if report.passed() {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Other, "it does not conform"))
        };
    }
    let running = Eyelet::builder()
        .camera(|| BallCamera::open(320, 240))
        .bind(argument.as_deref().unwrap_or("127.0.0.1:8000"))
        .start()?;
    println!("streaming on {}", running.addresses().join(" "));
    running.wait();
    Ok(())
}
