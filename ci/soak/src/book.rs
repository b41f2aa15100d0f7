//! Every picture that any viewer saw, and every promise that was broken. One thread, so no locks.

use crate::http::Stamp;
use std::{
    cell::{RefCell, RefMut},
    collections::{BTreeMap, btree_map::Entry},
    rc::Rc,
};

/// A time in which no viewer at all got a picture counts as the camera's from so many seconds on: frames are 33 ms
/// apart, the camera's silences last a second, and unplugged it stays for three.
pub(crate) const OUTAGE: f64 = 0.9;

/// Broken promises that are printed in full.
const SHOWN: usize = 20;

/// A time on the server's clock, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Span {
    pub(crate) fn seconds(self) -> f64 {
        self.to - self.from
    }

    /// Seconds that both have.
    pub(crate) fn overlap(self, other: Self) -> f64 {
        (self.to.min(other.to) - self.from.max(other.from)).max(0.0)
    }
}

/// What all who look write into.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// Time of capture and digest of each picture, by its number.
    pictures: BTreeMap<u64, (f64, u64)>,
    broken: Vec<String>,
    more: usize,
    /// Pictures that arrived, at all viewers together.
    pub(crate) arrived: u64,
    pub(crate) bytes: u64,
    /// Those that came again because nothing newer was there.
    pub(crate) repeated: u64,
    pub(crate) viewers: u64,
    pub(crate) requests: u64,
}

impl Book {
    /// A promise was broken.
    pub(crate) fn broken(&self, what: impl Into<String>) {
        let mut inner = self.counts();
        if inner.broken.len() < SHOWN {
            inner.broken.push(what.into());
        } else {
            inner.more += 1;
        }
    }

    pub(crate) fn counts(&self) -> RefMut<'_, Inner> {
        self.0.borrow_mut()
    }

    /// A picture arrived whole. All that bear the same number must be the same, byte for byte.
    pub(crate) fn saw(&self, stamp: Stamp, jpeg: &[u8]) {
        let digest = digest(jpeg);
        let first = match self.counts().pictures.entry(stamp.sequence) {
            Entry::Vacant(place) => *place.insert((stamp.at, digest)),
            Entry::Occupied(place) => *place.get(),
        };
        if first != (stamp.at, digest) {
            self.broken(format!("two different pictures have the number {}", stamp.sequence));
        }
    }

    /// When the camera gave nothing, from the last picture before to the first one after, or to the `end` of looking.
    pub(crate) fn outages(&self, end: f64) -> Vec<Span> {
        let inner = self.counts();
        let times: Vec<f64> = inner.pictures.values().map(|&(at, _)| at).chain([end]).collect();
        let spans = times.windows(2).map(|two| Span { from: two[0], to: two[1] });
        spans.filter(|span| span.seconds() >= OUTAGE).collect()
    }

    /// What was broken, one line each; nothing when all is well.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let inner = self.counts();
        if inner.broken.is_empty() {
            return Ok(());
        }
        let mut broken = inner.broken.join("\n  ");
        if inner.more > 0 {
            broken += &format!("\n  and {} more", inner.more);
        }
        Err(format!("{} promises broken:\n  {broken}", inner.broken.len() + inner.more))
    }
}

/// Tells pictures apart; collisions on purpose are no concern here.
fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mix = |digest: u64, word: u64| (digest.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let digest = words.iter().fold(bytes.len() as u64, |digest, word| mix(digest, u64::from_le_bytes(*word)));
    rest.iter().fold(digest, |digest, &byte| mix(digest, byte.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_pictures_is_the_cameras_only_if_no_viewer_has_any() {
        let book = Book::default();
        for (sequence, at) in [(0, 10.0), (1, 10.1), (5, 13.1), (3, 10.3), (2, 10.2), (6, 13.2)] {
            book.saw(Stamp { sequence, at }, b"picture");
        }
        let outage = Span { from: 10.3, to: 13.1 };
        assert_eq!(book.outages(13.3), [outage]);
        assert_eq!(book.outages(15.0), [outage, Span { from: 13.2, to: 15.0 }], "it lasts until the end");
        assert!(book.verdict().is_ok());
    }

    #[test]
    fn one_number_for_two_pictures_is_noticed() {
        let book = Book::default();
        let stamp = Stamp { sequence: 7, at: 1.0 };
        book.saw(stamp, b"a picture");
        book.saw(stamp, b"a picture");
        assert!(book.verdict().is_ok());
        book.saw(stamp, b"a pictura");
        assert_eq!(
            book.verdict().unwrap_err(),
            "1 promises broken:\n  two different pictures have the number 7"
        );
    }

    #[test]
    fn digests_see_every_byte() {
        let good: Vec<u8> = (0..100).collect();
        for at in 0..good.len() {
            let mut other = good.clone();
            other[at] ^= 1;
            assert_ne!(digest(&good), digest(&other), "{at}");
        }
        assert_ne!(digest(&good), digest(&good[..99]));
    }
}
