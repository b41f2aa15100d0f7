//! The camera thread: capture, encode, publish, and start again when the camera is lost.
