//! The upload client against a server that answers what the test says.

mod delivery;
mod forwarder;
mod proxy;
mod server;
mod style;
mod uploader;
