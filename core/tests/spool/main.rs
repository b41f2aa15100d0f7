//! The spool on disks that fail: power cuts, kill -9, errors of every kind, full disks, flipped bits.

mod faults;
mod full_disk;
mod memory;
mod power;
mod room;
mod thread;
