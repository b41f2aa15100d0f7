//! Recycled picture buffers: one frame's memory serves a later frame once its last viewer is done.

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// More free buffers than this are freed: in use are at most the newest picture and those that slow viewers hold.
const KEPT: usize = 4;

/// Empty buffers with capacity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// An empty buffer, with the capacity of an earlier picture if there is one.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.free().pop().unwrap_or_default()
    }

    /// The buffer as shared bytes. It returns to the pool when the last clone drops.
    pub(crate) fn share(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { buffer, pool: self.clone() })
    }

    /// Takes a buffer back at once.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut free = self.free();
        if free.len() < KEPT {
            free.push(buffer);
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent {
    buffer: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_returns_with_its_last_clone() {
        let pool = Pool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(&[1; 1000]);
        let place = buffer.as_ptr();
        let shared = pool.share(buffer);
        let viewer = shared.clone();
        drop(shared);
        assert_eq!(pool.take().capacity(), 0, "a viewer still has it");
        drop(viewer);
        let again = pool.take();
        assert!(again.is_empty() && again.as_ptr() == place);
    }

    #[test]
    fn pool_keeps_only_a_few_buffers() {
        let pool = Pool::default();
        for _ in 0..10 {
            pool.give(Vec::with_capacity(1));
        }
        assert_eq!(pool.free().len(), KEPT);
    }
}
