//! A frame costs no allocation: counted from outside of the encoder, on all its threads.
//!
//! A binary of its own: the allocator that counts is the process's.

// A counting allocator is unsafe code by nature.
#![allow(unsafe_code)]

use eyelet_core::encode::{BaselineEncoder, ReferenceEncoder, baseline::Backend};
use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, StreamFormat};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    num::NonZeroU8,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it is. What grows in place comes here too, by way of `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) };
    }
}

/// Two pictures of noise, of a size that is no multiple of anything.
fn noise(pixel: PixelFormat) -> (StreamFormat, [Vec<Vec<u8>>; 2]) {
    let format = StreamFormat::new(pixel, 333, 245).unwrap();
    let pictures = [1, 2].map(|seed| {
        let mut noise = fastrand::Rng::with_seed(seed);
        let planes = (0..pixel.planes()).map(|index| format.plane(index).unwrap());
        planes
            .map(|plane| {
                let bytes = plane.min_len(plane.row_bytes).unwrap();
                (0..bytes).map(|_| noise.u8(..)).collect()
            })
            .collect()
    });
    (format, pictures)
}

/// Allocations of some frames, once `encoder` and its output have seen their like.
fn allocations(encoder: &mut dyn JpegEncoder, pixel: PixelFormat) -> usize {
    let (format, pictures) = noise(pixel);
    let frames = pictures.each_ref().map(|planes| {
        let planes: Vec<_> = planes
            .iter()
            .enumerate()
            .map(|(at, bytes)| Plane::host(bytes, format.plane(at).unwrap().row_bytes))
            .collect();
        Frame::new(format, FrameMeta::default(), &planes).unwrap()
    });
    let mut jpeg = Vec::new();
    let mut before = 0;
    for round in 0..6 {
        if round == 1 {
            before = ALLOCATIONS.load(Relaxed);
        }
        for frame in &frames {
            jpeg.clear();
            encoder.encode(frame, Quality::DEFAULT, &mut jpeg).unwrap();
        }
    }
    ALLOCATIONS.load(Relaxed) - before
}

// One test for all: another, at the same time, would be counted too.
#[test]
fn frame_after_the_first_allocates_nothing() {
    for pixel in PixelFormat::RAW {
        for backend in Backend::ALL.into_iter().filter(|backend| backend.is_available()) {
            for threads in [1, 2, 5] {
                let encoder = BaselineEncoder::with_backend(backend).unwrap();
                let mut encoder = encoder.with_threads(NonZeroU8::new(threads).unwrap()).unwrap();
                let count = allocations(&mut encoder, pixel);
                assert_eq!(count, 0, "{pixel}, {backend:?}, {threads} threads");
            }
        }
    }
    // And counting works.
    assert!(allocations(&mut ReferenceEncoder::new(), PixelFormat::Nv12) > 0);
}
