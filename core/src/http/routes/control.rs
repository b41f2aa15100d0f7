//! `/control`: what can be changed about a camera, and changes to it.

use super::body;
use crate::{
    control,
    feed::{Hub, Refusal},
    http::{Context, connection::Exchange, reply},
    net::socket::Peer,
};
use hyper::{
    Method, Request, StatusCode,
    body::{Body as _, Incoming},
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use serde_json::json;

/// The longest body, in bytes.
const LONGEST: usize = 64 * 1024;

/// The headers that decide, of which a server behind another may read the first and that one the last.
const ONCE: [&str; 4] = ["content-type", "content-encoding", "origin", "sec-fetch-site"];

/// The answer about this camera.
pub(super) async fn answer(
    request: &mut Request<Incoming>,
    client: &Peer,
    exchange: &Exchange,
    context: &Context,
    hub: &Hub,
) -> reply::Reply {
    let changes = request.method() == Method::POST;
    if !changes && request.method() != Method::GET && request.method() != Method::HEAD {
        return reply::method_not_allowed("GET, HEAD, POST");
    }
    if !hub.settings.are_changes_allowed() {
        return reply::text(
            StatusCode::FORBIDDEN,
            "live control is off on this server; allow it where the server is started (--allow-control)\n",
        );
    }
    if changes {
        match post(request, client, exchange, context, hub).await {
            Ok(()) => {}
            Err(refusal) => return *refusal,
        }
    } else if !request.body().is_end_stream() {
        return reply::text(StatusCode::PAYLOAD_TOO_LARGE, "only a POST may have a body here\n");
    } else {
        control::refresh(hub).await;
    }
    reply::typed("application/json", control::document(hub))
}

/// Changes what the request asks for, or nothing and says why.
async fn post(
    request: &mut Request<Incoming>,
    client: &Peer,
    exchange: &Exchange,
    context: &Context,
    hub: &Hub,
) -> Result<(), Box<reply::Reply>> {
    let refuse = |status, what: String| Err(Box::new(reply::text(status, format!("{what}\n"))));
    let headers = request.headers();
    let has_two = |name: &&&str| headers.get_all(**name).iter().nth(1).is_some();
    if let Some(name) = ONCE.iter().find(has_two) {
        return refuse(StatusCode::BAD_REQUEST, format!("there is more than one {name} header"));
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the body without a content encoding".to_owned(),
        );
    }
    if !context.server.origins.may_post(request.headers()) {
        return refuse(
            StatusCode::FORBIDDEN,
            "a page of another site may not change anything here".to_owned(),
        );
    }
    if !context.server.may_change(request.headers(), client) {
        let what = "without credentials nothing can be changed under this name, which a page of the web may have taken; use the server's IP address, or have the server allow the origin of this name (--allow-origin), or require a token or a password (--token-file, --auth-file)";
        return refuse(StatusCode::FORBIDDEN, what.to_owned());
    }
    let mut bytes = bytes::Bytes::new();
    if !request.body().is_end_stream() {
        // Without its body, as without its head, it is no request yet.
        exchange.incomplete();
        let read = body::read(request.body_mut(), LONGEST).await;
        exchange.complete();
        bytes = read.map_err(Box::new)?;
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let wanted = match control::read(kind.unwrap_or_default(), &bytes) {
        Ok(wanted) => wanted,
        Err(control::Unreadable::Type) => {
            let what = "send application/json or application/x-www-form-urlencoded";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, what.to_owned());
        }
        Err(control::Unreadable::Body(what)) => return refuse(StatusCode::BAD_REQUEST, what),
    };
    let now = context.server.clock.monotonic();
    control::change(hub, &wanted, now).await.map_err(|refusal| {
        Box::new(match refusal {
            Refusal::Unavailable(reason) => reply::unavailable(format!("{reason}\n")),
            Refusal::Wrong(errors) => {
                let mut reply = reply::typed("application/json", json!({ "errors": errors }).to_string());
                *reply.status_mut() = StatusCode::BAD_REQUEST;
                reply
            }
        })
    })
}
