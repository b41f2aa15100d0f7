//! What one of several cameras is called.

use serde::Serialize;
use std::{fmt, str::FromStr, sync::Arc};

/// Paths that a camera of their name, or a route of the application's own, would hide.
pub(crate) const RESERVED_PATHS: [&str; 7] =
    ["stream", "snapshot", "state", "metrics", "healthz", "events", "control"];

const LONGEST: usize = 32;

/// The name of a camera in addresses, in `/state` and in metrics: up to 32 of `a-z`, `0-9`, `-` and `_`, the first a letter.
///
/// ```
/// use eyelet_core::feed::CameraName;
/// let name: CameraName = "front-door".parse().unwrap();
/// assert_eq!(name.to_string(), "front-door");
/// assert!("Front".parse::<CameraName>().is_err());
/// assert!("stream".parse::<CameraName>().is_err()); // a route
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CameraName(#[serde(serialize_with = "text")] Arc<str>);

impl CameraName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn text<S: serde::Serializer>(name: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}

impl FromStr for CameraName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !text.starts_with(|first: char| first.is_ascii_lowercase())
            || text.len() > LONGEST
            || !text.bytes().all(is_named)
        {
            return Err("a camera's name has up to 32 of a-z, 0-9, - and _, the first a letter");
        }
        if RESERVED_PATHS.contains(&text) {
            return Err(
                "stream, snapshot, state, metrics, healthz, events and control are routes, not names",
            );
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for CameraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_an_address_could_not_have_is_refused() {
        for good in ["a", "front", "cam-2", "cam_2", &"x".repeat(32)] {
            assert_eq!(good.parse::<CameraName>().unwrap().as_str(), good);
        }
        for bad in
            ["", "2", "-a", "A", "a b", "a/b", "a.jpg", "ä", "a%20", "stream", "metrics", &"x".repeat(33)]
        {
            assert!(bad.parse::<CameraName>().is_err(), "{bad}");
        }
    }
}
