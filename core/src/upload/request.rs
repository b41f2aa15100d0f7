//! A picture as a request: its method, its form, its further headers.

use super::{PostMeta, UploadUrl, url_template};
use crate::net::url::HttpUrl;
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use http_body_util::Full;
use hyper::{
    Method, Request,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use std::{fmt, str::FromStr};

/// How the bytes of a picture are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadMethod {
    /// `POST`, the body is the picture.
    #[default]
    Post,
    /// `PUT`, the body is the picture: for object stores.
    Put,
    /// `POST` of `multipart/form-data`, as a page with a file input does.
    Form,
}

impl FromStr for UploadMethod {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, &'static str> {
        match text {
            "post" => Ok(Self::Post),
            "put" => Ok(Self::Put),
            "form" => Ok(Self::Form),
            _ => Err("a method is post, put or form"),
        }
    }
}

impl fmt::Display for UploadMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Post => "post",
            Self::Put => "put",
            Self::Form => "form",
        })
    }
}

/// The default name of a form's field.
pub const FIELD: &str = "file";

/// The headers that eyelet writes itself, and those that belong to the connection and not to the picture.
const TAKEN: [&str; 15] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "x-sequence",
    "x-timestamp",
    "x-run",
    "http2-settings",
];

/// How the requests of a [`Client`](super::Client) look.
///
/// ```
/// use eyelet_core::upload::{RequestStyle, UploadMethod};
/// # fn main() -> eyelet_hal::Result<()> {
/// let style = RequestStyle::new(UploadMethod::Put).header("x-ms-blob-type: BlockBlob")?;
/// let error = style.header("Host: elsewhere").unwrap_err();
/// assert_eq!(error.to_string(), "cannot send the header Host: eyelet writes it itself; leave it out");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RequestStyle {
    method: UploadMethod,
    field: String,
    /// Values are marked as sensitive: no debug output shows them.
    own: HeaderMap,
    boundary: String,
}

impl Default for RequestStyle {
    fn default() -> Self {
        Self::new(UploadMethod::default())
    }
}

impl RequestStyle {
    /// Requests with this method and no further headers.
    pub fn new(method: UploadMethod) -> Self {
        // No picture holds 128 random bits by chance.
        let boundary = format!("eyelet-{:032x}", fastrand::u128(..));
        Self { method, field: FIELD.to_owned(), own: HeaderMap::new(), boundary }
    }

    /// The field of the form that holds the picture: `file` by default.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be written between quotes.
    pub fn field(mut self, name: &str) -> Result<Self> {
        if name.is_empty() || name.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
            let error = Error::new(ErrorKind::InvalidInput, format!("cannot use the form field {name:?}"));
            return Err(error.with_remedy("use a name without quotes or backslashes"));
        }
        name.clone_into(&mut self.field);
        Ok(self)
    }

    /// One more header, as `Name: value`. It replaces what eyelet writes by itself: `User-Agent`, `Content-Type`.
    ///
    /// # Errors
    /// `InvalidInput` when that is no header, or one that is not yours to write. The error hides the value.
    pub fn header(mut self, line: &str) -> Result<Self> {
        let bad = |what: String, remedy: &'static str| {
            Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy))
        };
        let form = "write 'Name: value'";
        let Some((name, value)) = line.split_once(':') else {
            return bad("cannot send a header that has no colon".to_owned(), form);
        };
        let shown = name.trim();
        let Ok(name) = shown.parse::<HeaderName>() else {
            return bad(format!("cannot send the header {shown:?}: not a name"), form);
        };
        let boundary = self.method == UploadMethod::Form && name == header::CONTENT_TYPE;
        if boundary || TAKEN.contains(&name.as_str()) {
            return bad(format!("cannot send the header {shown}: eyelet writes it itself"), "leave it out");
        }
        let Ok(mut value) = HeaderValue::from_str(value.trim()) else {
            let what =
                format!("cannot send the header {shown}: its value has characters that are not allowed");
            return bad(what, "use printable ASCII");
        };
        value.set_sensitive(true);
        self.own.append(name, value);
        Ok(self)
    }

    /// Whether what is secret in the headers may be sent to this address. Every upload asks; this is for asking early.
    ///
    /// # Errors
    /// `InvalidInput` if `Authorization`, `Cookie` or a header that is named a token, a password or such would go over
    /// `http`, unless that [is allowed](super::UploadUrl::allow_unencrypted_credentials).
    pub fn check_credentials(&self, url: &UploadUrl) -> Result<()> {
        self.check_secrecy(&url.0)
    }

    fn check_secrecy(&self, url: &HttpUrl) -> Result<()> {
        if self.own.keys().any(is_secret) { url.check_secrecy() } else { Ok(()) }
    }

    pub(super) fn request(
        &self,
        url: &HttpUrl,
        picture: Bytes,
        meta: &PostMeta,
    ) -> Result<Request<Full<Bytes>>> {
        self.check_secrecy(url)?;
        let target = url_template::target(url.target(), meta).map_err(|error| url.error_of(error))?;
        let (method, content_type, body) = match self.method {
            UploadMethod::Post => (Method::POST, content_type(&picture).to_owned(), picture),
            UploadMethod::Put => (Method::PUT, content_type(&picture).to_owned(), picture),
            UploadMethod::Form => (
                Method::POST,
                format!("multipart/form-data; boundary={}", self.boundary),
                self.form(&picture, meta),
            ),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(url.request_target(target))
            .header(header::HOST, url.authority())
            .header(header::USER_AGENT, concat!("eyelet/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_LENGTH, body.len());
        if let Some(value) = url.authorization()? {
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(value) = url.proxy_authorization() {
            request = request.header(header::PROXY_AUTHORIZATION, value);
        }
        if let Some(timestamp) = meta.timestamp() {
            request = request.header("x-timestamp", timestamp);
        }
        if let Some(sequence) = meta.sequence {
            request = request.header("x-sequence", sequence);
        }
        if let Some(run) = meta.run {
            request = request.header("x-run", run.to_string());
        }
        let mut request = request.body(Full::new(body)).map_err(|e| {
            url.error(ErrorKind::InvalidInput, "the request cannot be written").with_source(e)
        })?;
        for name in self.own.keys() {
            request.headers_mut().remove(name);
        }
        request.headers_mut().extend(self.own.clone());
        Ok(request)
    }

    fn form(&self, picture: &[u8], meta: &PostMeta) -> Bytes {
        let kind = content_type(picture);
        let extension = match kind {
            "image/jpeg" => ".jpg",
            "image/png" => ".png",
            _ => "",
        };
        let name = meta.sequence.map_or("picture".to_owned(), |sequence| sequence.to_string());
        let (boundary, field) = (&self.boundary, &self.field);
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}{extension}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        [head.as_bytes(), picture, tail.as_bytes()].concat().into()
    }
}

/// By the header's name.
fn is_secret(name: &HeaderName) -> bool {
    let words = ["token", "secret", "password", "api-key", "apikey"];
    [header::AUTHORIZATION, header::COOKIE].contains(name)
        || words.iter().any(|word| name.as_str().contains(word))
}

/// By the first bytes.
fn content_type(picture: &[u8]) -> &'static str {
    if picture.starts_with(&[0xff, 0xd8, 0xff]) {
        "image/jpeg"
    } else if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_header_hides_its_value() {
        for (line, why) in [
            ("secret", "cannot send a header that has no colon; write 'Name: value'"),
            ("a b: secret", "cannot send the header \"a b\": not a name; write 'Name: value'"),
            (": secret", "cannot send the header \"\": not a name; write 'Name: value'"),
            (
                "Content-Length: secret",
                "cannot send the header Content-Length: eyelet writes it itself; leave it out",
            ),
            ("X-Run: secret", "cannot send the header X-Run: eyelet writes it itself; leave it out"),
            (
                "X-Y: secret\r\nX-Z: secret",
                "cannot send the header X-Y: its value has characters that are not allowed; use printable ASCII",
            ),
        ] {
            assert_eq!(RequestStyle::default().header(line).unwrap_err().to_string(), why);
        }
        let style = RequestStyle::default().header("Authorization: Bearer secret").unwrap();
        assert!(!format!("{style:?}").contains("secret"));
        let form = RequestStyle::new(UploadMethod::Form);
        assert!(form.header("Content-Type: image/jpeg").is_err(), "it holds the boundary");
        for name in TAKEN {
            assert!(name.parse::<HeaderName>().unwrap().as_str() == name, "{name} is compared in this form");
        }
    }

    #[test]
    fn secret_header_over_http_is_refused_unless_allowed() {
        let url: UploadUrl = "http://cam/".parse().unwrap();
        for (line, secret) in [
            ("Authorization: Bearer x", true),
            ("cookie: a=b", true),
            ("X-Api-Key: x", true),
            ("X-Auth-Token: x", true),
            ("X-Camera: roof", false),
            ("Idempotency-Key: 1", false),
        ] {
            let style = RequestStyle::default().header(line).unwrap();
            assert_eq!(style.check_credentials(&url).is_err(), secret, "{line}");
            let request = |url: &UploadUrl| style.request(&url.0, Bytes::new(), &PostMeta::default());
            assert_eq!(request(&url).is_err(), secret, "{line}");
            assert!(request(&url.clone().allow_unencrypted_credentials()).is_ok(), "{line}");
        }
    }

    #[test]
    fn form_field_that_would_break_the_form_is_refused() {
        for bad in ["", "a\"b", "a\\b", "a\r\nb"] {
            assert!(RequestStyle::default().field(bad).is_err(), "{bad:?}");
        }
        RequestStyle::default().field("fotografía[]").unwrap();
    }
}
