//! The upload client against a server whose answers the test gives.

mod newest;
mod proxy;
mod request;
mod sending;
mod server;
mod spooled;
mod uploader;
