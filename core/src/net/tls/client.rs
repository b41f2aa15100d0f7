//! The client's side: whom to trust.

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

/// Whose certificates are trusted: the system's authorities, or those of a file. Cloning gives another handle to the
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

    /// Shakes hands with a server, which must be `host`.
    ///
    /// # Errors
    /// A sentence for people: why the server cannot be trusted, or what broke.
    pub(crate) async fn connect(&self, tcp: TcpStream, host: &str) -> Result<TlsStream> {
        let config = self.config()?;
        let bad = |why: String| Error::new(ErrorKind::InvalidInput, why);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad(format!("{host} is not a name")))?;
        let session = ClientConnection::new(config, name).map_err(|e| bad(e.to_string()))?;
        TlsStream::establish(tcp, session.into()).await.map_err(explain)
    }

    fn config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(ErrorKind::Other, format!("cannot use TLS: {e}")))?;
        let config = match &self.roots {
            // "Dangerous" is any verifier that is not rustls' own; see there what ours adds.
            Some(file) => builder.dangerous().with_custom_certificate_verifier(Arc::new(named(file)?)),
            None => builder.with_root_certificates(system()?),
        };
        let config = Arc::new(config.with_no_client_auth());
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

fn system() -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    // Some of a system's may be of a kind that is no longer of use.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        let why = "this system has no certificates to trust; install ca-certificates, or name a PEM file with --tls-roots";
        return Err(Error::new(ErrorKind::NotFound, why));
    }
    Ok(store)
}

fn named(file: &Path) -> Result<Pinned> {
    let text = secret_file::read(file, "--tls-roots")?;
    let all = CertificateDer::pem_slice_iter(text.as_bytes()).flatten().collect();
    Pinned::new(all).ok_or_else(|| {
        let why = format!(
            "cannot use {}: no certificate is in it; name a PEM file with --tls-roots",
            file.display()
        );
        Error::new(ErrorKind::InvalidInput, why)
    })
}

fn explain(error: io::Error) -> Error {
    use rustls::Error as Tls;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>());
    let (kind, why) = match tls {
        Some(Tls::InvalidCertificate(
            // Of an authority with the same name, and of a certificate that is only its own.
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_),
        )) => (
            ErrorKind::PermissionDenied,
            "its certificate is signed by an unknown authority; name its own with --tls-roots".to_owned(),
        ),
        Some(Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => (
            ErrorKind::PermissionDenied,
            "its certificate has expired; renew it, or set this clock".to_owned(),
        ),
        Some(Tls::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => {
            (ErrorKind::PermissionDenied, "its certificate is not valid yet; is this clock right?".to_owned())
        }
        Some(Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => (
            ErrorKind::PermissionDenied,
            "its certificate is for another name; use that name in the address".to_owned(),
        ),
        Some(Tls::InvalidMessage(_)) => {
            (ErrorKind::Other, "it does not speak TLS; write http:// if it is meant to be open".to_owned())
        }
        Some(other) => (ErrorKind::Other, format!("TLS handshake failed: {other}")),
        None => (ErrorKind::Disconnected, format!("the connection broke during the TLS handshake: {error}")),
    };
    Error::new(kind, why).with_source(error)
}
