//! What a client wants to change: JSON or a form, as names and values.

use crate::net::credentials::decoded;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// The wanted values by name.
pub(crate) type Wanted = BTreeMap<String, Value>;

/// Why a body says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Its type is none of those that are read.
    Type,
    /// It is not of its type.
    Body(String),
}

/// Reads a body of this content type: `application/json`, an object of values by name, or a form. Others are for browsers to
/// send on behalf of pages that may not send JSON.
pub(crate) fn read(content_type: &str, body: &[u8]) -> Result<Wanted, Unreadable> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return serde_json::from_slice(body).map(|Distinct(wanted)| wanted).map_err(|error| {
            Unreadable::Body(format!("the body is not a JSON object of values by name: {error}"))
        });
    }
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return form(body).map_err(|what| Unreadable::Body(what.to_owned()));
    }
    Err(Unreadable::Type)
}

/// An object that has no name twice.
struct Distinct(Wanted);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Distinct, A::Error> {
        let mut wanted = Wanted::new();
        while let Some((name, value)) = members.next_entry()? {
            if wanted.insert(name, value).is_some() {
                return Err(A::Error::custom("it has a name twice"));
            }
        }
        Ok(Distinct(wanted))
    }
}

fn form(body: &[u8]) -> Result<Wanted, &'static str> {
    let body = std::str::from_utf8(body).map_err(|_| "the form is not UTF-8")?;
    let mut wanted = Wanted::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(match body.trim_start().starts_with('{') {
                true => "this is no form name=value; JSON needs the header Content-Type: application/json",
                false => "the form is not of the shape name=value",
            });
        };
        if wanted.insert(text(name)?, Value::String(text(value)?)).is_some() {
            return Err("the form has a name twice");
        }
    }
    Ok(wanted)
}

fn text(encoded: &str) -> Result<String, &'static str> {
    let bytes = decoded(&encoded.replace('+', " ")).ok_or("the form is not percent-encoded")?;
    String::from_utf8(bytes).map_err(|_| "the form is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn names(content_type: &str, body: &str) -> Result<Vec<(String, Value)>, Unreadable> {
        read(content_type, body.as_bytes()).map(|wanted| wanted.into_iter().collect())
    }

    #[test]
    fn form_and_json_say_the_same() {
        let wanted = |value: Value| Ok(vec![("gain".to_owned(), value)]);
        assert_eq!(names("application/json; charset=utf-8", r#"{"gain":7}"#), wanted(7.into()));
        assert_eq!(names(FORM, "gain=7"), wanted("7".into()));
        assert_eq!(names("Application/X-WWW-Form-URLencoded", "ga%69n=a+b%26&"), wanted("a b&".into()));
        assert_eq!(names(FORM, ""), Ok(vec![]));
    }

    #[test]
    fn other_types_are_not_read() {
        for kind in ["", "text/plain", "multipart/form-data; boundary=x", "text/plain; application/json"] {
            assert_eq!(names(kind, "{\"gain\":7}"), Err(Unreadable::Type), "{kind}");
        }
    }

    #[test]
    fn body_that_is_not_of_its_type_is_an_error() {
        for (kind, body) in [
            ("application/json", ""),
            ("application/json", "7"),
            ("application/json", "[]"),
            ("application/json", "{\"a\":1"),
            ("application/json", "{\"a\":1,\"b\":2,\"\\u0061\":1}"),
            (FORM, "gain"),
            (FORM, "gain=%zz"),
            (FORM, "gain=%ff"),
            (FORM, "gain=1&gain=2"),
        ] {
            assert!(matches!(names(kind, body), Err(Unreadable::Body(_))), "{kind} {body}");
        }
    }

    #[test]
    fn json_without_its_type_is_told_so() {
        let Err(Unreadable::Body(what)) = names(FORM, r#" {"quality":60}"#) else { panic!("it is no form") };
        assert!(what.ends_with("the header Content-Type: application/json"), "{what}");
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body: Vec<u8>, form: bool) {
            let _ = read(if form { FORM } else { "application/json" }, &body);
        }

        #[test]
        fn form_of_any_text_is_read_back(name in "[^\\x00]{1,20}", value in "\\PC{0,20}") {
            let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let body = format!("{}={}", encode(&name), encode(&value));
            prop_assert_eq!(names(FORM, &body), Ok(vec![(name, Value::String(value))]));
        }
    }
}
