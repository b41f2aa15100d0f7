//! The camera thread: what it asks of a camera and an encoder, and what it makes of their faults.

mod camera_quirks;
mod protocol;
mod supervision;
mod unwatched;
