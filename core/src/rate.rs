//! A camera's rate as clients read and write it: frames per second, in thousandths.

/// Rates that are closer than this are one to clients.
const CLOSE: f64 = 0.0005;

/// The rate as clients read it.
pub(crate) fn shown(fps: f64) -> f64 {
    (fps * 1000.0).round() / 1000.0
}

/// Whether two rates are one to clients.
pub(crate) fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() < CLOSE
}

/// The rate from the lowest to the highest that a client means by `fps`, who has read both ends rounded.
///
/// # Errors
/// What would be right, if it is another one.
pub(crate) fn within((lowest, highest): (f64, f64), fps: f64) -> Result<f64, String> {
    let (from, to) = (shown(lowest), shown(highest));
    match (from..=to).contains(&shown(fps)) {
        true => Ok(fps.max(lowest).min(highest)),
        false => Err(format!("a number from {from} to {to}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest rate of a list was refused where it had been rounded up.
    #[test]
    fn rounded_end_of_a_range_is_taken_as_that_end() {
        let range = (5.000_45, 14.992_503_7);
        for (wanted, taken) in [(14.993, range.1), (5.0, range.0), (7.5, 7.5)] {
            assert_eq!(within(range, wanted), Ok(taken));
        }
        for wanted in [14.994, 4.999, f64::NAN, f64::INFINITY, -7.5] {
            assert_eq!(within(range, wanted), Err("a number from 5 to 14.993".to_owned()));
        }
        assert_eq!(within((30.0001, 30.0), 30.0), Ok(30.0), "a camera that lists them the wrong way round");
    }
}
