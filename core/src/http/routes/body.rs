//! The body of a request.

use crate::http::{
    limits,
    reply::{Reply, closing, text},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    body::{Body as _, Incoming},
};
use tokio::time::timeout;

/// All of it, up to `limit` bytes, as fast as an answer of that length must be taken; or why not.
pub(super) async fn read(body: &mut Incoming, limit: usize) -> Result<Bytes, Reply> {
    if body.size_hint().lower() > limit as u64 {
        return Err(too_long(limit));
    }
    let whole = async {
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            // Or the connection has broken, and nobody gets this answer.
            let frame =
                frame.map_err(|_| closing(text(StatusCode::BAD_REQUEST, "the body is malformed\n")))?;
            // Trailers are not read.
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > limit {
                return Err(too_long(limit));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    };
    match timeout(limits::stall_budget(limit), whole).await {
        Ok(read) => read,
        Err(_) => Err(closing(text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n"))),
    }
}

/// What is left of the body is not read.
fn too_long(limit: usize) -> Reply {
    closing(text(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have up to {limit} bytes here\n")))
}
