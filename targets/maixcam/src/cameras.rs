//! Which camera the flags mean.

use crate::{
    BoardFlags,
    csi::{self, CsiCamera, CsiConfig, CsiMode, CsiOpener},
    platform::JPEG_UNIT,
    sys::Kernel,
    venc::Standby,
};
use eyelet_core::cli::CameraRequest;
use eyelet_hal::{CameraSource, Error, ErrorKind, PixelFormat, Result, clock::SystemClock};
use eyelet_v4l2::{ControlSetting, V4l2Camera, V4l2Config, V4l2Opener};
use std::{path::Path, sync::Arc};

/// A camera, opened as often as need be.
#[derive(Debug)]
pub(crate) enum Cameras {
    /// One with a V4L2 node.
    V4l2(Box<V4l2Opener>),
    /// The board's built-in one.
    Csi(Box<CsiOpener>),
    /// The first there is of both when it is first opened, which it then is.
    Any(Box<Either>),
}

/// What there is to choose from.
#[derive(Debug)]
pub(crate) struct Either {
    v4l2: V4l2Opener,
    csi: CsiConfig,
    standby: Standby,
    /// Whether flags say something that only the built-in camera follows.
    only_for_csi: bool,
}

impl Cameras {
    /// The one that the flags mean.
    ///
    /// # Errors
    /// `InvalidInput` for what it has not.
    pub(crate) fn new(request: CameraRequest, flags: &BoardFlags) -> Result<Self> {
        match &*request.name {
            CsiCamera::NAME if request.others.iter().any(|name| name == CsiCamera::NAME) => {
                let what = "two cameras are the built-in one, which one program at a time can open";
                Err(Error::new(ErrorKind::InvalidInput, what).with_remedy("name --camera csi once"))
            }
            CsiCamera::NAME => {
                let mode = mode(&request, flags.csi)?;
                Ok(Self::Csi(Box::new(opener(built_in(&request, flags, mode), &flags.standby)?)))
            }
            // The built-in camera is left to the one that is named so, or to the first of those that may be it.
            AUTO if request.others.iter().any(|name| name == CsiCamera::NAME)
                || request.others[..request.position].iter().any(|name| name == AUTO) =>
            {
                Ok(Self::V4l2(Box::new(v4l2(&request, flags))))
            }
            AUTO => match mode(&request, flags.csi) {
                Ok(mode) => {
                    let csi = built_in(&request, flags, mode);
                    let of_several = !request.others.is_empty() && !csi.controls.is_empty();
                    Ok(Self::Any(Box::new(Either {
                        v4l2: v4l2(&request, flags),
                        only_for_csi: flags.csi.is_some() || of_several,
                        csi,
                        standby: flags.standby.clone(),
                    })))
                }
                Err(error) if flags.csi.is_some() => Err(error),
                // Only a V4L2 camera has that format.
                Err(_) => Ok(Self::V4l2(Box::new(v4l2(&request, flags)))),
            },
            name if flags.csi.is_some() && !one_may_be_built_in(&request, flags) => {
                let what = format!("--csi does not apply to --camera {name}");
                Err(Error::new(ErrorKind::InvalidInput, what).with_remedy("omit it, or use --camera csi"))
            }
            _ => Ok(Self::V4l2(Box::new(v4l2(&request, flags)))),
        }
    }

    /// Opens the camera. Drop the old one first.
    ///
    /// # Errors
    /// Those of the camera.
    pub(crate) fn open(&mut self) -> Result<Box<dyn CameraSource>> {
        match self {
            Self::V4l2(opener) => opened(opener.open()?),
            Self::Csi(opener) => Ok(Box::new(opener.open()?)),
            Self::Any(both) => match both.v4l2.open() {
                Ok(camera) => {
                    if both.only_for_csi {
                        let name = camera.name();
                        tracing::warn!(
                            "{name} is not the built-in camera: --csi and its controls have no effect"
                        );
                    }
                    *self = Self::V4l2(Box::new(both.v4l2.clone()));
                    opened(camera)
                }
                Err(error) if error.kind() == ErrorKind::NotFound && csi::is_installed() => {
                    tracing::info!("there is no V4L2 camera; opening the built-in one");
                    *self = Self::Csi(Box::new(opener(both.csi.clone(), &both.standby)?));
                    self.open()
                }
                Err(error) if error.kind() == ErrorKind::NotFound && Path::new(JPEG_UNIT).exists() => {
                    Err(error.with_remedy("plug a USB camera in, or install MaixPy for the built-in one"))
                }
                Err(error) => Err(error),
            },
        }
    }
}

/// The name of whichever camera there is.
const AUTO: &str = "auto";

/// Whether one of the cameras may be the built-in one.
fn one_may_be_built_in(request: &CameraRequest, flags: &BoardFlags) -> bool {
    request.others.iter().chain([&request.name]).any(|name| match &**name {
        CsiCamera::NAME => true,
        AUTO => mode(request, flags.csi).is_ok(),
        _ => false,
    })
}

/// The controls for the built-in camera, or those for V4L2 cameras. Of several cameras, one of which may be the built-in one, its
/// controls are its own, and the rest is for the others; an only camera is to refuse what it has not.
fn controls(request: &CameraRequest, flags: &BoardFlags, built_in: bool) -> Vec<ControlSetting> {
    let shared = !request.others.is_empty() && one_may_be_built_in(request, flags);
    let is_for = |control: &&ControlSetting| !shared || csi::has_control(control.name()) == built_in;
    flags.control.iter().filter(is_for).cloned().collect()
}

fn opener(config: CsiConfig, standby: &Standby) -> Result<CsiOpener> {
    CsiOpener::new(config, Arc::new(Kernel::default()), standby.clone())
}

fn opened(camera: V4l2Camera) -> Result<Box<dyn CameraSource>> {
    if let Some(note) = camera.note() {
        tracing::info!("{note}");
    }
    Ok(Box::new(camera))
}

/// Cameras count whole frames a second; a slower request takes their slowest.
fn fps(request: &CameraRequest) -> u32 {
    (request.fps.get().round() as u32).max(1)
}

fn v4l2(request: &CameraRequest, flags: &BoardFlags) -> V4l2Opener {
    let mut config = V4l2Config::new(&request.name);
    config.size = (request.size.width.get(), request.size.height.get());
    config.fps = fps(request);
    config.format = request.format;
    config.raw = request.raw;
    config.controls = controls(request, flags, false);
    V4l2Opener::new(config, Arc::new(SystemClock))
}

fn built_in(request: &CameraRequest, flags: &BoardFlags, mode: CsiMode) -> CsiConfig {
    CsiConfig {
        mode,
        size: (request.size.width.get(), request.size.height.get()),
        fps: fps(request),
        quality: request.quality,
        controls: controls(request, flags, true),
        ..CsiConfig::default()
    }
}

/// The mode in which the built-in camera has the requested format.
fn mode(request: &CameraRequest, csi: Option<CsiMode>) -> Result<CsiMode> {
    mode_of(request.format, csi).and_then(|mode| match mode {
        CsiMode::Auto if request.raw => Ok(CsiMode::Raw),
        CsiMode::Jpeg if request.raw => {
            let what = "the built-in camera's JPEGs cannot be rotated, flipped, masked or written on";
            Err(Error::new(ErrorKind::InvalidInput, what).with_remedy("use --csi raw"))
        }
        mode => Ok(mode),
    })
}

/// The mode in which the built-in camera has this format.
fn mode_of(format: Option<PixelFormat>, csi: Option<CsiMode>) -> Result<CsiMode> {
    let refuse = |what: String, remedy| Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy));
    let of_format = match format {
        None => return Ok(csi.unwrap_or_default()),
        Some(PixelFormat::Nv21) => CsiMode::Raw,
        Some(PixelFormat::Jpeg) => CsiMode::Jpeg,
        Some(other) => {
            let what = format!("the built-in camera has no format {}", other.name());
            return refuse(what, "use --format nv21 or jpeg, or omit it");
        }
    };
    match csi {
        None | Some(CsiMode::Auto) => Ok(of_format),
        Some(mode) if mode == of_format => Ok(mode),
        Some(_) => refuse("--csi and --format contradict each other".to_owned(), "omit one of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_of_the_built_in_camera_selects_its_mode() {
        let (nv21, jpeg) = (Some(PixelFormat::Nv21), Some(PixelFormat::Jpeg));
        for (format, csi, want) in [
            (None, None, CsiMode::Auto),
            (None, Some(CsiMode::Jpeg), CsiMode::Jpeg),
            (nv21, None, CsiMode::Raw),
            (nv21, Some(CsiMode::Raw), CsiMode::Raw),
            (jpeg, Some(CsiMode::Auto), CsiMode::Jpeg),
        ] {
            assert_eq!(mode_of(format, csi).unwrap(), want);
        }
    }

    #[test]
    fn format_that_the_built_in_camera_has_not_is_refused_with_those_it_has() {
        let refused = |format, csi| {
            let error = mode_of(Some(format), csi).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.to_string()
        };
        assert_eq!(
            refused(PixelFormat::Yuyv, None),
            "the built-in camera has no format yuyv; use --format nv21 or jpeg, or omit it"
        );
        let both = "--csi and --format contradict each other; omit one of them";
        assert_eq!(refused(PixelFormat::Nv21, Some(CsiMode::Jpeg)), both);
        assert_eq!(refused(PixelFormat::Jpeg, Some(CsiMode::Raw)), both);
    }
}
