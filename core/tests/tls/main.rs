//! TLS: the server, and the clients that look at it.

// The certificates' maker is not built for riscv64.
#![cfg(all(feature = "tls", not(target_arch = "riscv64")))]

mod clients;
mod server;
#[path = "../support/serving.rs"]
mod serving;
mod support;
