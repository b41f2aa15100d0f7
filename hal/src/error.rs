//! One error for every device: a kind to match, a sentence to read, a cause to follow.

use std::{error::Error as StdError, fmt};

/// What generic code may react to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The device is gone; drop it and open it again.
    Disconnected,
    /// Nothing arrived within the timeout; call again.
    TimedOut,
    /// Every buffer is leased, or another process owns the device.
    Busy,
    /// This device cannot do that, ever.
    Unsupported,
    /// The caller's argument is out of range.
    InvalidInput,
    /// A frame arrived damaged; the next may be good.
    CorruptFrame,
    /// There is no such device.
    NotFound,
    /// The process may not open the device.
    PermissionDenied,
    /// No memory (host, CMA or ION).
    OutOfMemory,
    /// None of the above; see `source()`.
    Other,
}

/// A device error: a kind to match on, a sentence to read, a cause.
///
/// The sentence names the operation, the device and the remedy, for example
/// `cannot open /dev/video0: busy; is another streamer running?`. `Debug` prints the whole chain of causes.
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of a device operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind, for code that reacts.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)?;
        let mut next = self.source();
        while let Some(cause) = next {
            write!(f, "\ncaused by: {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_chain_of_causes() {
        let error = Error::new(ErrorKind::Busy, "cannot open /dev/video0: busy")
            .with_source(std::io::Error::other("EBUSY"));
        assert_eq!(error.to_string(), "cannot open /dev/video0: busy");
        assert_eq!(format!("{error:?}"), "Busy: cannot open /dev/video0: busy\ncaused by: EBUSY");
    }
}
