//! Pictures that come again: a client that lost the answer sends the same one once more.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Mutex, PoisonError},
};

/// As many are remembered: a client repeats what it sent last, not what it sent long ago.
const REMEMBERED: usize = 4096;

/// Which picture it is: `X-Run` and `X-Sequence`.
pub(super) type Key = (String, u64);

/// The names of the pictures that came last. A restart forgets them.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashMap<Key, String>,
    order: VecDeque<Key>,
}

/// Whether a picture is here for the first time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Now(String),
    Before(String),
}

impl Repeats {
    /// Stores a picture unless it was stored before. One at a time, so that the second of two that come at once waits for
    /// the outcome of the first.
    pub(super) fn once(&self, key: Key, store: impl FnOnce() -> io::Result<String>) -> io::Result<Stored> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.names.get(&key) {
            return Ok(Stored::Before(name.clone()));
        }
        let name = store()?;
        if known.order.len() == REMEMBERED
            && let Some(oldest) = known.order.pop_front()
        {
            known.names.remove(&oldest);
        }
        known.order.push_back(key.clone());
        known.names.insert(key, name.clone());
        Ok(Stored::Now(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_upload_is_stored_once_with_bounded_memory() {
        let repeats = Repeats::default();
        let key = |sequence| ("run".to_owned(), sequence);
        let store = |sequence| repeats.once(key(sequence), || Ok(format!("name {sequence}"))).unwrap();
        assert!(repeats.once(key(0), || Err(io::ErrorKind::StorageFull.into())).is_err());
        for sequence in 0..REMEMBERED as u64 {
            assert_eq!(store(sequence), Stored::Now(format!("name {sequence}")));
            assert_eq!(store(sequence), Stored::Before(format!("name {sequence}")));
        }
        store(REMEMBERED as u64);
        assert_eq!(store(1), Stored::Before("name 1".into()));
        assert_eq!(store(0), Stored::Now("name 0".into()), "the oldest is forgotten");
        assert_eq!(repeats.0.lock().unwrap().names.len(), REMEMBERED);
    }
}
