//! Pictures a second, over the time in which the camera gave any.
//!
//! Times are those of capture, which the simulated camera spaces evenly: a picture that never reached the viewer
//! counts against the server, one that was a little late does not.

use crate::book::Span;

/// From one picture to the next takes less than this, unless the camera or the server gave nothing.
const STEP: f64 = 0.5;

/// What came to one viewer, or to one after another at the same place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    last: Option<f64>,
    steps: u64,
    seconds: f64,
    long: Vec<Span>,
}

impl Rate {
    /// A new viewer begins.
    pub(crate) fn begin(&mut self) {
        self.last = None;
    }

    /// A new picture, captured at `at`.
    pub(crate) fn picture(&mut self, at: f64) {
        if let Some(last) = self.last.replace(at) {
            let span = Span { from: last, to: at };
            if span.seconds() < STEP {
                self.steps += 1;
                self.seconds += span.seconds();
            } else {
                self.long.push(span);
            }
        }
    }

    /// The viewer leaves at `now`: what it waited for in vain counts.
    pub(crate) fn end(&mut self, now: f64) {
        if let Some(last) = self.last.take().filter(|last| now - last >= STEP) {
            self.long.push(Span { from: last, to: now });
        }
    }

    /// Pictures a second, and the seconds of it: those of the camera's outages are none.
    pub(crate) fn over(&self, outages: &[Span]) -> (f64, f64) {
        let waited = self.long.iter().map(|span| {
            let excused: f64 = outages.iter().map(|outage| outage.overlap(*span)).sum();
            span.seconds() - excused
        });
        let seconds = self.seconds + waited.sum::<f64>();
        (if seconds > 0.0 { self.steps as f64 / seconds } else { 0.0 }, seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thirty(from: f64, pictures: u32) -> impl Iterator<Item = f64> {
        (0..pictures).map(move |n| from + f64::from(n) / 30.0)
    }

    #[test]
    fn outages_are_excused_and_nothing_else() {
        let mut rate = Rate::default();
        thirty(100.0, 31).chain(thirty(104.0, 31)).for_each(|at| rate.picture(at));
        let outage = Span { from: 101.0, to: 104.0 };
        let (fps, seconds) = rate.over(&[outage]);
        assert!((fps - 30.0).abs() < 1e-6 && (seconds - 2.0).abs() < 1e-6, "{fps} over {seconds}");
        let (fps, _) = rate.over(&[]);
        assert!((fps - 12.0).abs() < 1e-6, "60 in 5 s: {fps}");
    }

    #[test]
    fn missing_pictures_and_a_silent_end_count() {
        let mut rate = Rate::default();
        thirty(0.0, 61).step_by(2).for_each(|at| rate.picture(at));
        assert!((rate.over(&[]).0 - 15.0).abs() < 1e-6);
        rate.end(4.0);
        assert!((rate.over(&[]).0 - 7.5).abs() < 1e-6);
        rate.begin();
        rate.picture(1000.0);
        assert!((rate.over(&[]).0 - 7.5).abs() < 1e-6, "between two viewers nobody waits");
    }
}
