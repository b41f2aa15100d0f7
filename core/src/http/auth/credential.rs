//! What a request offers as proof.

use crate::net::credentials::decoded;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::{AUTHORIZATION, HeaderMap};

/// The proof in a request. Only one is ever looked at, so that a request is one try.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Offer {
    Nothing,
    Basic {
        user: Vec<u8>,
        password: Vec<u8>,
    },
    Token(Vec<u8>),
    /// Something that cannot be right: not readable, or more than one.
    Unreadable,
}

impl Offer {
    /// The `Authorization` header, or where there is none, the `token` of the query.
    pub(super) fn of(headers: &HeaderMap, query: &str) -> Self {
        let mut headers = headers.get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next()) {
            (None, _) => in_query(query),
            (Some(one), None) => in_header(one.as_bytes()).unwrap_or(Self::Unreadable),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }
}

fn in_header(value: &[u8]) -> Option<Offer> {
    let space = value.iter().position(|&byte| byte == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(Offer::Token(rest.to_vec()));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let mut user = STANDARD.decode(rest).ok()?;
    let colon = user.iter().position(|&byte| byte == b':')?;
    let password = user.split_off(colon + 1);
    user.pop();
    Some(Offer::Basic { user, password })
}

fn in_query(query: &str) -> Offer {
    let mut values = query.split('&').filter_map(|pair| match pair.split_once('=') {
        Some(("token", value)) => Some(value),
        // Without a value it is one that is wrong.
        None if pair == "token" => Some(""),
        _ => None,
    });
    match (values.next(), values.next()) {
        (None, _) => Offer::Nothing,
        // Not with the `+` of forms: tokens in base64 have that sign, and people paste them as they are.
        (Some(value), None) => decoded(value).map_or(Offer::Unreadable, Offer::Token),
        (Some(_), Some(_)) => Offer::Unreadable,
    }
}

/// Whether a page of another site may have made a browser send this: all that such a page needs for a try is an
/// address with a `token`, as that of a picture. Browsers say so, but only to `https` and to this machine; without
/// their word, an address alone counts as a page's. To say it oneself gains nothing: those tries are bounded as others.
pub(super) fn may_be_a_pages(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "cross-site",
        None => !headers.contains_key(AUTHORIZATION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offered(authorization: &[&str], query: &str) -> Offer {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        Offer::of(&headers, query)
    }

    fn token(text: &str) -> Offer {
        Offer::Token(text.into())
    }

    fn basic(user: &str, password: &str) -> Offer {
        Offer::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn headers_and_queries() {
        for (header, query, offer) in [
            (&[][..], "", Offer::Nothing),
            (&[], "fps=1&xtoken=a&Token=b&%74oken=c", Offer::Nothing),
            (&[], "fps=1&token=a", token("a")),
            (&[], "token=a%2Bb+c=/", token("a+b+c=/")),
            (&[], "token=", token("")),
            (&[], "token", token("")),
            (&[], "token=a&token=a", Offer::Unreadable),
            (&[], "token=%2", Offer::Unreadable),
            (&[], "token=%zz", Offer::Unreadable),
            (&["Bearer a"], "", token("a")),
            (&["bEARER  a "], "token=b", token("a")),
            (&["Bearer a", "Bearer a"], "", Offer::Unreadable),
            (&["Bearer"], "token=b", Offer::Unreadable),
            (&["Digest username=a"], "token=b", Offer::Unreadable),
            (&["Basic dTpwOnc="], "", basic("u", "p:w")),
            (&["basic Og=="], "", basic("", "")),
            (&["Basic dTpwOnc"], "", Offer::Unreadable),
            (&["Basic dQ=="], "", Offer::Unreadable),
            (&["Basic"], "", Offer::Unreadable),
            (&[""], "token=b", Offer::Unreadable),
        ] {
            assert!(offered(header, query) == offer, "{header:?} {query:?}");
        }
    }

    proptest! {
        #[test]
        fn basic_is_read_as_it_was_written(user in "[^:]{0,20}", password in "\\PC{0,40}") {
            let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert!(offered(&[&header], "") == basic(&user, &password));
        }

        #[test]
        fn any_query_is_read(query in "\\PC*", tail in "[%0-9a-f&=token]{0,30}") {
            let _ = offered(&[], &query);
            let _ = offered(&[], &tail);
        }
    }
}
