//! The path in front of every route, for a reverse proxy that passes it on.

use std::{fmt, str::FromStr};

/// What `--base-path` takes: a path such as `/cam`, or `/` for none.
///
/// With one, every route is found below it, and still without it: some proxies remove it, and what runs beside the
/// server does not go through one.
///
/// ```
/// use eyelet_core::http::BasePath;
/// assert_eq!("/cam/".parse::<BasePath>().unwrap().as_str(), "/cam");
/// assert!("cam".parse::<BasePath>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl FromStr for BasePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let explain = "a base path is the path in front of eyelet's, such as /cam or /garden/cam";
        let named = |c: char| c.is_ascii_alphanumeric() || "-._~%+@:=,!$&'()*;".contains(c);
        if text == "/" {
            return Ok(Self::default());
        }
        let names = text.strip_prefix('/').ok_or(explain)?;
        let names = names.strip_suffix('/').unwrap_or(names);
        let is_name = |name: &str| !["", ".", ".."].contains(&name) && name.chars().all(named);
        if !names.split('/').all(is_name) {
            return Err(explain);
        }
        Ok(Self(format!("/{names}")))
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

impl BasePath {
    /// The path without a slash at its end: empty where there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address that ends in a slash, with this path behind it; any other as it is.
    pub fn below(&self, address: &str) -> String {
        address.strip_suffix('/').map_or_else(|| address.to_owned(), |root| format!("{root}{}/", self.0))
    }

    /// What `path` is without this in front.
    pub(super) fn strip<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.0).filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }

    /// Whether `path` is this one, from which a browser would look for everything one level too high.
    pub(super) fn lacks_slash(&self, path: &str) -> bool {
        !self.0.is_empty() && path == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_a_browser_can_ask_for() {
        for (text, path) in
            [("/", ""), ("/cam", "/cam"), ("/cam/", "/cam"), ("/a/b.c/", "/a/b.c"), ("/%20", "/%20")]
        {
            assert_eq!(text.parse::<BasePath>().unwrap().as_str(), path, "{text}");
        }
        for bad in [
            "",
            "cam",
            "//",
            "//cam",
            "/cam//",
            "/a/../b",
            "/./a",
            "/a b",
            "/a?b",
            "/a#b",
            "/\u{e9}",
            "http://x/",
            "/a\nb",
        ] {
            assert!(bad.parse::<BasePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn path_with_or_without_the_base_path_is_the_same() {
        let base: BasePath = "/cam".parse().unwrap();
        for (path, rest) in [
            ("/cam/", "/"),
            ("/cam/stream", "/stream"),
            ("/stream", "/stream"),
            ("/", "/"),
            ("/camera", "/camera"),
            ("/cam/cam/stream", "/cam/stream"),
        ] {
            assert_eq!(base.strip(path), rest);
        }
        assert!(base.lacks_slash("/cam") && !base.lacks_slash("/cam/"));
        assert_eq!(base.below("http://[::1]:80/"), "http://[::1]:80/cam/");
        assert_eq!(base.below("unix:/run/s"), "unix:/run/s");
        let none = BasePath::default();
        assert_eq!(none.below("http://[::1]:80/"), "http://[::1]:80/");
        assert_eq!(none.strip("/stream"), "/stream");
        assert!(!none.lacks_slash(""));
    }
}
