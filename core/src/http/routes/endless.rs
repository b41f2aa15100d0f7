//! Answers that end with their connection: `GET /stream` and `GET /events`.

use super::{Answer, accept, target::parameter};
use crate::{
    http::{
        Context, Shown,
        connection::Endless,
        events::{self, EventsRequest},
        reply::{Reply, text, typed, unavailable},
        stream::{Framing, RateLimit, StreamRequest, framing},
    },
    net::socket::Peer,
};
use bytes::Bytes;
use hyper::{Method, Request, StatusCode, body::Incoming, header::HeaderValue};

/// The stream of this camera, if there is room for one more viewer.
pub(super) fn stream(request: &Request<Incoming>, peer: &Peer, context: &Context, camera: usize) -> Answer {
    let accept = accept(request);
    let content_type = framing::content_type(accept);
    if request.method() == Method::HEAD {
        return Answer::Response(head(content_type));
    }
    let query = request.uri().query().unwrap_or_default();
    let rate_limit = match parameter(query, "fps").map(str::parse).transpose() {
        Ok(fps) => fps.map(RateLimit::new),
        Err(what) => return Answer::Response(text(StatusCode::BAD_REQUEST, format!("{what}\n"))),
    };
    let Shown { name, hub, .. } = &context.shown[camera];
    let now = context.server.clock.monotonic();
    let Some(slot) = context.viewers.admit(peer, now, name.as_ref(), &hub.metrics.viewers) else {
        return Answer::Response(full("viewer", context.viewers.max()));
    };
    Answer::Endless(Endless::Stream(StreamRequest {
        camera,
        slot,
        framing: Framing::for_accept(accept),
        content_type,
        rate_limit,
        headers: context.server.origins.grant(request.headers()),
        entry: None,
    }))
}

/// The events of this camera, if there is room for one more listener.
pub(super) fn events(request: &Request<Incoming>, context: &Context, camera: usize) -> Answer {
    if request.method() == Method::HEAD {
        return Answer::Response(head(events::CONTENT_TYPE));
    }
    let Some(slot) = context.listeners.admit() else {
        return Answer::Response(full("listener", context.listeners.max()));
    };
    let headers = context.server.origins.grant(request.headers());
    Answer::Endless(Endless::Events(EventsRequest { camera, slot, headers, entry: None }))
}

/// The answer to `HEAD`: the headers of one that a proxy is to pass on at once.
fn head(content_type: &'static str) -> Reply {
    let mut reply = typed(content_type, Bytes::new());
    reply.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply
}

fn full(what: &str, max: usize) -> Reply {
    unavailable(format!("{what} limit ({max}) reached; retry shortly\n"))
}
