//! `eyelet-vcam`: a USB camera made of software, for the virtual board.

#![forbid(unsafe_code)]

use eyelet_vcam::{descriptor::Transport, mode::Mode, run::run, vhci::Vhci};
use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::ExitCode,
};

const USAGE: &str =
    "usage: eyelet-vcam run FOLDER [bulk]   plug in a camera that shows FOLDER's WxH.mjpg and WxH.yuyv
       eyelet-vcam WORD...             command it: plug, unplug, cut, hold, resume, status, controls,
                                       light KELVIN, error N, truncate N, lose N, stall N";
const SOCKET: &str = "/run/eyelet-vcam.sock";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["run", folder] => show(folder, Transport::Isochronous),
        ["run", folder, "bulk"] => show(folder, Transport::Bulk),
        [] | ["run", ..] => return usage(),
        _ => command(&words.join(" ")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "{USAGE}");
    ExitCode::from(2)
}

fn show(folder: &str, transport: Transport) -> io::Result<()> {
    let modes = Mode::open_all(Path::new(folder))?;
    // One that was killed leaves its socket behind.
    let _ = fs::remove_file(SOCKET);
    let operators = UnixListener::bind(SOCKET)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {SOCKET}: {e}")))?;
    run(&modes, transport, &Vhci::new(0), operators)
}

fn command(line: &str) -> io::Result<()> {
    let mut socket = UnixStream::connect(SOCKET).map_err(|e| {
        io::Error::new(e.kind(), format!("cannot reach {SOCKET}: {e}; is the camera running?"))
    })?;
    writeln!(socket, "{line}")?;
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer)?;
    match answer.trim_end().strip_prefix("error: ") {
        Some(why) => Err(io::Error::other(why.to_owned())),
        None => io::stdout().write_all(answer.as_bytes()),
    }
}
