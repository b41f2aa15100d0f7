//! A secret that authenticates by itself, as a server checks it and a client sends it.

use eyelet_hal::{Error, ErrorKind, Result};
use std::{fmt, path::Path};

/// A secret for `Authorization: Bearer` or `?token=`. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token: visible ASCII characters, at least one.
    ///
    /// # Errors
    /// `InvalidInput`; the error does not show the text.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "cannot use the token: it is empty or has other characters than visible ASCII";
            let error = Error::new(ErrorKind::InvalidInput, what);
            return Err(error.with_remedy("make one with: openssl rand -hex 16"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The token in a file: all of it, without the white space around it.
    ///
    /// # Errors
    /// That of reading it, or as [`new`](Self::new) with the file's name.
    pub fn read(path: &Path) -> Result<Self> {
        let text = super::secret_file::read(path)?;
        Self::new(text.trim()).map_err(|e| e.map_message(|what| format!("{}: {what}", path.display())))
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_a_token_file_has_one_remedy() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Token::read(file.path()).unwrap_err();
        let what = "cannot use the token: it is empty or has other characters than visible ASCII";
        assert_eq!(error.message(), format!("{}: {what}", file.path().display()));
        assert_eq!(error.remedy(), Some("make one with: openssl rand -hex 16"));
    }
}
