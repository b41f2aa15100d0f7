//! TLS, by rustls, under what serves, uploads and watches. Behind the feature `tls`.

mod client;
mod pinned;
mod server;
mod stream;
mod validity;

pub(crate) use client::Trust;
#[cfg(feature = "cli")]
pub(crate) use client::is_unknown_authority;
pub use server::ServerTls;
pub(crate) use stream::TlsStream;

use rustls::crypto::{CryptoProvider, ring};
use std::sync::{Arc, OnceLock};

/// The cryptography, the same for all.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}
