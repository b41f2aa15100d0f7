//! The measuring viewer against streams written byte for byte.

use eyelet_core::watch::{Ended, Options, Report, watch, watch_until};
use eyelet_hal::{ErrorKind, Result, clock::SystemClock};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// A 3x2 grey picture as far as the markers go.
const JPEG: &[u8] = &[
    0xff, 0xd8, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 2, 0, 3, 1, 1, 0x11, 0, 0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63,
    0, 0x12, 0xff, 0xd9,
];

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n";

/// Answers one request with what `write` writes; what it returns is kept open until the viewer has gone.
fn serve(write: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0);
        }
        let _ = sender.send(head); // not every test asks
        write(&mut stream);
    });
    (address, requests)
}

/// Blocks until the viewer has closed the connection.
fn until_gone(stream: &mut TcpStream) {
    let _ = std::io::copy(stream, &mut std::io::sink());
}

fn part(body: &[u8], headers: &str) -> Vec<u8> {
    let head = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body, b"\r\n--frame\r\n"].concat()
}

fn run(url: &str, options: &Options, mut on_progress: impl FnMut(&Report)) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = url.parse()?;
    runtime.block_on(watch(&url, options, &SystemClock, &mut on_progress))
}

fn see(write: impl FnOnce(&mut TcpStream) + Send + 'static) -> Result<Report> {
    let (address, _requests) = serve(write);
    run(&format!("http://{address}/stream"), &Options::default(), |_| {})
}

/// The kind and the sentence after the address.
fn refusal(answer: &'static str) -> (ErrorKind, String) {
    let (address, _requests) = serve(move |stream| stream.write_all(answer.as_bytes()).unwrap());
    let error = run(&format!("http://{address}/stream"), &Options::default(), |_| {}).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    (
        error.kind(),
        text.strip_prefix(&format!("cannot watch http://{address}/stream: "))
            .expect(&text)
            .replace(&address.to_string(), "ADDRESS"),
    )
}

#[test]
fn stream_is_read_to_its_end() {
    let (address, requests) = serve(|stream| {
        stream.write_all(HEAD.as_bytes()).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        for sequence in [3, 4, 4, 7] {
            let headers = format!("X-Timestamp: {:.6}\r\nX-Sequence: {sequence}\r\n", now - 100.0);
            stream.write_all(&part(JPEG, &headers)).unwrap();
        }
        stream.write_all(&part(&JPEG[..20], "")).unwrap();
    });
    let mut options = Options::default();
    options.progress = Duration::ZERO;
    let mut last = None;
    let report = run(&format!("http://{address}/a/stream?size=5"), &options, |report| {
        assert_eq!(report.ended, Ended::Running);
        last = Some(report.frames);
    })
    .unwrap();
    assert_eq!((report.frames, report.damaged, report.gaps, report.repeats), (5, 1, Some(2), 1));
    assert_eq!(report.bytes, 4 * JPEG.len() as u64 + 20);
    assert_eq!((report.ended, last), (Ended::Stream, Some(5)));
    let latency = report.latency.unwrap();
    assert!((99_900.0..200_000.0).contains(&latency.p50_ms), "{latency:?}");

    let request = requests.recv().unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /a/stream?size=5 http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\naccept: */*\r\n") && request.contains(&format!("\r\nhost: {address}\r\n")));
}

#[test]
fn chunked_stream_is_read() {
    let chunks = |last: &'static str| {
        move |stream: &mut TcpStream| {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
                        Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            let body = [b"--frame\r\n", &part(JPEG, "")[..], &part(JPEG, "")].concat();
            for chunk in body.chunks(7) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).unwrap();
                stream.write_all(chunk).unwrap();
                stream.write_all(b"\r\n").unwrap();
            }
            stream.write_all(last.as_bytes()).unwrap();
        }
    };
    let report = see(chunks("0\r\n\r\n")).unwrap();
    assert_eq!((report.frames, report.damaged, report.ended), (2, 0, Ended::Stream));
    assert_eq!(report.latency, None);
    assert_eq!(see(chunks("")).unwrap().ended, Ended::Cut, "the last chunk did not come");
}

#[test]
fn stream_without_lengths_is_read() {
    let report = see(|stream| {
        stream.write_all(HEAD.as_bytes()).unwrap();
        for _ in 0..3 {
            stream.write_all(b"Content-Type: image/jpeg\r\n\r\n").unwrap();
            stream.write_all(JPEG).unwrap();
            stream.write_all(b"\r\n--frame\r\n").unwrap();
        }
        stream.write_all(b"Content-Type: image/jpeg\r\n\r\n").unwrap();
    })
    .unwrap();
    assert_eq!((report.frames, report.damaged, report.ended), (3, 0, Ended::Stream));
}

#[test]
fn end_of_stream_ends_the_last_picture() {
    let ending = |last: &'static [u8]| {
        see(move |stream| {
            stream.write_all(HEAD.as_bytes()).unwrap();
            stream.write_all(b"\r\n").unwrap();
            stream.write_all(JPEG).unwrap();
            stream.write_all(b"\r\n--frame\r\n\r\n").unwrap();
            stream.write_all(last).unwrap();
        })
        .unwrap()
    };
    let report = ending(JPEG);
    assert_eq!((report.frames, report.damaged, report.ended), (2, 0, Ended::Stream));
    let report = ending(&JPEG[..20]);
    assert_eq!((report.frames, report.damaged, report.ended), (1, 0, Ended::Cut), "cut is not damaged");
    let report = see(|stream| {
        stream.write_all(HEAD.as_bytes()).unwrap();
        let part = part(JPEG, "");
        stream.write_all(&part).unwrap();
        stream.write_all(&part[..part.len() - 20]).unwrap();
    })
    .unwrap();
    assert_eq!((report.frames, report.damaged, report.ended), (1, 0, Ended::Cut));
}

/// Pictures that the viewer had asked to do without were counted as missing.
#[test]
fn thinned_stream_has_no_gaps() {
    for (query, gaps) in [("fps=1", None), ("a=b&fps=1", None), ("xfps=1", Some(29)), ("", Some(29))] {
        let (address, _requests) = serve(|stream| {
            let pictures = [part(JPEG, "X-Sequence: 1\r\n"), part(JPEG, "X-Sequence: 31\r\n")].concat();
            stream.write_all(&[HEAD.as_bytes(), &pictures].concat()).unwrap();
        });
        let report = run(&format!("http://{address}/stream?{query}"), &Options::default(), |_| {}).unwrap();
        assert_eq!((report.frames, report.gaps), (2, gaps), "{query}");
    }
}

#[test]
fn watch_stops_on_request() {
    let endless = |stream: &mut TcpStream| {
        let part = part(JPEG, "");
        let mut open = stream.write_all(HEAD.as_bytes()).is_ok();
        while open {
            open = stream.write_all(&part).is_ok();
        }
    };
    let mut options = Options::default();
    options.frames = Some(10);
    let report = run(&format!("http://{}/", serve(endless).0), &options, |_| {}).unwrap();
    assert_eq!((report.frames, report.ended), (10, Ended::Frames));
    assert_eq!(report.stalled_seconds, 0.0, "no further one was waited for");

    let mut options = Options::default();
    options.duration = Some(Duration::from_millis(50));
    let report = run(&format!("http://{}/", serve(endless).0), &options, |_| {}).unwrap();
    assert_eq!(report.ended, Ended::Time);

    let mut options = Options::default();
    options.silence = Duration::from_millis(50);
    let quiet = |stream: &mut TcpStream| {
        stream.write_all(&[HEAD.as_bytes(), &part(JPEG, "")].concat()).unwrap();
        until_gone(stream);
    };
    let report = run(&format!("http://{}/", serve(quiet).0), &options, |_| {}).unwrap();
    assert_eq!((report.frames, report.ended), (1, Ended::Silence));
}

/// When a process goes on that was stopped, as by Ctrl-Z, all timers are over before it has read what came meanwhile.
#[test]
fn stop_of_the_whole_process_is_no_silence_of_the_stream() {
    let (stopped, stop) = channel();
    let (went_on, goes_on) = channel();
    let (address, _requests) = serve(move |stream| {
        stream.write_all(&[HEAD.as_bytes(), &part(JPEG, "")].concat()).unwrap();
        stop.recv().unwrap();
        stream.write_all(&part(JPEG, "")).unwrap();
        went_on.send(()).unwrap();
        until_gone(stream);
    });
    let mut options = Options::default();
    (options.frames, options.progress) = (Some(2), Duration::ZERO);
    options.silence = Duration::from_millis(100);
    let longer = 3 * options.silence;
    let mut once = Some((stopped, goes_on));
    let report = run(&format!("http://{address}/"), &options, |_| {
        if let Some((stopped, goes_on)) = once.take() {
            // The only thread.
            tokio::spawn(async move {
                stopped.send(()).unwrap();
                goes_on.recv().unwrap();
                thread::sleep(longer);
            });
        }
    });
    assert_eq!(report.unwrap().ended, Ended::Frames);
}

#[test]
fn stream_that_stands_still_is_reported_on() {
    let (address, _requests) = serve(|stream| {
        stream.write_all(&[HEAD.as_bytes(), &part(JPEG, "")].concat()).unwrap();
        until_gone(stream);
    });
    let mut options = Options::default();
    (options.progress, options.silence) = (Duration::from_millis(5), Duration::from_millis(100));
    let mut reports = 0;
    let report = run(&format!("http://{address}/"), &options, |_| reports += 1).unwrap();
    assert_eq!((report.frames, report.ended), (1, Ended::Silence));
    assert!(reports > 1, "{reports}");
    assert!(report.stalled_seconds > 0.0 && report.seconds == report.stalled_seconds, "{report:?}");
    assert_eq!(report.longest_pause_ms, 1e3 * report.seconds);
}

#[test]
fn interrupted_watch_reports_all_that_came() {
    let (address, _requests) = serve(|stream| {
        stream
            .write_all(&[HEAD.as_bytes(), &part(JPEG, ""), &part(JPEG, ""), &part(JPEG, "")].concat())
            .unwrap();
        until_gone(stream);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("http://{address}/stream").parse().unwrap();
    let mut options = Options::default();
    options.progress = Duration::ZERO;
    let (sender, stopped) = tokio::sync::oneshot::channel();
    let mut sender = Some(sender);
    let progress = |report: &Report| {
        if report.frames == 3 {
            let _ = sender.take().map(|sender| sender.send(()));
        }
    };
    let stop = async { stopped.await.unwrap() };
    let report = runtime.block_on(watch_until(&url, &options, &SystemClock, progress, stop)).unwrap();
    assert_eq!((report.frames, report.ended), (3, Ended::Interrupted));

    // Also one that has not answered yet.
    let (address, _requests) = serve(until_gone);
    let url = format!("http://{address}/stream").parse().unwrap();
    let stop = std::future::ready(());
    let report = runtime.block_on(watch_until(&url, &options, &SystemClock, |_| {}, stop)).unwrap();
    assert_eq!((report.frames, report.ended), (0, Ended::Interrupted));
}

#[test]
fn page_instead_of_a_stream_names_the_stream() {
    let error_of = |path: &str, answer: &'static str| {
        let (address, _requests) = serve(move |stream| stream.write_all(answer.as_bytes()).unwrap());
        let error = run(&format!("http://{address}{path}"), &Options::default(), |_| {}).unwrap_err();
        error.to_string().replace(&address.to_string(), "X")
    };
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>";
    assert_eq!(
        error_of("/", page),
        r#"cannot watch http://X/: "text/html" is not a stream; did you mean http://X/stream?"#
    );
    assert!(error_of("/cam/snapshot?a=/", page).ends_with("; did you mean http://X/cam/stream?"));
    let nothing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    assert!(error_of("/video", nothing).ends_with("404 Not Found; did you mean http://X/stream?"));
}

#[test]
fn answer_that_is_no_stream_is_refused() {
    assert_eq!(
        refusal("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 22\r\n\r\n16 viewers are the max"),
        (
            ErrorKind::Busy,
            "the server answered 503 Service Unavailable: 16 viewers are the max; wait for a viewer to leave"
                .into()
        )
    );
    // Another address of a server that fails is no better.
    for (status, remedy) in [
        ("429 Too Many Requests", "; wait before the next try"),
        ("500 Internal Server Error", "; what does its log say?"),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").leak();
        let (address, _requests) = serve(|stream| stream.write_all(answer.as_bytes()).unwrap());
        let error = run(&format!("http://{address}/"), &Options::default(), |_| {}).unwrap_err();
        assert!(error.to_string().ends_with(remedy), "{error}");
    }
    assert_eq!(
        refusal("HTTP/1.1 401 No\r\ncontent-type: text/html\r\n\r\nDenied! <script>alert(1)</script>"),
        (
            ErrorKind::PermissionDenied,
            "the server answered 401 Unauthorized; write USER:PASSWORD@ before the host, or send a token; \
             if you did, are they right?"
                .into()
        )
    );
    assert_eq!(
        refusal("HTTP/1.1 302 Found\r\nlocation: /live?key=secret\r\ncontent-length: 0\r\n\r\n"),
        (
            ErrorKind::Unsupported,
            "the server answered 302 Found; it points to \"/live\": watch that address".into()
        )
    );
    assert_eq!(
        refusal("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n"),
        (ErrorKind::Busy, "the server answered 429 Too Many Requests; wait before the next try".into())
    );
    assert_eq!(
        refusal("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        (ErrorKind::Unsupported, "the server answered 404 Not Found; is the path right?".into())
    );
    assert_eq!(
        refusal("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>"),
        (
            ErrorKind::Unsupported,
            "\"text/html\" is not multipart/x-mixed-replace; is this the address of an MJPEG stream?".into()
        )
    );
    assert_eq!(
        refusal("RTSP/1.0 400 Bad\r\n\r\n"),
        (
            ErrorKind::Other,
            "the server does not answer in HTTP/1; should it be https://ADDRESS/stream?".into()
        )
    );
    assert_eq!(
        refusal(""),
        (ErrorKind::Disconnected, "the server closed the connection before it had answered".into())
    );
    assert_eq!(
        refusal(
            "HTTP/1.1 200 OK\r\ncontent-type: multipart/x-mixed-replace; boundary=frame\r\n\r\n\
             --frame\r\nContent-Length: 999999999999\r\n\r\n"
        ),
        (ErrorKind::CorruptFrame, "a picture is longer than 33554432 bytes; is it an MJPEG stream?".into())
    );
}

#[test]
fn unreachable_and_silent_servers_are_reported() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = run(&format!("http://{gone}/stream"), &Options::default(), |_| {}).unwrap_err();
    let want = format!("cannot watch http://{gone}/stream: connection refused; is the server running?");
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Disconnected, want));

    let mut options = Options::default();
    options.timeouts.response = Duration::from_millis(50);
    let (address, _requests) = serve(until_gone);
    let error = run(&format!("http://{address}/"), &options, |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let error = run("http:///stream", &Options::default(), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), r#"cannot watch "http:///stream": no host; write http://HOST:PORT/stream"#);
}
