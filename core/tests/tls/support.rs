//! Certificates, a server that has one, and a client that speaks to it.

use crate::serving;
pub(crate) use crate::serving::{PATIENCE, Running};
use eyelet_core::http::{Server, ServerTls};
use eyelet_hal::clock::SystemClock;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes its own certificate to a file.
    pub(crate) fn write(&self, file: &Path) -> PathBuf {
        fs::write(file, self.0.pem()).unwrap();
        file.to_owned()
    }

    /// Writes a certificate for `name` and its key to `NAME.pem` and `NAME.key` in `folder`.
    pub(crate) fn issue(
        &self,
        folder: &Path,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> [PathBuf; 2] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let files = [folder.join(format!("{name}.pem")), folder.join(format!("{name}.key"))];
        fs::write(&files[0], certificate.pem()).unwrap();
        fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }
}

/// What `openssl req -x509` makes: signed by itself, and marked as an authority.
pub(crate) fn signed_by_itself(folder: &Path, name: &str) -> [PathBuf; 2] {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let files = [folder.join(format!("own-{name}.pem")), folder.join(format!("own-{name}.key"))];
    fs::write(&files[0], params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&files[1], key.serialize_pem()).unwrap();
    files
}

pub(crate) fn open([certificate, key]: &[PathBuf; 2]) -> eyelet_hal::Result<ServerTls> {
    ServerTls::open(certificate, key, Arc::new(SystemClock))
}

pub(crate) fn serve(tls: ServerTls) -> Running {
    serve_with(tls, |_| ())
}

pub(crate) fn serve_with(tls: ServerTls, change: impl FnOnce(&mut Server)) -> Running {
    serving::serve(|server| {
        server.tls = Some(tls);
        change(server);
    })
}

/// A blocking client.
pub(crate) struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr, roots: &Path, name: &str) -> Self {
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from_pem_file(roots).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(store)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(StreamOwned::new(session, socket))
    }

    pub(crate) fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).unwrap();
    }

    pub(crate) fn read_until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(end.as_bytes()) {
            self.0
                .read_exact(&mut byte)
                .unwrap_or_else(|e| panic!("{e} after {:?}", String::from_utf8_lossy(&bytes)));
            bytes.extend(byte);
        }
        String::from_utf8(bytes).unwrap()
    }

    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The certificate that the server has shown.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }
}

/// Runs what blocks while the server runs here.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::time::timeout(4 * PATIENCE, tokio::task::spawn_blocking(work)).await.expect("it hangs").unwrap()
}
