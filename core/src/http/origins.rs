//! The pages of other sites that may read the answers: cross-origin resource sharing (CORS).
//!
//! Nor may they change anything: a `POST` that a browser sends for another site's page comes with the cookie and the password
//! of whoever looks at that page.
//!
//! By default none may: browsers then keep every answer from the scripts of other sites. Such a page can still show the
//! stream in an `<img>`, as it can show any picture of the web.

use hyper::{
    HeaderMap, Method, Request,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
        HeaderName, HeaderValue, ORIGIN, REFERER, VARY,
    },
};
use std::str::FromStr;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What `--allow-origin` takes: a server whose pages may read our answers, or `*` for all of them.
///
/// ```
/// use eyelet_core::http::AllowedOrigin;
/// assert!("https://example.org".parse::<AllowedOrigin>().is_ok());
/// assert!("https://example.org/page".parse::<AllowedOrigin>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

impl FromStr for AllowedOrigin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let explain =
            "an origin is a scheme, a host and perhaps a port, such as http://192.168.0.2:3000; or * for all";
        if text == "*" {
            return Ok(Self(HeaderValue::from_static("*")));
        }
        // Browsers send it in lower case and without the scheme's own port.
        let text = text.to_ascii_lowercase();
        let (scheme, host) = text.split_once("://").ok_or(explain)?;
        let host = match scheme {
            "http" => host.strip_suffix(":80").unwrap_or(host),
            "https" => host.strip_suffix(":443").unwrap_or(host),
            _ => host,
        };
        let named = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let placed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if scheme.is_empty() || host.is_empty() || !scheme.chars().all(named) || !host.chars().all(placed) {
            return Err(explain);
        }
        HeaderValue::try_from(format!("{scheme}://{host}")).map(Self).map_err(|_| explain)
    }
}

/// The origins that are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<AllowedOrigin>);

impl From<Vec<AllowedOrigin>> for Origins {
    fn from(origins: Vec<AllowedOrigin>) -> Self {
        Self(origins)
    }
}

impl Origins {
    /// The CORS headers of the answer to a request with these headers: none where no origin is allowed.
    pub(super) fn grant(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.0.is_empty() {
            return headers;
        }
        // An <img> in a page that isolates itself (COEP) sends no origin, and shows only answers with this header.
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        let all = self.0.iter().find(|allowed| allowed.0 == "*");
        if all.is_none() {
            // A cache must not give one origin's answer to another.
            headers.insert(VARY, HeaderValue::from_static("Origin"));
        }
        let origin = request.get(ORIGIN);
        let same = || self.0.iter().find(|allowed| Some(&allowed.0) == origin);
        // The value sent back is our own, never the request's.
        if let Some(allowed) = all.or_else(same) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.0.clone());
            let ours = HeaderValue::from_static("X-Timestamp, X-Sequence");
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ours);
        }
        headers
    }

    /// Whether an origin that is allowed by name is of this host, at any port.
    #[cfg(feature = "control")]
    pub(super) fn have(&self, host: &str) -> bool {
        let name = |origin: &AllowedOrigin| {
            let (_, host) = origin.0.to_str().ok()?.split_once("://")?;
            Some(super::own_host::without_port(host).to_owned())
        };
        self.0
            .iter()
            .filter_map(name)
            .any(|name| name.eq_ignore_ascii_case(super::own_host::without_port(host)))
    }

    /// Whether a request with these headers may change something: one of our own pages, of an origin that is allowed by name,
    /// or of a client that is no browser. `*` lets all read, and none change.
    pub(super) fn may_post(&self, request: &HeaderMap) -> bool {
        let origin = request.get(ORIGIN);
        if origin.is_some_and(|origin| self.0.iter().any(|allowed| allowed.0 == origin)) {
            return true;
        }
        // Browsers send it, except to a server of plain HTTP.
        if let Some(site) = request.get("sec-fetch-site") {
            return site == "same-origin" || site == "none";
        }
        // Older ones do not send an origin with a form, but the address of its page.
        let page = request.get(REFERER);
        let Some(page) = origin.or(page) else { return true };
        // A proxy that changes the host names the one it was asked for; a page of another site cannot add that header.
        let hosts = [HOST.as_str(), "x-forwarded-host"].into_iter().flat_map(|name| request.get_all(name));
        let mut hosts = hosts.filter_map(|hosts| hosts.to_str().ok()).flat_map(|hosts| hosts.split(','));
        page.to_str().is_ok_and(|page| hosts.any(|host| is_of(origin_of(page), host.trim())))
    }

    /// The answer to a preflight, which a browser sends before a request with headers of the page's own; `None` if this is
    /// none, or of no allowed origin.
    pub(super) fn preflight<B>(&self, request: &Request<B>, posts: bool) -> Option<HeaderMap> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut headers =
            Some(self.grant(request.headers())).filter(|_| asks && request.headers().contains_key(ORIGIN))?;
        if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return None;
        }
        let (methods, names) = match posts {
            true => ("GET, HEAD, POST", "Authorization, Content-Type"),
            false => ("GET, HEAD", "Authorization"),
        };
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
        // Seconds. Browsers repeat the preflight after two hours at most.
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        Some(headers)
    }
}

/// The origin of a page's address.
fn origin_of(page: &str) -> &str {
    let host = page.find("://").map_or(page.len(), |at| at + 3);
    page[host..].find('/').map_or(page, |end| &page[..host + end])
}

/// Whether an origin's pages come from this host, which may name the scheme's own port.
fn is_of(origin: &str, host: &str) -> bool {
    let (port, rest) = match (origin.strip_prefix("http://"), origin.strip_prefix("https://")) {
        (Some(rest), _) => (":80", rest),
        (_, Some(rest)) => (":443", rest),
        _ => return false,
    };
    rest.eq_ignore_ascii_case(host.strip_suffix(port).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_named_origins_and_no_browsers_may_post() {
        let may = |origins: &[&str], headers: &[(&'static str, &str)]| {
            let origins = Origins(origins.iter().map(|origin| origin.parse().unwrap()).collect());
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_str(value).unwrap());
            }
            origins.may_post(&map)
        };
        let (host, other) = (("host", "cam:8000"), ("origin", "http://a.example"));
        assert!(may(&[], &[host]), "curl");
        assert!(may(&[], &[host, ("origin", "http://cam:8000")]));
        assert!(may(&[], &[("host", "CAM"), ("origin", "https://cam")]), "a proxy's TLS");
        assert!(may(&[], &[("host", "cam:443"), ("origin", "https://cam")]));
        assert!(may(&[], &[host, ("x-forwarded-host", "cam.example"), ("origin", "http://cam.example")]));
        assert!(may(&[], &[host, ("sec-fetch-site", "same-origin"), ("origin", "http://behind.a.proxy")]));
        assert!(may(&["http://a.example"], &[host, other]));
        assert!(may(&["http://a.example"], &[host, other, ("sec-fetch-site", "cross-site")]));
        assert!(may(&[], &[host, ("referer", "http://cam:8000/page?a=://")]), "an old browser");
        assert!(!may(&[], &[host, other]));
        for page in
            ["http://a.example/cam:8000", "http://a.example", "http://cam:8000.a.example/", "about:blank", ""]
        {
            assert!(!may(&[], &[host, ("referer", page)]), "{page}");
        }
        assert!(!may(&["*"], &[host, other]), "all may read, none may change");
        assert!(!may(&[], &[host, ("origin", "null")]));
        assert!(!may(&[], &[host, ("origin", "http://cam:8001")]));
        assert!(!may(&[], &[("host", "cam:443"), ("origin", "http://cam")]));
        assert!(!may(&[], &[host, ("origin", "ftp://cam:8000")]));
        for site in ["cross-site", "same-site", "whatever"] {
            assert!(!may(&[], &[host, ("sec-fetch-site", site)]), "{site}: a form, without an origin");
        }
    }

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, origin) in [
            ("*", "*"),
            ("https://Example.org", "https://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://[2001:db8::1]:80", "http://[2001:db8::1]"),
            ("http://192.168.0.2:3000", "http://192.168.0.2:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(text.parse::<AllowedOrigin>().unwrap().0, origin);
        }
        for text in [
            "",
            "null",
            "example.org",
            "https://",
            "http://a/",
            "http://a b",
            "://a",
            "http://a\r\nx: y",
            "**",
        ] {
            assert!(text.parse::<AllowedOrigin>().is_err(), "{text}");
        }
    }
}
