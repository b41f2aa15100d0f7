//! Where the server listens: TCP ports of both families and Unix sockets.

use eyelet_core::{
    Hub,
    http::{Bind, Listener, Server, UnixPermissions},
};
use eyelet_hal::clock::SystemClock;
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::PathBuf,
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

const REQUEST: &[u8] = b"GET /state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn bind(text: &str) -> eyelet_hal::Result<Listener> {
    Listener::bind(&text.parse::<Bind>().unwrap())
}

fn refused(text: &str) -> String {
    let error = bind(text).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.contains("; "), "one line with a remedy: {error}");
    error
}

/// The port of `http://127.0.0.1:PORT/`.
fn port(listener: &Listener) -> u16 {
    listener.addresses("http")[0].rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}

async fn ask(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> String {
    socket.write_all(REQUEST).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self) -> PathBuf {
        self.0.path().join("eyelet.sock")
    }
    fn bind(&self) -> String {
        format!("unix:{}", self.path().display())
    }
}

fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

#[tokio::test]
async fn server_with_several_listeners_answers_on_each() {
    let folder = Folder::new();
    let listeners =
        vec![bind("127.0.0.1:0").unwrap(), bind("127.0.0.1:0").unwrap(), bind(&folder.bind()).unwrap()];
    let ports = [port(&listeners[0]), port(&listeners[1])];
    let server = tokio::spawn(Server::new(Hub::default(), Arc::new(SystemClock)).run(listeners));
    for port in ports {
        let answer = ask(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let answer = ask(UnixStream::connect(folder.path()).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    assert!(!folder.path().exists(), "the file is removed at the end");
}

#[tokio::test]
async fn unix_socket_viewer_is_listed_without_address() {
    let folder = Folder::new();
    let hub = Hub::default();
    let jpeg = vec![b'1'; 4].into();
    let kind = eyelet_core::feed::PictureKind::Live;
    let captured_at = std::time::Duration::ZERO;
    hub.feed.publish(eyelet_core::feed::Picture {
        jpeg,
        label: eyelet_core::feed::Label { run: eyelet_core::RunId::new(0), sequence: 1, captured_at },
        kind,
    });
    let listener = bind(&folder.bind()).unwrap();
    let server = tokio::spawn(Server::new(hub, Arc::new(SystemClock)).run(listener));
    let mut viewer = UnixStream::connect(folder.path()).await.unwrap();
    viewer.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"1111\r\n--frame\r\n") {
        bytes.push(viewer.read_u8().await.unwrap());
    }
    let state = ask(UnixStream::connect(folder.path()).await.unwrap()).await;
    assert!(state.contains("\"address\": \"unix\""), "{state}");
    server.abort();
}

#[tokio::test]
async fn both_families_share_one_port() {
    if !has_ipv6() {
        return;
    }
    // A free port of one family may be taken in the other; then the next one is tried.
    let both = (0..50).find_map(|_| {
        let six = bind("[::]:0").unwrap();
        let four = bind(&format!("0.0.0.0:{}", port(&six))).ok()?;
        Some((six, four))
    });
    let (six, four) = both.expect("never both: an IPv6 socket takes IPv4 too");
    let port = port(&six);
    let server = tokio::spawn(Server::new(Hub::default(), Arc::new(SystemClock)).run(vec![six, four]));
    for host in ["127.0.0.1", "::1"] {
        let answer = ask(TcpStream::connect((host, port)).await.unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    server.abort();
}

#[tokio::test]
async fn unspecified_ipv6_address_takes_ipv6_only() {
    if !has_ipv6() {
        return;
    }
    let listener = bind("[::]:0").unwrap();
    assert!(listener.addresses("http").iter().all(|address| address.starts_with("http://[")));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port(&listener))).is_err());
}

#[tokio::test]
async fn unix_socket_has_the_configured_mode_and_group() {
    let folder = Folder::new();
    let own = fs::metadata(folder.0.path()).unwrap();
    let permissions = UnixPermissions { mode: 0o606, group: Some(own.gid()) };
    let _listener = Listener::bind_unix(&folder.path(), permissions).unwrap();
    let file = fs::metadata(folder.path()).unwrap();
    assert_eq!((file.mode() & 0o777, file.gid()), (0o606, own.gid()));
    if own.uid() == 0 {
        let other = folder.0.path().join("other");
        let permissions = UnixPermissions { mode: 0o660, group: Some(12_345) };
        let _listener = Listener::bind_unix(&other, permissions).unwrap();
        assert_eq!(fs::metadata(other).unwrap().gid(), 12_345);
    }
}

#[tokio::test]
async fn unix_socket_by_default_is_for_owner_and_group() {
    let folder = Folder::new();
    let listener = bind(&folder.bind()).unwrap();
    let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let shown = listener.addresses("http");
    assert!(shown[0].starts_with(&format!("unix:{} ", folder.path().display())), "{shown:?}");
}

#[tokio::test]
async fn stale_socket_file_is_replaced_and_a_live_one_refused() {
    let folder = Folder::new();
    drop(UnixListener::bind(folder.path()).unwrap());
    assert!(folder.path().exists(), "the standard library leaves the file behind");
    let first = bind(&folder.bind()).unwrap();
    let error = refused(&folder.bind());
    assert!(
        error.ends_with("another server listens there; stop the other server, or choose another path"),
        "{error}"
    );
    assert!(folder.path().exists());
    drop(first);
    assert!(!folder.path().exists());
}

#[tokio::test]
async fn socket_with_a_full_queue_counts_as_live() {
    let folder = Folder::new();
    let address = socket2::SockAddr::unix(folder.path()).unwrap();
    let socket = || socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    let busy = socket();
    busy.bind(&address).unwrap();
    busy.listen(0).unwrap();
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    assert!(refused(&folder.bind()).contains("another server listens there"));
    drop(waiting);
}

#[tokio::test]
async fn listener_removes_only_its_own_file() {
    let folder = Folder::new();
    let listener = bind(&folder.bind()).unwrap();
    fs::remove_file(folder.path()).unwrap();
    // Another file system object at the same place, while the old inode is still in use.
    let other = UnixListener::bind(folder.path()).unwrap();
    drop(listener);
    assert!(folder.path().exists(), "another server's file");
    drop(other);
}

#[tokio::test]
async fn impossible_socket_path_is_refused_in_one_line() {
    let folder = Folder::new();
    fs::write(folder.path(), "precious").unwrap();
    assert!(refused(&folder.bind()).contains("the file exists and is not a socket; choose another path"));
    assert_eq!(fs::read_to_string(folder.path()).unwrap(), "precious");

    let long = format!("unix:/tmp/{}", "x".repeat(200));
    assert!(refused(&long).ends_with("; choose a path of at most 100 bytes"));
    assert!(refused("unix:/nowhere/eyelet.sock").ends_with("; choose a path in a folder that exists"));
}
