//! `--tls-cert`, `--tls-key` and `--tls-roots`. Without the feature `tls` they say how to get it.

use crate::{cli::Failure, http::Server, upload::UploadUrl, watch::StreamUrl};
use clap::Args;
use std::path::PathBuf;

/// TLS of the server.
#[derive(Clone, Debug, Args)]
pub struct ServerTlsArgs {
    /// Serve https only, with this certificate and its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// TLS to other servers.
#[derive(Clone, Debug, Args)]
pub struct RootsArgs {
    /// Trust the certificates in this file (PEM) for https, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub tls_roots: Option<PathBuf>,
}

impl ServerTlsArgs {
    /// The scheme of the server's URLs.
    pub(in crate::cli) fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }
}

#[cfg(feature = "tls")]
impl ServerTlsArgs {
    /// Configures the server from the flags.
    pub(in crate::cli) fn secure(&self, server: &mut Server) -> Result<(), Failure> {
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let clock = std::sync::Arc::clone(&server.clock);
            let tls = crate::http::ServerTls::open(certificate, key, clock).map_err(Failure::of_file)?;
            server.tls = Some(tls);
        }
        Ok(())
    }
}

#[cfg(feature = "tls")]
impl RootsArgs {
    pub(in crate::cli) fn upload(&self, url: UploadUrl) -> Result<UploadUrl, Failure> {
        Ok(self.tls_roots.iter().fold(url, |url, file| url.with_roots(file.clone())))
    }

    pub(in crate::cli) fn stream(&self, url: StreamUrl) -> Result<StreamUrl, Failure> {
        Ok(self.tls_roots.iter().fold(url, |url, file| url.with_roots(file.clone())))
    }
}

#[cfg(not(feature = "tls"))]
impl ServerTlsArgs {
    pub(in crate::cli) fn secure(&self, _: &mut Server) -> Result<(), Failure> {
        refuse("--tls-cert", self.tls_cert.is_some())
    }
}

#[cfg(not(feature = "tls"))]
impl RootsArgs {
    pub(in crate::cli) fn upload(&self, url: UploadUrl) -> Result<UploadUrl, Failure> {
        refuse("--tls-roots", self.tls_roots.is_some()).map(|()| url)
    }

    pub(in crate::cli) fn stream(&self, url: StreamUrl) -> Result<StreamUrl, Failure> {
        refuse("--tls-roots", self.tls_roots.is_some()).map(|()| url)
    }
}

#[cfg(not(feature = "tls"))]
fn refuse(flag: &str, given: bool) -> Result<(), Failure> {
    if !given {
        return Ok(());
    }
    let remedy = "build it with: cargo build --release --features tls";
    Err(Failure::Usage(format!("cannot use {flag}: this program was built without TLS; {remedy}")))
}
