//! How a program puts its own remedies, such as its flags, into errors that the library logs and returns.

use eyelet_hal::Error;

/// Gives an error the remedy of whoever embeds the library. By default the error stays as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explain(pub(crate) fn(Error) -> Error);

impl Default for Explain {
    fn default() -> Self {
        Self(|error| error)
    }
}
