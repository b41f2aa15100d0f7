//! Names in fixed-size fields of C structures, as text that is safe to show.

/// Text of a driver, up to its NUL. Names of cameras are cut to 31 bytes, also within a character.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    text.trim_end_matches(char::REPLACEMENT_CHARACTER).replace(is_invisible, " ").trim().to_owned()
}

/// What moves a terminal's cursor, colours it, or makes text read otherwise than it is.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_cut_or_odd_are_text() {
        assert_eq!(text(b"HD Webcam\0\0\0"), "HD Webcam");
        assert_eq!(text("Caméra é".as_bytes().split_last().unwrap().1), "Caméra");
        assert_eq!(text(b"two\nlines \0rest"), "two lines");
        assert_eq!(text(b"Cam \x1b[31mred\x9b2J\xff"), "Cam  [31mred\u{fffd}2J");
        assert_eq!(text("C1 \u{9b}2J, from right \u{202e}to left".as_bytes()), "C1  2J, from right  to left");
        assert_eq!(text(b""), "");
    }
}
