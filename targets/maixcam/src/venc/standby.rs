//! How whoever starts a camera gets the JPEG unit's nodes closed for as long as that takes.

use super::worker::Worker;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicUsize, Ordering},
};

/// Shared by encoders of the unit and whoever starts a camera beside them.
///
/// The vendor's package may load the drivers anew when it opens the camera, and ends half-way if a node of theirs is
/// open. So the unit is [put down](Self::put_down) before: its channel is taken apart and its nodes are closed. The
/// encoders take it again with the first frame after that, and leave frames in between to software.
#[derive(Clone, Debug, Default)]
pub struct Standby(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How often it is put down at the moment.
    down: AtomicUsize,
    slots: Mutex<Vec<Weak<Mutex<Option<Worker>>>>>,
}

/// The unit stays down as long as this lives.
#[derive(Debug)]
#[must_use = "dropping this lets the unit be taken again"]
pub struct Down(Arc<Shared>);

impl Standby {
    /// Closes every node of the unit that an encoder has open, and keeps them closed until what this returns is
    /// dropped. Waits for the frame that is in the unit; a unit that hangs is left as it is after the encoder's
    /// watchdog.
    ///
    /// Not to be called by an encoder.
    pub fn put_down(&self) -> Down {
        self.0.down.fetch_add(1, Ordering::SeqCst);
        let down = Down(Arc::clone(&self.0));
        let mut slots = lock(&self.0.slots);
        slots.retain(|slot| slot.strong_count() > 0);
        for slot in slots.iter().filter_map(Weak::upgrade) {
            // Whoever takes the unit does so with this lock held, after a look at the count.
            drop(lock(&slot).take());
        }
        down
    }

    /// Whether the unit is put down.
    pub(super) fn is_down(&self) -> bool {
        self.0.down.load(Ordering::SeqCst) > 0
    }

    /// A place for the unit of an encoder.
    pub(super) fn slot(&self) -> Slot {
        let slot = Arc::new(Mutex::new(None));
        lock(&self.0.slots).push(Arc::downgrade(&slot));
        Slot(slot)
    }
}

impl Drop for Down {
    fn drop(&mut self) {
        self.0.down.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The place of an encoder's unit, empty while it is put down.
#[derive(Debug)]
pub(super) struct Slot(Arc<Mutex<Option<Worker>>>);

impl Slot {
    /// Keeps the unit from being put down meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Worker>> {
        lock(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
