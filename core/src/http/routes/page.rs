//! `GET /`: the page that a person opens.

use crate::feed::CameraName;
use bytes::Bytes;
use std::sync::{Arc, PoisonError, RwLock};

/// The page of several cameras.
const CAMERAS: &str = include_str!("cameras.html");

/// What our own page may do: run its own script and style, show its own icon, fetch from this server. No part of a request
/// ever gets into it; this policy is a second defence.
const POLICY: &str = "default-src 'none'; script-src 'sha256-LsUiQIEB57WxhOjs3HDtL56+rS/z9rLFzgm96cSK9zw='; style-src 'sha256-gqce9tNWRJbJR+SOXOTpDkgyVtZml85ItHAx0WbtQGw='; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'";

/// The same for the page of several cameras, which shows pictures of this server.
const CAMERAS_POLICY: &str = "default-src 'none'; script-src 'sha256-FV8M/3sM303VzI3NKrueJO7goY6WOqLZB1fah0OcNDc='; style-src 'sha256-TNttny+1+x7lRe+OHhZie/5m1WD6XZTReesEhw2sNzE='; img-src 'self' data:; \
                              connect-src 'self'; base-uri 'none'; form-action 'none'";

/// The HTML of `/`, which may be changed while the server runs. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Page(Arc<RwLock<Content>>);

#[derive(Clone, Debug)]
struct Content {
    html: Bytes,
    policy: Option<&'static str>,
}

impl Default for Page {
    /// eyelet's own page: the live picture, its rate and latency; it reconnects by itself.
    fn default() -> Self {
        let html = Bytes::from_static(include_bytes!("page.html"));
        Self(Arc::new(RwLock::new(Content { html, policy: Some(POLICY) })))
    }
}

impl Page {
    /// A custom page, without a policy.
    pub fn new(html: impl Into<Bytes>) -> Self {
        Self(Arc::new(RwLock::new(Content { html: html.into(), policy: None })))
    }

    /// Replaces the page.
    pub fn set(&self, html: impl Into<Bytes>) {
        let content = Content { html: html.into(), policy: None };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = content;
    }

    /// Our own page of several cameras, each a link to its own, and its policy. `None` if there is a custom page.
    pub(super) fn of_cameras<'a>(
        &self,
        names: impl Iterator<Item = &'a CameraName>,
    ) -> Option<(Bytes, &'static str)> {
        self.content().1?;
        // A name is letters, digits, `-` and `_`.
        let camera = |name: &CameraName| {
            format!(r#"<a href="{name}/"><img src="{name}/stream" alt=""><span>{name} <b></b></span></a>"#)
        };
        let cameras: Vec<_> = names.map(camera).collect();
        Some((CAMERAS.replacen("<!--cameras-->", &cameras.join("\n"), 1).into(), CAMERAS_POLICY))
    }

    /// Our own page as it asks for a token, and its policy. A custom page is not shown without authentication.
    pub(super) fn login(&self) -> Option<(Bytes, &'static str)> {
        let (html, policy) = self.content();
        let html = std::str::from_utf8(&html).ok()?.replacen("<body>", "<body data-login>", 1);
        Some((html.into(), policy?))
    }

    /// The page and its `Content-Security-Policy`.
    pub(super) fn content(&self) -> (Bytes, Option<&'static str>) {
        let content = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (content.html.clone(), content.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    #[test]
    fn login_page_is_our_own_page_alone() {
        let (html, _) = Page::default().login().unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap();
        assert_eq!(html.matches("<body data-login>").count(), 1);
        assert!(Page::new("<body>secret").login().is_none());
    }

    #[test]
    fn policy_has_the_hashes_of_script_and_style() {
        let pages = [(include_str!("page.html"), POLICY), (CAMERAS, CAMERAS_POLICY)];
        for (html, policy) in pages {
            for tag in ["script", "style"] {
                assert_eq!(html.matches(&format!("<{tag}")).count(), 1, "{tag}");
                let (_, rest) = html.split_once(&format!("<{tag}>")).unwrap();
                let (inline, _) = rest.split_once(&format!("</{tag}>")).unwrap();
                let digest = BASE64_STANDARD.encode(Sha256::digest(inline));
                let wanted = format!("{tag}-src 'sha256-{digest}'");
                assert!(policy.contains(&wanted), "the page has changed; its policy must say {wanted}");
            }
        }
    }

    #[test]
    fn page_of_several_cameras_links_to_each_of_them() {
        let names = ["front", "back"].map(|name| name.parse().unwrap());
        let (html, _) = Page::default().of_cameras(names.iter()).unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap();
        for name in names {
            assert!(
                html.contains(&format!(r#"href="{name}/""#))
                    && html.contains(&format!(r#"src="{name}/stream""#))
            );
        }
        assert!(Page::new("mine").of_cameras(std::iter::empty()).is_none());
    }
}
