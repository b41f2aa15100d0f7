//! What each request is answered.

use super::{
    Options,
    body::Body,
    check::check,
    folder::Folder,
    form,
    repeats::{Key, Repeats, Stored},
};
use bytes::Bytes;
use eyelet_core::http::Place;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderValue},
};
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use tracing::{info, warn};

/// How long the rest of a refused body is read and discarded. Closing the connection at once would reset it, and a
/// client that is still sending would not see the answer.
const LINGER: Duration = Duration::from_secs(2);

/// So many threads check and store pictures at a time, each with a whole one in memory: of 16 MiB in a form, twice that. The
/// allocator keeps as much for each thread that there ever was, so that the same few also write what is on its way.
const WHOLE: usize = 2;

type Answer = Response<Full<Bytes>>;

/// What every connection shares.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) folder: Folder,
    pub(super) repeats: Repeats,
    /// To work on a thread.
    pub(super) whole: Arc<Semaphore>,
}

impl Shelf {
    pub(super) fn new(folder: Folder) -> Self {
        Self { folder, repeats: Repeats::default(), whole: Arc::new(Semaphore::new(WHOLE)) }
    }
}

pub(super) async fn answer(
    request: Request<Incoming>,
    shelf: Arc<Shelf>,
    options: Options,
    place: Arc<Place>,
) -> Result<Answer, Infallible> {
    let answer = match (request.uri().path(), request.method()) {
        ("/upload", &Method::POST | &Method::PUT) => upload(request, shelf, options, &place).await,
        ("/upload", _) => not_allowed("POST, PUT"),
        ("/", &Method::GET | &Method::HEAD) => page(&shelf.folder),
        ("/", _) => not_allowed("GET, HEAD"),
        _ => text(StatusCode::NOT_FOUND, "not found; post pictures to /upload"),
    };
    place.idle();
    Ok(answer)
}

async fn upload(request: Request<Incoming>, shelf: Arc<Shelf>, options: Options, place: &Place) -> Answer {
    let form = form_type(&request);
    let key = key(&request);
    let mut body = request.into_body();
    let read = match key {
        Ok(_) => read(&mut body, &shelf, options, place).await,
        Err(why) => Err(Unread::Refused(StatusCode::BAD_REQUEST, why.to_owned())),
    };
    let (picture, key) = match (read, key) {
        (Ok(picture), Ok(key)) => (picture, key),
        (Err(Unread::Refused(status, why)), _) => {
            tokio::spawn(async move { timeout(LINGER, drain(body)).await });
            return close(text(status, why));
        }
        // The client is gone; the answer is for the log.
        (Err(Unread::Broken(why)), _) => return close(text(StatusCode::BAD_REQUEST, why)),
        (Err(Unread::Silent), _) | (_, Err(_)) => {
            let why = format!("nothing came of the picture for {:?}", options.body_timeout);
            return close(text(StatusCode::REQUEST_TIMEOUT, why));
        }
    };
    place.busy();
    // Never closed.
    let permit = Arc::clone(&shelf.whole).acquire_owned().await;
    // Checking and storing block: unpacking, writing, waiting for the disk.
    let stored = spawn_blocking(move || {
        let _permit = permit;
        let picture = match picture.whole() {
            Ok(picture) => picture,
            Err(e) => return Err(Refusal::NotStored(e, shelf)),
        };
        let picture = match form {
            Some(kind) => form::picture(&kind, &picture).map_err(Refusal::NoPicture)?,
            None => picture.into(),
        };
        let (kind, len) = (check(&picture).map_err(Refusal::NoPicture)?, picture.len());
        let store = || shelf.folder.store(&picture, kind);
        let stored = match key {
            Some(key) => shelf.repeats.once(key, store),
            None => store().map(Stored::Now),
        };
        match stored {
            Ok(stored) => {
                shelf.folder.is_news(false);
                Ok((stored, len))
            }
            Err(e) => Err(Refusal::NotStored(e, shelf)),
        }
    });
    match stored.await {
        Ok(Ok((Stored::Now(name), bytes))) => {
            info!(name, bytes, "received");
            text(StatusCode::OK, format!("ok {name}"))
        }
        Ok(Ok((Stored::Before(name), _))) => {
            info!(name, "received before");
            text(StatusCode::OK, format!("ok {name}"))
        }
        Ok(Err(Refusal::NoPicture(why))) => text(StatusCode::BAD_REQUEST, why),
        Ok(Err(Refusal::NotStored(e, shelf))) => {
            let (status, why) = not_stored(&e, &shelf.folder);
            text(status, why)
        }
        Err(e) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("the picture was not stored: {e}")),
    }
}

enum Refusal {
    NoPicture(String),
    NotStored(io::Error, Arc<Shelf>),
}

enum Unread {
    Refused(StatusCode, String),
    Broken(String),
    Silent,
}

/// The whole body, or no more of it than the limit. A client that sends nothing counts as idle, and gives way to others.
async fn read(
    body: &mut Incoming,
    shelf: &Arc<Shelf>,
    options: Options,
    place: &Place,
) -> Result<Body, Unread> {
    let too_long = || {
        let why = format!("the picture is longer than {} bytes", options.max_bytes);
        Unread::Refused(StatusCode::PAYLOAD_TOO_LARGE, why)
    };
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > options.max_bytes {
        return Err(too_long());
    }
    let mut picture = Body::default();
    loop {
        place.idle();
        let frame = timeout(options.body_timeout, body.frame()).await.map_err(|_| Unread::Silent)?;
        let Some(frame) = frame else { return Ok(picture) };
        let frame = frame.map_err(|e| Unread::Broken(format!("the body broke off: {e}")))?;
        let Some(data) = frame.data_ref() else { continue };
        if data.len() > options.max_bytes - picture.len() {
            return Err(too_long());
        }
        if picture.push(data) {
            place.busy();
            let (shelf, mut full) = (Arc::clone(shelf), picture);
            let permit = Arc::clone(&shelf.whole).acquire_owned().await;
            let spilled = spawn_blocking(move || {
                let _permit = permit;
                full.spill(&shelf.folder).map(|()| full).map_err(|e| not_stored(&e, &shelf.folder))
            });
            picture = match spilled.await {
                Ok(Ok(picture)) => picture,
                Ok(Err((status, why))) => return Err(Unread::Refused(status, why)),
                Err(e) => return Err(Unread::Broken(e.to_string())),
            };
        }
    }
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// The `Content-Type` of a form.
fn form_type(request: &Request<Incoming>) -> Option<String> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    kind.to_ascii_lowercase().starts_with("multipart/form-data").then(|| kind.to_owned())
}

/// Which picture it is, if the client names it: then it is not stored twice. The key is kept, and therefore short.
fn key(request: &Request<Incoming>) -> Result<Option<Key>, &'static str> {
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let (Some(run), Some(sequence)) = (text("x-run"), text("x-sequence")) else { return Ok(None) };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if !(1..=64).contains(&run.len()) || !run.bytes().all(plain) {
        return Err(
            "X-Run is 1 to 64 letters, digits, dashes, underscores and dots, such as 00000000deadbeef",
        );
    }
    let sequence = sequence.parse().map_err(|_| "X-Sequence is a number, which grows within a run")?;
    Ok(Some((run.to_owned(), sequence)))
}

fn not_stored(error: &io::Error, folder: &Folder) -> (StatusCode, String) {
    if folder.is_news(true) {
        warn!("cannot store pictures in {}: {error}; free some space there", folder.path().display());
    }
    // The kind only: the error names a path, which belongs in the log.
    (status(error), format!("the picture was not stored: {}", error.kind()))
}

fn status(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn page(folder: &Folder) -> Answer {
    let stored = folder.stored();
    let html = format!(
        "<!DOCTYPE html>\n<title>eyelet receive</title>\n<h1>eyelet receive</h1>\n\
         <p>Post a JPEG or PNG to <code>/upload</code>, for example with\n\
         <code>curl --data-binary @picture.jpg http://HOST:PORT/upload</code>, or as a file in a form.</p>\n<p>{stored} stored.</p>\n"
    );
    with(Response::new(Full::from(html)), header::CONTENT_TYPE, "text/html; charset=utf-8")
}

fn text(status: StatusCode, line: impl Into<String>) -> Answer {
    let mut line = line.into();
    line.push('\n');
    let mut answer = Response::new(Full::from(line));
    *answer.status_mut() = status;
    with(answer, header::CONTENT_TYPE, "text/plain; charset=utf-8")
}

fn not_allowed(allowed: &'static str) -> Answer {
    let answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed; use {allowed}"));
    with(answer, header::ALLOW, allowed)
}

fn close(answer: Answer) -> Answer {
    with(answer, header::CONNECTION, "close")
}

fn with(mut answer: Answer, name: header::HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disk_answers_507() {
        let status = |errno| status(&io::Error::from_raw_os_error(errno)).as_u16();
        assert_eq!([28, 122, 27, 13, 5].map(status), [507, 507, 507, 500, 500]);
    }
}
