//! Whether the program was started with a closed stdout, as by `>&-`.
//!
//! Rust's runtime opens `/dev/null` in place of a closed standard stream, so that `main` cannot tell: a picture would go
//! there, and the exit code would say that it was written. What is here runs before that.

#![allow(unsafe_code)]

use std::{
    os::fd::BorrowedFd,
    sync::atomic::{AtomicBool, Ordering},
};

static CLOSED: AtomicBool = AtomicBool::new(false);

pub(super) fn was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

// SAFETY: the section holds pointers to functions with C's calling convention, which run one after another before `main`.
#[unsafe(link_section = ".init_array")]
#[used]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: the descriptor is only looked at, and nothing else runs yet that could close it.
    let stdout = unsafe { BorrowedFd::borrow_raw(1) };
    let closed = rustix::io::fcntl_getfd(stdout).is_err();
    CLOSED.store(closed, Ordering::Relaxed);
}
