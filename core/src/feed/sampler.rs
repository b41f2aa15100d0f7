//! One picture now and then, out of many.

use super::{Feed, Picture, PictureKind};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};

/// How long a source may be still before its newest picture is as good as a new one.
const STILL: Duration = Duration::from_secs(1);

/// Takes the newest live picture of a feed every so often, and publishes it in a feed of its own.
///
/// Between two samples it wants no pictures, so that none are encoded for it.
///
/// ```
/// use eyelet_core::feed::{Feed, Sampler};
/// use std::time::Duration;
/// let camera = Feed::new();
/// let sampler = Sampler::new(&camera, Duration::from_secs(10));
/// let pictures = sampler.samples().subscribe(); // for an upload's Sender, or queue() for a spool
/// # let _ = async move {
/// sampler.run().await // beside it
/// # };
/// ```
#[derive(Debug)]
pub struct Sampler {
    source: Feed,
    samples: Feed,
    period: Duration,
}

impl Sampler {
    /// The first picture at once, and one every `period` (1 ms at least) from then on.
    pub fn new(source: &Feed, period: Duration) -> Self {
        Self { source: source.clone(), samples: Feed::new(), period: period.max(Duration::from_millis(1)) }
    }

    /// How long from one sample to the next.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Where the pictures go.
    pub fn samples(&self) -> Feed {
        self.samples.clone()
    }

    /// Runs until it is dropped. Needs a tokio runtime with time.
    pub async fn run(self) {
        let (mut due, mut last) = (Instant::now(), None);
        loop {
            sleep_until(due).await;
            let picture = newest(&self.source, last).await;
            last = Some(picture.label.sequence);
            self.samples.publish(Picture::clone(&picture));
            due += self.period;
            // Samples missed while the camera was gone are not made up for.
            let now = Instant::now();
            if due <= now {
                due = now + self.period;
            }
        }
    }
}

/// The next live picture. If the source is still, its newest one, unless that is the `last` sample.
async fn newest(source: &Feed, last: Option<u64>) -> Arc<Picture> {
    let mut pictures = source.subscribe();
    let live = |picture: &Arc<Picture>| picture.kind == PictureKind::Live;
    let mut there = pictures.unseen().filter(live).filter(|picture| Some(picture.label.sequence) != last);
    loop {
        let next = pictures.next();
        let picture = match there.take() {
            None => next.await,
            Some(still) => timeout(STILL, next).await.unwrap_or(still),
        };
        if live(&picture) {
            return picture;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, sleep};

    #[tokio::test(start_paused = true)]
    async fn sampler_between_two_samples_wants_nothing() {
        let source = Feed::new();
        let sampler = Sampler::new(&source, Duration::from_secs(10));
        let mut samples = sampler.samples().queue(100);
        tokio::spawn(sampler.run());
        let (begun, mut encoded) = (Instant::now(), Vec::new());
        // A camera at 30 fps that encodes only wanted pictures.
        for frame in 0..3000 {
            sleep(Duration::from_millis(33)).await;
            if source.wanted() {
                source.publish(Picture::example(frame));
                encoded.push(frame);
            }
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(99));
        let sent: Vec<_> =
            std::iter::from_fn(|| samples.try_next()).map(|picture| picture.label.sequence).collect();
        assert_eq!(sent, encoded, "each that was encoded is sent");
        let seconds: Vec<_> = sent.iter().map(|frame| (frame + 1) * 33 / 1000).collect();
        assert_eq!(seconds, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90], "the newest at the time");
    }

    #[tokio::test(start_paused = true)]
    async fn still_source_gives_each_picture_once() {
        let source = Feed::new();
        let sampler = Sampler::new(&source, Duration::from_secs(10));
        let mut samples = sampler.samples().queue(100);
        source.publish(Picture::example(1));
        tokio::spawn(sampler.run());
        assert_eq!(samples.next().await.label.sequence, 1);
        advance(Duration::from_secs(25)).await;
        source.publish(Picture::example(2));
        source.publish(Picture { kind: PictureKind::NoSignal, ..Picture::example(3) });
        assert!(timeout(Duration::from_secs(60), samples.next()).await.is_err(), "nothing live");
        source.publish(Picture::example(4));
        assert_eq!(samples.next().await.label.sequence, 4, "it is waited for");
        source.publish(Picture::example(5));
        let begun = Instant::now();
        assert_eq!(samples.next().await.label.sequence, 5);
        assert!(begun.elapsed() >= Duration::from_secs(9), "not before its time");
        assert!(samples.try_next().is_none());
    }
}
