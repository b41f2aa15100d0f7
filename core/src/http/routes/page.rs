//! `GET /`: the page that a person opens.

mod answer;

pub(super) use answer::{answer, login};

use crate::feed::CameraName;
use bytes::Bytes;
use miniz_oxide::inflate::core::{
    DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use std::sync::{Arc, PoisonError, RwLock};

/// The build script's; its tests run here.
#[cfg(test)]
mod script;

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

/// The page of one camera, which the build script joined from its parts, in gzip.
const ONE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"));

/// The page of several cameras, as the page of one.
const CAMERAS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cameras.html.gz"));

/// What our own page may do: run its own script and style, show its own icon, fetch from this server and, without a script, show
/// its picture. No part of a request ever gets into it; this policy is a second defence.
const POLICY: &str = policy!("PAGE_SCRIPT", "PAGE_STYLE");

/// The same for the page of several cameras.
const CAMERAS_POLICY: &str = policy!("CAMERAS_SCRIPT", "CAMERAS_STYLE");

/// What the page shows without a script.
const PICTURE: &str = r#"<img src="stream" alt="the camera's picture">"#;

/// The same of the page that asks for a token. Only a script adds the token to the addresses on the page, so this names one
/// that shows the picture by itself.
const LOGIN: &str = "Authentication required: add stream?token=TOKEN to the address.";

/// The HTML of `/`, which may be changed while the server runs. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Page(Arc<RwLock<Content>>);

/// A page as it goes out.
#[derive(Clone, Debug)]
struct Content {
    html: Html,
    /// Its `Content-Security-Policy`.
    policy: Option<&'static str>,
}

/// A page's HTML.
#[derive(Clone, Debug)]
enum Html {
    Plain(Bytes),
    /// In gzip, as it is in the program.
    Gzip(&'static [u8]),
}

impl Html {
    /// The HTML as it is.
    fn plain(self) -> Bytes {
        match self {
            Self::Plain(html) => html,
            Self::Gzip(gzip) => inflated(gzip).into(),
        }
    }
}

impl Default for Page {
    /// eyelet's own page: the live picture and what a person can do with it; it reconnects by itself.
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Content { html: Html::Gzip(ONE), policy: Some(POLICY) })))
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
    fn of_cameras<'a>(&self, names: impl Iterator<Item = &'a CameraName>) -> Option<Content> {
        self.content().policy?;
        // A name is letters, digits, `-` and `_`. Browsers take none from the text of a status.
        let camera = |name: &CameraName| {
            format!(
                r#"<a href="{name}/" aria-label="{name}"><img src="{name}/stream" alt=""><span role="status">{name} <b></b></span></a>"#
            )
        };
        let cameras: Vec<_> = names.map(camera).collect();
        let html =
            String::from_utf8(inflated(CAMERAS)).ok()?.replacen("<!--cameras-->", &cameras.join("\n"), 1);
        Some(Content::plain(html, Some(CAMERAS_POLICY)))
    }

    /// Our own page as it asks for a token, with a script and without, and its policy. A custom page is not shown without
    /// authentication.
    fn login(&self) -> Option<(Bytes, &'static str)> {
        let Content { html, policy, .. } = self.content();
        let policy = policy?;
        let html = std::str::from_utf8(&html.plain())
            .ok()?
            .replacen("<body>", "<body data-login>", 1)
            .replacen(PICTURE, LOGIN, 1);
        Some((html.into(), policy))
    }

    /// The page.
    fn content(&self) -> Content {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Content {
    fn plain(html: impl Into<Bytes>, policy: Option<&'static str>) -> Self {
        Self { html: Html::Plain(html.into()), policy }
    }
}

/// What is in a file in gzip, of the build script's, with no name in its head. Few clients read no gzip: for them a page of 40 kB
/// is made when they ask, so that the program need not have it twice.
fn inflated(gzip: &[u8]) -> Vec<u8> {
    const HEAD: usize = 10;
    let Some((deflated, [.., a, b, c, d])) = gzip[HEAD..].split_last_chunk::<8>() else { return Vec::new() };
    // The length is at the end.
    let mut bytes = vec![0; u32::from_le_bytes([*a, *b, *c, *d]) as usize];
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (_, _, len) = decompress(&mut DecompressorOxide::new(), deflated, &mut bytes, 0, flags);
    bytes.truncate(len);
    bytes
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
        let (_, without_script) = html.split_once("<noscript>").unwrap();
        let (without_script, _) = without_script.split_once("</noscript>").unwrap();
        // A picture without the token would be a broken one.
        assert_eq!(without_script, "Authentication required: add stream?token=TOKEN to the address.");
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
            let html = content.html.plain();
            let html = std::str::from_utf8(&html).unwrap();
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
        for (content, gzip) in pages().into_iter().map(|(content, _)| content).zip([ONE, CAMERAS]) {
            let html = String::from_utf8(content.html.plain().to_vec()).unwrap();
            assert!(html.len() < 40_000, "{} bytes", html.len());
            assert!(!html.contains(".js-->") && !html.contains(".css-->") && !html.contains(".html-->"));
            // A style attribute would need a hash of its own; a handler in HTML could have none.
            assert!(!html.contains(" style=") && !html.contains(" onclick="));
            assert!(gzip.len() < 15_500, "{} bytes compressed", gzip.len());
            let mut inflated = String::new();
            flate2::read::GzDecoder::new(gzip).read_to_string(&mut inflated).unwrap();
            assert_eq!(inflated.replacen("<!--cameras-->", "", 1), html);
        }
    }

    #[test]
    fn page_of_several_cameras_links_to_each_of_them() {
        let names = ["front", "back"].map(|name| name.parse().unwrap());
        let content = Page::default().of_cameras(names.iter()).unwrap();
        let html = String::from_utf8(content.html.plain().to_vec()).unwrap();
        for name in names {
            // What is wrong with a camera is read out, with its name.
            for part in [
                format!(r#"<a href="{name}/" aria-label="{name}">"#),
                format!(r#"src="{name}/stream""#),
                format!(r#"<span role="status">{name} <b></b></span>"#),
            ] {
                assert!(html.contains(&part), "{part}");
            }
        }
        assert!(Page::new("mine").of_cameras(std::iter::empty()).is_none());
    }
}
