//! The upload client against a server that answers what the test says.

mod newest;
mod proxy;
mod request;
mod sending;
mod server;
mod spooled;
mod uploader;
