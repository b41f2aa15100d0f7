//! The answers to requests that are not admitted.

use super::verifier::Verifier;
use crate::http::reply::{Reply, text};
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use std::time::Duration;

/// Why a request is not admitted.
#[derive(Debug)]
pub(in crate::http) enum Rejection {
    /// No credential, or a wrong one.
    Unauthenticated { basic: Option<HeaderValue>, bearer: Option<HeaderValue> },
    /// Too many failed attempts from this address; the next is possible after this long.
    Throttled(Duration),
    /// Too many passwords are being checked.
    Busy,
}

impl Rejection {
    /// A browser asks for a password only where there are users, and not for the request of a script that says it is one: it
    /// would hold the answer back, and take its prompt away whenever the script gives up waiting.
    pub(super) fn unauthenticated(verifier: &Verifier, headers: &HeaderMap) -> Self {
        let basic = match headers.contains_key("x-requested-with") {
            false => "Basic realm=\"eyelet\", charset=\"UTF-8\"",
            true => "xBasic realm=\"eyelet\", charset=\"UTF-8\"",
        };
        let challenge = |is, challenge| if is { Some(HeaderValue::from_static(challenge)) } else { None };
        Self::Unauthenticated {
            basic: challenge(verifier.has_users(), basic),
            bearer: challenge(verifier.has_token(), "Bearer realm=\"eyelet\""),
        }
    }

    pub(in crate::http) fn reply(self) -> Reply {
        match self {
            Self::Unauthenticated { basic, bearer } => {
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
            Self::Throttled(wait) => later("too many failed attempts from your address", wait),
            Self::Busy => later("too many logins in progress", Duration::from_secs(1)),
        }
    }
}

fn later(what: &str, wait: Duration) -> Reply {
    // Rounded up: a client that retries then is not rejected again.
    let seconds = wait.as_millis().div_ceil(1000) as u64;
    // A browser shows the text alone.
    let mut reply = text(StatusCode::TOO_MANY_REQUESTS, format!("{what}; wait {seconds} s\n"));
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    reply
}
