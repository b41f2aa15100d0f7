//! `top URL` on terminals, and against servers that mean no good.

use crate::support::{PATIENCE, Program, command, open_terminal, terminal, until};
use rustix::{
    fs::OFlags,
    termios::{Action, LocalModes, Winsize, tcflow, tcgetattr, tcsetwinsize},
};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

const STATE: &str = r#"{"source":{"name":"evil\u001b]0;x\u0007\u009b2J","connected":true,"fps":29.97},"encoder":{"name":"eyelet","quality":80},"viewers":[]}"#;

/// A server that answers each connection's first request with what this makes of it.
fn server(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                answer(&mut client);
            });
        }
    });
    url
}

fn with(head: &'static str, body: &'static str) -> String {
    server(move |client| {
        let _ = write!(client, "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    })
}

/// The exit code and both outputs.
fn top(url: &str, flags: &[&str]) -> (Option<i32>, String, String) {
    let output = command(&["top", url]).args(flags).env("NO_PROXY", "*").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn top_of_a_hostile_server_fails_in_time_with_the_reason() {
    let endless = server(|client| {
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n[");
        while client.write_all(&[b'1'; 4096]).is_ok() {}
    });
    // A byte now and then, without end.
    let slow = server(|client| {
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while client.write_all(b" ").is_ok() {
            thread::park_timeout(PATIENCE / 600);
        }
    });
    let cases = [
        (endless, "its answer is longer than 2 MiB"),
        (slow, "no whole answer within 10s"),
        (with("200 OK", "{\"source\":"), "its answer is not JSON"),
        (with("200 OK", "[[[[{}]]]]"), "its answer has no source"),
        (with("200 OK", "{\"source\":\"\\u001b[2J\"}"), "its answer has no source"),
        (with("404 Not Found", "\u{1b}[2Jno\nway"), "404 Not Found: [2Jno; is it an eyelet server?"),
        (with("401 Unauthorized", ""), "or use --token-file"),
        (
            with("302 Found\r\nLocation: http://other/", ""),
            "it points to \"http://other/\": show that address",
        ),
        (server(|client| drop(client.write_all(b"SSH-2.0\r\n"))), "does not answer in HTTP/1"),
    ];
    let runs = cases.map(|(url, why)| thread::spawn(move || (top(&url, &[]), why)));
    for run in runs {
        let ((code, stdout, stderr), why) = run.join().unwrap();
        assert_eq!((code, &*stdout), (Some(1), ""), "{why}: {stderr}");
        assert!(
            stderr.starts_with("error: cannot show http://127.0.0.1:") && stderr.contains(why),
            "{stderr}"
        );
        assert!(stderr.lines().count() == 1 && !stderr.contains('\u{1b}'), "{stderr:?}");
    }
}

#[test]
fn top_without_a_terminal_prints_the_state_once() {
    let url = with("200 OK", STATE);
    let (code, stdout, stderr) = top(&url, &[]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert_eq!(stdout.lines().next().unwrap(), format!("{url}  1 camera, 0 viewers"));
    assert!(stdout.contains("evil?]0;x??2J  ok     30.0       80  eyelet"), "{stdout}");
    let (code, stdout, _) = top(&url, &["--json"]);
    let state: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, state["source"]["name"].as_str()), (Some(0), Some("evil\u{1b}]0;x\u{7}\u{9b}2J")));
    assert!(stdout.contains("\\u009b2J"), "{stdout}");
}

/// What a terminal that is read has been sent so far.
fn reading(person: OwnedFd) -> Arc<Mutex<String>> {
    let text = Arc::<Mutex<String>>::default();
    let read = Arc::clone(&text);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = rustix::io::read(&person, &mut bytes) {
            *read.lock().unwrap() += &String::from_utf8_lossy(&bytes[..len]);
        }
    });
    text
}

fn start(url: &str, terminal: &OwnedFd) -> Program {
    let mut command = command(&["top", url]);
    command.env("TERM", "xterm").env_remove("NO_COLOR").env("NO_PROXY", "*");
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
    Program::start(command)
}

#[test]
fn top_on_a_terminal_reconnects_and_restores_it_at_the_end() {
    let count = AtomicUsize::new(0);
    let url = server(move |client| {
        let _ = match count.fetch_add(1, Ordering::Relaxed) {
            0 => write!(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{STATE}"),
            1 => write!(client, "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nnot now\u{1b}[2J\n"),
            _ => write!(
                client,
                "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
                STATE.replace("eyelet", "again")
            ),
        };
    });
    for end in ["q", "TERM", "INT"] {
        let (terminal, person) = terminal();
        tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let before = tcgetattr(&terminal).unwrap();
        let keyboard = person.try_clone().unwrap();
        let text = reading(person);
        let program = start(&url, &terminal);
        let shown = |word: &str| until(word, || text.lock().unwrap().contains(word).then_some(()));
        shown("\u{1b}[?1049h");
        if end == "q" {
            shown("eyelet");
            shown("again in 1 s: cannot show http://");
            shown("answered 503 Service Unavailable: not now[2J; ");
        }
        shown("again");
        let modes = tcgetattr(&terminal).unwrap().local_modes;
        assert!(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO), "keys come as they are pressed");
        match end {
            "q" => drop(rustix::io::write(&keyboard, b"xq").unwrap()),
            signal => program.signal(signal),
        }
        assert_eq!(program.end().0, Some(0), "{end}");
        shown("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l");
        let after = tcgetattr(&terminal).unwrap();
        assert_eq!((after.local_modes, after.input_modes), (before.local_modes, before.input_modes), "{end}");
        let text = text.lock().unwrap();
        assert!(
            !text.contains("\u{1b}]0;") && !text.contains('\u{9b}') && !text.contains("\u{1b}[2J"),
            "{text:?}"
        );
    }
}

#[test]
fn top_on_a_terminal_that_takes_nothing_ends_by_a_signal_and_by_its_key() {
    for (stopped, key) in [(true, true), (true, false), (false, true), (false, false)] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let url = server(move |client| {
            counted.fetch_add(1, Ordering::Relaxed);
            let _ = write!(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{STATE}");
        });
        let (terminal, person) = terminal();
        if stopped {
            tcflow(&terminal, Action::OOff).unwrap();
        } else {
            let filling = open_terminal(&person, OFlags::NONBLOCK);
            while rustix::io::write(&filling, &[b'.'; 512]).is_ok() {}
        }
        let program = start(&url, &terminal);
        until("it stands still", || (count.load(Ordering::Relaxed) > 2).then_some(()));
        match key {
            true => drop(rustix::io::write(&person, b"q").unwrap()),
            false => program.signal("TERM"),
        }
        assert_eq!(program.end().0, Some(0), "stopped {stopped}, key {key}");
    }
}
