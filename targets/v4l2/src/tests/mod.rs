//! Unit tests of several modules together, and the two kernels they run against: a queue and a driver made of answers.

mod choose;
mod control;
mod driver;
mod driver_properties;
pub(crate) mod fake_driver;
mod fake_queue;
mod ring;
mod ring_properties;
