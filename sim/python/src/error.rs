//! eyelet's errors as MaixPy's exception.

use eyelet_hal::{Error, ErrorKind};
use pyo3::{PyErr, import_exception};

import_exception!(maix.err, Exception);

/// The numbers of `maix.err.Err`.
fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidInput => 1,
        ErrorKind::OutOfMemory => 2,
        ErrorKind::Unsupported => 3,
        ErrorKind::PermissionDenied => 7,
        ErrorKind::Busy => 9,
        ErrorKind::Disconnected | ErrorKind::CorruptFrame => 10,
        ErrorKind::TimedOut => 12,
        ErrorKind::NotFound => 15,
        _ => 13,
    }
}

/// The exception that says what the error says.
pub(crate) fn raised(error: Error) -> PyErr {
    Exception::new_err((error.to_string(), code(error.kind())))
}

/// `InvalidInput`.
pub(crate) fn refused(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, what)
}
