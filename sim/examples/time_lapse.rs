//! A picture every few seconds, in a file named by its time. In between nothing is encoded.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example time_lapse FOLDER [SECONDS] [PICTURES]
//! ```
//! `ffmpeg -pattern_type glob -i 'FOLDER/*.jpg' lapse.mp4` makes a film of it.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{Hub, encode, feed::Utc, pipeline::Pipeline};
use eyelet_hal::clock::SystemClock;
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::{
    error::Error,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("pictures to which folder?")?;
    let period = Duration::try_from_secs_f64(arguments.next().map_or(Ok(60.0), |number| number.parse())?)?;
    let pictures: u64 = arguments.next().map_or(Ok(u64::MAX), |number| number.parse())?;
    fs::create_dir_all(&folder)?;

    // A camera without a server: a pipeline into a hub.
    let hub = Hub::default();
    let open = || Ok(Box::new(SimCamera::open(SimConfig::default(), Arc::new(SystemClock))?) as _);
    let pipeline = Pipeline::new(Box::new(open), Box::new(|| encode::by_name("auto")), hub.clone());
    let _running = pipeline.spawn()?;

    let mut due = Instant::now();
    for _ in 0..pictures {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += period;
        // The first picture that is captured from now on.
        let picture = hub.feed.queue(1).blocking_next();
        let at = picture.label.captured_at;
        let time = Utc::from_unix(at).to_string().replace([':', 'Z'], "");
        let name = format!("{time}.{:03}Z.jpg", at.subsec_millis());
        // Whole or not there at all, also for who looks at the folder meanwhile.
        let new = Path::new(&folder).join("new.part");
        fs::write(&new, &picture.jpeg)?;
        fs::rename(&new, Path::new(&folder).join(&name))?;
        println!("{name}");
    }
    Ok(())
}
