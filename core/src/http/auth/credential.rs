//! The credential that a request carries.

use crate::net::credentials::decoded;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::{AUTHORIZATION, HeaderMap};

/// The credential in a request. Only one is ever checked, so that a request is one attempt.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    None,
    Basic {
        user: Vec<u8>,
        password: Vec<u8>,
    },
    Token(Vec<u8>),
    /// What cannot be right: unreadable, or more than one.
    Malformed,
}

impl Credential {
    /// The `Authorization` header, or where there is none, the `token` of the query.
    pub(super) fn of(headers: &HeaderMap, query: &str) -> Self {
        let mut headers = headers.get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next()) {
            (None, _) => in_query(query),
            (Some(one), None) => in_header(one.as_bytes()).unwrap_or(Self::Malformed),
            (Some(_), Some(_)) => Self::Malformed,
        }
    }
}

fn in_header(value: &[u8]) -> Option<Credential> {
    let space = value.iter().position(|&byte| byte == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(Credential::Token(rest.to_vec()));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let mut user = STANDARD.decode(rest).ok()?;
    let colon = user.iter().position(|&byte| byte == b':')?;
    let password = user.split_off(colon + 1);
    user.pop();
    Some(Credential::Basic { user, password })
}

fn in_query(query: &str) -> Credential {
    let mut values = query.split('&').filter_map(|pair| match pair.split_once('=') {
        Some(("token", value)) => Some(value),
        // Without a value it is one that is wrong.
        None if pair == "token" => Some(""),
        _ => None,
    });
    match (values.next(), values.next()) {
        (None, _) => Credential::None,
        // Not with the `+` of forms: tokens in base64 have that sign, and people paste them as they are.
        (Some(value), None) => decoded(value).map_or(Credential::Malformed, Credential::Token),
        (Some(_), Some(_)) => Credential::Malformed,
    }
}

/// Whether a page of another site may have made a browser send this: all that such a page needs for an attempt is an
/// address with a `token`, as in an `<img>`. Browsers mark such requests, but only to `https` and to this machine; without
/// the mark, a request without `Authorization` counts as one. A forged mark gains nothing: those attempts are limited too.
pub(super) fn may_be_cross_site(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "cross-site",
        None => !headers.contains_key(AUTHORIZATION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offered(authorization: &[&str], query: &str) -> Credential {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        Credential::of(&headers, query)
    }

    fn token(text: &str) -> Credential {
        Credential::Token(text.into())
    }

    fn basic(user: &str, password: &str) -> Credential {
        Credential::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn credential_is_read_from_header_or_query() {
        for (header, query, credential) in [
            (&[][..], "", Credential::None),
            (&[], "fps=1&xtoken=a&Token=b&%74oken=c", Credential::None),
            (&[], "fps=1&token=a", token("a")),
            (&[], "token=a%2Bb+c=/", token("a+b+c=/")),
            (&[], "token=", token("")),
            (&[], "token", token("")),
            (&[], "token=a&token=a", Credential::Malformed),
            (&[], "token=%2", Credential::Malformed),
            (&[], "token=%zz", Credential::Malformed),
            (&["Bearer a"], "", token("a")),
            (&["bEARER  a "], "token=b", token("a")),
            (&["Bearer a", "Bearer a"], "", Credential::Malformed),
            (&["Bearer"], "token=b", Credential::Malformed),
            (&["Digest username=a"], "token=b", Credential::Malformed),
            (&["Basic dTpwOnc="], "", basic("u", "p:w")),
            (&["basic Og=="], "", basic("", "")),
            (&["Basic dTpwOnc"], "", Credential::Malformed),
            (&["Basic dQ=="], "", Credential::Malformed),
            (&["Basic"], "", Credential::Malformed),
            (&[""], "token=b", Credential::Malformed),
        ] {
            assert!(offered(header, query) == credential, "{header:?} {query:?}");
        }
    }

    proptest! {
        #[test]
        fn basic_credential_round_trips(user in "[^:]{0,20}", password in "\\PC{0,40}") {
            let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert!(offered(&[&header], "") == basic(&user, &password));
        }

        #[test]
        fn any_query_is_parsed(query in "\\PC*", tail in "[%0-9a-f&=token]{0,30}") {
            let _ = offered(&[], &query);
            let _ = offered(&[], &tail);
        }
    }
}
