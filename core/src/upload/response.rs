//! A server's answer to a picture.

use crate::net::client::{first_line, is_page, pointed_to};
use eyelet_hal::ErrorKind;
use hyper::{
    StatusCode,
    header::{self, HeaderMap},
};
use std::time::Duration;

/// The answer to one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: StatusCode,
    pub(super) text: String,
    pub(super) retry_after: Option<Duration>,
    location: Option<String>,
    /// The text is a page for browsers.
    page: bool,
}

impl Response {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after =
            text(header::RETRY_AFTER).and_then(|value| retry_after(value.trim(), text(header::DATE)));
        let page = is_page(headers);
        let location = text(header::LOCATION).map(String::from);
        Self { status, text: String::new(), retry_after, location, page }
    }

    /// The HTTP status, 200 for example.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The body as text: at most its first 64 KiB, and bytes that are no UTF-8 replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the server took the picture: any 2xx.
    pub fn is_accepted(&self) -> bool {
        self.status.is_success()
    }

    /// Whether the picture is at fault, so that sending it again is of little use: 400, 413, 415 or 422. Any other
    /// refusal is about the server, the address or the rights, and those can change.
    pub(super) fn blames_the_picture(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 413 | 415 | 422)
    }

    /// What kind of error it is, if the same request would be refused until something changes: a redirect, which is not
    /// followed, or what the server will not do. Not what is temporary: 408, 425, 429 and failures of the server itself.
    pub(super) fn kind_if_final(&self) -> Option<ErrorKind> {
        match self.status.as_u16() {
            408 | 425 | 429 => None,
            401 | 403 | 407 => Some(ErrorKind::PermissionDenied),
            300..=499 | 501 | 505 => Some(ErrorKind::Unsupported),
            _ => None,
        }
    }

    /// The remedy for an answer that is not 2xx.
    pub(super) fn remedy(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "write USER:PASSWORD@ before the host of the address",
            407 => "write USER:PASSWORD@ before the host of the proxy",
            403 => "is this user allowed to upload there?",
            404 | 405 | 410 | 501 => "are path and method right?",
            413 => "send smaller pictures",
            400 | 411 | 415 | 422 => "does it take pictures in this form?",
            300..=399 if self.location.is_some() => "upload to that address",
            _ => "ask whoever runs the server",
        }
    }

    /// An answer that is not 2xx, in one line for people.
    pub(super) fn refusal(&self) -> String {
        let status = &self.status;
        if let (true, Some(to)) = (status.is_redirection(), &self.location) {
            return format!("the server answered {status} and points to {}", pointed_to(to));
        }
        match first_line(&self.text).filter(|_| !self.page) {
            Some(line) => format!("the server answered {status}: {line}"),
            None => format!("the server answered {status}"),
        }
    }
}

/// Seconds, or a date. A date is compared with the server's own: a board's clock may be years behind.
fn retry_after(value: &str, now: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let [at, now] = [value, now?].map(|date| httpdate::parse_http_date(date).ok());
    Some(at?.duration_since(now?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Some("Sun, 22 Nov 2026 10:58:43 GMT");
        for (value, now, want) in [
            ("120", None, Some(120)),
            ("0", now, Some(0)),
            ("Sun, 22 Nov 2026 11:00:43 GMT", now, Some(120)),
            ("Sun, 22 Nov 2026 10:00:00 GMT", now, Some(0)),
            ("Sun, 22 Nov 2026 11:00:43 GMT", None, None),
            ("Sun, 22 Nov 2026 11:00:43 GMT", Some("yesterday"), None),
            ("soon", now, None),
            ("-1", now, None),
            ("", now, None),
        ] {
            assert_eq!(retry_after(value, now), want.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn temporary_status_is_not_final() {
        let refusal = |status| Response::new(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        for status in [408, 425, 429, 500, 502, 503, 504, 507, 599] {
            assert_eq!(refusal(status).kind_if_final(), None, "{status}");
        }
        for status in [
            300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 407, 410, 411, 413, 415, 422, 451, 499,
            501,
        ] {
            assert!(refusal(status).kind_if_final().is_some(), "{status}");
        }
    }

    #[test]
    fn secret_in_a_redirect_is_hidden() {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, "http://me:secret@store/bucket?signature=secret".parse().unwrap());
        let refusal = Response::new(StatusCode::TEMPORARY_REDIRECT, &headers).refusal();
        let want = "the server answered 307 Temporary Redirect and points to \"http://***@store/bucket\"";
        assert_eq!(refusal, want);
    }
}
