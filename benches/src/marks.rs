//! Tables in a document that a command can make anew: they stand between two marks.

use std::{fs, io, path::Path};

/// Puts `text` between the marks of `name` in a file.
///
/// # Errors
/// The system's; `InvalidData` if the marks are not there.
pub fn replace(file: &Path, name: &str, text: &str) -> io::Result<()> {
    let old = fs::read_to_string(file)?;
    let new = replaced(&old, name, text).ok_or_else(|| {
        let what = format!("{}: no marks of {name} in it", file.display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })?;
    fs::write(file, new)
}

fn replaced(old: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let (head, rest) = old.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some([head, &begin, text, &end, tail].concat())
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_the_text_between_the_marks_is_replaced() {
        let old = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        assert_eq!(replaced(old, "x", "new\n").unwrap(), old.replace("old", "new"));
        assert_eq!(replaced(old, "y", "new\n"), None);
    }
}
