//! Routes: which request gets which answer.

mod body;
#[cfg(feature = "control")]
mod control;
mod custom;
mod endless;
mod health;
mod host;
#[cfg(feature = "metrics")]
mod metrics;
mod page;
mod snapshot;
pub(super) mod state;
mod target;

pub use custom::{Reply, Request, Routes};
pub use page::Page;
pub use snapshot::SnapshotPolicy;
pub use target::ROUTES;

use super::{
    Context, Shown,
    connection::{Endless, Exchange},
    reply::{self, closing, method_not_allowed, moved, text, typed},
};
use crate::net::socket::Peer;
use hyper::{
    Method, StatusCode,
    body::{Body, Incoming},
    header::{ACCEPT, SET_COOKIE},
};
use target::{Route, Target};

/// What to do with a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this.
    Response(reply::Reply),
    /// Hand the socket over.
    Endless(Endless),
}

/// The answer to a request that this peer has sent, once it has passed what every request must: the checks of its host and its
/// credentials.
pub(super) async fn answer(
    request: &mut hyper::Request<Incoming>,
    peer: &Peer,
    exchange: &Exchange,
    context: &Context,
) -> Answer {
    if let Err(what) = host::check(request.version(), request.headers()) {
        // What follows such a request may be meant for another server.
        return Answer::Response(closing(text(StatusCode::BAD_REQUEST, what)));
    }
    let server = &context.server;
    if let Some(headers) = server.origins.preflight(request, context.takes_posts()) {
        return Answer::Response(reply::preflight(headers));
    }
    let query = request.uri().query().unwrap_or_default();
    let path = request.uri().path();
    if server.base_path.lacks_slash(path) {
        return Answer::Response(moved(server.base_path.as_str(), query));
    }
    let below = server.base_path.strip(path);
    let names = || context.shown.iter().map(|camera| camera.name.as_ref());
    if below.strip_prefix('/').is_some_and(|first| names().flatten().any(|name| name.as_str() == first)) {
        return Answer::Response(moved(path, query));
    }
    // One of the application's routes may begin with the same name as the base path.
    let target = Target::find(below, query, names(), &server.routes)
        .or_else(|| Target::find(path, query, names(), &server.routes));
    // Before any answer, also before 404. Only whether the server is up is no secret.
    let mut cookie = None;
    if target.is_none_or(|target| target.route != Route::Health) {
        match server.access.admit(request.headers(), query, peer, &*server.clock).await {
            Ok(given) => cookie = given,
            Err(refusal) => {
                return Answer::Response(page::login(refusal.reply(), &server.page, accept(request)));
            }
        }
    }
    let mut answer = admitted(request, target, peer, exchange, context).await;
    if let Some(cookie) = cookie {
        let headers = match &mut answer {
            Answer::Response(reply) => reply.headers_mut(),
            Answer::Endless(endless) => endless.headers(),
        };
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}

/// The answer to an admitted request.
async fn admitted(
    request: &mut hyper::Request<Incoming>,
    target: Option<Target>,
    peer: &Peer,
    exchange: &Exchange,
    context: &Context,
) -> Answer {
    let server = &context.server;
    let Some(Target { route, camera }) = target else {
        return Answer::Response(text(StatusCode::NOT_FOUND, "no such page\n"));
    };
    let takes_body = route.may_take_body();
    if !takes_body && request.method() != Method::GET && request.method() != Method::HEAD {
        return Answer::Response(method_not_allowed("GET, HEAD"));
    }
    if !takes_body && !request.body().is_end_stream() {
        return Answer::Response(text(StatusCode::PAYLOAD_TOO_LARGE, "no request has a body here\n"));
    }
    let one = camera.unwrap_or(0);
    let reply = match route {
        Route::Stream => return endless::stream(request, peer, context, one),
        Route::Events => return endless::events(request, context, one),
        // In a box, so that other requests take no more memory for it.
        #[cfg(feature = "control")]
        Route::Control => {
            Box::pin(control::answer(request, peer, exchange, context, &context.shown[one].hub)).await
        }
        Route::Page => page::answer(request.headers(), context, camera),
        Route::Snapshot => snapshot::take(server, &context.shown[one].hub).await,
        Route::State => typed("application/json", state::json(context, camera)),
        #[cfg(feature = "metrics")]
        Route::Metrics => metrics::answer(request, context, camera),
        Route::Health => health::answer(context, camera),
        Route::Custom(index) => server.routes.answer(request, index, peer, exchange, context).await,
    };
    Answer::Response(reply)
}

/// The cameras that a request is about: the one it names, else all.
fn about(context: &Context, camera: Option<usize>) -> &[Shown] {
    camera.map_or(&context.shown, |one| std::slice::from_ref(&context.shown[one]))
}

/// The `Accept` header: a browser's address bar names `text/html`.
fn accept(request: &hyper::Request<Incoming>) -> &str {
    request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
