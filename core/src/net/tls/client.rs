//! The client's side: the certificates to trust.

use super::{pinned::Pinned, provider, stream::TlsStream};
use crate::net::secret_file;
use eyelet_hal::{Error, ErrorKind, Result};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::net::TcpStream;

/// The trusted certificates: those of the system's authorities, or those of a file. Cloning gives another handle to the
/// same; the certificates are read once, when first needed.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    roots: Option<PathBuf>,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.roots == other.roots
    }
}

impl Eq for Trust {}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Trust {
    /// The certificates in a PEM file, and no others.
    pub(crate) fn file(roots: PathBuf) -> Self {
        Self { roots: Some(roots), config: Arc::default() }
    }

    /// The TLS handshake with a server, which must be `host`.
    ///
    /// # Errors
    /// Why the server cannot be trusted, or what broke.
    pub(crate) async fn connect(&self, tcp: TcpStream, host: &str) -> Result<TlsStream> {
        let config = self.config()?;
        let bad = |why: String| Error::new(ErrorKind::InvalidInput, why);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad(format!("{host} is not a name")))?;
        let session = ClientConnection::new(config, name).map_err(|e| bad(e.to_string()))?;
        TlsStream::establish(tcp, session.into()).await.map_err(explain)
    }

    /// Reads the certificates now, and not with the first connection.
    #[cfg(feature = "cli")]
    pub(crate) fn load(&self) -> Result<()> {
        self.config().map(drop)
    }

    fn config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(ErrorKind::Other, format!("cannot use TLS: {e}")))?;
        let config = match &self.roots {
            // "Dangerous" is any verifier that is not rustls' own; its module says what ours adds.
            Some(file) => builder.dangerous().with_custom_certificate_verifier(Arc::new(named(file)?)),
            None => builder.with_root_certificates(system()?),
        };
        let config = Arc::new(config.with_no_client_auth());
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

fn system() -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    // Some of a system's may be of a kind that is no longer supported.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        let error = Error::new(ErrorKind::NotFound, "this system has no certificates to trust");
        return Err(error.with_remedy("install ca-certificates, or name a PEM file of certificates"));
    }
    Ok(store)
}

fn named(file: &Path) -> Result<Pinned> {
    let text = secret_file::read(file)?;
    let all = CertificateDer::pem_slice_iter(text.as_bytes()).flatten().collect();
    Pinned::new(all).ok_or_else(|| {
        let why = format!("cannot use {}: it holds no certificate", file.display());
        Error::new(ErrorKind::InvalidInput, why).with_remedy("name a PEM file")
    })
}

fn explain(error: io::Error) -> Error {
    use rustls::Error as Tls;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>());
    let (kind, why, remedy) = match tls {
        Some(tls) if is_of_unknown_authority(tls) => (
            ErrorKind::PermissionDenied,
            "its certificate is signed by an unknown authority".to_owned(),
            "trust that authority, or the certificate itself",
        ),
        Some(Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => (
            ErrorKind::PermissionDenied,
            "its certificate has expired".to_owned(),
            "renew it, or set this clock",
        ),
        Some(Tls::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => (
            ErrorKind::PermissionDenied,
            "its certificate is not valid yet".to_owned(),
            "is this clock right?",
        ),
        Some(Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => (
            ErrorKind::PermissionDenied,
            "its certificate is for another name".to_owned(),
            "use that name in the address",
        ),
        Some(Tls::InvalidMessage(_)) => {
            let remedy = "write http:// if it is meant to be open";
            (ErrorKind::Other, "it does not speak TLS".to_owned(), remedy)
        }
        Some(other) => (ErrorKind::Other, format!("TLS handshake failed: {other}"), ""),
        None => {
            (ErrorKind::Disconnected, format!("the connection broke during the TLS handshake: {error}"), "")
        }
    };
    let explained = Error::new(kind, why).with_source(error);
    if remedy.is_empty() { explained } else { explained.with_remedy(remedy) }
}

/// Whether the cause of an error is that a server's certificate is signed by an unknown authority.
#[cfg(feature = "cli")]
pub(crate) fn is_unknown_authority(error: &Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        let tls = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        tls.is_some_and(is_of_unknown_authority)
    })
}

/// Also one with the name of a known authority but not its key, and one that has signed itself.
fn is_of_unknown_authority(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_)
        )
    )
}
