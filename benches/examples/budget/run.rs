//! A camera, an encoder and viewers under a bit budget, in simulated time.

use eyelet_core::{
    Hub, encode,
    feed::{Budget, Subscription},
    pipeline::Pipeline,
};
use eyelet_hal::{
    CameraSource, Frame, Quality, Result, StreamFormat,
    clock::{Clock, ManualClock},
};
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What is simulated.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) camera: SimConfig,
    pub(crate) max_kbps: u32,
    pub(crate) quality: u8,
    pub(crate) quality_min: u8,
    pub(crate) viewers: usize,
    pub(crate) seconds: f64,
}

/// A picture that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Seconds since the start.
    pub(crate) at: f64,
    pub(crate) quality: Option<u8>,
    /// To all viewers together.
    pub(crate) bytes: usize,
}

/// The camera, before whose next frame the viewers take what came of the last.
struct Watched {
    camera: SimCamera,
    clock: Arc<ManualClock>,
    hub: Hub,
    viewers: Vec<Subscription>,
    sent: Arc<Mutex<Vec<Sent>>>,
    end: Duration,
    stop: Arc<AtomicBool>,
}

impl Watched {
    fn take(&mut self) {
        let now = self.clock.monotonic();
        let pictures = self.viewers.iter_mut().filter_map(Subscription::unseen);
        let bytes: usize = pictures.map(|picture| picture.jpeg.len()).sum();
        if bytes > 0 {
            self.hub.metrics.stream_bytes.inc_by(bytes as u64);
            let quality = self.hub.budget(now).and_then(|budget| budget.quality);
            self.sent.lock().unwrap().push(Sent { at: now.as_secs_f64(), quality, bytes });
        }
        self.stop.fetch_or(now >= self.end, Ordering::Relaxed);
    }
}

impl CameraSource for Watched {
    fn name(&self) -> &str {
        self.camera.name()
    }

    fn format(&self) -> StreamFormat {
        self.camera.format()
    }

    fn start(&mut self) -> Result<()> {
        self.camera.start()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        self.take();
        self.camera.next_frame(timeout)
    }

    fn stop(&mut self) -> Result<()> {
        self.camera.stop()
    }
}

/// Runs this script; every picture that was sent.
pub(crate) fn run(script: &Script) -> Result<Vec<Sent>> {
    let quality = |quality| Quality::new(quality).unwrap_or_default();
    let (hub, clock) = (Hub::default(), Arc::new(ManualClock::new(Duration::from_secs(1_700_000_000))));
    let max_kbps = NonZeroU32::new(script.max_kbps).unwrap_or(NonZeroU32::MIN);
    Budget::new(max_kbps, quality(script.quality_min)).limit(&hub)?;
    let (stop, sent) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Sent>>>::default());
    let mut watched = Some(Watched {
        camera: SimCamera::open(script.camera.clone(), Arc::clone(&clock) as _)?,
        clock: Arc::clone(&clock),
        viewers: (0..script.viewers).map(|_| hub.feed.subscribe()).collect(),
        hub: hub.clone(),
        sent: Arc::clone(&sent),
        end: Duration::from_secs_f64(script.seconds),
        stop: Arc::clone(&stop),
    });
    let open = move || Ok(Box::new(watched.take().expect("opened once")) as Box<dyn CameraSource>);
    Pipeline::new(Box::new(open), Box::new(|| encode::by_name("auto")), hub)
        .quality(quality(script.quality))
        .clock(clock)
        .run(&stop);
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    Ok(sent)
}

/// The part of the budget that was used in each window of this many seconds between two times: the least and the most.
pub(crate) fn used(script: &Script, sent: &[Sent], from: f64, to: f64, window: f64) -> (f64, f64) {
    let all = window * f64::from(script.max_kbps) * 125.0;
    let (mut least, mut most) = (f64::MAX, 0.0_f64);
    let mut begin = from;
    while begin + window <= to + 1e-9 {
        let inside = sent.iter().filter(|sent| (begin..begin + window).contains(&sent.at));
        let used = inside.map(|sent| sent.bytes as f64).sum::<f64>() / all;
        (least, most) = (least.min(used), most.max(used));
        begin += 0.02;
    }
    (least, most)
}
