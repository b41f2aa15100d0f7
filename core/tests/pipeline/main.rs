//! The camera thread: its calls to a camera and an encoder, and their faults.

mod budget;
mod camera_quirks;
mod edits;
mod in_hand;
mod protocol;
mod supervision;
mod support;
mod unwatched;
