//! Opens the camera, and again after it was lost.

use super::{
    CsiCamera, CsiConfig, CsiMode, Held, RawCamera,
    bringup::Bringup,
    camera::Frames,
    child::out_of_step,
    jpeg::Pictures,
    words::{Ready, Report},
};
use crate::{sys::System, venc::Standby};
use eyelet_hal::{Error, ErrorKind, PixelFormat, Result, StreamFormat, clock::monotonic};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How long one call waits for the camera: whoever opens it must notice a stop, and report that it lives.
const SLICE: Duration = Duration::from_millis(200);

/// After this many failures in a row only a restart of the board helps: not even its reloaded drivers did.
const HOPELESS: u32 = 3;

/// Blocks of the scaler's channel. Two of them wait and one is being filled, so that the fourth can be lent.
const TO_LEND_ONE: u32 = 4;
/// What MaixPy takes by default.
const TO_LEND_NONE: u32 = 3;

/// Opens the built-in camera again and again.
///
/// MaixPy takes seconds for it, up to 20. A call waits for a fifth of a second, and fails with `Opening` if the camera is not
/// open yet; the next call goes on with that. A camera that another program has open is left alone.
///
/// [`Auto`](CsiMode::Auto) goes over to JPEGs, and says why in one line, where raw frames are impossible: for good if the
/// board's drivers have another interface than the known one (`Unsupported`), else until the camera is opened again.
#[derive(Debug)]
pub struct CsiOpener {
    config: CsiConfig,
    system: Arc<dyn System>,
    standby: Standby,
    /// Whose `proc` shows who has the camera.
    root: PathBuf,
    starting: Option<Starting>,
    /// Whether raw frames are out of the question.
    no_raw: bool,
    /// In a row.
    failures: u32,
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
        Ok(Self { config, system, standby, root: "/".into(), starting: None, no_raw: false, failures: 0 })
    }

    /// Opens the camera. Drop the old one first.
    ///
    /// # Errors
    /// `Opening` while it is still being opened, `Busy` while another program has the camera, `NotFound` without Python or
    /// MaixPy, and what MaixPy reports; in the mode [`Raw`](CsiMode::Raw) why it is impossible.
    pub fn open(&mut self) -> Result<CsiCamera> {
        use ErrorKind::{Busy, InvalidInput, NotFound, Unsupported};
        let opened = self.attempt();
        match &opened {
            Ok(_) => self.failures = 0,
            // It goes on.
            Err(_) if self.starting.is_some() => {}
            Err(error) if matches!(error.kind(), Busy | NotFound | InvalidInput | Unsupported) => {}
            Err(_) => self.failures += 1,
        }
        opened.map_err(|error| match self.failures {
            HOPELESS.. => error.with_remedy("restart the board"),
            _ => error,
        })
    }

    fn attempt(&mut self) -> Result<CsiCamera> {
        let mut starting = match self.starting.take() {
            Some(starting) => starting,
            None => self.start(self.config.mode != CsiMode::Jpeg && !self.no_raw)?,
        };
        loop {
            let Some(ready) = self.wait(&mut starting)? else {
                self.starting = Some(starting);
                return Err(Error::new(ErrorKind::Opening, "the built-in camera is still being opened"));
            };
            let Ready { width, height, maixpy, board, .. } = &ready;
            tracing::debug!(
                board,
                maixpy,
                width,
                height,
                raw = starting.is_raw,
                "MaixPy has the built-in camera open"
            );
            let Starting { mut bringup, is_raw, .. } = starting;
            if !is_raw {
                // MaixPy encodes with the JPEG unit, which stays put down.
                let format = StreamFormat::new(PixelFormat::Jpeg, *width, *height)
                    .ok_or_else(|| out_of_step("opened a camera without a size"))?;
                return Ok(CsiCamera::new(Frames::Jpeg(Pictures::new(format)), bringup));
            }
            match RawCamera::open(Arc::clone(&self.system), &self.held(&ready)) {
                Ok(raw) => {
                    bringup.leave_unit();
                    return Ok(CsiCamera::new(Frames::Raw(Box::new(raw)), bringup));
                }
                Err(error) if self.config.mode == CsiMode::Raw => return Err(bringup.explain(error)),
                Err(error) => {
                    let error = bringup.explain(error);
                    tracing::warn!(%error, "the built-in camera gives no raw frames; MaixPy encodes them");
                    self.no_raw |= error.kind() == ErrorKind::Unsupported;
                    drop(bringup);
                    starting = self.start(false)?;
                }
            }
        }
    }

    fn held(&self, ready: &Ready) -> Held {
        let Ready { group, channel, width, height, .. } = *ready;
        Held { group, channel, width, height, fps: self.config.fps.max(1), buffers: TO_LEND_ONE }
    }

    fn start(&self, is_raw: bool) -> Result<Starting> {
        let line = self.config.start(if is_raw { TO_LEND_ONE } else { TO_LEND_NONE })?;
        let bringup = Bringup::start(&line, &self.config, &self.standby, &self.root)?;
        Ok(Starting { bringup, is_raw, until: monotonic() + self.config.patience.open })
    }

    /// Waits until the camera is open; `None` if it is not yet.
    fn wait(&self, starting: &mut Starting) -> Result<Option<Ready>> {
        let until = starting.until.min(monotonic() + SLICE);
        match starting.bringup.child.report(until)? {
            Some(Report::Ready(ready)) => Ok(Some(ready)),
            Some(Report::Error { stage, text }) => {
                Err(starting.bringup.name_holder(super::refusal(&stage, &text)))
            }
            Some(Report::Picture { .. }) => Err(out_of_step("sent a picture unasked")),
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

    /// It would take the camera away from that one.
    #[test]
    fn camera_that_another_program_has_open_is_left_alone_and_its_name_told() {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("proc/312");
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::write(process.join("comm"), "launcher\n").unwrap();
        symlink("/dev/cvi-vi", process.join("fd/7")).unwrap();
        let system = Machine::new().process();
        let mut opener = CsiOpener::new(CsiConfig::default(), system, Standby::default()).unwrap();
        opener.root = root.path().to_owned();
        for _ in 0..HOPELESS {
            let error = opener.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy);
            let text = error.to_string();
            let want = "cannot open the built-in camera: it is held by launcher (process 312); stop the launcher with ";
            assert!(text.starts_with(want), "{text}");
        }
    }
}
