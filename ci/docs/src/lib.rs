//! The Rust code of the pages: each block is a test of this package.
//!
//! A block that does not compile fails, and so does one that panics:
//!
//! ```compile_fail,E0599
//! eyelet_core::Eyelet::builder().no_such_method();
//! ```
//!
//! ```should_panic
//! eyelet_core::Eyelet::builder().bind("nowhere").start().unwrap();
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/embed.md")]
mod embed {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/port.md")]
mod port {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/test.md")]
mod test {}
