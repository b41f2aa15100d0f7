//! Viewers that a bench reads for.

use super::{crowd::Crowd, report::Tail, target::Target, viewer::Pace};
use std::{
    io,
    time::{Duration, Instant},
};

/// A picture that takes longer than this will not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Viewers of one stream, which read only on request.
pub struct Audience(Crowd);

impl Audience {
    /// Begins to connect.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(target: &Target, viewers: usize) -> io::Result<Self> {
        Ok(Self(Crowd::connect(target, std::iter::repeat_n(Pace::Fast, viewers))?))
    }

    /// Reads until every viewer has the picture of this number or a later one, and all that came was whole and right.
    ///
    /// # Errors
    /// `Other` when a viewer is lost or gets something else; `TimedOut` when nothing comes.
    pub fn until(&mut self, number: u64) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let viewers = &self.0.viewers;
            if viewers.iter().any(|viewer| viewer.faults.bad > 0) {
                return Err(io::Error::other("a picture is not what was published"));
            }
            if let Some(why) = viewers.iter().find_map(|viewer| viewer.ended.as_deref()) {
                return Err(io::Error::other(why));
            }
            if viewers.iter().all(|viewer| viewer.number >= Some(number)) {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.0.wait(PATIENCE)?;
        }
    }

    /// From `captured_at` to the last byte, of all pictures since this was last called.
    pub fn latency(&mut self) -> Option<Tail> {
        let ages = self.0.viewers.iter_mut().flat_map(|viewer| std::mem::take(&mut viewer.tally).ages);
        Tail::of(ages.collect())
    }
}
