//! `serve` with sockets that systemd opened: `LISTEN_FDS` from file descriptor 3 on.

use crate::support::{Program, command_after, get};
use std::{
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::Command,
};

/// `serve` as systemd starts it: with `socket` as file descriptor 3 and the process's own id in the environment.
fn activated(socket: impl Into<OwnedFd>, variables: &str, flags: &[&str]) -> Command {
    let mut command =
        command_after(&format!("exec 3<&0 </dev/null; export {variables}"), &[&["serve"], flags].concat());
    command.stdin(socket.into());
    command
}

#[test]
fn systemd_sockets_need_no_bind() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // What connects before the program runs is served by it.
    let early = std::thread::spawn(move || get(&address.to_string(), "/state"));
    let command = activated(listener, "LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=http", &[]);
    let mut program = Program::start(command);
    assert_eq!(program.line(), format!("streaming on http://{address}/"));
    assert!(early.join().unwrap().starts_with("HTTP/1.0 200 OK\r\n"));
    assert!(get(&address.to_string(), "/state").starts_with("HTTP/1.0 200 OK\r\n"));
}

#[test]
fn systemd_sockets_and_bind_are_both_served() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let command = activated(listener, "LISTEN_FDS=1 LISTEN_PID=$$", &["--bind", "127.0.0.1:0"]);
    let mut program = Program::start(command);
    assert_eq!(program.line(), format!("streaming on http://{address}/"));
    let own = program.line();
    let own = own.strip_prefix("streaming on http://").unwrap().trim_end_matches('/');
    assert!(get(own, "/state").starts_with("HTTP/1.0 200 OK\r\n"));
}

#[test]
fn systemd_sockets_of_another_process_are_ignored() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let command = activated(listener, "LISTEN_FDS=1 LISTEN_PID=1", &["--bind", "127.0.0.1:0"]);
    let mut program = Program::start(command);
    assert_ne!(program.line(), format!("streaming on http://{address}/"));
}

#[test]
fn systemd_socket_that_does_not_listen_is_refused_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    for (socket, why) in
        [(OwnedFd::from(connected), "does not listen"), (file.into(), "not a TCP or Unix stream socket")]
    {
        let ended = activated(socket, "LISTEN_FDS=1 LISTEN_PID=$$", &[]).output().unwrap();
        let error = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{error}");
        assert!(error.starts_with("error: cannot listen on socket 0 from systemd: "), "{error}");
        assert!(error.contains(why) && error.ends_with("; use ListenStream= and Accept=no\n"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
