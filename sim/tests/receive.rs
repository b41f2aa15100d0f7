//! The upload server, by raw bytes on its sockets.

use eyelet_hal::clock::SystemClock;
use eyelet_sim::receive::{Folder, Options, run};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A 3x2 grey picture as far as the markers go.
const JPEG: &[u8] = &[
    0xff, 0xd8, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 2, 0, 3, 1, 1, 0x11, 0, 0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63,
    0, 0x12, 0xff, 0xd9,
];

/// No test waits longer than this for anything that must happen.
const LONG: Option<Duration> = Some(Duration::from_secs(30));

struct Server {
    address: SocketAddr,
    dir: TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path().join("pictures"), Arc::new(SystemClock)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = thread::spawn(move || {
            runtime.block_on(run(listener, folder, options, async {
                let _ = stopped.await;
            }));
        });
        Self { address, dir, stop: Some(stop), running: Some(running) }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(LONG).unwrap();
        Client { reader: BufReader::new(stream) }
    }

    /// One request on its own connection.
    fn ask(&self, request: &[u8]) -> Answer {
        self.connect().ask(request)
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("pictures")
    }

    /// Every file in the folder, hidden ones too.
    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.running.take().unwrap().join().unwrap();
    }
}

struct Client {
    reader: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    text: String,
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.reader.read_line(&mut head).unwrap() > 0, "no answer: {head:?}");
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.reader.read_exact(&mut body).unwrap();
        Answer { status: head[9..12].parse().unwrap(), text: String::from_utf8(body).unwrap(), head }
    }

    fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        self.answer()
    }

    /// Waits until the server has closed the connection.
    fn assert_closed(mut self) {
        match self.reader.read(&mut [0]) {
            Ok(0) => {}
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }
}

fn post(picture: &[u8]) -> Vec<u8> {
    let head = format!("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", picture.len());
    [head.as_bytes(), picture].concat()
}

fn form(picture: &[u8]) -> Vec<u8> {
    let body = [
        b"--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nroof\r\n--b\r\n",
        &b"Content-Disposition: form-data; name=\"file\"; filename=\"1.jpg\"\r\n\r\n"[..],
        picture,
        b"\r\n--b--\r\n",
    ]
    .concat();
    let head = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n";
    [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
}

fn chunked(pieces: &[&[u8]]) -> Vec<u8> {
    let mut request =
        b"PUT /upload?camera=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in pieces {
        request.extend(format!("{:x}\r\n", piece.len()).bytes());
        request.extend(*piece);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

fn a_png() -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 5, 3);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[7; 45]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn pictures_are_stored_byte_for_byte() {
    let server = Server::start();
    let mut client = server.connect();
    let png = a_png();
    for (request, picture, extension) in [
        (post(JPEG), JPEG, ".jpg"),
        (chunked(&[&png[..5], &png[5..]]), &png[..], ".png"),
        (post(&png), &png, ".png"),
        (form(JPEG), JPEG, ".jpg"),
    ] {
        let answer = client.ask(&request); // all on one connection
        assert_eq!(answer.status, 200, "{answer:?}");
        let name = answer.text.strip_prefix("ok ").unwrap().strip_suffix('\n').unwrap();
        assert!(name.ends_with(extension) && name.len() == "20261122T075306.123-000001.jpg".len(), "{name}");
        assert_eq!(fs::read(server.folder().join(name)).unwrap(), picture);
    }
    assert_eq!(server.files().len(), 4, "{:?}", server.files());
}

#[test]
fn duplicate_picture_is_stored_once() {
    let server = Server::start();
    let numbered = |run: &str, sequence: u32| {
        let head = format!("POST /upload HTTP/1.1\r\nHost: x\r\nX-Run: {run}\r\nX-Sequence: {sequence}\r\n");
        [format!("{head}Content-Length: {}\r\n\r\n", JPEG.len()).as_bytes(), JPEG].concat()
    };
    let first = server.ask(&numbered("a", 1));
    let again = server.ask(&numbered("a", 1));
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    for (run, sequence) in [("a", 2), ("b", 1)] {
        assert_ne!(server.ask(&numbered(run, sequence)).text, first.text);
    }
    server.ask(&post(JPEG));
    server.ask(&post(JPEG));
    assert_eq!(server.files().len(), 5, "without a number each is a new one");
}

#[test]
fn incomplete_picture_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    for (body, why) in [
        (&b"hello, I am a text file\n"[..], "the body is neither a JPEG nor a PNG; send the bytes of one\n"),
        (b"", "the body is empty; send the bytes of a JPEG or PNG\n"),
        (&JPEG[..20], "the JPEG is truncated (at byte 20)\n"),
    ] {
        let answer = client.ask(&post(body));
        assert_eq!((answer.status, &answer.text[..]), (400, why));
    }
    let answer = client.ask(&post(&a_png()[..50]));
    assert!(answer.status == 400 && answer.text.starts_with("the PNG is damaged: "), "{answer:?}");

    let answer = client.ask(&form(b"my roof"));
    assert!(answer.status == 400 && answer.text.contains("the form holds no whole picture"), "{answer:?}");

    assert_eq!(client.ask(&post(JPEG)).status, 200, "the connection goes on");
    assert_eq!(server.files().len(), 1, "nothing but that one");
}

#[test]
fn other_routes_and_methods_are_refused() {
    let server = Server::start();
    for (request, status, header) in [
        ("GET / HTTP/1.1", 200, "content-type: text/html"),
        ("POST / HTTP/1.1", 405, "allow: get, head\r\n"),
        ("GET /upload HTTP/1.1", 405, "allow: post, put\r\n"),
        ("DELETE /upload HTTP/1.1", 405, "allow: post, put\r\n"),
        ("GET /etc/passwd HTTP/1.1", 404, ""),
        ("POST /upload/x HTTP/1.1", 404, ""),
    ] {
        let answer = server.ask(format!("{request}\r\nHost: x\r\nContent-Length: 0\r\n\r\n").as_bytes());
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.head.contains(header), "{request}: {answer:?}");
    }
    let mut client = server.connect();
    client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    client.reader.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn too_large_a_body_is_refused_unread() {
    let server = Server::start();
    let mut client = server.connect();
    let answer = client.ask(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    assert_eq!((answer.status, &answer.text[..]), (413, "the picture is longer than 16777216 bytes\n"));
    client.assert_closed();
    assert!(server.files().is_empty());
}

#[test]
fn client_that_sends_all_before_reading_gets_the_refusal() {
    let mut options = Options::default();
    options.max_bytes = 1000;
    let server = Server::with(options);
    assert_eq!(server.ask(&post(&vec![0xff; 8_000_000])).status, 413);
    // Without a length in advance.
    let kilobyte = [0xff; 1000];
    assert_eq!(server.ask(&chunked(&vec![&kilobyte[..]; 2000])).status, 413);
    let picture = [JPEG, &[0; 972]].concat();
    assert_eq!(picture.len(), 1000);
    assert_eq!(server.ask(&post(&picture)).status, 200, "just short enough");
    assert_eq!(server.files().len(), 1);
}

#[test]
fn truncated_or_missing_body_leaves_nothing() {
    let mut options = Options::default();
    options.body_timeout = Duration::from_millis(100);
    let server = Server::with(options);

    let mut client = server.connect();
    client.send(&post(JPEG)[..70]);
    drop(client);

    let mut client = server.connect();
    client.send(&post(JPEG)[..70]);
    let answer = client.answer();
    assert_eq!((answer.status, &answer.text[..]), (408, "nothing came of the picture for 100ms\n"));
    client.assert_closed();
    assert!(server.files().is_empty());

    // Of its own: the requests above may take longer than that for their heads.
    let mut options = Options::default();
    options.header_timeout = Duration::from_millis(100);
    let server = Server::with(options);
    let mut client = server.connect();
    client.send(b"POST /upl");
    client.assert_closed();
    assert!(server.files().is_empty());
}

#[test]
fn unwritable_folder_answers_an_error() {
    let server = Server::start();
    fs::remove_dir(server.folder()).unwrap();
    let answer = server.ask(&post(JPEG));
    assert_eq!(answer.status, 500);
    assert!(answer.text.starts_with("the picture was not stored: "), "{answer:?}");
    fs::create_dir(server.folder()).unwrap();
    assert_eq!(server.ask(&post(JPEG)).status, 200, "it goes on when the folder is back");
}

#[test]
fn concurrent_uploads_are_all_stored() {
    let server = Server::start();
    thread::scope(|scope| {
        for n in 0..8u8 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for m in 0..10u8 {
                    assert_eq!(client.ask(&post(&[JPEG, &[n, m]].concat())).status, 200);
                }
            });
        }
    });
    let mut tails: Vec<_> =
        server.files().iter().map(|file| fs::read(file).unwrap()[JPEG.len()..].to_vec()).collect();
    tails.sort();
    let want: Vec<_> = (0..8).flat_map(|n| (0..10).map(move |m| vec![n, m])).collect();
    assert_eq!(tails, want, "each once, and no unfinished file");
}

/// Silent ones, and those that stopped in the middle of a head or a picture.
#[test]
fn silent_connection_is_displaced() {
    let server = Server::start();
    let request = post(JPEG);
    let mut silent = Vec::new();
    for len in [0, 10, request.len() - 5].into_iter().cycle().take(96) {
        let mut client = server.connect();
        client.send(&request[..len]);
        silent.push(client);
    }
    assert_eq!(server.ask(&request).status, 200);
    drop(silent);
    assert_eq!(server.ask(&request).status, 200);
    assert_eq!(server.files().len(), 2);
}

/// They once held what had come of them in memory: 1 GiB for 32 forms.
#[test]
fn long_bodies_wait_on_the_disk_and_leave_nothing_there() {
    let server = Server::start();
    let long = form(&[JPEG, &vec![0; 4_000_000]].concat());
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&long[..long.len() - 1]);
    }
    let on_disk = || {
        server.files().iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum::<u64>()
    };
    let start = Instant::now();
    while on_disk() < 8 * 3_500_000 {
        assert!(start.elapsed() < LONG.unwrap(), "{} bytes are on the disk", on_disk());
        thread::sleep(Duration::from_millis(1));
    }
    for client in &mut clients[4..] {
        client.send(b"\n");
    }
    assert!(clients.drain(4..).all(|mut client| client.answer().status == 200));
    drop(clients);
    let start = Instant::now();
    while server.files().len() > 4 {
        assert!(start.elapsed() < LONG.unwrap(), "{:?}", server.files());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn half_closed_connection_gets_the_answer() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&post(JPEG));
    client.reader.get_mut().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().status, 200);
    client.assert_closed();
}

#[test]
fn form_headers_in_any_spelling_are_accepted() {
    let server = Server::start();
    let mut capitals = form(JPEG);
    let usual: &[u8] = b"multipart/form-data; boundary";
    let at = capitals.windows(usual.len()).position(|part| part == usual).unwrap();
    capitals[at..at + usual.len()].copy_from_slice(b"Multipart/Form-Data; Boundary");
    assert_eq!(server.ask(&capitals).status, 200);
}

#[test]
fn slow_link_is_not_given_up() {
    let mut options = Options::default();
    options.body_timeout = Duration::from_secs(3);
    let server = Server::with(options);
    let mut client = server.connect();
    let request = post(JPEG);
    let (head, picture) = request.split_at(request.len() - JPEG.len());
    client.send(head);
    let begun = Instant::now();
    for byte in picture {
        client.send(&[*byte]);
        // This is the link.
        thread::sleep(Duration::from_millis(120));
    }
    assert!(begun.elapsed() > options.body_timeout);
    assert_eq!(client.answer().status, 200);
}

/// What is remembered of a picture must be short: 28 bytes of JPEG once cost 200 KB for ever.
#[test]
fn invalid_run_id_is_refused() {
    let server = Server::start();
    let with = |run: &str, sequence: &str| {
        let head = format!("POST /upload HTTP/1.1\r\nHost: x\r\nX-Run: {run}\r\nX-Sequence: {sequence}\r\n");
        server.ask(&[format!("{head}Content-Length: {}\r\n\r\n", JPEG.len()).as_bytes(), JPEG].concat())
    };
    for run in ["", "a b", "\u{fc}", "../x", &"a".repeat(65), &"a".repeat(60_000)] {
        let answer = with(run, "1");
        assert!(matches!(answer.status, 400 | 431), "{answer:?}");
    }
    assert!(with("0000000000000e1e", "first").text.starts_with("X-Sequence is a number"));
    assert!(server.files().is_empty());
    for run in ["0000000000000e1e", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
        assert_eq!(with(run, "1").status, 200);
    }
}

#[test]
fn receiver_with_open_connections_stops() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.ask(&post(JPEG)).status, 200);
    drop(server); // waits for the end of `run`
    client.assert_closed();
}
