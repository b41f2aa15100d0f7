//! How long to wait for a server.

use std::time::Duration;

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For resolving the name and connecting: 5 s.
    pub connect: Duration,
    /// For the next bytes to be taken by the server, while a picture is being sent: 30 s. The whole picture may take any
    /// time. Also for the TLS handshake.
    pub progress: Duration,
    /// For the whole answer, from when the picture has been sent: 30 s, and as long again as the sending took, since as
    /// much may still be under way on a slow link.
    pub response: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let thirty = Duration::from_secs(30);
        Self { connect: Duration::from_secs(5), progress: thirty, response: thirty }
    }
}
