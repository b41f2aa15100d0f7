//! A stand-in for MaixPy, the pictures that it has, and the port that its camera is behind.

pub(crate) use crate::logged::logged;
use eyelet_core::encode;
use eyelet_hal::{ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Quality, StreamFormat};
use eyelet_maixcam::{
    csi::{CsiCamera, CsiConfig, CsiMode, CsiOpener},
    model::Machine,
    venc::Standby,
};
use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Longer than anything takes that works.
pub(crate) const NEVER: Duration = Duration::from_secs(60);
/// For what hangs for certain.
pub(crate) const SHORT_WAIT: Duration = Duration::from_millis(200);

/// A board: its camera behind a port, pictures, and the environment by which MaixPy finds both.
pub(crate) struct Board {
    folder: tempfile::TempDir,
    /// Of all processes that belong to this board.
    mark: String,
    port: Arc<Port>,
}

/// The camera, which one process at a time can open.
#[derive(Default)]
struct Port {
    /// Every line of every process, and `killed` for the end of one that did not close the camera.
    log: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Board {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let port = Arc::new(Port::default());
        for number in 0..PICTURES {
            fs::write(folder.path().join(format!("{number}.jpg")), picture(number)).unwrap();
        }
        let listener = UnixListener::bind(folder.path().join("port")).unwrap();
        let served = Arc::clone(&port);
        thread::spawn(move || {
            for process in listener.incoming().map_while(Result::ok) {
                let served = Arc::clone(&served);
                thread::spawn(move || served.serve(&process));
            }
        });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { folder, mark: format!("eyelet-test-{}-{number}", process::id()), port }
    }

    /// The environment in which MaixPy is found, and fails so.
    pub(crate) fn environment(&self, fail: &str) -> Vec<(OsString, OsString)> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/maix");
        let variables: [(&str, OsString); 5] = [
            ("PYTHONPATH", package.into()),
            ("EYELET_MAIX_PICTURES", self.folder.path().into()),
            ("EYELET_MAIX_PORT", self.folder.path().join("port").into()),
            ("EYELET_MAIX_FAIL", fail.into()),
            ("EYELET_TEST_BOARD", self.mark.clone().into()),
        ];
        variables.map(|(name, value)| (name.into(), value)).into()
    }

    /// How to open the camera of the process that fails so.
    pub(crate) fn config(&self, fail: &str) -> CsiConfig {
        let mut config = CsiConfig::default();
        config.mode = CsiMode::Jpeg;
        config.size = SIZE;
        config.fps = 200;
        config.environment = self.environment(fail);
        config
    }

    pub(crate) fn opener(&self, fail: &str) -> CsiOpener {
        opener(self.config(fail))
    }

    /// Impatient with what hangs.
    pub(crate) fn impatient(&self, fail: &str) -> CsiOpener {
        let mut config = self.config(fail);
        config.patience.open = SHORT_WAIT;
        config.patience.stop = SHORT_WAIT;
        config.patience.end = SHORT_WAIT;
        opener(config)
    }

    /// Impatient once it is open.
    pub(crate) fn impatient_when_open(&self, fail: &str) -> CsiCamera {
        let mut config = self.config(fail);
        config.patience.stop = SHORT_WAIT;
        config.patience.end = SHORT_WAIT;
        open(&mut opener(config)).unwrap()
    }

    pub(crate) fn camera(&self, fail: &str) -> CsiCamera {
        open(&mut self.opener(fail)).unwrap()
    }

    /// What the camera has been asked.
    pub(crate) fn log(&self) -> Vec<String> {
        self.port.log.lock().unwrap().clone()
    }

    /// Waits until this was asked of the camera.
    pub(crate) fn until_asked(&self, line: &str) {
        let asked = |log: &mut Vec<String>| !log.iter().any(|asked| asked == line);
        let log = self.port.log.lock().unwrap();
        let (log, late) = self.port.changed.wait_timeout_while(log, NEVER, asked).unwrap();
        assert!(!late.timed_out(), "{line} is not among {log:?}");
    }

    /// The living processes of this board.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let number = |entry: fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let environment = fs::read(entry.path().join("environ")).ok()?;
            environment.windows(self.mark.len()).any(|part| part == self.mark.as_bytes()).then_some(pid)
        };
        processes.filter_map(number).collect()
    }

    /// Waits until no process of this board lives, and this one has no dead children.
    pub(crate) fn until_empty(&self) {
        // Other tests have children that they are about to wait for.
        until(|| self.processes().is_empty() && dead_children() == 0);
    }

    /// A path for a file.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Port {
    fn serve(&self, process: &UnixStream) {
        let mut is_open = false;
        for line in BufReader::new(process).lines().map_while(Result::ok) {
            match line.split(' ').next() {
                Some("open") => is_open = true,
                Some("close") => is_open = false,
                _ => {}
            }
            let answer = if line.starts_with("open") { "ok 0\n" } else { "ok\n" };
            self.note(line);
            let mut process = process;
            let _ = process.write_all(answer.as_bytes());
        }
        if is_open {
            self.note("killed".to_owned());
        }
    }

    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
        self.changed.notify_all();
    }
}

/// Opens the camera, however often it has to be called for that.
pub(crate) fn open(opener: &mut CsiOpener) -> eyelet_hal::Result<CsiCamera> {
    loop {
        match opener.open() {
            Err(error) if error.kind() == ErrorKind::Opening => {}
            opened => break opened,
        }
    }
}

/// On a system without a scaler.
pub(crate) fn opener(config: CsiConfig) -> CsiOpener {
    CsiOpener::new(config, Machine::new().process(), Standby::default()).unwrap()
}

/// Waits for it.
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    let late = Instant::now() + NEVER;
    while !condition() {
        assert!(Instant::now() < late, "it never came");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Children that have ended and were not waited for.
fn dead_children() -> usize {
    let own = format!(" {} ", process::id());
    let is_dead = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `PID (NAME) STATE PARENT ...`
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.strip_prefix(" Z").is_some_and(|rest| rest.starts_with(&own)))
    };
    fs::read_dir("/proc").unwrap().flatten().map(is_dead).filter(|&dead| dead).count()
}

/// The size of the pictures.
pub(crate) const SIZE: (u32, u32) = (80, 64);
pub(crate) const PICTURES: u8 = 5;

/// One that is different for each number.
pub(crate) fn picture(number: u8) -> Vec<u8> {
    let format = StreamFormat::new(PixelFormat::Grey, SIZE.0, SIZE.1).unwrap();
    let pixels = vec![number * 40; (SIZE.0 * SIZE.1) as usize];
    let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&pixels, SIZE.0 as usize)]).unwrap();
    let mut jpeg = Vec::new();
    encode::by_name("software").unwrap().encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
    jpeg
}
