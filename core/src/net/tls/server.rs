//! The server's side: a certificate and its key, reloaded when they change.

use super::{provider, stream::TlsStream, validity};
use crate::net::{
    explain::Explain,
    secret_file::{self, Reload},
};
use eyelet_hal::{Error, ErrorKind, Result, clock::Clock};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

/// How long the handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the files and the certificate's validity are checked while no client connects.
const LOOK: Duration = Duration::from_secs(60);

/// TLS for a server: 1.2 and 1.3. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    pair: Arc<Pair>,
}

impl ServerTls {
    /// Reads a certificate with its chain, and its private key, both in PEM. When a file changes, both are reloaded for the
    /// next connection; if that fails, it is logged and retried, and the previous certificate stays in use.
    ///
    /// A certificate that is not valid now is warned of, not refused: a board's clock may not be set yet.
    ///
    /// # Errors
    /// In one line: a file that cannot be read or holds no certificate or key, or a key that does not belong to it.
    pub fn open(certificate: &Path, key: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with([certificate, key], clock, Default::default())
    }

    /// [`open`](Self::open), with what explains an error of the certificate's file, and one of the key's.
    pub(crate) fn open_with(files: [&Path; 2], clock: Arc<dyn Clock>, explain: [Explain; 2]) -> Result<Self> {
        let files = files.map(Path::to_owned);
        let reload = Reload::new("certificate", files.to_vec());
        let current = load(&files, explain)?;
        let state = Mutex::new(State { reload, current, warned: false });
        let pair = Arc::new(Pair { files, explain, clock, state, expires: OnceLock::new() });
        pair.current();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(ErrorKind::Other, format!("cannot use TLS: {e}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&pair) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), pair })
    }

    /// The TLS handshake with a client.
    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream> {
        let session = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        timeout(PATIENCE, TlsStream::establish(tcp, session.into())).await?
    }

    /// Watches the certificate for ever, whether clients connect or not: viewers stay for weeks. Calls `expires` with its
    /// end, since 1970-01-01 UTC, whenever it looks at it.
    pub(crate) async fn watch(self, expires: impl Fn(Duration) + Send + Sync + 'static) {
        let _ = self.pair.expires.set(Expires(Box::new(expires)));
        loop {
            let (_, to) = self.pair.current().validity;
            // Right after its end, if that is soon.
            let left = to.saturating_sub(self.pair.clock.unix()) + Duration::from_secs(1);
            sleep(left.clamp(Duration::from_secs(1), LOOK)).await;
        }
    }
}

#[derive(Debug)]
struct Pair {
    /// The certificate, and the key.
    files: [PathBuf; 2],
    explain: [Explain; 2],
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    expires: OnceLock<Expires>,
}

/// Gets the end of the certificate.
struct Expires(Box<dyn Fn(Duration) + Send + Sync>);

impl fmt::Debug for Expires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expires(..)")
    }
}

#[derive(Debug)]
struct State {
    reload: Reload,
    current: Current,
    /// That the certificate is not valid was logged.
    warned: bool,
}

/// What was read last.
#[derive(Clone, Debug)]
struct Current {
    both: Arc<CertifiedKey>,
    /// From when to when, since 1970.
    validity: (Duration, Duration),
}

/// A number of days in words.
fn span(days: u64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

impl Pair {
    /// The certificate to present now.
    fn current(&self) -> Current {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails also in between, when only one of the two is new.
        if let Some(new) = state.reload.load(self.clock.monotonic(), || load(&self.files, self.explain)) {
            (state.current, state.warned) = (new, false);
        }
        let (from, to) = state.current.validity;
        if let Some(Expires(expires)) = self.expires.get() {
            expires(to);
        }
        let (file, now) = (self.files[0].display(), self.clock.unix());
        let holds = (from..=to).contains(&now);
        if !holds && !state.warned {
            match now.checked_sub(to).map(|ago| ago.as_secs() / 86_400) {
                Some(days) => {
                    tracing::warn!("{file} expired {} ago, browsers will refuse it; renew it", span(days));
                }
                None => {
                    tracing::warn!("{file} is not valid yet, browsers will refuse it; is the clock right?");
                }
            }
        }
        state.warned = !holds;
        state.current.clone()
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().both)
    }
}

fn load(
    [certificate, key]: &[PathBuf; 2],
    [Explain(of_certificate), Explain(of_key)]: [Explain; 2],
) -> Result<Current> {
    let bad = |file: &Path, why: &str, remedy: &'static str| {
        let what = format!("cannot use {}: {why}", file.display());
        Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy)
    };
    let bad_certificate = |why: &str, remedy| of_certificate(bad(certificate, why, remedy));
    let bad_key = |why: &str, remedy| of_key(bad(key, why, remedy));
    let text = secret_file::read(certificate).map_err(of_certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| bad_certificate("its PEM is damaged", "generate it again"))?;
    let Some(own) = chain.first() else {
        return Err(bad_certificate("it holds no certificate", "name a PEM file"));
    };
    let text = secret_file::read(key).map_err(of_key)?;
    let secret = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| bad_key("it holds no private key", "name a PEM file"))?;
    secret_file::warn_of_others(key);
    // Without dates it is valid for ever.
    let validity = validity::of(own).unwrap_or((Duration::ZERO, Duration::MAX));
    let both = CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let why = format!("it is not the key of {}", certificate.display());
            bad_key(&why, "name the two that belong together")
        }
        rustls::Error::InvalidCertificate(_) => {
            bad_certificate("the certificate in it is damaged", "generate it again")
        }
        other => bad_key(&format!("the key in it cannot be used ({other})"), "use RSA, ECDSA or Ed25519"),
    })?;
    Ok(Current { both: Arc::new(both), validity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_of_days_is_in_words() {
        assert_eq!([0, 1, 40].map(span), ["less than a day", "a day", "40 days"]);
    }
}
