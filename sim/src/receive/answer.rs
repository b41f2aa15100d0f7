//! What each request is answered.

use super::{Options, check::check, folder::Folder};
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

pub(super) async fn answer(
    request: Request<Incoming>,
    folder: Arc<Folder>,
    options: Options,
) -> Result<Answer, Infallible> {
    Ok(match (request.uri().path(), request.method()) {
        ("/upload", &Method::POST | &Method::PUT) => upload(request, folder, options).await,
        ("/upload", _) => not_allowed("POST, PUT"),
        ("/", &Method::GET | &Method::HEAD) => page(&folder),
        ("/", _) => not_allowed("GET, HEAD"),
        _ => text(StatusCode::NOT_FOUND, "not found; pictures are posted to /upload"),
    })
}

async fn upload(request: Request<Incoming>, folder: Arc<Folder>, options: Options) -> Answer {
    let form = is_form(&request);
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
    let len = picture.len();
    let stored = spawn_blocking(move || {
        let kind = check(&picture).map_err(Refusal::NoPicture)?;
        match folder.store(&picture, kind) {
            Ok(name) => {
                folder.is_news(false);
                Ok(name)
            }
            Err(e) => Err(Refusal::NotStored(e, folder)),
        }
    });
    match stored.await {
        Ok(Ok(name)) => {
            info!(name, bytes = len, "received");
            text(StatusCode::OK, format!("ok {name}"))
        }
        Ok(Err(Refusal::NoPicture(_))) if form => text(
            StatusCode::BAD_REQUEST,
            "the body is a form; send the bytes of the picture as the body instead",
        ),
        Ok(Err(Refusal::NoPicture(why))) => text(StatusCode::BAD_REQUEST, why),
        Ok(Err(Refusal::NotStored(e, folder))) => {
            if folder.is_news(true) {
                warn!("cannot store pictures in {}: {e}; make room there", folder.path().display());
            }
            let (status, why) = not_stored(&e);
            text(status, why)
        }
        Err(e) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("the picture was not stored: {e}")),
    }
}

enum Refusal {
    NoPicture(String),
    NotStored(io::Error, Arc<Folder>),
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

fn is_form(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
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
         <code>curl --data-binary @picture.jpg http://HOST:PORT/upload</code>.</p>\n<p>{stored} stored.</p>\n"
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
