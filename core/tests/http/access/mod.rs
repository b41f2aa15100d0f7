//! Access control, by the raw bytes on the server's socket.

mod change;
mod guess;
mod lockout;
mod matrix;
mod support;
