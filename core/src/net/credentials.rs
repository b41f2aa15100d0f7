//! The user and password in an address, and how addresses are shown without them.

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::HeaderValue;
use std::fmt;

/// Whether a password may go over a connection that others can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unencrypted {
    #[default]
    Refused,
    Allowed,
}

/// `USER:PASSWORD` of an address, as a header. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials(HeaderValue);

impl Credentials {
    /// What stands before the `@`, percent-encoded; without a colon the password is empty.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let mut both = decoded(user)?;
        // It would end the user's name.
        if both.contains(&b':') {
            return None;
        }
        both.push(b':');
        both.extend(decoded(password)?);
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(both))).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// Percent-encoded bytes, decoded.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}

/// A text in which no address shows its user, password or query: all three may be secrets.
pub(crate) fn concealed(text: &str) -> String {
    let Some(at) = text.find("://") else { return text.to_owned() };
    let (before, rest) = text.split_at(at + 3);
    let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(rest.len());
    let (address, after) = rest.split_at(end);
    let (address, query) = address.split_once('?').map_or((address, ""), |(address, _)| (address, "?***"));
    // The last one: a password with an @ or a / in it must not be seen in a log either.
    let (user, host) = address.rsplit_once('@').map_or(("", address), |(_, host)| ("***@", host));
    format!("{before}{user}{host}{query}{}", concealed(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_become_a_basic_header_or_none() {
        for (text, header) in [
            ("u:p", Some("Basic dTpw")),
            ("u", Some("Basic dTo=")),
            ("u:p:w", Some("Basic dTpwOnc=")),
            ("u:p%40w%3A", Some("Basic dTpwQHc6")),
            ("u%3ap:w", None),
            ("u:%4", None),
        ] {
            let credentials = Credentials::parse(text);
            assert_eq!(
                credentials.as_ref().map(|c| c.header().to_str().unwrap().to_owned()).as_deref(),
                header
            );
            assert!(!format!("{credentials:?}").contains("dTp"));
        }
    }

    #[test]
    fn addresses_show_no_secret() {
        for (text, shown) in [
            ("no address", "no address"),
            ("http://cam:80/a", "http://cam:80/a"),
            ("'http://u:pw@cam/a' is bad", "'http://***@cam/a' is bad"),
            ("a https://u:p/w@x@cam?k=pw#x http://cam?pw", "a https://***@cam?*** http://cam?***"),
            ("http://cam?x=u:pw@y", "http://cam?***"),
        ] {
            assert_eq!(concealed(text), shown);
        }
    }

    proptest! {
        #[test]
        fn password_is_never_shown(before in "[a-z ']{0,9}", password in "[a-z:/@#%.]{0,9}SECRET[a-z:/@#%.]{0,9}") {
            let shown = concealed(&format!("{before}http://me:{password}@cam/path and more"));
            prop_assert!(!shown.contains("SECRET"), "{}", shown);
        }
    }
}
