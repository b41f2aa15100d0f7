//! The answers to those who may not look.

use super::verifier::Known;
use crate::http::reply::{Reply, text};
use hyper::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use std::time::Duration;

/// Why a request is not let in.
#[derive(Debug)]
pub(in crate::http) enum Refusal {
    /// No proof, or a wrong one.
    Unknown { basic: Option<HeaderValue>, bearer: Option<HeaderValue> },
    /// Too many wrong tries of this address; the next is possible after so long.
    TooMany(Duration),
    /// Too many passwords are being checked.
    Busy,
}

impl Refusal {
    /// A browser asks for a password only where there are users.
    pub(super) fn unknown(known: &Known) -> Self {
        let offered = |is, challenge| if is { Some(HeaderValue::from_static(challenge)) } else { None };
        Self::Unknown {
            basic: offered(known.has_users(), "Basic realm=\"eyelet\", charset=\"UTF-8\""),
            bearer: offered(known.has_token(), "Bearer realm=\"eyelet\""),
        }
    }

    pub(in crate::http) fn reply(self) -> Reply {
        match self {
            Self::Unknown { basic, bearer } => {
                let what = match (&basic, &bearer) {
                    (Some(_), None) => "authentication required; log in with user and password\n",
                    (None, _) => "authentication required; add ?token=TOKEN to the address\n",
                    (Some(_), Some(_)) => {
                        "authentication required; log in, or add ?token=TOKEN to the address\n"
                    }
                };
                let mut reply = text(StatusCode::UNAUTHORIZED, what);
                for challenge in [basic, bearer].into_iter().flatten() {
                    reply.headers_mut().append(WWW_AUTHENTICATE, challenge);
                }
                reply
            }
            Self::TooMany(wait) => later("too many wrong tries from your address\n", wait),
            Self::Busy => later("too many log in at once\n", Duration::from_secs(1)),
        }
    }
}

fn later(what: &'static str, wait: Duration) -> Reply {
    let mut reply = text(StatusCode::TOO_MANY_REQUESTS, what);
    // Rounded up: a client that comes back then is not turned away again.
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1000) as u64));
    reply
}
