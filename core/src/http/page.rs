//! `GET /`: the page that a person opens.

use bytes::Bytes;
use std::sync::{Arc, PoisonError, RwLock};

/// The HTML of `/`, which may be changed while the server runs. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Page(Arc<RwLock<Bytes>>);

impl Default for Page {
    /// eyelet's own page: the live picture, its rate and latency; it reconnects by itself.
    fn default() -> Self {
        Self::new(Bytes::from_static(include_bytes!("page.html")))
    }
}

impl Page {
    /// A page of one's own.
    pub fn new(html: impl Into<Bytes>) -> Self {
        Self(Arc::new(RwLock::new(html.into())))
    }

    /// Replaces the page.
    pub fn set(&self, html: impl Into<Bytes>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = html.into();
    }

    pub(super) fn html(&self) -> Bytes {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
