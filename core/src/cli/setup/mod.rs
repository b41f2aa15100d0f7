//! From flags to the parts of the library that a command runs.

pub(super) mod access;
pub(super) mod listeners;
pub(super) mod own_file;
pub(super) mod pipeline;
pub(super) mod tls;
pub(super) mod upload;
