//! One error for every device: a kind to match, a sentence to read, a remedy kept apart, a cause to follow.

use std::{borrow::Cow, error::Error as StdError, fmt, io};

/// What generic code may react to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The device is gone; drop it and open it again.
    Disconnected,
    /// Nothing arrived within the timeout; call again.
    TimedOut,
    /// The device is still being opened; open it again to go on with that.
    Opening,
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

/// A device error: a kind to match on, a sentence to read, a remedy, a cause.
///
/// [`message`](Self::message) names the operation, the device and the reason: `cannot open /dev/video0: busy`.
/// [`remedy`](Self::remedy) is what may help: `is another streamer running?`. `Display` prints both in one line, with
/// `; ` between them, `Debug` the kind and the chain of causes as well.
///
/// A library's remedy does not assume a command line. A program that knows a better one, such as a flag, replaces it:
///
/// ```
/// use eyelet_hal::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::NotFound, "cannot open /dev/video7: no such device")
///     .with_remedy("is the camera plugged in, and the name right?");
/// let error = error.with_remedy("name one that `doctor` lists with --camera");
/// assert_eq!(error.message(), "cannot open /dev/video7: no such device");
/// assert_eq!(error.remedy(), Some("name one that `doctor` lists with --camera"));
/// ```
pub struct Error {
    kind: ErrorKind,
    message: String,
    remedy: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of a device operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without a remedy and without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None, source: None }
    }

    /// Sets what the reader can do about it, in place of any remedy set before.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts the message into a longer one; kind, remedy and cause stay.
    #[must_use]
    pub fn map_message(self, longer: impl FnOnce(&str) -> String) -> Self {
        Self { message: longer(&self.message), ..self }
    }

    /// The kind, for code that reacts.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, without the remedy: for a longer sentence that ends with a remedy of its own.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the reader can do about it, if there is a remedy.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)?;
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

/// For `?`. The message is the cause's, which does not name what was done: [`map_message`](Error::map_message) puts it into a
/// sentence that does.
impl From<io::Error> for Error {
    fn from(cause: io::Error) -> Self {
        let kind = match cause.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            io::ErrorKind::ResourceBusy | io::ErrorKind::AddrInUse => ErrorKind::Busy,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ErrorKind::TimedOut,
            io::ErrorKind::OutOfMemory => ErrorKind::OutOfMemory,
            io::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Other,
        };
        Self::new(kind, cause.to_string()).with_source(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_with_a_remedy_prints_both_in_one_line() {
        let error = Error::new(ErrorKind::Busy, "cannot open /dev/video0: busy");
        assert_eq!((error.message(), error.remedy()), ("cannot open /dev/video0: busy", None));
        let error = error.with_remedy("wait").with_remedy("is another streamer running?");
        assert_eq!(error.to_string(), "cannot open /dev/video0: busy; is another streamer running?");
        assert_eq!(error.message(), "cannot open /dev/video0: busy");
        assert_eq!(error.remedy(), Some("is another streamer running?"));
        assert_eq!(format!("{error:?}"), format!("Busy: {error}"));
    }

    #[test]
    fn map_message_keeps_kind_remedy_and_cause() {
        let error = Error::new(ErrorKind::Busy, "busy").with_remedy("wait").with_source(std::fmt::Error);
        let error = error.map_message(|message| format!("cannot open it: {message}"));
        assert_eq!(
            (error.to_string().as_str(), error.kind()),
            ("cannot open it: busy; wait", ErrorKind::Busy)
        );
        assert!(error.source().is_some());
    }

    #[test]
    fn error_of_the_system_keeps_its_kind_and_is_the_cause() {
        fn read() -> Result<Vec<u8>> {
            Ok(std::fs::read("/nonexistent/model")?)
        }
        let error = read().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.source().is_some_and(|cause| cause.to_string() == error.message()), "{error:?}");
        for (system, kind) in [
            (io::ErrorKind::PermissionDenied, ErrorKind::PermissionDenied),
            (io::ErrorKind::ResourceBusy, ErrorKind::Busy),
            (io::ErrorKind::WouldBlock, ErrorKind::TimedOut),
            (io::ErrorKind::BrokenPipe, ErrorKind::Other),
        ] {
            assert_eq!(Error::from(io::Error::from(system)).kind(), kind, "{system}");
        }
    }

    #[test]
    fn debug_prints_the_chain_of_causes() {
        let error = Error::new(ErrorKind::Busy, "cannot open /dev/video0: busy")
            .with_source(std::io::Error::other("EBUSY"));
        assert_eq!(error.to_string(), "cannot open /dev/video0: busy");
        assert_eq!(format!("{error:?}"), "Busy: cannot open /dev/video0: busy\ncaused by: EBUSY");
    }
}
