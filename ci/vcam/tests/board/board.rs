//! The virtual board as a test sees it: a shell inside, and a port.

use crate::http::Client;
use std::{
    env, fmt,
    fs::{self, File},
    io::{self, Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A machine that runs other things too may take long; nothing here waits that long when all is well.
const PATIENCE: Duration = Duration::from_secs(180);

/// Copies the files of a folder, without folders in it.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// What a command on the board left.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its exit status.
    pub(crate) status: i32,
    /// Standard output and standard error.
    pub(crate) text: String,
}

/// A running virtual board. It is switched off when it drops.
pub(crate) struct Board {
    qemu: Child,
    shell: UnixStream,
    commands: u32,
    port: u16,
    work: TempDir,
}

impl Board {
    /// Boots a board that has the riscv64 programs, and `reels` for its cameras.
    pub(crate) fn boot(reels: &Path) -> Self {
        Self::boot_with(reels, None)
    }

    /// Boots one that has a Python too, and this package for it.
    pub(crate) fn boot_with_python(reels: &Path, package: &Path) -> Self {
        Self::boot_with(reels, Some(package))
    }

    fn boot_with(reels: &Path, package: Option<&Path>) -> Self {
        let programs = env::var_os("EYELET_BOARD_PROGRAMS")
            .map(PathBuf::from)
            .expect("EYELET_BOARD_PROGRAMS is not set; run ci/check.sh vboard");
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().join("test");
        fs::create_dir(&folder).unwrap();
        for program in ["eyelet", "eyelet-vcam", "eyelet-vsg2002"] {
            // The board can be inspected before the streamer is built.
            if let Err(e) = fs::copy(programs.join(program), folder.join(program)) {
                println!("no {program} on the board: {e}");
            }
        }
        copy_files(reels, &folder.join("reels"));
        if let Some(package) = package {
            copy_files(package, &folder.join(package.file_name().unwrap()));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let start = Instant::now();
        let console = File::create(work.path().join("console")).unwrap();
        let mut qemu = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../vboard/boot.sh"))
            .args(package.map(|_| "--python"))
            .args([&folder, work.path()])
            .arg(format!("{port}:8000"))
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let shell = until("QEMU", || {
            if let Some(status) = qemu.try_wait().unwrap() {
                let console = fs::read_to_string(work.path().join("console")).unwrap();
                panic!("the board did not boot: {status}\n{console}");
            }
            UnixStream::connect(work.path().join("shell")).ok()
        });
        shell.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut board = Self { qemu, shell, commands: 0, port, work };
        board.ok("uname -r");
        println!("board: booted in {:.1} s", start.elapsed().as_secs_f32());
        board
    }

    /// A client of the board's port 8000.
    pub(crate) fn http(&self) -> Client {
        Client { port: self.port }
    }

    /// Runs `command` in the board's shell.
    #[track_caller]
    pub(crate) fn run(&mut self, command: &str) -> Output {
        self.try_run(command).unwrap_or_else(|e| panic!("{command}: {e}"))
    }

    fn try_run(&mut self, command: &str) -> io::Result<Output> {
        self.commands += 1;
        let marker = format!("<end {}:", self.commands);
        writeln!(self.shell, "( {command}\n) </dev/null; echo \"{marker}$?>\"")?;
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let len = self.shell.read(&mut chunk)?;
            if len == 0 {
                return Err(io::Error::other("the board is gone"));
            }
            text.extend_from_slice(&chunk[..len]);
            let so_far = String::from_utf8_lossy(&text);
            if let Some((text, rest)) = so_far.split_once(&marker)
                && let Some((status, _)) = rest.split_once('>')
            {
                let status = status.parse().map_err(io::Error::other)?;
                return Ok(Output { status, text: text.into() });
            }
        }
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(crate) fn ok(&mut self, command: &str) -> String {
        let output = self.run(command);
        assert_eq!(output.status, 0, "{command}: {}", output.text);
        output.text
    }

    /// Runs a command in the background.
    pub(crate) fn spawn(&mut self, command: &str) -> Task {
        let task = Task(self.commands);
        self.ok(&format!(
            "(sh -c 'echo $$ >{task}.pid; exec {command}' >{task}.log 2>&1; echo $? >{task}.status) &"
        ));
        task
    }

    /// What a background command has said.
    pub(crate) fn log(&mut self, task: &Task) -> String {
        self.run(&format!("cat {task}.log")).text
    }

    /// The exit status of a background command, if it has ended.
    pub(crate) fn status(&mut self, task: &Task) -> Option<i32> {
        self.run(&format!("cat {task}.status 2>/dev/null")).text.trim().parse().ok()
    }

    /// Sends SIGTERM to a background command and waits for it to end.
    pub(crate) fn terminate(&mut self, task: &Task) -> i32 {
        self.ok(&format!("kill $(cat {task}.pid)"));
        until("end of the command", || self.status(task))
    }

    /// Starts the USB camera and waits for its node.
    pub(crate) fn plug_camera(&mut self) -> String {
        self.spawn("eyelet-vcam run /test/reels");
        self.usb_node()
    }

    /// Waits for the USB camera and returns its capture node, such as `/dev/video2`.
    pub(crate) fn usb_node(&mut self) -> String {
        until("the USB camera", || self.node("eyelet virtual camera", 0))
    }

    /// The node of the camera whose name begins with `name`. Its entry in /sys comes first, the node itself later.
    pub(crate) fn node(&mut self, name: &str, index: u32) -> Option<String> {
        let found = self.ok(&format!(
            "cd /sys/class/video4linux && for v in video*; do \
             case $(cat $v/name 2>/dev/null) in '{name}'*)
               [ \"$(cat $v/index 2>/dev/null)\" != {index} ] || [ ! -c /dev/$v ] || echo /dev/$v ;;
             esac; done"
        ));
        found.lines().next().map(Into::into)
    }

    /// Commands the USB camera.
    #[track_caller]
    pub(crate) fn camera(&mut self, words: &str) -> String {
        self.ok(&format!("eyelet-vcam {words}"))
    }

    /// Asserts that the kernel has nothing to complain of: vb2 checks its own books when a queue is released.
    #[track_caller]
    pub(crate) fn assert_kernel_is_content(&mut self) {
        let complaints = self.run("dmesg | grep -iE 'unbalanced|WARNING:|BUG:|Oops|leak'").text;
        assert_eq!(complaints.trim(), "");
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.shell.set_read_timeout(Some(Duration::from_secs(20)));
            let logs = "for f in /tmp/task*.log; do echo \"$f:\"; tail -n 20 $f; done; dmesg | tail -n 20";
            let text = self.try_run(logs).map_or_else(|e| e.to_string(), |output| output.text);
            println!("logs of the board:\n{text}");
            let console = fs::read_to_string(self.work.path().join("console")).unwrap_or_default();
            println!("console of the board:\n{}", console.split("vboard: ").last().unwrap_or_default());
        }
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// A background command.
#[derive(Debug)]
pub(crate) struct Task(u32);

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/tmp/task{}", self.0)
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "no {what} within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
