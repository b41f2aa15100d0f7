//! What synthetic cameras see.
//!
//! A picture is a function of the scene, its size, the seed and the [`Moment`], and of nothing else: two runs see
//! the same, whatever their machine's C library: `libm` computes what needs more than arithmetic. What stands still is
//! drawn once, so that a frame costs little.

mod bars;
mod canvas;
mod card;
mod changing;
mod clock;
mod detail;
mod effects;
mod glyphs;
mod ink;
mod moving_box;
mod noise;
mod text;
mod value_noise;

pub use canvas::Canvas;
pub use effects::Effects;

use crate::pattern;
use std::{fmt, str::FromStr, time::Duration};

/// What a synthetic camera sees. Every scene carries the [`pattern`] in its top-left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scene {
    /// `card`: a test card with colour bars, a clock, the frame number and a moving box.
    #[default]
    Card,
    /// `bars`: colour bars that stand still.
    Bars,
    /// `box`: a box that moves and bounces.
    Box,
    /// `clock`: a clock that shows UTC.
    Clock,
    /// `text`: a page of text in several sizes.
    Text,
    /// `noise`: each pixel at random; the hardest for a JPEG encoder.
    Noise,
    /// `detail`: a landscape that goes by, with the grain of a sensor; what real pictures cost.
    Detail,
    /// `changing`: the card for ten seconds, under noise for ten, and so on.
    Changing,
}

impl Scene {
    /// Every scene, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Card,
        Self::Bars,
        Self::Box,
        Self::Clock,
        Self::Text,
        Self::Noise,
        Self::Detail,
        Self::Changing,
    ];

    /// The name used in flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Bars => "bars",
            Self::Box => "box",
            Self::Clock => "clock",
            Self::Text => "text",
            Self::Noise => "noise",
            Self::Detail => "detail",
            Self::Changing => "changing",
        }
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No such scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseSceneError(());

impl fmt::Display for ParseSceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such scene; use one of")?;
        for (i, scene) in Scene::ALL.iter().enumerate() {
            write!(f, "{}{scene}", if i == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseSceneError {}

impl FromStr for Scene {
    type Err = ParseSceneError;
    fn from_str(s: &str) -> Result<Self, ParseSceneError> {
        Self::ALL.into_iter().find(|scene| scene.name() == s).ok_or(ParseSceneError(()))
    }
}

/// When a picture is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// The number of the frame.
    pub sequence: u64,
    /// Time since the camera started: what moves, moves by it.
    pub elapsed: Duration,
    /// Wall clock, since 1970-01-01 UTC: what clocks show.
    pub unix: Duration,
}

impl Moment {
    /// A moment.
    pub fn new(sequence: u64, elapsed: Duration, unix: Duration) -> Self {
        Self { sequence, elapsed, unix }
    }

    /// A position between 0 and 1 that runs through once every `period` seconds.
    fn phase(&self, period: f64) -> f64 {
        (self.elapsed.as_secs_f64() / period).fract()
    }

    /// A position between 0 and 1 that goes there and back every `period` seconds.
    fn swing(&self, period: f64) -> f64 {
        1.0 - (2.0 * self.phase(period) - 1.0).abs()
    }

    /// Hours, minutes, seconds of the day and milliseconds.
    fn time_of_day(&self) -> [u64; 4] {
        let millis = self.unix.as_millis() as u64;
        [millis / 3_600_000 % 24, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000]
    }

    /// `12:34:56.789`, UTC.
    fn clock(&self) -> String {
        let [hour, minute, second, milli] = self.time_of_day();
        format!("{hour:02}:{minute:02}:{second:02}.{milli:03}")
    }
}

/// A scene at one size.
trait Drawing: Send {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment);
}

/// Paints a scene again and again onto one canvas.
///
/// ```
/// use eyelet_sim::{pattern, scene::{Moment, Painter, Scene}};
/// use std::time::Duration;
///
/// let mut painter = Painter::new(Scene::Card, 320, 240, 0);
/// let picture = painter.paint(&Moment::new(42, Duration::from_millis(1400), Duration::ZERO));
/// assert_eq!(pattern::read_sequence_rgb(picture.bytes(), 320, 240), Some(42));
/// ```
pub struct Painter {
    canvas: Canvas,
    drawing: Box<dyn Drawing>,
    /// What is done to each picture.
    pub effects: Effects,
}

impl Painter {
    /// Prepares what stands still. Memory and time grow with the number of pixels.
    pub fn new(scene: Scene, width: u32, height: u32, seed: u64) -> Self {
        let canvas = Canvas::new(width, height);
        let drawing: Box<dyn Drawing> = match scene {
            Scene::Card => Box::new(card::Card::new(width, height)),
            Scene::Bars => Box::new(bars::Bars::new(width, height)),
            Scene::Box => Box::new(moving_box::MovingBox::new(width, height)),
            Scene::Clock => Box::new(clock::WallClock::new(width, height)),
            Scene::Text => Box::new(text::Page::new(width, height)),
            Scene::Noise => Box::new(noise::Noise::new(seed)),
            Scene::Detail => Box::new(detail::Landscape::new(width, height, seed)),
            Scene::Changing => Box::new(changing::Changing::new(width, height, seed)),
        };
        Self { canvas, drawing, effects: Effects::default() }
    }

    /// The picture of a moment, with its sequence number as the [`pattern`] (modulo 2^32).
    pub fn paint(&mut self, moment: &Moment) -> &Canvas {
        self.drawing.draw(&mut self.canvas, moment);
        self.effects.apply(&mut self.canvas, moment);
        let Ok(()) = pattern::draw(&mut self.canvas, moment.sequence as u32);
        &self.canvas
    }
}

impl fmt::Debug for Painter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Painter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::prelude::*;

    fn moment(sequence: u64) -> Moment {
        let elapsed = Duration::from_millis(sequence * 100);
        Moment::new(sequence, elapsed, Duration::from_secs(1_700_000_000) + elapsed)
    }

    #[test]
    fn names_round_trip_and_an_unknown_one_lists_the_known_ones() {
        for scene in Scene::ALL {
            assert_eq!(scene.to_string().parse(), Ok(scene));
        }
        let error = "sunset".parse::<Scene>().unwrap_err().to_string();
        assert_eq!(error, "no such scene; use one of card, bars, box, clock, text, noise, detail, changing");
    }

    #[test]
    fn picture_is_a_function_of_its_moment() {
        for scene in Scene::ALL {
            let mut first = Painter::new(scene, 160, 120, 5);
            let pictures: Vec<_> = (0..3).map(|i| first.paint(&moment(i)).clone()).collect();
            let mut second = Painter::new(scene, 160, 120, 5);
            for i in [2, 0, 1] {
                assert_eq!(second.paint(&moment(i)), &pictures[i as usize], "{scene}");
            }
            assert_ne!(pictures[0], pictures[1], "{scene}: nothing changes");
        }
    }

    #[test]
    fn seeds_change_what_is_random() {
        for scene in [Scene::Noise, Scene::Detail] {
            let paint = |seed| Painter::new(scene, 160, 120, seed).paint(&moment(1)).clone();
            assert_ne!(paint(1), paint(2), "{scene}");
        }
    }

    #[test]
    fn every_size_can_be_drawn() {
        for scene in Scene::ALL {
            for (width, height) in [(1, 1), (2, 3), (7, 200), (200, 7), (129, 25), (641, 479)] {
                let mut painter = Painter::new(scene, width, height, 0);
                let canvas = painter.paint(&moment(77));
                assert_eq!(canvas.size(), Size::new(width, height));
                let want = (width >= 128 && height >= 24).then_some(77);
                let (w, h) = (width as usize, height as usize);
                assert_eq!(
                    pattern::read_sequence_rgb(canvas.bytes(), w, h),
                    want,
                    "{scene} {width}x{height}"
                );
            }
        }
    }
}
