//! The spool on disks that fail: power cuts, kill -9, full disks, flipped bits.

mod full_disk;
mod memory;
mod power;
mod room;
mod thread;
