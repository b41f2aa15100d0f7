//! Routes of the application's own: what it answers at which paths.

mod handler;
mod reply;
mod request;

pub use reply::Reply;
pub use request::Request;

use super::{
    super::{Context, connection::Exchange, reply as replies},
    body,
};
use crate::{
    feed::{CameraName, RESERVED_PATHS},
    net::socket::Peer,
};
use eyelet_hal::{Error, ErrorKind};
use handler::Handler;
use hyper::{
    Method, StatusCode,
    body::{Body as _, Incoming},
};
use std::{fmt, pin::Pin};

/// The routes of an application beside eyelet's own.
///
/// They are behind the same access, limits and base path. `HEAD` answers as `GET`; another method than those of a path is
/// answered with 405. A `POST` from a page of another site is refused with 403, unless its origin is
/// [allowed](crate::http::Origins) by name: so what changes something must be a `POST`. Its body is read up to
/// [`Limits::body`](crate::http::Limits::body).
///
/// One thread serves all connections, so a handler that returns its answer must do so at once: no file of another machine, no
/// device, no computation of milliseconds. One that keeps the thread for 50 ms is logged. What waits is for the `_async`
/// forms, whose future runs among the others on the same thread and has 30 s: then it is dropped where it waits, and the
/// client gets 503. A client that leaves earlier does not cancel it, and its connection counts as busy until the answer is
/// there. Work that blocks or computes is for a thread of its own, on which it goes on whatever happens to the future:
///
/// ```
/// # fn train() -> String { String::new() }
/// use eyelet_core::http::{Reply, Routes};
/// let mut routes = Routes::default();
/// routes.post_async("/train", |_| async {
///     let trained = tokio::task::spawn_blocking(train).await;
///     trained.map(Reply::text).map_err(|_| Reply::text("it panicked\n").with_status(500))
/// });
/// ```
///
/// A handler that panics is logged and answered with 500, unless the program aborts on panics, as eyelet's own do
/// (`panic = "abort"`): then the program ends, and its supervisor starts it again.
#[derive(Clone, Default)]
pub struct Routes(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    path: String,
    method: Method,
    handler: Handler,
    /// Always [`answer`]. Here, so that a program without such routes is no larger for them: only adding one refers to it.
    answer: AnswerRequest,
}

type AnswerRequest = for<'a> fn(
    &'a mut hyper::Request<Incoming>,
    &'a Entry,
    &'a Peer,
    &'a Exchange,
    &'a Context,
) -> Pin<Box<dyn Future<Output = replies::Reply> + Send + 'a>>;

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| format!("{} {}", entry.method, entry.path))).finish()
    }
}

impl Routes {
    /// Answers `GET` and `HEAD` at `path`. That is a path such as `/threshold` or `/api/threshold`.
    pub fn get<R: Into<Reply>>(
        &mut self,
        path: &str,
        handler: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> &mut Self {
        self.add(path, Method::GET, Handler::at_once(handler))
    }

    /// Answers `POST` at `path`.
    pub fn post<R: Into<Reply>>(
        &mut self,
        path: &str,
        handler: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> &mut Self {
        self.add(path, Method::POST, Handler::at_once(handler))
    }

    /// As [`get`](Self::get), with an answer that may take up to 30 s.
    pub fn get_async<R: Into<Reply>, F: Future<Output = R> + Send + 'static>(
        &mut self,
        path: &str,
        handler: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        self.add(path, Method::GET, Handler::later(handler))
    }

    /// As [`post`](Self::post), with an answer that may take up to 30 s.
    pub fn post_async<R: Into<Reply>, F: Future<Output = R> + Send + 'static>(
        &mut self,
        path: &str,
        handler: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        self.add(path, Method::POST, Handler::later(handler))
    }

    fn add(&mut self, path: &str, method: Method, handler: Handler) -> &mut Self {
        let answer: AnswerRequest = |request, entry, peer, exchange, context| {
            Box::pin(answer(request, entry, peer, exchange, context))
        };
        self.0.push(Entry { path: path.to_owned(), method, handler, answer });
        self
    }

    /// Whether every path can be asked for, and no two mean the same; nor one of eyelet's own, or of a camera with one of
    /// these names.
    pub(crate) fn check<'a>(&self, names: impl Iterator<Item = &'a CameraName>) -> Result<(), Error> {
        let names: Vec<_> = names.map(CameraName::as_str).collect();
        for (index, Entry { path, method, .. }) in self.0.iter().enumerate() {
            let wrong = |remedy: &'static str| {
                let what = format!("the route {method} {path:?} is not possible");
                Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy))
            };
            let Some(parts) = path.strip_prefix('/').filter(|parts| parts.split('/').all(is_part)) else {
                return wrong("a path is such as /threshold or /api/threshold, of letters, digits and -._~");
            };
            let first = parts.split('/').next().unwrap_or_default();
            if RESERVED_PATHS.contains(&first) || super::target::Route::find(path).is_some() {
                return wrong("that path is eyelet's own");
            }
            if names.contains(&first) {
                return wrong("a camera has that name");
            }
            if self.0[..index].iter().any(|entry| entry.path == *path && entry.method == *method) {
                return wrong("it exists already");
            }
        }
        Ok(())
    }

    /// Where the handlers of this path begin.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.path == path)
    }

    /// The answer of the route that `index` was [found](Self::find) at.
    pub(super) async fn answer(
        &self,
        request: &mut hyper::Request<Incoming>,
        index: usize,
        peer: &Peer,
        exchange: &Exchange,
        context: &Context,
    ) -> replies::Reply {
        let entry = &self.0[index];
        (entry.answer)(request, entry, peer, exchange, context).await
    }

    /// Whether some route takes `POST`.
    pub(in crate::http) fn take_posts(&self) -> bool {
        self.0.iter().any(|entry| entry.method == Method::POST)
    }

    fn of(&self, path: &str, method: &Method) -> Option<&Handler> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let mut entries = self.0.iter();
        entries.find(|entry| entry.path == path && entry.method == *method).map(|entry| &entry.handler)
    }

    /// The methods of a path, for `Allow`.
    fn methods(&self, path: &str) -> &'static str {
        match (self.of(path, &Method::GET), self.of(path, &Method::POST)) {
            (Some(_), Some(_)) => "GET, HEAD, POST",
            (Some(_), None) => "GET, HEAD",
            (None, _) => "POST",
        }
    }
}

/// What a browser sends as it is, except of `.` and `..`, which it resolves.
fn is_part(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(part, "" | "." | "..") && part.bytes().all(plain)
}

async fn answer(
    request: &mut hyper::Request<Incoming>,
    entry: &Entry,
    peer: &Peer,
    exchange: &Exchange,
    context: &Context,
) -> replies::Reply {
    let server = &context.server;
    let path = &entry.path;
    let Some(handler) = server.routes.of(path, request.method()) else {
        return replies::method_not_allowed(server.routes.methods(path));
    };
    let mut bytes = bytes::Bytes::new();
    if request.method() == Method::POST {
        if !server.origins.may_post(request.headers()) {
            return replies::text(
                StatusCode::FORBIDDEN,
                "a page of another site may not change anything here\n",
            );
        }
        if !request.body().is_end_stream() {
            // Without its body, as without its head, it is no request yet.
            exchange.incomplete();
            let body = body::read(request.body_mut(), server.limits.body).await;
            exchange.complete();
            match body {
                Ok(body) => bytes = body,
                Err(refusal) => return refusal,
            }
        }
    } else if !request.body().is_end_stream() {
        return replies::text(StatusCode::PAYLOAD_TOO_LARGE, "only a POST may have a body here\n");
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let request = Request::new(path.clone(), query, request.headers().clone(), bytes, peer.ip());
    handler.call(path, request, &*server.clock).await.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str]) -> Result<(), Error> {
        let mut routes = Routes::default();
        for path in paths {
            routes.get(path, |_| ());
        }
        let names: [CameraName; 1] = ["front".parse().unwrap()];
        routes.check(names.iter())
    }

    #[test]
    fn path_that_is_malformed_or_taken_is_refused_with_the_reason() {
        for good in ["/threshold", "/api/v1.2/threshold", "/~me", "/frontend", "/states", "/.well-known/x"] {
            assert!(check(&[good]).is_ok(), "{good}");
        }
        for (bad, remedy) in [
            ("", "a path is"),
            ("/", "a path is"),
            ("threshold", "a path is"),
            ("/a/", "a path is"),
            ("//a", "a path is"),
            ("/a/../b", "a path is"),
            ("/a b", "a path is"),
            ("/a?b", "a path is"),
            ("/%61", "a path is"),
            ("/é", "a path is"),
            ("/stream", "eyelet's own"),
            ("/snapshot.jpg", "eyelet's own"),
            ("/events", "eyelet's own"),
            ("/control/gain", "eyelet's own"),
            ("/front/threshold", "a camera"),
            ("/front", "a camera"),
        ] {
            let error = check(&[bad]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
            assert!(error.remedy().unwrap().contains(remedy), "{bad}: {error}");
        }
        assert!(check(&["/a", "/b", "/a"]).unwrap_err().remedy().unwrap().contains("exists"));
        let mut routes = Routes::default();
        routes.get("/a", |_| ()).post("/a", |_| ());
        assert!(routes.check(std::iter::empty()).is_ok());
        assert_eq!(routes.methods("/a"), "GET, HEAD, POST");
    }
}
