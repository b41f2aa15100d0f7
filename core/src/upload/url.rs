//! Addresses that eyelet connects to: `http://HOST[:PORT][/PATH][?QUERY]`.

use super::template;
use eyelet_hal::{Error, ErrorKind, Result};
use hyper::Uri;
use std::{fmt, net::Ipv6Addr, str::FromStr};

/// What an address is for: the words of its error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purpose {
    /// As in `cannot upload to ...`.
    pub(crate) verb: &'static str,
    /// A path that is likely right, for remedies.
    pub(crate) path: &'static str,
}

/// An absolute http address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    purpose: Purpose,
    /// As in the URL: IPv6 addresses in brackets.
    host: String,
    port: u16,
    /// Path and query.
    target: Uri,
}

impl HttpUrl {
    pub(crate) fn parse(text: &str, purpose: Purpose) -> Result<Self> {
        let Purpose { verb, path } = purpose;
        let bad = |why: &str| Error::new(ErrorKind::InvalidInput, format!("cannot {verb} {text:?}: {why}"));

        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        if lower.starts_with("https://") {
            return Err(bad("https is not supported yet; use http, or put a TLS proxy in between"));
        }
        if !lower.starts_with("http://") {
            return Err(bad(&format!("not an http address; write http://HOST:PORT{path}")));
        }
        let rest = text[7..].split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(bad(
                "a user name or password in the address is not supported; remove what is before the @",
            ));
        }
        // The last colon, but not one inside the brackets of an IPv6 address.
        let colon = authority.rfind(':').filter(|&at| !authority[at..].contains(']'));
        let (host, port) = match colon {
            None => (authority, 80),
            Some(at) => match authority[at + 1..].parse() {
                Ok(port) if port > 0 => (&authority[..at], port),
                _ => return Err(bad("the port is not a number from 1 to 65535")),
            },
        };
        if host.is_empty() {
            return Err(bad(&format!("no host; write http://HOST:PORT{path}")));
        }
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_err()) {
            return Err(bad("what is in brackets is not an IPv6 address"));
        }
        let target = if target.starts_with('/') { target.to_string() } else { format!("/{target}") };
        // The parser knows which characters a host and a target may have.
        match format!("http://{host}:{port}{target}").parse::<Uri>() {
            Ok(uri) if uri.host() == Some(host) => {}
            _ => return Err(bad("not an address; percent-encode spaces and special characters")),
        }
        let target = target.parse().map_err(|e| bad("not an address").with_source(e))?;
        Ok(Self { purpose, host: host.to_string(), port, target })
    }

    /// A host that a resolver understands: IPv6 addresses without brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What the `Host` header says.
    pub(crate) fn authority(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Path and query: what the request line says.
    pub(crate) fn target(&self) -> &Uri {
        &self.target
    }

    /// An error about this address: `cannot upload to http://...: why`.
    pub(crate) fn error(&self, kind: ErrorKind, why: impl fmt::Display) -> Error {
        Error::new(kind, format!("cannot {} {self}: {why}", self.purpose.verb))
    }
}

/// Without the query: it may hold a secret, and logs and `/state` are read by many.
impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.target.path())
    }
}

/// Where pictures are posted: `http://HOST[:PORT][/PATH][?QUERY]`; the port is 80 when none is given.
///
/// `{sequence}`, `{timestamp}` and `{run}` in the path or the query become those of each picture. `Display` leaves the
/// query out, since it may hold a secret.
///
/// ```
/// use eyelet_core::upload::UploadUrl;
/// let url: UploadUrl = "http://192.168.0.2:8080/upload?camera=1".parse().unwrap();
/// assert_eq!(url.to_string(), "http://192.168.0.2:8080/upload");
/// let error = "http:///x".parse::<UploadUrl>().unwrap_err();
/// assert_eq!(error.to_string(), r#"cannot upload to "http:///x": no host; write http://HOST:PORT/upload"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadUrl(pub(crate) HttpUrl);

impl FromStr for UploadUrl {
    type Err = Error;

    /// # Errors
    /// `InvalidInput` with the remedy: no host, a port that is none, a user name, `https` (not supported yet).
    fn from_str(text: &str) -> Result<Self> {
        let url = HttpUrl::parse(text, Purpose { verb: "upload to", path: "/upload" })?;
        template::check(url.target()).map_err(|why| url.error(ErrorKind::InvalidInput, why))?;
        Ok(Self(url))
    }
}

impl fmt::Display for UploadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<HttpUrl> {
        text.parse::<UploadUrl>().map(|url| url.0)
    }

    #[test]
    fn parts() {
        for (text, host, port, authority, target) in [
            ("http://cam/upload", "cam", 80, "cam", "/upload"),
            ("HTTP://cam:8080", "cam", 8080, "cam:8080", "/"),
            ("http://cam:80/", "cam", 80, "cam", "/"),
            ("http://10.0.0.2:81/a/b?c=d&e=f#g", "10.0.0.2", 81, "10.0.0.2:81", "/a/b?c=d&e=f"),
            ("http://cam?key=1", "cam", 80, "cam", "/?key=1"),
            ("http://cam/a@b:c", "cam", 80, "cam", "/a@b:c"),
            ("http://[::1]:8080/u", "::1", 8080, "[::1]:8080", "/u"),
            ("http://[fe80::2]/u", "fe80::2", 80, "[fe80::2]", "/u"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.host(), host, "{text}");
            assert_eq!(url.port(), port, "{text}");
            assert_eq!(url.authority(), authority, "{text}");
            assert_eq!(url.target().to_string(), target, "{text}");
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        for (text, why) in [
            ("http:///x", "no host; write http://HOST:PORT/upload"),
            ("http://:80/x", "no host; write http://HOST:PORT/upload"),
            ("http://", "no host; write http://HOST:PORT/upload"),
            ("", "not an http address; write http://HOST:PORT/upload"),
            ("cam:8080/upload", "not an http address; write http://HOST:PORT/upload"),
            ("ftp://cam/", "not an http address; write http://HOST:PORT/upload"),
            ("https://cam/", "https is not supported yet; use http, or put a TLS proxy in between"),
            ("http://cam:/", "the port is not a number from 1 to 65535"),
            ("http://cam:0/", "the port is not a number from 1 to 65535"),
            ("http://cam:65536/", "the port is not a number from 1 to 65535"),
            (
                "http://me:pw@cam/",
                "a user name or password in the address is not supported; remove what is before the @",
            ),
            ("http://a b/", "not an address; percent-encode spaces and special characters"),
            ("http://cam/a\r\nX-Evil: 1", "not an address; percent-encode spaces and special characters"),
            ("http://[::1/", "not an address; percent-encode spaces and special characters"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), format!("cannot upload to {text:?}: {why}"));
            assert!(!error.to_string().contains('\n'), "one line");
        }
    }

    #[test]
    fn a_secret_in_the_query_is_not_shown() {
        let url = parse("http://cam/upload?key=secret").unwrap();
        assert!(!url.error(ErrorKind::Other, "x").to_string().contains("secret"));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC*", tail in "[a-z@:/?#\\[\\]0-9. ]{0,20}") {
            let _ = parse(&text);
            if let Ok(url) = parse(&format!("http://{tail}")) {
                prop_assert!(!url.host().is_empty());
            }
        }
    }
}
