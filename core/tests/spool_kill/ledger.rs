//! The books: what was taken, what arrived, and whether that is right.

use crate::{child::picture, killed, server::Arrival};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitStatus,
};

/// A picture by its life and its sequence; the order is that in which they were taken.
type Key = (u64, u64);

/// Before and after each of nine operations.
const PLACES: usize = 18;

#[derive(Default)]
pub(crate) struct Ledger {
    taken: BTreeSet<Key>,
    arrivals: Vec<Arrival>,
    /// Kills by their place: before or after which operation.
    places: BTreeMap<String, u32>,
    from_outside: u32,
}

impl Ledger {
    /// A process ended: it killed itself at this place, or was killed from outside.
    pub(crate) fn died(&mut self, life: u64, taken: &[u64], status: ExitStatus, place: Option<String>) {
        assert!(killed(status), "life {life} was to be killed, and ended with {status}");
        self.taken.extend(taken.iter().map(|sequence| (life, *sequence)));
        match place {
            Some(place) => *self.places.entry(place).or_default() += 1,
            None => self.from_outside += 1,
        }
    }

    pub(crate) fn kills(&self) -> u32 {
        self.at_an_operation() + self.from_outside
    }

    fn at_an_operation(&self) -> u32 {
        self.places.values().sum()
    }

    pub(crate) fn arrived(&mut self, arrivals: Vec<Arrival>) {
        self.arrivals = arrivals;
    }

    /// Everything that was taken arrived, each in its place, whole. Gives the figures.
    pub(crate) fn check(&self, kills: u32) -> String {
        assert_eq!(self.kills(), kills);
        let mut seen = BTreeSet::new();
        let (mut unanswered, mut by_kills) = (0, 0);
        let mut last: Option<&Arrival> = None;
        for arrival in &self.arrivals {
            let key = (arrival.life, arrival.sequence);
            assert_eq!(
                arrival.body,
                picture(arrival.life, arrival.sequence).as_bytes(),
                "{key:?} is damaged"
            );
            match last {
                Some(last) if key == (last.life, last.sequence) => {
                    if last.answered {
                        by_kills += 1;
                    } else {
                        unanswered += 1;
                    }
                }
                _ => {
                    let last = last.map(|last| (last.life, last.sequence));
                    assert!(last < Some(key), "{key:?} came after {last:?}");
                }
            }
            seen.insert(key);
            last = Some(arrival);
        }
        let lost: Vec<_> = self.taken.difference(&seen).collect();
        assert!(lost.is_empty(), "{lost:?} were taken and never arrived");
        assert!(by_kills <= kills, "a kill repeats one picture at most");
        let mut text = String::new();
        for (place, times) in &self.places {
            text += &format!("{times:6} {place}\n");
        }
        // Every operation is met from both sides; by chance a short run misses some.
        assert!(kills < 1_000 || self.places.len() == PLACES, "some place was never met:\n{text}");
        text + &format!(
            "{kills} kills ({} at a file operation, {} from outside): {} pictures taken, 0 lost, 0 out of order; \
             {} arrived, {by_kills} came again because of a kill, {unanswered} because the server's answer was lost",
            self.at_an_operation(),
            self.from_outside,
            self.taken.len(),
            seen.len(),
        )
    }
}
