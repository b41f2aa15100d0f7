//! Opens the camera, and again after it was lost.

use super::{
    CsiCamera, CsiConfig, CsiMode, Held,
    bringup::Bringup,
    camera::{Frames, Luck},
    child::out_of_step,
    jpeg::Pictures,
    raw::{InUse, Opening},
    words::{Ready, Report},
};
use crate::{sys::System, venc::Standby};
use eyelet_hal::{Error, ErrorKind, PixelFormat, Result, StreamFormat, clock::monotonic};
use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

/// How long one call waits for the camera: whoever opens it must notice a stop, and report that it lives.
const SLICE: Duration = Duration::from_millis(200);

/// Blocks of the scaler's channel. Two of them wait and one is being filled, so that the fourth can be lent.
const TO_LEND_ONE: u32 = 4;
/// What MaixPy takes by default.
const TO_LEND_NONE: u32 = 3;

/// What helps where nothing else does.
pub(super) const RESTART: &str = "restart the board";

/// Opens the built-in camera again and again.
///
/// MaixPy takes seconds for it, up to 20. A call waits for a fifth of a second, and fails with `Opening` if the camera is not
/// open yet; the next call goes on with that. A camera that another program has open is left alone.
///
/// [`Auto`](CsiMode::Auto) goes over to JPEGs, and says why in one line, where raw frames are impossible: for good if the
/// board's drivers have another interface than the known one (`Unsupported`) or none (`NotFound`), else until the camera is opened again.
#[derive(Debug)]
pub struct CsiOpener {
    config: CsiConfig,
    system: Arc<dyn System>,
    standby: Standby,
    /// Whose `proc` shows who has the camera.
    root: PathBuf,
    step: Option<Step>,
    /// Whether raw frames are out of the question.
    no_raw: bool,
    luck: Luck,
    scaler: InUse,
    /// The last process, if it has not ended: where it could not be ended.
    process: Weak<()>,
}

/// How far opening has come.
#[derive(Debug)]
enum Step {
    /// MaixPy is opening the camera.
    Starting(Starting),
    /// The scaler is being opened. It is dropped in this order: MaixPy must not close the camera before the thread that waits
    /// for its first frame has ended.
    Scaler(Opening, Bringup),
    /// There are no raw frames, and MaixPy is to be started again to encode.
    Again,
}

/// A process that is opening the camera.
#[derive(Debug)]
struct Starting {
    bringup: Bringup,
    is_raw: bool,
    /// On the monotonic clock.
    until: Duration,
}

impl CsiOpener {
    /// For this configuration, on this system, beside the encoders that `standby` can put down.
    ///
    /// # Errors
    /// `InvalidInput` for a size or a control that the camera has not.
    pub fn new(config: CsiConfig, system: Arc<dyn System>, standby: Standby) -> Result<Self> {
        config.start(TO_LEND_ONE)?;
        Ok(Self {
            config,
            system,
            standby,
            root: "/".into(),
            step: None,
            no_raw: false,
            luck: Luck::default(),
            scaler: InUse::default(),
            process: Weak::new(),
        })
    }

    /// Opens the camera. Drop the old one first.
    ///
    /// # Errors
    /// `Opening` while it is still being opened, `Busy` while another program has the camera, `NotFound` without Python or
    /// MaixPy, and what MaixPy reports; in the mode [`Raw`](CsiMode::Raw) why it is impossible.
    pub fn open(&mut self) -> Result<CsiCamera> {
        use ErrorKind::{Busy, InvalidInput, NotFound, Opening, Unsupported};
        match self.attempt() {
            Err(error) if matches!(error.kind(), Busy | InvalidInput | NotFound | Opening | Unsupported) => {
                Err(error)
            }
            opened => {
                // One that is open has yet to give a picture.
                self.luck.none();
                opened.map_err(|error| self.luck.advise(error))
            }
        }
    }

    fn attempt(&mut self) -> Result<CsiCamera> {
        match self.step.take() {
            None => self.start(self.config.mode != CsiMode::Jpeg && !self.no_raw),
            Some(Step::Again) => self.start(false),
            Some(Step::Starting(starting)) => self.started(starting),
            Some(Step::Scaler(opening, bringup)) => self.scaler(bringup, opening),
        }
    }

    /// The next call goes on with this.
    fn later(&mut self, step: Step) -> Result<CsiCamera> {
        self.step = Some(step);
        Err(Error::new(ErrorKind::Opening, "the built-in camera is still being opened"))
    }

    fn start(&mut self, is_raw: bool) -> Result<CsiCamera> {
        let hangs = |what: &str| {
            let what = format!("cannot open the built-in camera: {what}");
            Err(Error::new(ErrorKind::Other, what).with_remedy(RESTART))
        };
        if self.scaler.get() {
            return hangs("the scaler's driver has not returned from a call");
        }
        if self.process.strong_count() > 0 {
            return hangs("MaixPy cannot be ended");
        }
        let line = self.config.start(if is_raw { TO_LEND_ONE } else { TO_LEND_NONE })?;
        let bringup = Bringup::start(&line, &self.config, &self.standby, &self.root)?;
        self.process = bringup.child.life();
        // Whoever waits for the camera says so before anything goes wrong.
        self.later(Step::Starting(Starting {
            bringup,
            is_raw,
            until: monotonic() + self.config.patience.open,
        }))
    }

    fn started(&mut self, mut starting: Starting) -> Result<CsiCamera> {
        let Some(ready) = self.wait(&mut starting)? else { return self.later(Step::Starting(starting)) };
        let Starting { bringup, is_raw, .. } = starting;
        let Ready { width, height, maixpy, board, .. } = &ready;
        tracing::debug!(board, maixpy, width, height, raw = is_raw, "MaixPy has the built-in camera open");
        if is_raw {
            return match Opening::start(Arc::clone(&self.system), &self.held(&ready)) {
                Ok(opening) => {
                    self.scaler = opening.in_use();
                    self.scaler(bringup, opening)
                }
                Err(error) => self.impossible(bringup, error),
            };
        }
        // MaixPy encodes with the JPEG unit, which stays put down.
        let format = StreamFormat::new(PixelFormat::Jpeg, *width, *height)
            .ok_or_else(|| out_of_step("opened a camera without a size"))?;
        Ok(CsiCamera::new(Frames::Jpeg(Pictures::new(format)), bringup, self.luck.clone()))
    }

    fn scaler(&mut self, mut bringup: Bringup, mut opening: Opening) -> Result<CsiCamera> {
        match opening.wait(SLICE) {
            Ok(None) => self.later(Step::Scaler(opening, bringup)),
            Ok(Some(raw)) => {
                bringup.leave_unit();
                Ok(CsiCamera::new(Frames::Raw(Box::new(raw)), bringup, self.luck.clone()))
            }
            Err(error) => {
                drop(opening);
                self.impossible(bringup, error)
            }
        }
    }

    /// There are no raw frames. That a process which hangs is ended may take as long as one call should, so that the next one
    /// starts the other.
    fn impossible(&mut self, bringup: Bringup, error: Error) -> Result<CsiCamera> {
        let error = bringup.explain(error);
        if self.config.mode == CsiMode::Raw {
            let why = |what: &str| {
                format!("the built-in camera gives no raw frames, and no others were asked for: {what}")
            };
            return Err(error.map_message(why));
        }
        tracing::warn!(%error, "the built-in camera gives no raw frames; MaixPy encodes them");
        self.no_raw |= matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotFound);
        drop(bringup);
        self.later(Step::Again)
    }

    fn held(&self, ready: &Ready) -> Held {
        let Ready { group, channel, width, height, .. } = *ready;
        Held { group, channel, width, height, fps: self.config.fps.max(1), buffers: TO_LEND_ONE }
    }

    /// Waits until the camera is open; `None` if it is not yet.
    fn wait(&self, starting: &mut Starting) -> Result<Option<Ready>> {
        let until = starting.until.min(monotonic() + SLICE);
        match starting.bringup.child.report(until)? {
            Some(Report::Ready(ready)) => Ok(Some(ready)),
            Some(Report::Error { stage, text }) => {
                Err(starting.bringup.name_holder(super::refusal(&stage, &text)))
            }
            Some(Report::Picture { .. } | Report::MaixPy(_)) => {
                Err(out_of_step("sent what it was not asked for"))
            }
            None if monotonic() < starting.until => Ok(None),
            None => {
                let patience = self.config.patience.open;
                let what = format!("MaixPy has not opened the built-in camera within {patience:?}");
                Err(Error::new(ErrorKind::TimedOut, what).with_remedy("restart the board if it stays so"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Machine;
    use std::{fs, os::unix::fs::symlink};

    /// An opener on a board where this process has this node open.
    fn beside(name: &str, node: &str) -> (tempfile::TempDir, CsiOpener) {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("proc/312");
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::write(process.join("comm"), name).unwrap();
        symlink(node, process.join("fd/7")).unwrap();
        let system = Machine::new().process();
        let mut opener = CsiOpener::new(CsiConfig::default(), system, Standby::default()).unwrap();
        opener.root = root.path().to_owned();
        (root, opener)
    }

    /// It would take the camera away from that one.
    #[test]
    fn camera_that_another_program_has_open_is_left_alone_and_its_name_told() {
        let (_root, mut opener) = beside("launcher\n", "/dev/cvi-vi");
        for _ in 0..3 {
            let error = opener.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy);
            let text = error.to_string();
            let want = "cannot open the built-in camera: it is held by launcher (process 312); stop the launcher with ";
            assert!(text.starts_with(want), "{text}");
        }
    }
    /// MaixPy may reload the unit's driver, and ends half-way if a node of it is open.
    #[test]
    fn camera_is_not_opened_while_another_program_has_the_jpeg_unit_open() {
        let (_root, mut opener) = beside("eyelet\n", "/dev/cvi_vc_enc3");
        let error = opener.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert_eq!(
            error.to_string(),
            "cannot open the built-in camera: the JPEG unit is held by eyelet (process 312), and MaixPy may reload its \
             driver; end the other eyelet; one program at a time can use the camera"
        );
    }

    /// MaixPy hung in a driver and was asked again and again for the camera that it had.
    #[test]
    fn camera_is_not_opened_while_a_process_before_cannot_be_ended() {
        let root = tempfile::tempdir().unwrap();
        let system = Machine::new().process();
        let mut opener = CsiOpener::new(CsiConfig::default(), system, Standby::default()).unwrap();
        opener.root = root.path().to_owned();
        let process = Arc::new(());
        opener.process = Arc::downgrade(&process);
        let error = opener.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(
            error.to_string(),
            "cannot open the built-in camera: MaixPy cannot be ended; restart the board"
        );
    }

    // What runs tests of riscv64 in emulation cannot start another program.
    #[cfg(not(target_arch = "riscv64"))]
    mod only_one {
        use super::*;
        use std::{path::Path, time::Instant};

        /// An opener on this board, whose MaixPy takes a second for its import.
        fn opener(root: &Path) -> CsiOpener {
            let mut config = CsiConfig { mode: CsiMode::Jpeg, ..CsiConfig::default() };
            let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/maix");
            let environment =
                [("PYTHONPATH", package.as_os_str()), ("EYELET_MAIX_FAIL", "slow:import".as_ref())];
            config.environment = environment.map(|(name, value)| (name.into(), value.into())).into();
            let mut opener = CsiOpener::new(config, Machine::new().process(), Standby::default()).unwrap();
            opener.root = root.to_owned();
            opener
        }

        /// Two that were started within one import both had MaixPy open the camera, and reload the drivers.
        #[test]
        fn camera_is_opened_by_one_eyelet_at_a_time_from_the_start_of_maixpy_on() {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("dev")).unwrap();
            fs::write(root.path().join("dev/cvi-vi"), "").unwrap();
            let (mut first, mut second) = (opener(root.path()), opener(root.path()));
            assert_eq!(first.open().unwrap_err().kind(), ErrorKind::Opening);
            let error = second.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy);
            assert!(
                error.message().ends_with("another eyelet is opening it, or MaixPy has yet to close it"),
                "{error}"
            );
            let late = Instant::now() + Duration::from_secs(60);
            let camera = loop {
                match first.open() {
                    Err(error) if error.kind() == ErrorKind::Opening => assert!(Instant::now() < late),
                    opened => break opened.unwrap(),
                }
            };
            assert_eq!(second.open().unwrap_err().kind(), ErrorKind::Busy, "it is open");
            drop(camera);
            assert_eq!(second.open().unwrap_err().kind(), ErrorKind::Opening, "it is free");
        }

        /// The second was refused, whose camera is another one.
        #[test]
        fn machine_without_the_cameras_nodes_has_nothing_to_share() {
            let root = tempfile::tempdir().unwrap();
            let (mut first, mut second) = (opener(root.path()), opener(root.path()));
            assert_eq!(first.open().unwrap_err().kind(), ErrorKind::Opening);
            assert_eq!(second.open().unwrap_err().kind(), ErrorKind::Opening);
        }
    }
}
