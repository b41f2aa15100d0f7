//! MaixPy's streaming example, line for line: a camera, an HTML page, and a browser that watches.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example jpeg_stream [HOST:PORT]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{JpegStreamer, encode::ReferenceEncoder};
use eyelet_hal::{
    CameraSource, JpegEncoder, PixelFormat, Quality, StreamFormat,
    clock::{Clock, SystemClock},
};
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const HTML: &str = r#"<!DOCTYPE html>
<html>
<head>
    <title>JPG Stream</title>
</head>
<body>
    <h1>JPG Stream</h1>
    <img src="/stream" alt="Stream">
</body>
</html>"#;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| ":8000".to_owned());
    let (host, port) = address.rsplit_once(':').ok_or("the address is HOST:PORT")?;

    // cam = camera.Camera(320, 240)
    let mut config = SimConfig::default();
    config.format = StreamFormat::new(PixelFormat::Nv12, 320, 240).ok_or("the picture has no size")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut cam = SimCamera::open(config, Arc::clone(&clock))?;
    cam.start()?;

    // stream = http.JpegStreamer()
    let mut stream = JpegStreamer::new(host, port.parse()?, 16)?;
    stream.set_html(HTML);
    stream.start()?;
    println!("http://{}:{}", stream.host(), stream.port());

    let mut encoder = ReferenceEncoder::new();
    let need_exit = exit_on_signals()?;
    while !need_exit.load(Ordering::Relaxed) {
        let began = Instant::now();
        let img = cam.next_frame(Duration::from_secs(5))?;
        let mut jpg = Vec::new();
        encoder.encode(&img, Quality::DEFAULT, &mut jpg)?;
        drop(img);
        stream.write(jpg)?;
        let took = began.elapsed();
        println!("time: {:.1} ms, fps: {:.1}", 1000.0 * took.as_secs_f64(), 1.0 / took.as_secs_f64());
    }
    Ok(())
}

/// MaixPy's `app.need_exit()`: set by SIGINT and SIGTERM.
fn exit_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}
