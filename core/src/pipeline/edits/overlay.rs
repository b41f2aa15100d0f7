//! Text on each picture.

use super::template::Template;
use crate::{
    feed::Label,
    image::{Canvas, Color, Lettering},
};
use eyelet_hal::{Error, Result, StreamFormat};
use std::str::FromStr;

/// A corner of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Corner {
    /// `top-left`.
    #[default]
    TopLeft,
    /// `top-right`.
    TopRight,
    /// `bottom-left`.
    BottomLeft,
    /// `bottom-right`.
    BottomRight,
}

impl FromStr for Corner {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, &'static str> {
        match text {
            "top-left" => Ok(Self::TopLeft),
            "top-right" => Ok(Self::TopRight),
            "bottom-left" => Ok(Self::BottomLeft),
            "bottom-right" => Ok(Self::BottomRight),
            _ => Err("a corner is top-left, top-right, bottom-left or bottom-right"),
        }
    }
}

/// A text to write on pictures, white on black in a corner.
///
/// It may have placeholders: `{name}` of the camera, `{host}` of the machine, `{sequence}` of the picture, and the time of its
/// capture as `{time}` or `{time:FORMAT}`, with a part of `strftime`'s letters. The time is UTC, and `{time+02:00:%F %T}` that of a
/// clock which is two hours ahead of it, all year round. `{{` and `}}` are braces.
///
/// Letters are about as high as 1/24 of the picture's shorter side, smaller where the text would be too wide, and 10 pixels at
/// least; what is still too wide or too high is cut off. Characters outside Latin-1 become `?`.
///
/// ```
/// use eyelet_core::pipeline::{Corner, Overlay};
/// let overlay: Overlay = "{name} {time:%F %T}".parse()?;
/// let overlay = overlay.at(Corner::BottomLeft);
/// assert!("{date}".parse::<Overlay>().is_err());
/// # let _ = overlay;
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    template: Template,
    corner: Corner,
}

impl Overlay {
    /// In this corner.
    #[must_use]
    pub fn at(self, corner: Corner) -> Self {
        Self { corner, ..self }
    }
}

impl FromStr for Overlay {
    type Err = Error;

    /// # Errors
    /// `InvalidInput`, with what there is, for an unknown placeholder or letter of a time.
    fn from_str(text: &str) -> Result<Self> {
        Ok(Self { template: Template::parse(text)?, corner: Corner::default() })
    }
}

/// The text as it was written last, in the format of the picture. It is written anew only when it changes.
pub(super) struct Plate {
    overlay: Overlay,
    camera: String,
    /// What is written, and what is to be.
    written: String,
    text: String,
    /// Of the picture.
    of: Option<StreamFormat>,
    /// Of the plate.
    format: Option<StreamFormat>,
    pixels: Vec<u8>,
}

impl Plate {
    pub(super) fn new(overlay: Overlay) -> Self {
        let (written, text) = (String::new(), String::new());
        Self { overlay, camera: String::new(), written, text, of: None, format: None, pixels: Vec::new() }
    }

    /// The camera is called so.
    pub(super) fn camera(&mut self, name: &str) {
        name.clone_into(&mut self.camera);
    }

    /// Puts the text of the picture with this label on it.
    pub(super) fn put(&mut self, canvas: &mut Canvas<'_>, label: &Label) -> Result<()> {
        self.overlay.template.fill(&mut self.text, &self.camera, label);
        if self.of != Some(canvas.format()) || self.text != self.written {
            self.of = None;
            self.write(canvas.format())?;
            self.of = Some(canvas.format());
            self.written.clone_from(&self.text);
        }
        let Some(format) = self.format else { return Ok(()) };
        let right = canvas.width() - format.width.get();
        let bottom = canvas.height() - format.height.get();
        let (x, y) = match self.overlay.corner {
            Corner::TopLeft => (0, 0),
            Corner::TopRight => (right, 0),
            Corner::BottomLeft => (0, bottom),
            Corner::BottomRight => (right, bottom),
        };
        canvas.paste(&Canvas::packed(format, &mut self.pixels)?.view(), x, y);
        Ok(())
    }

    /// Writes the text on a plate of its size, for a picture of this format.
    fn write(&mut self, of: StreamFormat) -> Result<()> {
        let (width, height) = (of.width.get(), of.height.get());
        let columns =
            self.text.lines().map(|line| line.chars().count()).max().unwrap_or(0).min(0xffff) as u32;
        let rows = self.text.lines().count().min(0xffff) as u32;
        let scales = (1..=width.min(height) / 360).rev().map(|scale| Lettering::LARGE.times(scale));
        // Half a character of margin on both sides.
        let fits = |letters: &Lettering| (columns + 1).saturating_mul(letters.width()) <= width;
        let letters = scales.into_iter().find(fits).unwrap_or(Lettering::SMALL);
        // Chroma is shared from even coordinates on: the plate begins at one and ends at one, or at the edge that it is at.
        let side = |characters: u32, of_one: u32, margin: u32, end: u32, is_at_end: bool| {
            let pixels = u64::from(characters) * u64::from(of_one) + u64::from(margin);
            let odd = u64::from(is_at_end && end % 2 == 1);
            (pixels.next_multiple_of(2) + odd).min(end.into()) as u32
        };
        let corner = self.overlay.corner;
        let is_right = matches!(corner, Corner::TopRight | Corner::BottomRight);
        let is_below = matches!(corner, Corner::BottomLeft | Corner::BottomRight);
        let margin = (letters.width(), letters.height() / 5);
        let size = (
            side(columns, letters.width(), margin.0, width, is_right),
            side(rows, letters.height(), margin.1, height, is_below),
        );
        self.format = StreamFormat::new(of.pixel, size.0, size.1).filter(|_| columns > 0);
        let Some(format) = self.format else { return Ok(()) };
        self.pixels.resize(format.packed_len().unwrap_or_default(), 0);
        let mut canvas = Canvas::packed(format, &mut self.pixels)?;
        canvas.black_out((0..size.0, 0..size.1), Default::default(), format);
        let (x, y) = (i64::from(margin.0 / 2), i64::from(margin.1 / 2));
        letters.draw(&mut canvas, x, y, &self.text, Color::WHITE);
        Ok(())
    }
}
