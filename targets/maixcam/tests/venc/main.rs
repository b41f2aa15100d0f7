//! The SG2002's JPEG encoder on a model of its driver.

mod fallback;
mod hazards;
mod kill;
#[path = "../support/logged.rs"]
mod logged;
mod pictures;
mod rules;
mod sequences;
mod support;
