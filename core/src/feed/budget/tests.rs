//! The policy with cameras, scenes and viewers that are numbers.

use super::{
    curve::relative_size,
    policy::{Policy, Range, Reading},
};
use proptest::prelude::*;
use std::time::Duration;

/// A part's header.
const HEADER: u64 = 150;

/// Somebody who takes pictures.
#[derive(Clone, Debug)]
struct Viewer {
    /// Bytes a second of a slow link; others take each picture at once.
    link: Option<f64>,
    /// When the picture that is under way has arrived, and its size.
    under_way: Option<(f64, u64)>,
    seen: usize,
}

impl Viewer {
    fn new(link: Option<f64>) -> Self {
        Self { link, under_way: None, seen: 0 }
    }
}

/// A camera and its viewers.
struct Camera {
    fps: f64,
    /// The size of a picture of quality 80 at a time.
    size: Box<dyn Fn(f64) -> f64>,
    /// How much steeper its sizes are than the policy expects.
    steepness: f64,
    range: Range,
    viewers: Vec<Viewer>,
    sent: u64,
    newest: (usize, u64),
    frames: u64,
    /// Each picture: when, quality, size.
    pictures: Vec<(f64, u8, u64)>,
    /// Pictures that were encoded twice.
    again: usize,
}

impl Camera {
    fn new(size: impl Fn(f64) -> f64 + 'static, viewers: usize) -> Self {
        Self {
            fps: 30.0,
            size: Box::new(size),
            steepness: 1.0,
            range: Range::AtMost(80),
            viewers: vec![Viewer::new(None); viewers],
            sent: 0,
            newest: (0, 0),
            frames: 0,
            pictures: Vec::new(),
            again: 0,
        }
    }

    fn len(&self, t: f64, quality: u8) -> u64 {
        let relative = match self.range {
            Range::Fixed => 1.0,
            Range::AtMost(_) => relative_size(quality).powf(self.steepness),
        };
        ((self.size)(t) * relative) as u64
    }

    /// Sends what is sent up to `t`; when and how much.
    fn send(&mut self, t: f64, log: &mut Vec<(f64, u64)>) {
        for viewer in &mut self.viewers {
            loop {
                let began = match viewer.under_way {
                    Some((end, _)) if end > t => break,
                    Some((end, len)) => {
                        self.sent += len;
                        log.push((end, len));
                        viewer.under_way = None;
                        end
                    }
                    None => t,
                };
                let (number, len) = self.newest;
                if number == viewer.seen {
                    break;
                }
                viewer.seen = number;
                let time = viewer.link.map_or(0.0, |rate| len as f64 / rate);
                viewer.under_way = Some((began + time, len + HEADER));
            }
        }
    }
}

struct Stage {
    policy: Policy,
    cameras: Vec<Camera>,
    t: f64,
    rate: f64,
    sent: Vec<(f64, u64)>,
}

impl Stage {
    fn new(kbps: f64, min: u8, cameras: Vec<Camera>) -> Self {
        let mut policy = Policy::new(kbps * 125.0, min);
        cameras.iter().for_each(|_| _ = policy.add());
        Self { policy, cameras, t: 0.0, rate: kbps * 125.0, sent: Vec::new() }
    }

    /// Until this time.
    fn run(&mut self, until: f64) {
        loop {
            let due = |camera: &Camera| camera.frames as f64 / camera.fps;
            let next = (0..self.cameras.len())
                .min_by(|&a, &b| due(&self.cameras[a]).partial_cmp(&due(&self.cameras[b])).unwrap());
            let index = next.unwrap();
            let at = due(&self.cameras[index]);
            if at >= until {
                self.t = until;
                return;
            }
            self.t = at;
            self.frame(index);
        }
    }

    fn frame(&mut self, index: usize) {
        let (t, now) = (self.t, Duration::from_secs_f64(self.t));
        for camera in &mut self.cameras {
            camera.send(t, &mut self.sent);
        }
        let cameras = &self.cameras;
        self.policy
            .read(now, |index| Reading { readers: cameras[index].viewers.len(), sent: cameras[index].sent });
        let camera = &mut self.cameras[index];
        camera.frames += 1;
        let decision = self.policy.frame(now, index, camera.range);
        if !decision.room {
            return;
        }
        let mut quality = decision.quality;
        if let Some(lower) = self.policy.encoded(now, index, camera.len(t, quality) as usize, quality) {
            assert!(lower < quality);
            quality = lower;
            camera.again += 1;
        }
        let len = camera.len(t, quality);
        self.policy.published(now, index, len as usize, quality);
        camera.pictures.push((t, quality, len));
        camera.newest = (camera.newest.0 + 1, len);
        camera.send(t, &mut self.sent);
    }

    /// The part of the budget that was used in the least and in the most used of all windows of this many seconds.
    fn used(&self, from: f64, to: f64, window: f64) -> (f64, f64) {
        let mut used: Vec<_> = (0..)
            .map(|step| from + 0.05 * f64::from(step))
            .take_while(|begin| begin + window <= to + 1e-9)
            .map(|begin| {
                let inside = self.sent.iter().filter(|(t, _)| (begin..begin + window).contains(t));
                inside.map(|(_, len)| *len as f64).sum::<f64>() / (self.rate * window)
            })
            .collect();
        used.sort_by(f64::total_cmp);
        (used[0], used[used.len() - 1])
    }

    /// The qualities in use between two times, lowest and highest.
    fn qualities(&self, index: usize, from: f64, to: f64) -> (u8, u8) {
        let pictures = self.cameras[index].pictures.iter().filter(|(t, ..)| (from..to).contains(t));
        let mut qualities: Vec<_> = pictures.map(|&(_, quality, _)| quality).collect();
        qualities.sort_unstable();
        (qualities[0], qualities[qualities.len() - 1])
    }

    fn count(&self, index: usize, from: f64, to: f64) -> usize {
        self.cameras[index].pictures.iter().filter(|(t, ..)| (from..to).contains(t)).count()
    }
}

/// This much until `at`, then that much.
fn turns(at: f64, before: f64, after: f64) -> impl Fn(f64) -> f64 {
    move |t| if t < at { before } else { after }
}

#[test]
fn scene_that_needs_less_than_the_budget_is_left_alone() {
    let mut stage = Stage::new(8000.0, 20, vec![Camera::new(|_| 30_000.0, 1)]);
    stage.run(10.0);
    assert_eq!(stage.qualities(0, 0.0, 10.0), (80, 80));
    assert_eq!(stage.count(0, 0.0, 10.0), 300);
    let report = stage.policy.report(Duration::from_secs(10), 0, 80);
    assert!(!report.limited && (report.bytes - 30_150.0 * 30.0).abs() < 3e4, "{report:?}");
}

#[test]
fn noisy_scene_lowers_quality_before_the_number_of_pictures_and_uses_the_budget() {
    for steepness in [0.7, 1.0, 1.5] {
        let mut camera = Camera::new(turns(10.0, 30_000.0, 75_000.0), 1);
        camera.steepness = steepness;
        let mut stage = Stage::new(10_000.0, 20, vec![camera]);
        stage.run(30.0);
        let (low, high) = stage.qualities(0, 12.0, 30.0);
        assert!(low > 20 && high < 70, "{low}..{high}");
        assert!(stage.count(0, 11.0, 30.0) >= 19 * 30 - 5, "pictures are left out");
        let (least, most) = stage.used(12.0, 30.0, 1.0);
        assert!(least >= 0.8 && most <= 1.1, "steepness {steepness}: {least}..{most}");
        assert_eq!(stage.cameras[0].again, 0, "not so much too large that it is encoded again");
    }
}

#[test]
fn scene_that_is_too_much_at_the_lowest_quality_has_fewer_pictures_evenly_spaced() {
    for size in [150_000.0, 300_000.0] {
        let mut stage = Stage::new(4000.0, 50, vec![Camera::new(turns(5.0, 15_000.0, size), 1)]);
        stage.run(30.0);
        assert_eq!(stage.qualities(0, 5.1, 30.0), (50, 50));
        let times: Vec<_> = stage.cameras[0].pictures.iter().map(|p| p.0).filter(|&t| t > 7.0).collect();
        let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let least = gaps.iter().copied().fold(f64::MAX, f64::min);
        let most = gaps.iter().copied().fold(0.0, f64::max);
        assert!(most - least < 1.01 / 30.0, "gaps of {least} to {most} s");
        // The time of ten pictures where that is longer than a second.
        let window = (10.0 * most).max(1.0);
        let (least, most) = stage.used(7.0, 30.0, window);
        assert!(least >= 0.8 && most <= 1.1, "{size}: {least}..{most}");
    }
}

#[test]
fn quality_returns_smoothly_when_the_scene_is_still_again() {
    let size = |t| if (5.0..15.0).contains(&t) { 200_000.0 } else { 30_000.0 };
    let mut stage = Stage::new(9000.0, 20, vec![Camera::new(size, 1)]);
    stage.run(25.0);
    assert_eq!(stage.qualities(0, 22.0, 25.0), (80, 80));
    let after: Vec<_> = stage.cameras[0].pictures.iter().filter(|p| p.0 > 15.0).map(|p| p.1).collect();
    assert!(after.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] - pair[0] <= 1), "{after:?}");
    assert_eq!(stage.count(0, 20.0, 25.0), 150);
    let (_, most) = stage.used(17.0, 25.0, 1.0);
    assert!(most <= 1.1, "{most}");
}

#[test]
fn picture_that_is_far_too_large_is_encoded_once_more_instead_of_stopping_the_stream() {
    let mut stage = Stage::new(2000.0, 10, vec![Camera::new(turns(5.0, 8_000.0, 100_000.0), 1)]);
    stage.run(10.0);
    assert_eq!(stage.cameras[0].again, 1);
    let first = stage.cameras[0].pictures.iter().find(|p| p.0 >= 5.0).unwrap();
    assert!(first.2 < 25_000, "{first:?}");
    let (_, most) = stage.used(4.0, 10.0, 1.0);
    assert!(most <= 1.3, "{most} at the turn");
}

#[test]
fn viewers_that_come_and_go_change_their_share_at_once() {
    let mut stage = Stage::new(17_000.0, 10, vec![Camera::new(|_| 60_000.0, 1)]);
    stage.run(5.0);
    assert_eq!(stage.qualities(0, 4.0, 5.0), (80, 80));
    stage.cameras[0].viewers.resize(4, Viewer::new(None));
    stage.run(5.1);
    assert!(stage.qualities(0, 5.0, 5.1).1 < 30, "from the first frame on");
    stage.run(12.0);
    let (least, most) = stage.used(7.0, 12.0, 1.0);
    assert!(least >= 0.8 && most <= 1.1, "{least}..{most}");
    stage.cameras[0].viewers.truncate(1);
    stage.run(20.0);
    assert_eq!(stage.qualities(0, 19.0, 20.0), (80, 80));
}

#[test]
fn slow_viewer_takes_no_share_that_it_cannot_use() {
    let mut camera = Camera::new(|_| 60_000.0, 2);
    camera.viewers[1].link = Some(50_000.0);
    let mut stage = Stage::new(10_000.0, 20, vec![camera]);
    stage.run(30.0);
    assert!(stage.count(0, 10.0, 30.0) >= 20 * 30 - 6, "pictures are left out for it");
    let (least, most) = stage.used(10.0, 30.0, 1.0);
    assert!(least >= 0.8 && most <= 1.1, "{least}..{most}");
}

#[test]
fn sizes_that_vary_do_not_make_quality_pump() {
    let size = |t: f64| 60_000.0 * (1.0 + 0.12 * (t * 6.0).sin() + 0.05 * (t * 97.0).sin());
    let mut stage = Stage::new(8000.0, 20, vec![Camera::new(size, 1)]);
    stage.run(40.0);
    let pictures: Vec<_> = stage.cameras[0].pictures.iter().filter(|p| p.0 > 10.0).map(|p| p.1).collect();
    let turns = pictures.windows(3).filter(|q| (q[1] > q[0]) != (q[2] > q[1]) && q[2] != q[1]).count();
    let (low, high) = stage.qualities(0, 10.0, 40.0);
    assert!(high - low <= 8, "{low}..{high}, {turns}");
    let (least, most) = stage.used(10.0, 40.0, 1.0);
    assert!(least >= 0.75 && most <= 1.1, "{least}..{most}");
}

#[test]
fn cameras_share_the_budget_and_what_one_leaves_the_other_has() {
    let mut stage = Stage::new(8000.0, 30, vec![Camera::new(|_| 9_000.0, 1), Camera::new(|_| 150_000.0, 1)]);
    stage.run(20.0);
    assert_eq!(stage.count(0, 5.0, 20.0), 450, "the still one has all its pictures");
    let (least, most) = stage.used(5.0, 20.0, 1.0);
    assert!(least >= 0.8 && most <= 1.1, "{least}..{most}");
    // Two alike, in step: neither waits for the other.
    let mut stage =
        Stage::new(4000.0, 50, vec![Camera::new(|_| 150_000.0, 1), Camera::new(|_| 150_000.0, 1)]);
    stage.run(20.0);
    let (one, other) = (stage.count(0, 5.0, 20.0), stage.count(1, 5.0, 20.0));
    assert!(one.abs_diff(other) <= 2, "{one} and {other}");
}

#[test]
fn jpegs_of_a_camera_only_become_fewer() {
    let mut camera = Camera::new(|_| 60_000.0, 1);
    camera.range = Range::Fixed;
    let mut stage = Stage::new(5000.0, 20, vec![camera]);
    stage.run(20.0);
    let (least, most) = stage.used(2.0, 20.0, 1.0);
    assert!(least >= 0.8 && most <= 1.1, "{least}..{most}");
    let report = stage.policy.report(Duration::from_secs(20), 0, 80);
    assert_eq!((report.quality, report.limited), (None, true));
}

#[test]
fn camera_without_readers_is_not_limited_and_a_budget_without_use_leaves_no_debt() {
    let mut stage = Stage::new(100.0, 20, vec![Camera::new(|_| 60_000.0, 0)]);
    stage.run(5.0);
    assert_eq!(stage.count(0, 0.0, 5.0), 150, "whoever asks for them, they are sent to nobody");
    assert!(!stage.policy.report(Duration::from_secs(5), 0, 80).limited);
}

#[derive(Clone, Debug)]
enum Event {
    Scene(f64),
    Join(bool),
    Leave,
    Pass(f64),
    Ceiling(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (500.0..300_000.0).prop_map(Event::Scene),
        any::<bool>().prop_map(Event::Join),
        Just(Event::Leave),
        (0.05..3.0).prop_map(Event::Pass),
        (1u8..=100).prop_map(Event::Ceiling),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens: no more is sent than the budget, what a bucket holds, and one picture for each viewer beyond; unless that
    /// means less than a picture a second. Quality stays in its range, and a picture a second there is.
    #[test]
    fn budget_is_exceeded_by_one_picture_for_each_viewer_at_most(
        events in prop::collection::vec(event(), 1..40),
        kbps in 500.0..20_000.0,
        min in 1u8..=80,
        fps in prop_oneof![Just(5.0), Just(15.0), Just(30.0), Just(60.0)],
        steepness in 0.5..2.0,
    ) {
        let scene = std::rc::Rc::new(std::cell::Cell::new(20_000.0));
        let seen = std::rc::Rc::clone(&scene);
        let mut camera = Camera::new(move |_| seen.get(), 1);
        (camera.fps, camera.steepness) = (fps, steepness);
        let mut stage = Stage::new(kbps, min, vec![camera]);
        let mut most = 80;
        for event in events {
            let camera = &mut stage.cameras[0];
            let (t, first) = (stage.t, stage.sent.len());
            let mut passed = 0.0;
            match event {
                Event::Scene(size) => scene.set(size),
                Event::Join(slow) => camera.viewers.push(Viewer::new(slow.then_some(30_000.0))),
                Event::Leave => _ = camera.viewers.pop(),
                Event::Pass(time) => passed = time,
                Event::Ceiling(quality) => {
                    most = quality.max(min);
                    camera.range = Range::AtMost(most);
                }
            }
            let pictures = camera.pictures.len();
            stage.run(t + passed);
            let camera = &stage.cameras[0];
            let new = &camera.pictures[pictures..];
            prop_assert!(new.iter().all(|&(_, quality, _)| (min..=most).contains(&quality)));
            if camera.viewers.is_empty() {
                continue;
            }
            // One that was due in the second before is at its latest one frame late.
            let first_gap = new.first().map_or(passed, |picture| picture.0 - t);
            let gaps = new.windows(2).map(|pair| pair[1].0 - pair[0].0).chain([first_gap]);
            prop_assert!(gaps.fold(0.0, f64::max) <= 0.9 + 1.01 / fps, "{new:?}");

            let largest = camera.pictures.iter().map(|picture| picture.2).max().unwrap_or(0) + HEADER;
            let each = camera.viewers.len() as f64 * largest as f64;
            if each <= 0.9 * stage.rate {
                let sent: u64 = stage.sent[first..].iter().map(|sent| sent.1).sum();
                let room = stage.rate * (passed + 0.1) + each;
                // And those that slow viewers had under way.
                prop_assert!(sent as f64 <= room + each, "{sent} of {room}");
            }
        }
    }
}
