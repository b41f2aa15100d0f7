//! A control that is to have a value.

use super::{ControlInfo, normalise};
use crate::{driver::Driver, error};
use eyelet_hal::{Error, ErrorKind, Result};
use rustix::io::Errno;
use std::{fmt, str::FromStr};

/// A control and the value to give it, written `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSetting {
    name: String,
    value: String,
}

impl ControlSetting {
    /// A number.
    pub(crate) fn number(name: &str, value: i64) -> Self {
        Self { name: name.to_owned(), value: value.to_string() }
    }

    /// The control's name, as [`ControlInfo::name`] writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as it was written.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for ControlSetting {
    type Err = &'static str;
    fn from_str(s: &str) -> std::result::Result<Self, &'static str> {
        let (name, value) = s.split_once('=').ok_or("a control is set by name=value, as brightness=120")?;
        let (name, value) = (normalise(name), value.trim().to_owned());
        if name.is_empty() || value.is_empty() {
            return Err("a control needs a name and a value, as brightness=120");
        }
        Ok(Self { name, value })
    }
}

impl fmt::Display for ControlSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Which control, and which number.
pub(crate) fn resolve<'a>(
    camera: &str,
    controls: &'a [ControlInfo],
    setting: &ControlSetting,
) -> Result<(&'a ControlInfo, i64)> {
    let refuse = |why: &str, remedy: String| {
        let what = format!("cannot set {} of {camera} to {}: {why}", setting.name, setting.value);
        Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy)
    };
    let Some(control) = controls.iter().find(|control| control.name == setting.name) else {
        let names: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(refuse("no such control", format!("it has {names}")));
    };
    if control.read_only {
        let remedy = "leave it out, or close what else captures from the camera";
        return Err(refuse("it is read only", remedy.to_owned()));
    }
    match control.number(&setting.value) {
        Some(number) => Ok((control, number)),
        None => Err(refuse("out of range", format!("use {}", control.values()))),
    }
}

/// Sets one of `controls`.
pub(crate) fn set(
    driver: &dyn Driver,
    camera: &str,
    controls: &[ControlInfo],
    setting: &ControlSetting,
) -> Result<()> {
    let (control, number) = resolve(camera, controls, setting)?;
    driver.set_value(control.id, number).map_err(|e| {
        let (kind, why, remedy) = match Errno::from_io_error(&e) {
            // Some drivers take less than they list.
            Some(Errno::INVAL | Errno::RANGE) => {
                let values = format!("use {}", control.values());
                (ErrorKind::InvalidInput, "the driver refuses the value", values)
            }
            // What uvcvideo returns while an automatic mode decides: from Linux 5.16 on, and before.
            Some(Errno::ACCESS | Errno::PERM | Errno::ILSEQ) => {
                let remedy = "switch the automatic mode off that decides it, if there is one";
                (ErrorKind::Busy, "it cannot be set now", remedy.to_owned())
            }
            // Of a control that is fixed while frames are captured, or of a program with a higher priority.
            Some(Errno::BUSY) => {
                let remedy = "set it before frames are captured, or close what else controls the camera";
                (ErrorKind::Busy, "the driver does not change it now", remedy.to_owned())
            }
            // The answer to this one request. A camera that has failed delivers no frames either.
            Some(Errno::IO | Errno::PIPE | Errno::PROTO | Errno::TIMEDOUT | Errno::OVERFLOW) => (
                ErrorKind::Other,
                "the camera refuses it or has failed",
                "try again, or another value".to_owned(),
            ),
            _ => return error::system(&format!("set {setting} on"), camera, e),
        };
        let what = format!("cannot set {setting} on {camera}: {why}");
        Error::new(kind, what).with_remedy(remedy).with_source(e)
    })
}
