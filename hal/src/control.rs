//! What can be changed about an open camera.

use crate::{Error, ErrorKind, Result};

/// One control of a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Control {
    /// The name to set it by, of `a-z`, `0-9` and `_`: `white_balance_automatic`.
    pub name: String,
    /// What values it takes.
    pub kind: ControlKind,
    /// The value after plugging in; 0 for a button.
    pub default: i64,
    /// The value now; `None` for a button, and if it cannot be read.
    pub value: Option<i64>,
    /// It can be read and not set: while the camera runs, or at all.
    pub read_only: bool,
    /// Another control, such as an automatic mode, makes it have no effect now.
    pub inactive: bool,
}

/// What values a control takes. They are all numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlKind {
    /// From `min` to `max`. The camera may round to its own steps.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
        /// From one to the next, at least 1.
        step: u64,
    },
    /// 0 or 1.
    Boolean,
    /// One of these, each with its name.
    Menu(Vec<(i64, String)>),
    /// A press: any value.
    Button,
}

impl Control {
    /// A control that can be set.
    pub fn new(name: impl Into<String>, kind: ControlKind, default: i64, value: Option<i64>) -> Self {
        Self { name: name.into(), kind, default, value, read_only: false, inactive: false }
    }
}

impl ControlKind {
    /// Whether this is one of its values.
    pub fn takes(&self, value: i64) -> bool {
        match self {
            Self::Integer { min, max, .. } => (*min..=*max).contains(&value),
            Self::Boolean => (0..=1).contains(&value),
            Self::Menu(items) => items.iter().any(|(item, _)| *item == value),
            Self::Button => true,
        }
    }

    /// Its values, in words: `a whole number from 0 to 255`.
    pub fn expected(&self) -> String {
        match self {
            Self::Integer { min, max, .. } => format!("a whole number from {min} to {max}"),
            Self::Boolean => "true or false".to_owned(),
            Self::Menu(items) => {
                let items: Vec<_> = items.iter().map(|(item, name)| format!("{item} ({name})")).collect();
                format!("one of {}", items.join(", "))
            }
            Self::Button => "any value".to_owned(),
        }
    }
}

/// The size of a camera's frames and their rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frames per second.
    pub fps: f64,
}

/// The sizes and rates that an open camera can change to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Modes {
    /// What it has now.
    pub now: Mode,
    /// The sizes, in pixels, `now`'s among them.
    pub sizes: Vec<(u32, u32)>,
    /// The lowest and the highest rate, in frames per second.
    pub fps: (f64, f64),
}

impl Modes {
    /// These sizes, each once and with `now`'s among them, from the smallest to the largest.
    pub fn new(now: Mode, sizes: Vec<(u32, u32)>, fps: (f64, f64)) -> Self {
        let key = |&(width, height): &(u32, u32)| (u64::from(width) * u64::from(height), width);
        let mut sorted = Vec::with_capacity(sizes.len() + 1);
        // There are few, and a sort would be 11 kB of code.
        for size in sizes.into_iter().chain([now.size]) {
            if let Err(place) = sorted.binary_search_by_key(&key(&size), key) {
                sorted.insert(place, size);
            }
        }
        Self { now, sizes: sorted, fps }
    }
}

/// The controls of an open camera, such as its brightness, and its size and rate: what
/// [`CameraSource::controls`](crate::CameraSource::controls) gives.
///
/// # For callers
///
/// [`list`](Self::list), then [`set`](Self::set) one of what is listed, also while the camera runs. Setting one may change
/// others: list again. [`set_mode`](Self::set_mode) is for a stopped camera.
///
/// ```
/// # use eyelet_hal::*;
/// /// As it was plugged in.
/// fn reset(camera: &mut dyn CameraSource) -> Result<()> {
///     let Some(controls) = camera.controls() else { return Ok(()) };
///     for control in controls.list()? {
///         if !control.read_only && control.kind != ControlKind::Button {
///             controls.set(&control.name, control.default)?;
///         }
///     }
///     Ok(())
/// }
/// ```
///
/// # For implementors
///
/// - A value that is none of the control's, and a name that is not listed, is `InvalidInput` and changes nothing; so is a
///   read-only control. A value in between two steps may be rounded.
/// - Setting a control to the value that it has changes nothing.
/// - Return within a second: frames wait meanwhile.
/// - A mode is taken by the next `start`. One that the camera cannot have is an error and leaves the mode as it was.
///   `set_mode` of a started camera is `InvalidInput`.
/// - Run [`conformance`](crate#conformance) (feature `conformance`) against it.
///
/// ```
/// # use eyelet_hal::*;
/// /// The only thing to change.
/// struct Lamp { on: bool }
///
/// impl CameraControls for Lamp {
///     fn list(&mut self) -> Result<Vec<Control>> {
///         Ok(vec![Control::new("lamp", ControlKind::Boolean, 0, Some(self.on.into()))])
///     }
///     fn set(&mut self, name: &str, value: i64) -> Result<()> {
///         self.find(name, value)?;
///         self.on = value == 1;
///         Ok(())
///     }
/// }
/// # let mut lamp = Lamp { on: false };
/// # lamp.set("lamp", 1).unwrap();
/// # assert_eq!(lamp.list().unwrap()[0].value, Some(1));
/// # assert_eq!(lamp.set("lamp", 2).unwrap_err().to_string(), "cannot set lamp to 2; use true or false");
/// # assert!(lamp.set("lump", 1).is_err() && lamp.modes().unwrap().is_none());
/// ```
pub trait CameraControls {
    /// Every control that can be read or set, each name once.
    ///
    /// # Errors
    /// `Disconnected`, and any other error of the device.
    fn list(&mut self) -> Result<Vec<Control>>;

    /// Sets a control.
    ///
    /// # Errors
    /// `InvalidInput` for what it does not take; `Disconnected`, and any other error of the device.
    fn set(&mut self, name: &str, value: i64) -> Result<()>;

    /// The modes that it can change to; `None` if it keeps the one that it was opened with.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    fn modes(&mut self) -> Result<Option<Modes>> {
        Ok(None)
    }

    /// Changes the mode of the stopped camera, to the nearest that it has.
    ///
    /// # Errors
    /// `Unsupported` if it has no modes or not this one, `InvalidInput` while it is started, and any other error of the device.
    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        let ((width, height), fps) = (mode.size, mode.fps);
        let what =
            format!("cannot change to {width}x{height} at {fps} fps: the camera keeps its size and rate");
        Err(Error::new(ErrorKind::Unsupported, what))
    }

    /// The listed control of this name, if it takes this value: for implementors of [`set`](Self::set).
    ///
    /// # Errors
    /// `InvalidInput` if there is no such control, or it does not take the value.
    fn find(&mut self, name: &str, value: i64) -> Result<Control> {
        let refuse = |remedy: String| {
            Err(Error::new(ErrorKind::InvalidInput, format!("cannot set {name} to {value}"))
                .with_remedy(remedy))
        };
        match self.list()?.into_iter().find(|control| control.name == name) {
            None => refuse("there is no such control".to_owned()),
            Some(control) if control.read_only => refuse("it is read only".to_owned()),
            Some(control) if !control.kind.takes(value) => refuse(format!("use {}", control.kind.expected())),
            Some(control) => Ok(control),
        }
    }
}
