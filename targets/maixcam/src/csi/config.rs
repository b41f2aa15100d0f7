//! The configuration of the built-in camera.

use eyelet_hal::{Error, ErrorKind, Quality, Result};
use eyelet_v4l2::ControlSetting;
use std::{ffi::OsString, ops::RangeInclusive, str::FromStr, time::Duration};

/// How frames come from the built-in camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsiMode {
    /// [`Raw`](Self::Raw) where it is possible, else [`Jpeg`](Self::Jpeg).
    #[default]
    Auto,
    /// NV21 frames from the scaler's memory, with no copy.
    Raw,
    /// JPEGs that MaixPy encodes.
    Jpeg,
}

impl FromStr for CsiMode {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            "raw" => Ok(Self::Raw),
            "jpeg" => Ok(Self::Jpeg),
            _ => Err("frames come as auto, raw or jpeg"),
        }
    }
}

/// How to open the built-in camera.
///
/// ```
/// use eyelet_maixcam::csi::CsiConfig;
/// let mut config = CsiConfig::default();
/// config.size = (1280, 720);
/// config.controls.push("hflip=1".parse().unwrap());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsiConfig {
    /// How frames come from it.
    pub mode: CsiMode,
    /// Width and height in pixels: even, 64x64 to 2560x1440, which the largest of its sensors has.
    pub size: (u32, u32),
    /// Frames per second; MaixPy takes what the sensor has next to it.
    pub fps: u32,
    /// Quality of the JPEGs; MaixPy makes 51 to 99 of it.
    pub quality: Quality,
    /// `hflip`, `vflip`, `exposure` in microseconds and `gain` in 1/1024, set while it opens.
    pub controls: Vec<ControlSetting>,
    /// Variables for the environment of MaixPy's process, beside those of this one.
    pub environment: Vec<(OsString, OsString)>,
    /// How long MaixPy's process may take.
    pub patience: Patience,
}

/// How long MaixPy's process may take, each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// To open the camera.
    pub open: Duration,
    /// To close the camera and end.
    pub stop: Duration,
    /// To end when it is sent SIGKILL; before that SIGTERM, if it has no camera to close.
    pub end: Duration,
}

impl Default for Patience {
    /// 20 s, 5 s and 2 s.
    fn default() -> Self {
        Self { open: Duration::from_secs(20), stop: Duration::from_secs(5), end: Duration::from_secs(2) }
    }
}

impl Default for CsiConfig {
    /// 640x480 at 30 frames per second, `Auto`.
    fn default() -> Self {
        Self {
            mode: CsiMode::Auto,
            size: (640, 480),
            fps: 30,
            quality: Quality::DEFAULT,
            controls: Vec::new(),
            environment: Vec::new(),
            patience: Patience::default(),
        }
    }
}

/// Of the pictures that MaixPy gives.
pub(super) const WIDTHS: RangeInclusive<u32> = 64..=2560;
/// Of the pictures that MaixPy gives.
pub(super) const HEIGHTS: RangeInclusive<u32> = 64..=1440;

/// The controls, what MaixPy calls them, and their values.
pub(super) const CONTROLS: [(&str, &str, RangeInclusive<u32>); 4] = [
    ("hflip", "hmirror", 0..=1),
    ("vflip", "vflip", 0..=1),
    ("exposure", "exposure", 1..=1_000_000),
    ("gain", "gain", 1..=1_000_000),
];

/// Whether the built-in camera has a control of this name.
pub(crate) fn has_control(name: &str) -> bool {
    CONTROLS.iter().any(|(known, ..)| *known == name)
}

/// A setting in MaixPy's words as it was given to us.
pub(super) fn as_given(setting: &str) -> String {
    let ours = |(name, value): (&str, &str)| {
        let (ours, ..) = CONTROLS.iter().find(|(_, theirs, _)| *theirs == name)?;
        Some(format!("{ours}={value}"))
    };
    setting.split_once('=').and_then(ours).unwrap_or_else(|| setting.to_owned())
}

impl CsiConfig {
    /// The line that opens the camera with so many blocks in the scaler's channel, with its end; see `words`.
    ///
    /// # Errors
    /// `InvalidInput` for a size that MaixPy cannot give, and for a control that there is not.
    pub(super) fn start(&self, buffers: u32) -> Result<String> {
        let (width, height) = self.size;
        let refuse = |why: String, remedy: String| {
            Err(Error::new(ErrorKind::InvalidInput, format!("cannot open the built-in camera: {why}"))
                .with_remedy(remedy))
        };
        if !WIDTHS.contains(&width) || !HEIGHTS.contains(&height) || width % 2 != 0 || height % 2 != 0 {
            return refuse(
                format!("it has no size {width}x{height}"),
                "choose even sides from 64x64 to 2560x1440, such as 640x480".to_owned(),
            );
        }
        let fps = self.fps.max(1);
        let mut line = format!("start {width} {height} {fps} {buffers} {}", self.quality.get());
        for setting in &self.controls {
            let Some((_, name, values)) = CONTROLS.iter().find(|(name, ..)| *name == setting.name()) else {
                let names = CONTROLS.map(|(name, ..)| name).join(", ");
                return refuse(
                    format!("it has no control {}", setting.name()),
                    format!("use one of {names}"),
                );
            };
            let value = match setting.value() {
                "on" | "true" if *values.end() == 1 => Some(1),
                "off" | "false" if *values.end() == 1 => Some(0),
                number => number.parse().ok(),
            };
            let Some(value) = value.filter(|value| values.contains(value)) else {
                return refuse(
                    format!("{setting} is out of range"),
                    format!("use {} to {}", values.start(), values.end()),
                );
            };
            line += &format!(" {name}={value}");
        }
        line.push('\n');
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(size: (u32, u32), controls: &[&str]) -> Result<String> {
        let controls = controls.iter().map(|control| control.parse().unwrap()).collect();
        CsiConfig { size, controls, fps: 0, ..CsiConfig::default() }.start(4)
    }

    #[test]
    fn start_has_size_rate_buffers_quality_and_controls_by_maixpys_names() {
        assert_eq!(CsiConfig::default().start(4).unwrap(), "start 640 480 30 4 80\n");
        let controls = ["hflip=1", "VFlip=off", "exposure=20000", "gain=2048"];
        assert_eq!(
            with((1366, 768), &controls).unwrap(),
            "start 1366 768 1 4 80 hmirror=1 vflip=0 exposure=20000 gain=2048\n"
        );
    }

    #[test]
    fn start_of_a_size_that_there_is_not_is_refused_with_those_that_there_are() {
        for size in [(641, 480), (640, 481), (0, 0), (62, 64), (2562, 1440), (2560, 1442), (u32::MAX, 2)] {
            let error = with(size, &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().ends_with(&format!("it has no size {}x{}", size.0, size.1)), "{error}");
            assert_eq!(error.remedy(), Some("choose even sides from 64x64 to 2560x1440, such as 640x480"));
        }
    }

    #[test]
    fn start_with_an_unknown_control_or_value_is_refused_with_the_known_ones() {
        let refused = |control| with((640, 480), &[control]).unwrap_err().to_string();
        assert_eq!(
            refused("brightness=3"),
            "cannot open the built-in camera: it has no control brightness; use one of hflip, vflip, exposure, gain"
        );
        for control in ["hflip=2", "hflip=yes", "exposure=0", "exposure=-1", "gain=on", "vflip=1 x=2"] {
            let text = refused(control);
            assert!(text.contains(&format!("{control} is out of range; use ")), "{text}");
        }
    }
}
