//! The upload client against a server that answers what the test says.

mod forwarder;
mod server;
mod uploader;
