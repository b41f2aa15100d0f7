//! One picture encoded by several threads: bands of rows, independent of each other.
//!
//! A restart marker after each row of MCUs makes the rows independent of each other (T.81, F.1.1.5.1). A marker costs
//! some six bytes, 0.1 % of a picture; in return the bytes do not depend on the number of threads.

use super::{BlockEncoder, picture::Picture, workers::Workers};
use std::{
    io, mem,
    num::NonZeroU8,
    sync::{Mutex, PoisonError},
};

/// Bands for each thread. One that starts late, or shares its processor, leaves its bands to the others.
const BANDS_EACH: usize = 4;

/// The threads and their output buffers.
pub(super) struct Bands {
    workers: Workers,
    /// The entropy-coded data of each band. Locked only by the thread that encodes it.
    parts: Vec<Mutex<Vec<u8>>>,
}

impl Bands {
    /// `threads` together with the caller's own.
    ///
    /// # Errors
    /// If the system refuses one.
    pub(super) fn new(threads: NonZeroU8) -> io::Result<Self> {
        Ok(Self { workers: Workers::start(usize::from(threads.get()) - 1)?, parts: Vec::new() })
    }

    /// Appends the entropy-coded data, with a restart marker between any two rows of MCUs.
    pub(super) fn scan(&mut self, blocks: &BlockEncoder, picture: &Picture<'_>, out: &mut Vec<u8>) {
        let Self { workers, parts } = self;
        let rows = picture.unit_rows();
        let height = rows.div_ceil(BANDS_EACH * (workers.count() + 1));
        let count = rows.div_ceil(height);
        if parts.len() < count {
            parts.resize_with(count, Mutex::default);
        }
        // The first band appends to `out` itself.
        let whole = |part: &mut Mutex<Vec<u8>>, out: &mut Vec<u8>| {
            mem::swap(part.get_mut().unwrap_or_else(PoisonError::into_inner), out);
        };
        whole(&mut parts[0], out);
        workers.run(count, &|band| {
            let mut part = parts[band].lock().unwrap_or_else(PoisonError::into_inner);
            if band > 0 {
                part.clear();
            }
            for row in (band * height..rows).take(height) {
                blocks.scan(picture, row..row + 1, &mut part);
                if row + 1 < rows {
                    part.extend_from_slice(&[0xff, 0xd0 + (row % 8) as u8]);
                }
            }
        });
        whole(&mut parts[0], out);
        for part in &mut parts[1..count] {
            out.extend_from_slice(part.get_mut().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
