//! `GET /`: the page that a person opens.

use crate::feed::CameraName;
use bytes::Bytes;
use std::sync::{Arc, PoisonError, RwLock};

/// The policy of a page with the one script and the one style that have these hashes.
macro_rules! policy {
    ($script:literal, $style:literal) => {
        concat!(
            "default-src 'none'; script-src '",
            env!($script),
            "'; style-src '",
            env!($style),
            "'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        )
    };
}

/// The page of several cameras, whose build script joined it from its parts, as the page of one.
const CAMERAS: &str = include_str!(concat!(env!("OUT_DIR"), "/cameras.html"));

/// What our own page may do: run its own script and style, show its own icon, fetch from this server and, without a script, show
/// its picture. No part of a request ever gets into it; this policy is a second defence.
const POLICY: &str = policy!("PAGE_SCRIPT", "PAGE_STYLE");

/// The same for the page of several cameras.
const CAMERAS_POLICY: &str = policy!("CAMERAS_SCRIPT", "CAMERAS_STYLE");

/// The HTML of `/`, which may be changed while the server runs. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Page(Arc<RwLock<Content>>);

/// A page as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) html: Bytes,
    /// The same in gzip, where there is such.
    pub(super) gzip: Option<&'static [u8]>,
    /// Its `Content-Security-Policy`.
    pub(super) policy: Option<&'static str>,
}

impl Default for Page {
    /// eyelet's own page: the live picture and what a person can do with it; it reconnects by itself.
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Content {
            html: Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/page.html"))),
            gzip: Some(include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"))),
            policy: Some(POLICY),
        })))
    }
}

impl Page {
    /// A custom page, without a policy.
    pub fn new(html: impl Into<Bytes>) -> Self {
        Self(Arc::new(RwLock::new(Content::plain(html, None))))
    }

    /// Replaces the page.
    pub fn set(&self, html: impl Into<Bytes>) {
        let content = Content::plain(html, None);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = content;
    }

    /// Our own page of several cameras, each a link to its own, and its policy. `None` if there is a custom page.
    pub(super) fn of_cameras<'a>(&self, names: impl Iterator<Item = &'a CameraName>) -> Option<Content> {
        self.content().policy?;
        // A name is letters, digits, `-` and `_`.
        let camera = |name: &CameraName| {
            format!(r#"<a href="{name}/"><img src="{name}/stream" alt=""><span>{name} <b></b></span></a>"#)
        };
        let cameras: Vec<_> = names.map(camera).collect();
        let html = CAMERAS.replacen("<!--cameras-->", &cameras.join("\n"), 1);
        Some(Content::plain(html, Some(CAMERAS_POLICY)))
    }

    /// Our own page as it asks for a token, and its policy. A custom page is not shown without authentication.
    pub(super) fn login(&self) -> Option<(Bytes, &'static str)> {
        let Content { html, policy, .. } = self.content();
        let html = std::str::from_utf8(&html).ok()?.replacen("<body>", "<body data-login>", 1);
        Some((html.into(), policy?))
    }

    /// The page.
    pub(super) fn content(&self) -> Content {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Content {
    fn plain(html: impl Into<Bytes>, policy: Option<&'static str>) -> Self {
        Self { html: html.into(), gzip: None, policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};
    use std::io::Read;

    #[test]
    fn login_page_is_our_own_page_alone() {
        let (html, _) = Page::default().login().unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap();
        assert_eq!(html.matches("<body data-login>").count(), 1);
        assert!(Page::new("<body>secret").login().is_none());
    }

    /// Our own pages, and the policy of each.
    fn pages() -> [(Content, &'static str); 2] {
        [
            (Page::default().content(), POLICY),
            (Page::default().of_cameras(std::iter::empty()).unwrap(), CAMERAS_POLICY),
        ]
    }

    #[test]
    fn policy_has_the_hashes_of_script_and_style() {
        for (content, policy) in pages() {
            assert_eq!(content.policy, Some(policy));
            let html = std::str::from_utf8(&content.html).unwrap();
            for tag in ["script", "style"] {
                assert_eq!(html.matches(&format!("<{tag}")).count(), 1, "{tag}");
                let (_, rest) = html.split_once(&format!("<{tag}>")).unwrap();
                let (inline, _) = rest.split_once(&format!("</{tag}>")).unwrap();
                let digest = BASE64_STANDARD.encode(Sha256::digest(inline));
                assert!(policy.contains(&format!("{tag}-src 'sha256-{digest}'")), "{tag}: {policy}");
            }
        }
    }

    #[test]
    fn page_is_whole_small_and_the_same_compressed() {
        for (content, _) in pages() {
            let html = String::from_utf8(content.html.to_vec()).unwrap();
            assert!(html.len() < 40_000, "{} bytes", html.len());
            assert!(!html.contains(".js-->") && !html.contains(".css-->") && !html.contains(".html-->"));
            // A style attribute would need a hash of its own; a handler in HTML could have none.
            assert!(!html.contains(" style=") && !html.contains(" onclick="));
            let Some(gzip) = content.gzip else { continue };
            assert!(gzip.len() < 15_000, "{} bytes compressed", gzip.len());
            let mut inflated = String::new();
            flate2::read::GzDecoder::new(gzip).read_to_string(&mut inflated).unwrap();
            assert_eq!(inflated, html);
        }
    }

    #[test]
    fn page_of_several_cameras_links_to_each_of_them() {
        let names = ["front", "back"].map(|name| name.parse().unwrap());
        let content = Page::default().of_cameras(names.iter()).unwrap();
        let html = String::from_utf8(content.html.to_vec()).unwrap();
        for name in names {
            assert!(
                html.contains(&format!(r#"href="{name}/""#))
                    && html.contains(&format!(r#"src="{name}/stream""#))
            );
        }
        assert!(Page::new("mine").of_cameras(std::iter::empty()).is_none());
    }
}
