//! `--tls-cert`, `--tls-key` and `--tls-roots`. Without the feature `tls` they say how to get it.

use crate::{cli::Failure, http::Server, net::url::HttpUrl};
#[cfg(feature = "tls")]
use crate::{
    cli::failure::with_flag,
    net::{
        explain::Explain,
        tls::{ServerTls, Trust, is_unknown_authority},
    },
};
use clap::Args;
use eyelet_hal::Error;
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

#[cfg(feature = "tls")]
impl ServerTlsArgs {
    /// Configures the server from the flags.
    pub(in crate::cli) fn secure(&self, server: &mut Server) -> Result<(), Failure> {
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let clock = std::sync::Arc::clone(&server.clock);
            let explain = [Explain(|e| with_flag(e, "--tls-cert")), Explain(|e| with_flag(e, "--tls-key"))];
            let tls = ServerTls::open_with([certificate, key], clock, explain);
            server.tls = Some(tls.map_err(|e| Failure::runtime(e.to_string()))?);
        }
        Ok(())
    }
}

#[cfg(feature = "tls")]
impl RootsArgs {
    /// Has connections to `url` trust what the flag names. It is read at once: a wrong file is found at the start.
    pub(in crate::cli) fn trust(&self, url: &mut HttpUrl) -> Result<(), Failure> {
        let Some(file) = &self.tls_roots else { return Ok(()) };
        if !url.is_https() {
            tracing::warn!("--tls-roots does nothing for {url}, which is not https");
            return Ok(());
        }
        let trust = Trust::file(file.clone());
        trust.load().map_err(|e| Failure::of_file(e, "--tls-roots"))?;
        url.set_trust(trust);
        Ok(())
    }

    /// Why a connection failed, with the flag if that can help.
    pub(in crate::cli) fn explain(error: Error) -> Error {
        if is_unknown_authority(&error) {
            return error.with_remedy("name its certificate, or its authority's, with --tls-roots");
        }
        error
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
    pub(in crate::cli) fn trust(&self, _: &mut HttpUrl) -> Result<(), Failure> {
        refuse("--tls-roots", self.tls_roots.is_some())
    }

    pub(in crate::cli) fn explain(error: Error) -> Error {
        error
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
