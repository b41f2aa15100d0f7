//! What is written with a font.

use crate::image::{Color, Image, Lettering};

const TITLE: &str = "NO SIGNAL";
const REASON: Color = Color::from_rgb(0xb8, 0xc0, 0xc8);

/// The title where the picture is too small for drawn letters; the result is the row below it.
pub(super) fn title(image: &mut Image) -> u32 {
    let (width, height) = (image.width(), image.height());
    let left = width.saturating_sub(TITLE.len() as u32 * Lettering::SMALL.width()) / 2;
    let top = (height / 3 - Lettering::SMALL.height() / 2).max(height / 20);
    Lettering::SMALL.draw(&mut image.canvas(), left.into(), top.into(), TITLE, Color::WHITE);
    top + Lettering::SMALL.height()
}

/// The reason below `top`, in lines of some 25 to 60 characters.
pub(super) fn reason(image: &mut Image, mut top: u32, reason: &str) {
    let (width, height) = (image.width(), image.height());
    let font = if width < 320 || height < 160 { Lettering::SMALL } else { Lettering::LARGE };
    let font = font.times((width / 640).min(height / 10 / font.height()).max(1));
    let leading = font.height() + font.height() / 4;
    let columns = (width - width / 8) / font.width();
    let rows = height.saturating_sub(top + height / 40) / leading;
    for line in wrap(reason, columns as usize, rows as usize) {
        let left = width.saturating_sub(line.chars().count() as u32 * font.width()) / 2;
        font.draw(&mut image.canvas(), left.into(), top.into(), &line, REASON);
        top += leading;
    }
}

/// Breaks `text` into at most `rows` lines of at most `columns` characters, between words where it can.
fn wrap(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if columns == 0 || rows == 0 {
        return lines;
    }
    let mut room = 0;
    for mut word in text.split_whitespace() {
        while !word.is_empty() {
            let end = word.char_indices().nth(columns).map_or(word.len(), |(at, _)| at);
            let piece;
            (piece, word) = word.split_at(end);
            let len = piece.chars().count();
            let full = lines.len() == rows;
            match lines.last_mut() {
                Some(line) if len < room => {
                    line.push(' ');
                    line.push_str(piece);
                    room -= len + 1;
                }
                Some(last) if full => {
                    let kept = last.chars().count().min(columns.saturating_sub(3));
                    *last = last.chars().take(kept).chain("...".chars().take(columns)).collect();
                    return lines;
                }
                _ => {
                    lines.push(piece.to_owned());
                    room = columns - len;
                }
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_break_between_words_and_end_in_dots_when_cut() {
        assert_eq!(wrap("no such device", 7, 9), ["no such", "device"]);
        assert_eq!(wrap("  unplugged\n\t", 4, 9), ["unpl", "ugge", "d"]);
        assert_eq!(wrap("one two three", 5, 2), ["one", "tw..."]);
        assert_eq!(wrap("one two", 2, 1), [".."]);
        assert!(wrap(" \n", 5, 5).is_empty());
    }

    proptest! {
        #[test]
        fn lines_fit_and_lose_nothing(text in any::<String>(), columns in 0usize..20, rows in 0usize..20) {
            let lines = wrap(&text, columns, rows);
            prop_assert!(lines.len() <= rows);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= columns));
            if columns > 0 && lines.len() < rows {
                let letters = |s: &str| s.split_whitespace().collect::<String>();
                prop_assert_eq!(letters(&lines.concat()), letters(&text));
            }
        }
    }
}
