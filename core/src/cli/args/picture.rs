//! Flags for what is done to each picture before it is encoded.

use super::CameraArgs;
use crate::{
    cli::failure::with_flag,
    pipeline::{Corner, Edits, Flip, Hand, Mask, Overlay, Rotation},
};
use clap::Args;
use eyelet_hal::{CameraSource, Error, ErrorKind, PixelFormat, StreamFormat};
use std::str::FromStr;

/// What is done to each picture before it is encoded.
#[derive(Clone, Debug, Args)]
pub struct PictureArgs {
    /// Rotate the picture clockwise by 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES")]
    pub rotate: Option<Rotation>,
    /// Flip the picture, after it is rotated: h (left and right), v (top and bottom) or hv (both)
    #[arg(long, value_name = "SIDES")]
    pub flip: Option<Flip>,
    /// Black out a part of the picture as viewers see it; repeatable
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true)]
    pub mask: Vec<MaskArea>,
    /// Write this text on the picture, such as "{name} {time:%F %T}"; the time is UTC, {time+02:00:%T} two hours ahead
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub overlay: Option<Overlay>,
    /// The corner of the text: top-left, top-right, bottom-left or bottom-right [default: top-left]
    #[arg(long, value_name = "CORNER", requires = "overlay")]
    pub overlay_at: Option<Corner>,
}

/// `X,Y,W,H`: the left and the top edge, the width and the height, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskArea([u32; 4]);

impl FromStr for MaskArea {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let mut numbers = text.split(',').map(|number| number.trim().parse::<u64>().ok());
        // What reaches beyond an edge ends there, however far it reaches.
        let mut next = || numbers.next().flatten().map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let area = [next(), next(), next(), next()];
        match (area, numbers.next()) {
            ([Some(x), Some(y), Some(width), Some(height)], None) => Ok(Self([x, y, width, height])),
            _ => Err("a mask is X,Y,WIDTH,HEIGHT in pixels, such as 400,0,240,120"),
        }
    }
}

impl PictureArgs {
    /// Whether frames are edited at all.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.rotate.is_some() || self.flip.is_some() || self.overlay.is_some() || !self.mask.is_empty()
    }
}

/// What is done to the pictures of the camera that these flags ask for.
///
/// # Errors
/// `InvalidInput`, which is wrong usage, if it cannot be done to those.
pub(in crate::cli) fn edits<F: Args>(args: &CameraArgs<F>) -> eyelet_hal::Result<Option<Edits>> {
    let flags = &args.picture;
    if !flags.is_given() {
        return Ok(None);
    }
    if args.format == Some(PixelFormat::Jpeg) {
        let what = "--rotate, --flip, --mask and --overlay need raw frames, and --format jpeg asks for JPEGs";
        let remedy = "omit --format, or name a raw one";
        return Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy));
    }
    let mut edits = Edits::default();
    let mut size = (args.size.width.get(), args.size.height.get());
    if let Some(rotation) = flags.rotate {
        edits.rotate(rotation);
        if rotation.swaps_sides() {
            size = (size.1, size.0);
        }
    }
    flags.flip.into_iter().for_each(|flip| edits.flip(flip));
    for area in &flags.mask {
        edits.mask(Mask::new(area.0, size).map_err(|error| with_flag(error, "--mask"))?);
    }
    if let Some(overlay) = &flags.overlay {
        edits.overlay(overlay.clone().at(flags.overlay_at.unwrap_or_default()));
    }
    Ok(Some(edits))
}

/// What does that to the frames of this open camera; `name` is its name, if it was given one.
///
/// # Errors
/// If it cannot be done to its frames.
pub(in crate::cli) fn editor(
    edits: Option<Edits>,
    camera: &dyn CameraSource,
    name: Option<&str>,
) -> eyelet_hal::Result<Option<Box<dyn Hand>>> {
    let Some(edits) = edits else { return Ok(None) };
    check(&edits, camera)?;
    let mut editor = edits.begin();
    editor.camera(name.unwrap_or(camera.name()));
    Ok(Some(editor))
}

/// Whether it can be done to the frames of this open camera.
///
/// # Errors
/// That it cannot, as [`not_of`] says it.
pub(in crate::cli) fn check(edits: &Edits, camera: &dyn CameraSource) -> eyelet_hal::Result<()> {
    edits.check_camera(camera).map_err(|error| not_of(&error, camera.format()))
}

/// That frames of this format cannot be edited, with the flags to change. Of a camera that has JPEGs alone it is wrong usage:
/// a supervisor that starts the program again would do so for ever.
pub(in crate::cli) fn not_of(error: &Error, format: StreamFormat) -> Error {
    let what = error.message();
    match format.pixel {
        PixelFormat::Jpeg => Error::new(ErrorKind::InvalidInput, what)
            .with_remedy("use another camera, or leave out --rotate, --flip, --mask and --overlay"),
        _ => {
            let (width, height) = (format.width, format.height);
            let remedy = format!("the camera has {width}x{height}: use that, and place the masks in it");
            with_flag(Error::new(error.kind(), what).with_remedy(remedy), "--size, --mask")
        }
    }
}
