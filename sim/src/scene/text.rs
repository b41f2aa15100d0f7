//! A page of text in several sizes: what becomes of fine print shows how good a JPEG is.

use super::{
    Canvas, Drawing, Moment,
    ink::{font, label},
};
use embedded_graphics::{
    mono_font::{MonoFont, MonoTextStyle},
    pixelcolor::Rgb888,
    prelude::*,
    primitives::Rectangle,
    text::{Alignment, Baseline, Text},
};

const PAPER: Rgb888 = Rgb888::new(250, 248, 240);
const INK: Rgb888 = Rgb888::new(28, 30, 36);
const PALE: Rgb888 = Rgb888::new(130, 134, 145);
const ACCENT: Rgb888 = Rgb888::new(170, 40, 40);
const FOOT: Rgb888 = Rgb888::new(38, 44, 60);

const SENTENCES: [&str; 6] = [
    "The quick brown fox jumps over the lazy dog.",
    "Pack my box with five dozen liquor jugs.",
    "0123456789 +-*/= (){}[]<> !?&%$#@ .,:;'\"",
    "Sphinx of black quartz, judge my vow.",
    "How vexingly quick daft zebras jump!",
    "Il1| O0Q S5 Z2 B8 rn m cl d vv w",
];

pub(super) struct Page {
    background: Canvas,
    foot: Rectangle,
    font: &'static MonoFont<'static>,
}

impl Page {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let mut background = Canvas::new(width, height);
        let Ok(()) = background.clear(PAPER);
        let margin = (width / 32) as i32;
        let mut y = crate::pattern::HEIGHT as i32 + margin / 2;
        let foot_height = (height / 14).max(10).min(height);
        let end = (height - foot_height) as i32;
        let sizes = [20.0, 15.0, 13.0, 10.0, 8.0, 6.0].map(font);
        for (line, sentence) in SENTENCES.iter().cycle().enumerate() {
            let font = sizes[line / 3 % sizes.len()];
            let step = (font.character_size.height + font.character_size.height / 4) as i32;
            if y + step > end {
                break;
            }
            let color = [INK, INK, PALE, INK, ACCENT][line % 5];
            let style = MonoTextStyle::new(font, color);
            let text = Text::with_baseline(sentence, Point::new(margin, y), style, Baseline::Top);
            let Ok(_) = text.draw(&mut background);
            y += step;
        }
        let foot = Rectangle::new(Point::new(0, end), Size::new(width, foot_height));
        let Ok(()) = background.fill_solid(&foot, FOOT);
        Self { background, foot, font: font(foot_height as f32 * 0.8) }
    }
}

impl Drawing for Page {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        canvas.copy_from(&self.background);
        let y = self.foot.center().y as f32;
        let width = self.foot.size.width as f32;
        label(canvas, &moment.clock(), (width * 0.03, y), Alignment::Left, self.font, Rgb888::WHITE);
        let number = format!("frame {}", moment.sequence);
        label(canvas, &number, (width * 0.97, y), Alignment::Right, self.font, Rgb888::WHITE);
    }
}
