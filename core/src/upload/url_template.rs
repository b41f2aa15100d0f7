//! Where pictures are posted, with places for what is known of each: `/store/{run}/{sequence}.jpg`.

use super::PostMeta;
#[cfg(feature = "tls")]
use crate::net::tls::Trust;
use crate::net::{
    client::Proxy,
    url::{HttpUrl, Purpose},
};
use eyelet_hal::{Error, ErrorKind, Result};
use hyper::Uri;
use std::{fmt, str::FromStr};

/// Where pictures are posted: `http[s]://[USER:PASSWORD@]HOST[:PORT][/PATH][?QUERY]`; the port is 80 or 443 when none
/// is given.
///
/// `{sequence}`, `{timestamp}` and `{run}` in the path or the query become those of each picture. `Display` leaves
/// user, password and query out, since they may be secrets.
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
    /// `InvalidInput` with the remedy: no host, a port that is none, `https` without the feature `tls`.
    fn from_str(text: &str) -> Result<Self> {
        let url = HttpUrl::parse(text, Purpose { verb: "upload to", path: "/upload" })?;
        check(url.target()).map_err(|error| url.error_of(error))?;
        Ok(Self(url))
    }
}

impl UploadUrl {
    /// Sends user and password also over `http`, where anyone on the way can read them.
    #[must_use]
    pub fn allow_unencrypted_credentials(mut self) -> Self {
        self.0.allow_unencrypted();
        self
    }

    /// Trusts the certificates in this PEM file, and no others. By default the system's are trusted.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_roots(mut self, file: std::path::PathBuf) -> Self {
        self.0.set_trust(Trust::file(file));
        self
    }

    /// Sends through this proxy.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.0.set_proxy(proxy);
        self
    }

    /// Whether the password in it may be sent, if there is one. Every upload asks; this is for asking early.
    ///
    /// # Errors
    /// `InvalidInput` if it would go over `http`, unless that
    /// [is allowed](Self::allow_unencrypted_credentials).
    pub fn check_credentials(&self) -> Result<()> {
        self.0.authorization().map(drop)
    }
}

impl fmt::Display for UploadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What may stand in braces.
const PLACES: [&str; 3] = ["sequence", "timestamp", "run"];

/// Why the address cannot be filled in.
fn check(target: &Uri) -> Result<()> {
    let all = PostMeta::default();
    expand(&target.to_string(), |place| value(place, &all).map(|_| String::new())).map(drop)
}

/// The address of this picture. Every other byte of it stays as it is, as a signed address needs.
pub(super) fn target(target: &Uri, meta: &PostMeta) -> Result<Uri> {
    if !target.to_string().contains('{') {
        return Ok(target.clone());
    }
    let filled = expand(&target.to_string(), |place| {
        value(place, meta)?.ok_or_else(|| unfit(format!("this picture has no value for {{{place}}}")))
    })?;
    // Digits, letters and dots were put in: what was an address still is one.
    filled.parse().map_err(|_| unfit("it is not an address when filled in"))
}

/// Nothing where it is not known of the picture. All values are made of digits, `a` to `f` and dots, which need no
/// percent-encoding anywhere in an address.
fn value(place: &str, meta: &PostMeta) -> Result<Option<String>> {
    match place {
        "sequence" => Ok(meta.sequence.map(|sequence| sequence.to_string())),
        "timestamp" => Ok(meta.timestamp()),
        "run" => Ok(meta.run.map(|run| run.to_string())),
        other => {
            let places = PLACES.map(|place| format!("{{{place}}}")).join(", ");
            let remedy = format!("use {places}, and write other braces as %7B and %7D");
            Err(unfit(format!("unknown placeholder {{{other}}}")).with_remedy(remedy))
        }
    }
}

fn unfit(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

fn expand(text: &str, value: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (place, after) =
            after.split_once('}').ok_or_else(|| unfit("a { has no }").with_remedy("write it as %7B"))?;
        filled.push_str(before);
        filled.push_str(&value(place)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::RunId;
    use proptest::prelude::*;
    use std::time::Duration;

    fn filled(text: &str, meta: &PostMeta) -> Result<String> {
        target(&text.parse().unwrap(), meta).map(|uri| uri.to_string())
    }

    const META: PostMeta =
        PostMeta { captured_at: Some(Duration::new(1_795_000_000, 5_042)), sequence: Some(7), run: None };

    #[test]
    fn url_template_is_filled_in_byte_for_byte() {
        let meta = PostMeta { run: Some(RunId::new(0xe1e)), ..META };
        for (text, want) in [
            ("/a", "/a"),
            ("/a/{sequence}.jpg", "/a/7.jpg"),
            (
                "/{run}/{timestamp}?n={sequence}&s=%7Brun%7D",
                "/0000000000000e1e/1795000000.000005?n=7&s=%7Brun%7D",
            ),
            ("/a?X-Amz-Signature=f%2Bo=/+&x={sequence}", "/a?X-Amz-Signature=f%2Bo=/+&x=7"),
        ] {
            assert_eq!(filled(text, &meta).unwrap(), want);
            check(&text.parse().unwrap()).unwrap();
        }
    }

    #[test]
    fn url_template_with_an_unknown_placeholder_is_refused() {
        let why = filled("/{run}", &META).unwrap_err();
        assert_eq!(why.to_string(), "this picture has no value for {run}");
        for (text, why) in [
            (
                "/{frame}",
                "unknown placeholder {frame}; use {sequence}, {timestamp}, {run}, and write other braces as %7B and %7D",
            ),
            ("/{sequence", "a { has no }; write it as %7B"),
        ] {
            assert_eq!(check(&text.parse().unwrap()).unwrap_err().to_string(), why);
        }
    }

    proptest! {
        #[test]
        fn url_without_places_stays_byte_for_byte(text in "/[ -z|~%]{0,40}(\\?[ -z|~%]{0,40})?") {
            if let Ok(uri) = text.parse::<Uri>() {
                prop_assert_eq!(target(&uri, &META).unwrap(), uri);
            }
        }
    }
}
