//! Pictures a second, over the time in which the camera gave any.
//!
//! Times are those of capture, which the simulated camera spaces evenly: a picture that never reached the viewer
//! counts against the server, one that was a little late does not.

use crate::book::{Book, Span};

/// Frames a second, and how far an honest viewer may be off.
pub(crate) const FPS: f64 = 30.0;
const SLACK: f64 = 1.0;

/// From one picture to the next takes less than this, unless the camera or the server gave nothing.
const STEP: f64 = 0.5;

/// No more of its time than this is excused: all threads' waits together may be longer than the trial, and then no rate
/// would be too low.
const EXCUSED: f64 = 0.5;

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

/// Whether each of `rates` is that of the camera; returns the lowest and the highest.
///
/// What the server and its viewers could not do because their threads were ready and waited for a processor, `starved`
/// of the time, is the machine's: a thread that waits for a tenth of the time may lose a tenth of the frames. On a
/// machine with nothing else to do that is next to nothing; beyond [`EXCUSED`] nothing more is.
pub(crate) fn kept(book: &Book, rates: &[Rate], outages: &[Span], starved: f64) -> String {
    let fps = rates.iter().map(|rate| rate.over(outages).0);
    let (least, most) = fps.fold((f64::MAX, 0.0_f64), |(low, high), fps| (low.min(fps), high.max(fps)));
    let excused = 100.0 * starved;
    let summary = format!("{least:.2} to {most:.2} fps (no processor for {excused:.1} % of the time)");
    if least < (FPS - SLACK) * (1.0 - starved.min(EXCUSED)) || most > FPS + SLACK {
        book.broken(format!("honest viewers got {summary}"));
    }
    summary
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
    fn viewer_that_misses_pictures_is_noticed_unless_the_machine_had_no_time() {
        let mut rate = Rate::default();
        thirty(0.0, 301).filter(|at| at.fract() > 0.05).for_each(|at| rate.picture(at));
        let broken = |starved| {
            let book = Book::default();
            kept(&book, &[rate.clone()], &[], starved);
            book.verdict().is_err()
        };
        assert!(broken(0.0) && broken(0.01) && !broken(0.1));
    }

    #[test]
    fn no_machine_is_busy_enough_to_excuse_every_rate() {
        let mut rate = Rate::default();
        thirty(0.0, 301).step_by(3).for_each(|at| rate.picture(at));
        for starved in [0.6, 1.0, 4.0] {
            let book = Book::default();
            kept(&book, &[rate.clone()], &[], starved);
            assert!(book.verdict().is_err(), "10 fps with {starved}");
        }
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
        assert!((rate.over(&[]).0 - 7.5).abs() < 1e-6, "between two viewers there is no wait");
    }
}
