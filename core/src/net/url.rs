//! Addresses that eyelet connects to: `http[s]://[USER:PASSWORD@]HOST[:PORT][/PATH][?QUERY]`.

#[cfg(feature = "tls")]
use super::tls::Trust;
use super::{
    client::Proxy,
    credentials::{Credentials, Unencrypted, concealed},
};
use eyelet_hal::{Error, ErrorKind, Result};
use hyper::{Uri, header::HeaderValue};
use std::{fmt, net::Ipv6Addr};

/// What an address is for, in its error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purpose {
    /// As in `cannot upload to ...`.
    pub(crate) verb: &'static str,
    /// A path that is likely right, for remedies.
    pub(crate) path: &'static str,
}

/// How the bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An absolute http or https address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    purpose: Purpose,
    scheme: Scheme,
    credentials: Option<Credentials>,
    unencrypted: Unencrypted,
    #[cfg(feature = "tls")]
    trust: Trust,
    /// As in the URL: IPv6 addresses in brackets, without their zone.
    host: String,
    /// The interface of an IPv6 address that is valid on one link only.
    zone: Option<String>,
    proxy: Option<Box<Proxy>>,
    port: u16,
    /// Path and query.
    target: Uri,
}

impl HttpUrl {
    pub(crate) fn parse(text: &str, purpose: Purpose) -> Result<Self> {
        let Purpose { verb, path } = purpose;
        // A password is looked for in addresses; this one may lack the scheme by which that knows one.
        let shown = match text.contains("://") {
            true => concealed(text),
            false => concealed(&format!("http://{text}")).split_off("http://".len()),
        };
        let bad = |why: &str| Error::new(ErrorKind::InvalidInput, format!("cannot {verb} {shown:?}: {why}"));

        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        let (scheme, rest) = match &*lower {
            "https://" => (Scheme::Https, &text[8..]),
            other if other.starts_with("http://") => (Scheme::Http, &text[7..]),
            // The address that was probably meant, when only the scheme is missing.
            _ if !text.contains("://")
                && text.contains(['.', ':'])
                && !text.starts_with(['/', '.', ':'])
                && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                let path = if text.contains('/') { "" } else { path };
                return Err(bad("not an http address").with_remedy(format!("write http://{shown}{path}")));
            }
            _ => return Err(bad("not an http address").with_remedy(format!("write http://HOST:PORT{path}"))),
        };
        if scheme == Scheme::Https && cfg!(not(feature = "tls")) {
            return Err(bad("this program was built without TLS")
                .with_remedy("build it with: cargo build --features tls"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, authority) = match authority.rsplit_once('@') {
            None => (None, authority),
            Some((user, authority)) => {
                let credentials = Credentials::parse(user).ok_or_else(|| {
                    bad("the user or password cannot be read").with_remedy("percent-encode it")
                })?;
                (Some(credentials), authority)
            }
        };
        // The last colon, but not one inside the brackets of an IPv6 address.
        let colon = authority.rfind(':').filter(|&at| !authority[at..].contains(']'));
        let (host, port) = match colon {
            None => (authority, scheme.port()),
            Some(at) => match authority[at + 1..].parse() {
                Ok(port) if port > 0 => (&authority[..at], port),
                _ => return Err(bad("the port is not a number from 1 to 65535")),
            },
        };
        if host.is_empty() {
            return Err(bad("no host").with_remedy(format!("write http://HOST:PORT{path}")));
        }
        let (host, zone) = match host.split_once('%') {
            Some((ip, zone)) if ip.starts_with('[') && zone.ends_with(']') => {
                // `%25` by the standard, `%` as people write it.
                let zone = zone.trim_end_matches(']');
                let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
                if zone.is_empty() || !zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
                {
                    return Err(
                        bad("what is behind % is not an interface").with_remedy("write [fe80::1%25eth0]")
                    );
                }
                (&*format!("{ip}]"), Some(zone.to_owned()))
            }
            _ => (host, None),
        };
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_err()) {
            return Err(bad("what is in brackets is not an IPv6 address"));
        }
        let target = if target.starts_with('/') { target.to_string() } else { format!("/{target}") };
        // The parser knows which characters a host and a target may have.
        match format!("http://{host}:{port}{target}").parse::<Uri>() {
            Ok(uri) if uri.host() == Some(host) => {}
            _ => {
                return Err(bad("not an address").with_remedy("percent-encode spaces and special characters"));
            }
        }
        let target = target.parse().map_err(|e| bad("not an address").with_source(e))?;
        let (host, unencrypted) = (host.to_string(), Unencrypted::default());
        Ok(Self {
            purpose,
            scheme,
            credentials,
            unencrypted,
            #[cfg(feature = "tls")]
            trust: Trust::default(),
            host,
            zone,
            proxy: None,
            port,
            target,
        })
    }

    #[cfg(feature = "tls")]
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Without TLS there are none.
    #[cfg(not(feature = "tls"))]
    pub(crate) fn is_https(&self) -> bool {
        false
    }

    pub(in crate::net) fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    pub(crate) fn set_proxy(&mut self, proxy: Proxy) {
        self.proxy = Some(Box::new(proxy));
    }

    /// The proxy that is connected to instead of the server.
    pub(in crate::net) fn proxy(&self) -> Option<&HttpUrl> {
        self.proxy.as_deref().map(|proxy| &proxy.0)
    }

    /// The host as the system's resolver has it, with the zone.
    pub(in crate::net) fn peer(&self) -> String {
        match &self.zone {
            Some(zone) => format!("{}%{zone}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// As `CONNECT` wants it: always with a port.
    #[cfg(feature = "tls")]
    pub(in crate::net) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// User and password, as a header's value.
    pub(in crate::net) fn credentials(&self) -> Option<HeaderValue> {
        self.credentials.as_ref().map(Credentials::header)
    }

    /// The target of the request line: the whole address for a proxy that has to read it, else path and query.
    pub(crate) fn request_target(&self, target: Uri) -> Uri {
        match &self.proxy {
            // What was an address still is one.
            Some(_) if !self.is_https() => {
                format!("http://{}{target}", self.authority()).parse().unwrap_or(target)
            }
            _ => target,
        }
    }

    /// The value of the `Proxy-Authorization` header, for a proxy that reads the request.
    pub(crate) fn proxy_authorization(&self) -> Option<HeaderValue> {
        self.proxy().filter(|_| !self.is_https())?.credentials()
    }

    /// A host that a resolver understands: IPv6 addresses without brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Path and query: the target of the request line.
    pub(crate) fn target(&self) -> &Uri {
        &self.target
    }

    /// Another path and query on the same server.
    #[cfg(feature = "cli")]
    pub(crate) fn set_target(&mut self, target: Uri) {
        self.target = target;
    }

    /// The certificates to trust, for an address with TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn trust(&self) -> Option<&Trust> {
        (self.scheme == Scheme::Https).then_some(&self.trust)
    }

    #[cfg(feature = "tls")]
    pub(crate) fn set_trust(&mut self, trust: Trust) {
        self.trust = trust;
    }

    /// Passwords may go to this address although others can read them on the way.
    pub(crate) fn allow_unencrypted(&mut self) {
        self.unencrypted = Unencrypted::Allowed;
    }

    /// Whether secrets may be sent to this address.
    ///
    /// # Errors
    /// `InvalidInput` where others could read them on the way, unless that is allowed.
    pub(crate) fn check_secrecy(&self) -> Result<()> {
        if self.scheme == Scheme::Https || self.unencrypted == Unencrypted::Allowed {
            return Ok(());
        }
        let why = "over http anyone on the way can read the credentials";
        Err(self
            .error(ErrorKind::InvalidInput, why)
            .with_remedy("use https, or allow it if that does not matter"))
    }

    /// The value of the `Authorization` header, if there is one.
    ///
    /// # Errors
    /// As [`check_secrecy`](Self::check_secrecy).
    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>> {
        let Some(credentials) = &self.credentials else { return Ok(None) };
        self.check_secrecy()?;
        Ok(Some(credentials.header()))
    }

    /// A guess at what a server that does not answer in HTTP/1 wants.
    pub(crate) fn other_scheme(&self) -> String {
        match self.scheme {
            Scheme::Http => format!("should it be https://{}{}?", self.authority(), self.target.path()),
            Scheme::Https => "is it an HTTP server?".to_owned(),
        }
    }

    /// What the address is for, as in `cannot upload to ...`.
    pub(crate) fn verb(&self) -> &'static str {
        self.purpose.verb
    }

    /// An error about this address: `cannot upload to http://...: why`.
    pub(crate) fn error(&self, kind: ErrorKind, why: impl fmt::Display) -> Error {
        Error::new(kind, format!("cannot {} {self}: {why}", self.purpose.verb))
    }

    /// The same, for a reason with a kind and perhaps a remedy of its own.
    pub(crate) fn error_of(&self, reason: Error) -> Error {
        let error = self.error(reason.kind(), reason.message());
        let error = match reason.remedy() {
            Some(remedy) => error.with_remedy(remedy.to_owned()),
            None => error,
        };
        error.with_source(reason)
    }
}

/// Without user, password and query: they may be secrets, and logs and `/state` are read by many.
impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = match &self.zone {
            Some(zone) => self.authority().replacen(']', &format!("%25{zone}]"), 1),
            None => self.authority(),
        };
        write!(f, "{}://{authority}{}", self.scheme.name(), self.target.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<HttpUrl> {
        HttpUrl::parse(text, Purpose { verb: "upload to", path: "/upload" })
    }

    #[test]
    fn address_is_split_into_its_parts() {
        for (text, host, port, authority, target) in [
            ("http://cam/upload", "cam", 80, "cam", "/upload"),
            ("HTTP://cam:8080", "cam", 8080, "cam:8080", "/"),
            ("http://cam:80/", "cam", 80, "cam", "/"),
            ("http://10.0.0.2:81/a/b?c=d&e=f#g", "10.0.0.2", 81, "10.0.0.2:81", "/a/b?c=d&e=f"),
            ("http://cam?key=1", "cam", 80, "cam", "/?key=1"),
            ("http://cam/a@b:c", "cam", 80, "cam", "/a@b:c"),
            ("http://[::1]:8080/u", "::1", 8080, "[::1]:8080", "/u"),
            ("http://[fe80::2]/u", "fe80::2", 80, "[fe80::2]", "/u"),
            ("http://[fe80::2%25eth0]:8080/u", "fe80::2", 8080, "[fe80::2]:8080", "/u"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.host(), host, "{text}");
            assert_eq!(url.port(), port, "{text}");
            assert_eq!(url.authority(), authority, "{text}");
            assert_eq!(url.target().to_string(), target, "{text}");
        }
    }

    #[test]
    fn zone_is_not_sent_to_the_server() {
        for text in ["http://[fe80::1%25eth0.2]:8080/u?x", "http://[fe80::1%eth0.2]:8080/u"] {
            let url = parse(text).unwrap();
            assert_eq!((&*url.peer(), url.host()), ("fe80::1%eth0.2", "fe80::1"));
            assert_eq!(url.to_string(), "http://[fe80::1%25eth0.2]:8080/u");
        }
        for text in
            ["http://[fe80::1%]/", "http://[fe80::1%25a/b]/", "http://[fe80::1%e h]/", "http://cam%25eth0/"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn invalid_address_is_refused_with_a_remedy() {
        for (text, why) in [
            ("http:///x", "no host; write http://HOST:PORT/upload"),
            ("http://:80/x", "no host; write http://HOST:PORT/upload"),
            ("http://", "no host; write http://HOST:PORT/upload"),
            ("", "not an http address; write http://HOST:PORT/upload"),
            ("cam:8080/upload", "not an http address; write http://cam:8080/upload"),
            ("cam.lan", "not an http address; write http://cam.lan/upload"),
            ("ftp://cam/", "not an http address; write http://HOST:PORT/upload"),
            ("http://cam:/", "the port is not a number from 1 to 65535"),
            ("http://cam:0/", "the port is not a number from 1 to 65535"),
            ("http://cam:65536/", "the port is not a number from 1 to 65535"),
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
    fn secrets_are_not_displayed() {
        let url = parse("http://me:secret@cam/upload?key=secret").unwrap();
        assert_eq!(url.to_string(), "http://cam/upload");
        assert!(!format!("{url:?}").contains("me:secret"));
        for text in ["http://me:secret@cam:x/?secret", "http://me:%secret@cam/", "http://me:a/secret@cam/"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn password_over_http_is_refused_unless_allowed() {
        let text = "http://me:pw@cam/u";
        let mut url = parse(text).unwrap();
        let error = url.authorization().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let why = "cannot upload to http://cam/u: over http anyone on the way can read the credentials; \
                   use https, or allow it if that does not matter";
        assert_eq!(error.to_string(), why);
        url.allow_unencrypted();
        assert_eq!(url.authorization().unwrap().unwrap(), "Basic bWU6cHc=");
        assert!(parse("http://cam/u").unwrap().authorization().unwrap().is_none());
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn https_without_the_feature_tls_is_refused_with_the_remedy() {
        let error = parse("https://cam/").unwrap_err().to_string();
        assert!(error.ends_with("without TLS; build it with: cargo build --features tls"), "{error}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn https_has_its_own_port_and_takes_passwords() {
        let url = parse("https://me:pw@cam/u").unwrap();
        assert_eq!((url.port(), &*url.authority(), &*url.to_string()), (443, "cam", "https://cam/u"));
        assert!(url.authorization().unwrap().is_some());
        assert_eq!(parse("https://cam:80/u").unwrap().authority(), "cam:80");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC*", tail in "[a-z@:/?#\\[\\]0-9. ]{0,20}") {
            let _ = parse(&text);
            if let Ok(url) = parse(&format!("http://{tail}")) {
                prop_assert!(!url.host().is_empty());
            }
        }
    }
}
