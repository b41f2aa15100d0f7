//! Access control, by the raw bytes on the server's socket.

mod change;
#[cfg(feature = "passwords")]
mod guess;
mod lockout;
mod matrix;
mod support;
