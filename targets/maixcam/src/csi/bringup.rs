//! The process that holds the camera, and the JPEG unit beside it.

use super::{
    child::Child,
    config::CsiConfig,
    holders::{self, Holder},
};
use crate::venc::{Down, Standby};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    path::{Path, PathBuf},
    process,
};

/// A process of MaixPy, with no node of the JPEG unit open on our side while it starts and while it stops: MaixPy may reload
/// the drivers. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Bringup {
    pub(super) child: Child,
    standby: Standby,
    /// While it starts, and as long as MaixPy uses the unit itself.
    down: Option<Down>,
    root: PathBuf,
}

impl Bringup {
    /// Starts it, unless another program has the camera or the JPEG unit by what `root`/proc shows.
    ///
    /// # Errors
    /// `Busy` then, and those of [`Child::start`].
    pub(super) fn start(line: &str, config: &CsiConfig, standby: &Standby, root: &Path) -> Result<Self> {
        let holders = holders::scan(root);
        let busy =
            |what: String| Error::new(ErrorKind::Busy, format!("cannot open the built-in camera: {what}"));
        if let Some(holder) = other(holders.camera, 0) {
            return Err(busy(format!("it is held by {holder}")).with_remedy(holder.remedy()));
        }
        if let Some(holder) = other(holders.unit, 0) {
            let what = format!("the JPEG unit is held by {holder}, and MaixPy may reload its driver");
            return Err(busy(what).with_remedy(holder.remedy()));
        }
        let down = Some(standby.put_down());
        let child = Child::opening(line, config, root)?;
        Ok(Self { child, standby: standby.clone(), down, root: root.to_owned() })
    }

    /// It has started, and leaves the unit to us.
    pub(super) fn leave_unit(&mut self) {
        self.down = None;
    }

    /// The error that a loss of the camera comes to: with the reason, if it is the end of the process or another program.
    pub(super) fn explain(&self, error: Error) -> Error {
        let error = match error.kind() {
            ErrorKind::TimedOut | ErrorKind::Disconnected => self.child.fate().unwrap_or(error),
            _ => return error,
        };
        if error.kind() == ErrorKind::TimedOut { error } else { self.name_holder(error) }
    }

    /// The error with the program that has the camera, if there is one besides ours.
    pub(super) fn name_holder(&self, error: Error) -> Error {
        match other(holders::scan(&self.root).camera, self.child.id()) {
            Some(holder) => error
                .map_message(|message| format!("{message}; it is held by {holder}"))
                .with_remedy(holder.remedy()),
            None => error,
        }
    }
}

/// Of these, one that is neither this program nor the one of this number.
fn other(holders: Vec<Holder>, child: u32) -> Option<Holder> {
    let own = [process::id(), child];
    holders.into_iter().find(|holder| !own.contains(&holder.pid))
}

impl Drop for Bringup {
    fn drop(&mut self) {
        let _down = self.down.take().unwrap_or_else(|| self.standby.put_down());
        self.child.stop();
    }
}
