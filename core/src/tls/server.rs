//! The server's side: a certificate and its key, read again when they change.

use super::{provider, stream::TlsStream, validity};
use crate::{
    clock::Clock,
    secret_file::{self, Version},
};
use eyelet_hal::{Error, ErrorKind, Result};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// A peer has this long to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

/// TLS for a server: 1.2 and 1.3. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// Reads a certificate with its chain, and its private key, both in PEM. When a file changes, both are read
    /// again for the next connection; what is wrong then is logged, and what was read before stays.
    ///
    /// A certificate that does not hold at this time is warned of: a board's clock may not be set yet.
    ///
    /// # Errors
    /// In one line: a file that cannot be read, that has no certificate or key in it, or a key that is another's.
    pub fn open(certificate: &Path, key: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let files = [certificate.to_owned(), key.to_owned()];
        let versions = files.each_ref().map(|file| Version::of(file));
        let current = load(&files, &*clock)?;
        let pair = Pair { files, clock, state: Mutex::new((versions, current)) };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(ErrorKind::Other, format!("cannot use TLS: {e}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(pair));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Shakes hands with who has connected.
    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream> {
        let session = ServerConnection::new(Arc::clone(&self.0)).map_err(io::Error::other)?;
        timeout(PATIENCE, TlsStream::establish(tcp, session.into())).await?
    }
}

#[derive(Debug)]
struct Pair {
    /// The certificate, and the key.
    files: [PathBuf; 2],
    clock: Arc<dyn Clock>,
    state: Mutex<([Option<Version>; 2], Arc<CertifiedKey>)>,
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = self.files.each_ref().map(|file| Version::of(file));
        if versions != state.0 {
            state.0 = versions;
            match load(&self.files, &*self.clock) {
                Ok(new) => {
                    state.1 = new;
                    tracing::info!("the certificate was read again");
                }
                // Also in between, when only one of the two is new.
                Err(error) => tracing::error!("{error}; the certificate of before stays"),
            }
        }
        Some(Arc::clone(&state.1))
    }
}

fn load([certificate, key]: &[PathBuf; 2], clock: &dyn Clock) -> Result<Arc<CertifiedKey>> {
    let bad = |file: &Path, why: &str| {
        Error::new(ErrorKind::InvalidInput, format!("cannot use {}: {why}", file.display()))
    };
    let text = secret_file::read(certificate, "--tls-cert")?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| bad(certificate, "its PEM is damaged; make it anew"))?;
    let Some(own) = chain.first() else {
        return Err(bad(certificate, "no certificate is in it; name a PEM file with --tls-cert"));
    };
    let text = secret_file::read(key, "--tls-key")?;
    let secret = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| bad(key, "no private key is in it; name a PEM file with --tls-key"))?;
    secret_file::warn_of_others(key);
    warn_of_time(certificate, own, clock.unix());
    let both = CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let why =
                format!("it is not the key of {}; name the two that belong together", certificate.display());
            bad(key, &why)
        }
        rustls::Error::InvalidCertificate(_) => {
            bad(certificate, "the certificate in it is damaged; make it anew")
        }
        other => bad(key, &format!("the key in it is of no use ({other}); use RSA, ECDSA or Ed25519")),
    })?;
    Ok(Arc::new(both))
}

fn warn_of_time(file: &Path, certificate: &[u8], now: Duration) {
    let file = file.display();
    match validity::of(certificate) {
        Some((_, to)) if now > to => {
            let days = (now - to).as_secs() / 86_400;
            tracing::warn!("{file} has expired {days} days ago, browsers will refuse it; renew it");
        }
        Some((from, _)) if now < from => {
            tracing::warn!("{file} is not valid yet, browsers will refuse it; is the clock right?");
        }
        _ => {}
    }
}
