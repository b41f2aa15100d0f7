//! The page as the answer to a request: of one camera or of all, in gzip where the client reads that, or as it asks for a token.

use super::{Content, Html, Page};
use crate::http::{
    Context,
    reply::{Reply, typed},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, VARY,
        WWW_AUTHENTICATE,
    },
};

const HTML: &str = "text/html; charset=utf-8";

/// The page of one camera, or of all of them.
pub(in crate::http::routes) fn answer(
    headers: &HeaderMap,
    context: &Context,
    camera: Option<usize>,
) -> Reply {
    let (page, names) =
        (&context.server.page, context.shown.iter().filter_map(|camera| camera.name.as_ref()));
    let all = (camera.is_none() && context.shown.len() > 1).then(|| page.of_cameras(names)).flatten();
    let Content { html, policy } = match all {
        Some(content) => content,
        // A custom page is for `/`.
        None if camera.is_some() => Page::default().content(),
        None => page.content(),
    };
    let varies = matches!(html, Html::Gzip(_));
    let (body, encoding) = match html {
        Html::Gzip(gzip) if accepts_gzip(headers) => (Bytes::from_static(gzip), Some("gzip")),
        html => (html.plain(), None),
    };
    let mut reply = typed(HTML, body);
    let headers = reply.headers_mut();
    if varies {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Some(policy) = policy {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    reply
}

/// A rejection as shown to a person who opens the page with a browser: where a token grants access, the page that asks for it.
pub(in crate::http::routes) fn login(mut rejection: Reply, page: &Page, accept: &str) -> Reply {
    if rejection.status() == StatusCode::UNAUTHORIZED
        && accept.contains("text/html")
        && rejection
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .any(|value| value.as_bytes().starts_with(b"Bearer"))
        && let Some((html, policy)) = page.login()
    {
        *rejection.body_mut() = Full::new(html);
        let headers = rejection.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    rejection
}

/// Whether a client reads gzip: it names it, and not with a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f64>().ok());
        matches!(name.trim(), "gzip" | "x-gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_where_it_is_named_and_not_refused() {
        let accepted = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for value in ["gzip", "deflate, gzip;q=0.5", "br,x-gzip", "gzip ; q=1.0"] {
            assert!(accepted(value), "{value}");
        }
        for value in ["", "identity", "br", "gzip;q=0", "deflate, gzip; q=0.000", "gzipped"] {
            assert!(!accepted(value), "{value}");
        }
    }
}
