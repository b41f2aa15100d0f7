//! Our time to encode a natural picture, as a share of libjpeg-turbo's and of jpeg-encoder's; and what a second thread
//! gains.
//!
//! The encoders take turns, one frame each, so that what else the machine does hits them alike; of the times the
//! medians count. For one thread that is the time on the processor, not on the wall.
//!
//!     cargo bench -p eyelet-bench --features peers --bench encode_ratios

// A table on stdout is what this is for.
#![allow(clippy::print_stdout)]

use eyelet_bench::{
    natural::{Delivered, Picture},
    turbo::Turbo,
};
use eyelet_core::encode::{BaselineEncoder, ReferenceEncoder};
use eyelet_hal::{JpegEncoder, PixelFormat, Quality};
use rustix::time::{ClockId, clock_gettime};
use std::{
    env,
    hint::black_box,
    num::NonZeroU8,
    time::{Duration, Instant},
};

const SIZES: [(u32, u32); 4] = [(320, 240), (640, 480), (1280, 720), (1920, 1080)];
const FORMATS: [PixelFormat; 3] = [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Rgb24];
/// How long to measure each format and size.
const TIME: Duration = Duration::from_secs(8);

/// What this thread has spent on the processor.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Something that encodes one frame.
type Turn<'a> = Box<dyn FnMut() -> usize + 'a>;

fn turn<'a>(mut encoder: impl JpegEncoder + 'a, delivered: &'a Delivered) -> Turn<'a> {
    let mut jpeg = Vec::new();
    Box::new(move || {
        jpeg.clear();
        let frame = black_box(delivered).frame();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).expect("every format is supported");
        jpeg.len()
    })
}

/// The median time of each.
fn medians(turns: &mut [Turn<'_>], clock: impl Fn() -> Duration, rounds: Option<usize>) -> Vec<f64> {
    let mut times = vec![Vec::new(); turns.len()];
    let end = Instant::now() + TIME;
    for round in 0.. {
        if rounds.map_or_else(|| Instant::now() > end, |rounds| round > rounds) {
            break;
        }
        for (turn, times) in turns.iter_mut().zip(&mut times) {
            let before = clock();
            black_box(turn());
            // The first round makes buffers grow.
            if round > 0 {
                times.push(clock() - before);
            }
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    times.into_iter().map(median).collect()
}

fn main() {
    // As cargo calls a bench that is only to be tried.
    let rounds = env::args().any(|argument| argument == "--test").then_some(1);
    let start = Instant::now();
    println!("| size | format | of libjpeg-turbo's time | of jpeg-encoder's | two threads, of one's |");
    println!("|---|---|---|---|---|");
    for (width, height) in SIZES {
        let picture = Picture::new(width, height, 7);
        for format in FORMATS {
            let delivered = picture.delivered(format);
            let mut turbo = Turbo::new(Quality::DEFAULT, delivered.format);
            let mut turns = [
                turn(BaselineEncoder::new(), &delivered),
                Box::new(|| turbo.encode(black_box(&delivered)).len()),
                turn(ReferenceEncoder::new(), &delivered),
            ];
            let alone = medians(&mut turns, processor_time, rounds);

            let two = BaselineEncoder::new().with_threads(NonZeroU8::MIN.saturating_add(1));
            let mut turns = [
                turn(BaselineEncoder::new(), &delivered),
                turn(two.expect("a thread can be started"), &delivered),
            ];
            let together = medians(&mut turns, || start.elapsed(), rounds);
            println!(
                "| {width}x{height} | {format} | {:.2} | {:.2} | {:.2} |",
                alone[0] / alone[1],
                alone[0] / alone[2],
                together[1] / together[0]
            );
        }
    }
}
