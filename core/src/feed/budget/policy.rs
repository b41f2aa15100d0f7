//! What to do with a frame, so that the pictures that are sent keep to a rate.
//!
//! Of each camera it is known how many bytes of its pictures have been sent, to whomever, and how many readers it has. From
//! that the policy learns how often each picture is sent, and from the last pictures how large the next one will be at which
//! quality. It chooses one quality for all cameras: the highest that their pictures together have room at. What that cannot
//! achieve, a token bucket for each camera does: while the bucket is in debt, frames are passed over.

use super::{super::rate::Rate, curve::relative_size};
use std::time::Duration;

/// A bucket holds what may be sent in this time, so that no burst is longer.
const DEPTH: Duration = Duration::from_millis(100);

/// A frame this long after the last picture gets a picture, however large the debt: a bit less than a second, in which the
/// stream would repeat the last one.
const LONGEST: Duration = Duration::from_millis(900);

/// No debt is larger than what may be sent in this time: a single burst is not paid off for long.
const MOST_DEBT: Duration = Duration::from_secs(1);

/// Above this part of the budget quality is lowered, at once, to where the next one is. Below the last it may rise.
const HIGH: f64 = 0.97;
const AIM: f64 = 0.93;
const LOW: f64 = 0.9;

/// Quality rises by so much a second.
const RISE: f64 = 12.0;

/// How long quality stays after it was lowered before it rises again; longer each time that a rise was soon taken back.
const HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(16);

/// A change of the size at the same quality by this factor is another scene; smaller ones are averaged.
const ANOTHER_SCENE: f64 = 1.25;

/// The weight of the last picture in the averages of sizes and periods.
const NEW: f64 = 0.2;

/// The same in the average of how often a picture is sent: a slow viewer adds one copy to one picture in many.
const NEW_COPIES: f64 = 0.04;

/// The time between frames until it is known.
const PERIOD: f64 = 1.0 / 30.0;

/// Limited now means limited within this time.
const RECENTLY: Duration = Duration::from_secs(1);

/// What is known of a camera at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Who wants its pictures: viewers, snapshots, uploads.
    pub(super) readers: usize,
    /// Bytes of its pictures ever sent.
    pub(super) sent: u64,
}

/// What a camera delivers, and what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// JPEGs, whose size is what it is.
    Fixed,
    /// Frames, to be encoded at this quality at most.
    AtMost(u8),
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Whether there is room for its picture now.
    pub(super) room: bool,
    /// The quality that its picture is to have, where that can be chosen.
    pub(super) quality: u8,
}

/// The state of a camera, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// Bytes of pictures sent each second, of all cameras.
    pub(super) bytes: f64,
    /// `None` where it cannot be chosen.
    pub(super) quality: Option<u8>,
    /// Pictures each second.
    pub(super) fps: f64,
    pub(super) limited: bool,
}

/// The budget's state. All times are on one monotonic clock.
#[derive(Debug)]
pub(super) struct Policy {
    /// Bytes a second.
    rate: f64,
    min: u8,
    cameras: Vec<Camera>,
    /// With a fraction, in which slow rises gather.
    quality: f64,
    /// When the cameras were last [read](Self::read).
    at: Option<Duration>,
    /// When quality was last lowered, and last rose.
    lowered: Option<Duration>,
    rose: Option<Duration>,
    hold: Duration,
    bytes: Rate,
}

#[derive(Debug)]
struct Camera {
    before: Reading,
    /// Bytes that may be sent; less than nothing is debt.
    level: f64,
    /// Bytes sent since the last picture was published, and the size of that.
    since: f64,
    last: f64,
    /// How often a picture is sent, on average.
    copies: f64,
    /// The size of a picture of quality 80; or of any, if that is fixed. 0 before the first.
    size: f64,
    quality: Range,
    /// Seconds between frames.
    period: f64,
    arrived: Option<Duration>,
    published: Option<Duration>,
    limited: Option<Duration>,
    fps: Rate,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            before: Reading::default(),
            level: 0.0,
            since: 0.0,
            last: 0.0,
            copies: 0.0,
            size: 0.0,
            quality: Range::AtMost(100),
            period: PERIOD,
            arrived: None,
            published: None,
            limited: None,
            fps: Rate::default(),
        }
    }
}

impl Camera {
    /// The quality of its pictures, where the policy has chosen this one.
    fn used(&self, quality: u8, min: u8) -> u8 {
        match self.quality {
            Range::Fixed => quality,
            Range::AtMost(most) => within(quality, min, most),
        }
    }

    /// Bytes a second that it would send if each frame had a picture of this quality.
    fn need(&self, quality: u8, min: u8) -> f64 {
        let relative = match self.quality {
            Range::Fixed => 1.0,
            Range::AtMost(_) => relative_size(self.used(quality, min)),
        };
        self.size * relative * self.copies / self.period
    }

    /// Takes a new reading: bytes sent meanwhile.
    fn read(&mut self, now: Reading) -> f64 {
        let sent = now.sent.saturating_sub(self.before.sent) as f64;
        self.since += sent;
        self.level -= sent;
        let (before, after) = (self.before.readers, now.readers);
        if after > before {
            // Each new one may take every picture.
            self.copies += (after - before) as f64;
        } else if after < before {
            self.copies *= after as f64 / before as f64;
        }
        self.before = now;
        sent
    }

    /// Learns from a picture of this size; whether it shows another scene.
    fn learn(&mut self, len: usize, quality: u8) -> bool {
        let size = match self.quality {
            Range::Fixed => len as f64,
            Range::AtMost(_) => len as f64 / relative_size(quality),
        };
        let changed = size > self.size * ANOTHER_SCENE || size * ANOTHER_SCENE < self.size;
        self.size = if changed { size } else { self.size + NEW * (size - self.size) };
        changed
    }
}

/// A ceiling below the floor was chosen, and holds.
fn within(quality: u8, min: u8, most: u8) -> u8 {
    quality.max(min).min(most)
}

impl Policy {
    /// For so many bytes a second, with pictures of this quality at least.
    pub(super) fn new(rate: f64, min: u8) -> Self {
        Self {
            rate: rate.max(1.0),
            min,
            cameras: Vec::new(),
            quality: 100.0,
            at: None,
            lowered: None,
            rose: None,
            hold: HOLD,
            bytes: Rate::default(),
        }
    }

    /// One more camera; the result is its number.
    pub(super) fn add(&mut self) -> usize {
        self.cameras.push(Camera::default());
        self.cameras.len() - 1
    }

    /// Takes a reading of each camera, and fills the buckets.
    pub(super) fn read(&mut self, now: Duration, reading: impl Fn(usize) -> Reading) {
        let mut sent = 0.0;
        for (index, camera) in self.cameras.iter_mut().enumerate() {
            sent += camera.read(reading(index));
        }
        self.bytes.amount(now, sent as u32);
        let elapsed = match self.at.replace(now) {
            Some(at) => now.saturating_sub(at).as_secs_f64(),
            None => DEPTH.as_secs_f64(),
        };
        self.fill(self.rate * elapsed);
    }

    /// Shares `bytes` out among the cameras, by their readers. What is too much for one goes to the others.
    fn fill(&mut self, bytes: f64) {
        let readers: usize = self.cameras.iter().map(|camera| camera.before.readers).sum();
        // Nobody may come again as somebody.
        let (least, all) = if readers == 0 { (1, self.cameras.len()) } else { (0, readers) };
        let share = |camera: &Camera| camera.before.readers.max(least) as f64 / all as f64;
        let (mut over, mut room) = (0.0, 0.0);
        for camera in &mut self.cameras {
            let share = share(camera);
            let most = self.rate * share * DEPTH.as_secs_f64();
            camera.level = (camera.level + bytes * share).max(-self.rate * share * MOST_DEBT.as_secs_f64());
            if camera.level >= most {
                over += camera.level - most;
                camera.level = most;
            } else {
                room += share;
            }
        }
        for camera in &mut self.cameras {
            let share = share(camera);
            let most = self.rate * share * DEPTH.as_secs_f64();
            if camera.level < most {
                camera.level = (camera.level + over * share / room).min(most);
            }
        }
    }

    /// A frame of this camera arrives, just after a [reading](Self::read).
    pub(super) fn frame(&mut self, now: Duration, index: usize, quality: Range) -> Decision {
        let camera = &mut self.cameras[index];
        camera.quality = quality;
        if let Some(before) = camera.arrived.replace(now) {
            // A single pause is no period.
            let period = now.saturating_sub(before).as_secs_f64().min(4.0 * camera.period);
            camera.period += NEW * (period - camera.period);
            camera.period = camera.period.max(1e-3);
        }
        self.adjust(now);
        let camera = &mut self.cameras[index];
        let waited = camera.published.map(|published| now.saturating_sub(published));
        let due = camera.level >= 0.0 || waited.is_none_or(|waited| waited >= LONGEST);
        let room = due || camera.before.readers == 0;
        if !room {
            camera.limited = Some(now);
        }
        Decision { room, quality: camera.used(self.quality as u8, self.min) }
    }

    /// A frame became a picture of this size and quality. If that is far too large, the result is the lower quality at which it
    /// should be encoded once more.
    pub(super) fn encoded(&mut self, now: Duration, index: usize, len: usize, quality: u8) -> Option<u8> {
        let camera = &mut self.cameras[index];
        if camera.before.readers == 0 || camera.quality == Range::Fixed {
            return None;
        }
        let time = DEPTH.as_secs_f64().max(2.0 * camera.period);
        if len as f64 * camera.copies <= self.rate * time {
            return None;
        }
        if camera.learn(len, quality) {
            self.hold = HOLD;
        }
        self.adjust(now);
        let lower = self.cameras[index].used(self.quality as u8, self.min);
        (lower < quality).then_some(lower)
    }

    /// A picture of this size and quality is about to be published.
    pub(super) fn published(&mut self, now: Duration, index: usize, len: usize, quality: u8) {
        let camera = &mut self.cameras[index];
        if camera.last > 0.0 && camera.before.readers > 0 {
            camera.copies += NEW_COPIES * (camera.since / camera.last - camera.copies);
        }
        (camera.since, camera.last) = (0.0, len as f64);
        if camera.learn(len, quality) {
            self.hold = HOLD;
        }
        camera.published = Some(now);
        camera.fps.tick(now);
        if let Range::AtMost(most) = camera.quality
            && quality < most
            && camera.before.readers > 0
        {
            camera.limited = Some(now);
        }
    }

    /// The bytes a second that all cameras would send at this quality.
    fn need(&self, quality: u8) -> f64 {
        self.cameras.iter().map(|camera| camera.need(quality, self.min)).sum()
    }

    /// The highest quality at which all cameras together send no more than this part of the budget.
    fn fitting(&self, part: f64) -> u8 {
        let fits = |quality: &u8| self.need(*quality) <= part * self.rate;
        (self.min..=self.highest()).rev().find(fits).unwrap_or(self.min)
    }

    /// The highest quality that a camera asks for.
    fn highest(&self) -> u8 {
        let asked = |camera: &Camera| match camera.quality {
            Range::AtMost(most) => Some(most),
            Range::Fixed => None,
        };
        self.cameras.iter().filter_map(asked).max().unwrap_or(self.min).max(self.min)
    }

    /// Lowers quality at once if it is too high, and raises it slowly if it is too low.
    fn adjust(&mut self, now: Duration) {
        self.quality = self.quality.clamp(f64::from(self.min), f64::from(self.highest()));
        let quality = self.quality as u8;
        if self.need(quality) > HIGH * self.rate {
            let lower = self.fitting(AIM);
            if lower < quality {
                let rose = self.rose.is_some_and(|rose| now.saturating_sub(rose) < 2 * HOLD);
                if rose && lower + 2 >= quality {
                    self.hold = (2 * self.hold).min(LONGEST_HOLD);
                }
                self.quality = lower.into();
                self.lowered = Some(now);
            }
            return;
        }
        let held = self.lowered.is_some_and(|lowered| now.saturating_sub(lowered) < self.hold);
        let higher = self.fitting(LOW);
        if held || higher <= quality {
            return;
        }
        let since = self.rose.max(self.lowered.map(|lowered| lowered + self.hold)).unwrap_or(now);
        let step = RISE * now.saturating_sub(since).as_secs_f64().min(0.1);
        self.quality = (self.quality + step).min(higher.into());
        self.rose = Some(now);
    }

    /// How it goes, just after a [reading](Self::read), where pictures may now have this quality at most: it may have changed
    /// since the last frame, or none has come.
    pub(super) fn report(&self, now: Duration, index: usize, most: u8) -> Report {
        let camera = &self.cameras[index];
        let recently = camera.limited.is_some_and(|limited| now.saturating_sub(limited) < RECENTLY);
        Report {
            bytes: self.bytes.per_second(now),
            quality: match camera.quality {
                Range::Fixed => None,
                Range::AtMost(_) => Some(within(self.quality as u8, self.min, most)),
            },
            fps: camera.fps.per_second(now),
            limited: recently,
        }
    }
}
