//! The servers that are compared, and how each is started with the same pictures at the same rate.

use crate::load::Target;
use std::{
    io::{self, BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pictures a second of every server.
pub(super) const FPS: u32 = 30;

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name in the tables.
    pub name: String,
    kind: Kind,
    program: PathBuf,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Eyelet,
    /// It prints its address; with these arguments after the folder.
    Printing(&'static [&'static str]),
    /// With this camera preloaded.
    Ustreamer(PathBuf),
}

impl Server {
    /// `eyelet-sim` at `program`.
    pub fn eyelet(name: &str, program: &Path) -> Self {
        Self { name: name.to_owned(), kind: Kind::Eyelet, program: program.to_owned() }
    }

    /// A program that takes the folder of pictures and prints the address that it streams on.
    pub fn printing(name: &str, program: &Path, arguments: &'static [&'static str]) -> Self {
        Self { name: name.to_owned(), kind: Kind::Printing(arguments), program: program.to_owned() }
    }

    /// ustreamer, with `camera` (made of `peers/camera.c`) in place of a camera.
    pub fn ustreamer(camera: &Path) -> Self {
        Self {
            name: "ustreamer".into(),
            kind: Kind::Ustreamer(camera.to_owned()),
            program: "ustreamer".into(),
        }
    }

    /// Whether it is one of eyelet's.
    pub(super) fn is_eyelet(&self) -> bool {
        self.kind == Kind::Eyelet
    }

    /// Starts it and waits until it listens.
    pub(super) fn start(&self, pictures: &Path) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let fps = FPS.to_string();
        match &self.kind {
            Kind::Eyelet => {
                command.arg("serve").arg("--camera").arg(format!("replay:{}", pictures.display()));
                command.args(["--fps", &fps, "--bind", "127.0.0.1:0", "--max-viewers", "2000"]);
                printing(command, "stream")
            }
            Kind::Printing(arguments) => {
                command.arg(pictures).args(["--fps", &fps]).args(*arguments);
                printing(command, "")
            }
            Kind::Ustreamer(camera) => {
                // It checks that the path exists before it opens it.
                let path = pictures;
                let port = free_port()?;
                command.env("LD_PRELOAD", camera).env("EYELET_CAMERA", path).env("EYELET_PICTURES", path);
                command.env("EYELET_FPS", fps).arg("--device").arg(path);
                command.args(["--format", "MJPEG", "--encoder", "HW", "--resolution", "640x480"]);
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).stdout(Stdio::null());
                on_port(command, port)
            }
        }
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.program.display())))
    }
}

/// A free port, for servers that do not accept port 0.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts a program that prints its address, and takes the stream below it.
fn printing(mut command: Command, path: &str) -> io::Result<Running> {
    let mut running = Running::new(command.stdout(Stdio::piped()).spawn()?);
    let mut line = String::new();
    if let Some(output) = &mut running.output {
        output.read_line(&mut line)?;
    }
    let url = line.find("http://").map(|at| format!("{}{path}", line[at..].trim_end()));
    let url = url.ok_or_else(|| io::Error::other("it does not stream"))?;
    running.target = Some(url.parse().map_err(io::Error::other)?);
    Ok(running)
}

/// Starts a program that prints nothing, and waits for its port.
fn on_port(mut command: Command, port: u16) -> io::Result<Running> {
    let mut running = Running::new(command.spawn()?);
    let end = Instant::now() + PATIENCE;
    while let Err(e) = TcpStream::connect(("127.0.0.1", port)) {
        if Instant::now() > end || running.child.try_wait()?.is_some() {
            return Err(e);
        }
        thread::sleep(Duration::from_millis(20));
    }
    running.target = Some(format!("http://127.0.0.1:{port}/stream").parse().map_err(io::Error::other)?);
    Ok(running)
}

/// A server that listens; dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    /// Kept open: writing to a closed pipe would end the server.
    output: Option<BufReader<ChildStdout>>,
    target: Option<Target>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let output = child.stdout.take().map(BufReader::new);
        Self { child, output, target: None }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn target(&self) -> io::Result<Target> {
        self.target.clone().ok_or_else(|| io::Error::other("it does not stream"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
