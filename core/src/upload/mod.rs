//! Pictures sent to a server.
