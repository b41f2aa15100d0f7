//! What each request is answered.

use super::{
    Options,
    check::check,
    folder::Folder,
    form,
    repeats::{Key, Repeats, Stored},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderValue},
};
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{task::spawn_blocking, time::timeout};
use tracing::{info, warn};

/// How long the rest of a refused body is read and thrown away. Closing the connection at once would reset it, and a
/// client that is still sending would not see the answer.
const LINGER: Duration = Duration::from_secs(2);

type Answer = Response<Full<Bytes>>;

/// What every connection shares.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) folder: Folder,
    pub(super) repeats: Repeats,
}

pub(super) async fn answer(
    request: Request<Incoming>,
    shelf: Arc<Shelf>,
    options: Options,
) -> Result<Answer, Infallible> {
    Ok(match (request.uri().path(), request.method()) {
        ("/upload", &Method::POST | &Method::PUT) => upload(request, shelf, options).await,
        ("/upload", _) => not_allowed("POST, PUT"),
        ("/", &Method::GET | &Method::HEAD) => page(&shelf.folder),
        ("/", _) => not_allowed("GET, HEAD"),
        _ => text(StatusCode::NOT_FOUND, "not found; pictures are posted to /upload"),
    })
}

async fn upload(request: Request<Incoming>, shelf: Arc<Shelf>, options: Options) -> Answer {
    let (form, key) = (form_type(&request), key(&request));
    let mut body = request.into_body();
    let picture = match timeout(options.body_timeout, read(&mut body, options.max_bytes)).await {
        Ok(Ok(picture)) => picture,
        Ok(Err(Unread::TooLong)) => {
            tokio::spawn(async move { timeout(LINGER, drain(body)).await });
            let why = format!("the picture is longer than {} bytes", options.max_bytes);
            return close(text(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        // Nobody is there to read this, but the log.
        Ok(Err(Unread::Broken(e))) => {
            return close(text(StatusCode::BAD_REQUEST, format!("the body broke off: {e}")));
        }
        Err(_) => {
            let why = format!("the picture did not come within {:?}", options.body_timeout);
            return close(text(StatusCode::REQUEST_TIMEOUT, why));
        }
    };
    // Checking and storing block: unpacking, writing, waiting for the disk.
    let stored = spawn_blocking(move || {
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
            if shelf.folder.is_news(true) {
                warn!("cannot store pictures in {}: {e}; make room there", shelf.folder.path().display());
            }
            let (status, why) = not_stored(&e);
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
    TooLong,
    Broken(hyper::Error),
}

/// The whole body, or no more of it than the limit.
async fn read(body: &mut Incoming, max_bytes: usize) -> Result<Vec<u8>, Unread> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max_bytes {
        return Err(Unread::TooLong);
    }
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(Unread::Broken)?.data_ref() {
            if data.len() > max_bytes - bytes.len() {
                return Err(Unread::TooLong);
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// The `Content-Type` of a form.
fn form_type(request: &Request<Incoming>) -> Option<String> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    kind.starts_with("multipart/form-data").then(|| kind.to_owned())
}

/// Which picture it is, if the client says so: then the same one is not stored twice.
fn key(request: &Request<Incoming>) -> Option<Key> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    Some((text("x-run")?.to_owned(), text("x-sequence")?.parse().ok()?))
}

fn not_stored(error: &io::Error) -> (StatusCode, String) {
    let status = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    // The kind only: the error names a path, which is nobody's business but the log's.
    (status, format!("the picture was not stored: {}", error.kind()))
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
    let answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed; allowed are {allowed}"));
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
    fn a_full_disk_is_told_apart() {
        let status = |errno| not_stored(&io::Error::from_raw_os_error(errno)).0.as_u16();
        assert_eq!([28, 122, 27, 13, 5].map(status), [507, 507, 507, 500, 500]);
    }
}
