//! Certificates that are trusted because a file names them.
//!
//! `openssl req -x509` marks what it makes as an authority, and the rules of the web forbid a server to show an
//! authority's certificate as its own. A user that names exactly this certificate trusts exactly this server.

use super::{provider, validity};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::{sync::Arc, time::Duration};

/// Trusts the certificates of a file, and what they have signed.
#[derive(Debug)]
pub(super) struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    web: Arc<WebPkiServerVerifier>,
}

impl Pinned {
    /// `None` if none of the certificates can be used.
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        let web = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build().ok()?;
        Some(Self { certificates, web })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.certificates.contains(own) {
            return self.web.verify_server_cert(own, chain, name, ocsp, now);
        }
        let (from, to) = validity::of(own).ok_or(CertificateError::BadEncoding)?;
        let now = Duration::from_secs(now.as_secs());
        if now < from {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > to {
            return Err(CertificateError::Expired.into());
        }
        verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.web.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.web.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.web.supported_verify_schemes()
    }
}
