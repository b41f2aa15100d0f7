//! Members of a JSON object as cells, and cells in columns.

use crate::cli::columns::{fitting, width};
use serde_json::Value;
use std::fmt::Write as _;

/// Between two columns.
const GAP: usize = 2;

/// The most columns of a cell: one that is wider would have all others in its column filled up with spaces.
const CELL: usize = 100;

/// The most cameras or viewers: a server admits no more.
const MOST: usize = 10_000;

/// The members of a list; none where there is no list.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], |list| &list[..list.len().min(MOST)])
}

/// A text, or a number as it was written.
pub(super) fn word(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "-".to_owned(),
    }
}

/// A number with so many decimals.
pub(super) fn number(value: &Value, decimals: usize) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |number| format!("{number:.decimals$}"))
}

fn cut(cell: &str) -> &str {
    &cell[..fitting(cell, CELL)]
}

/// A head and rows below it, as wide as their widest; numbers stand at the right.
pub(super) fn columns<const N: usize>(head: [(&str, bool); N], rows: &[[String; N]]) -> Vec<String> {
    let columns = |text: &str| text.chars().map(width).sum::<usize>();
    let widest: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| columns(cut(&row[column])));
        cells.chain([head[column].0.len()]).max().unwrap_or_default()
    });
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for (column, cell) in cells.into_iter().enumerate() {
            let space = " ".repeat(widest[column] - columns(cell));
            let (before, behind) = if head[column].1 { (&*space, "") } else { ("", &*space) };
            let gap = if column == 0 { 0 } else { GAP };
            let _ = write!(line, "{:gap$}{before}{cell}{behind}", "");
        }
        line
    };
    let mut lines = vec![line(head.map(|(name, _)| name))];
    lines.extend(rows.iter().map(|row| line(row.each_ref().map(|cell| cut(cell)))));
    lines
}
