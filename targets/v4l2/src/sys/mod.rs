//! What `<linux/videodev2.h>` says of single-planar capture, written out for 64-bit Linux.
//!
//! The kernel never changes these structures and numbers, so writing out the twenty that are used costs little, and
//! whoever builds a program with a camera needs neither libclang nor the kernel's headers. The `v4l` crate takes them
//! from bindgen at build time: one more package to find on a laptop, a toolchain that a cross image does not have, and
//! for riscv64 musl a known failure. To replace them there takes a `[patch]`, which is of no effect in a crate that
//! depends on this one, or a fork under another name, which somebody would have to keep. What is left of the crate
//! beyond them, its enumeration and its streaming, cannot be used here: it panics on values that cameras do return (a
//! colorspace or a type of control that it does not know, a name that is cut in the middle of a character), collects
//! lists that never end, queues a buffer that the kernel still owns after a timeout, panics in its stream's drop and
//! lends one whole buffer at a time.
//!
//! So `v4l` is the reference: `ci/check.sh bindings` compares every structure, field, constant and request here with it
//! and with what bindgen makes of the kernel's header. Layouts are asserted at compile time as well. Names are C's;
//! the kernel's documentation (userspace-api/media/v4l) describes them. An anonymous union is called `anonymous`.

#![allow(non_camel_case_types)]
// Fields are there for the layout.
#![allow(dead_code)]

mod constants;
mod requests;
mod structures;

pub(crate) use constants::*;
pub(crate) use requests::*;
pub(crate) use structures::*;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the V4L2 structures are written out for 64-bit Linux only");
