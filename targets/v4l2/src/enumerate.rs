//! Lists that a driver gives item by item: formats, sizes, intervals.

use crate::{
    choose::{FormatInfo, IntervalRange},
    driver::{Driver, is_end, is_gone},
    fourcc,
};
use std::io;

/// The most items of a list. Real lists have a few dozen; some drivers answer for ever.
pub(crate) const MOST: u32 = 256;
/// After this many errors a list is left as it is: each may be a USB request that timed out.
pub(crate) const FAILURES: u32 = 4;

/// The items at 0, 1, 2 and so on, each once. An item that cannot be read does not hide the others; the first such
/// error is returned beside the list.
fn items<T: PartialEq>(
    mut ask: impl FnMut(u32) -> io::Result<Option<T>>,
    failed: &mut Option<io::Error>,
) -> Vec<T> {
    let mut found = Vec::new();
    let mut failures = 0;
    for index in 0..MOST {
        match ask(index) {
            Ok(Some(item)) if !found.contains(&item) => found.push(item),
            Ok(_) => {}
            Err(e) if is_end(&e) => break,
            Err(e) => {
                failures += 1;
                let last = is_gone(&e) || failures == FAILURES;
                failed.get_or_insert(e);
                if last {
                    break;
                }
            }
        }
    }
    found
}

/// Formats and their sizes in the driver's order, and the first error that left something out.
pub(crate) fn formats(driver: &dyn Driver) -> (Vec<FormatInfo>, Option<io::Error>) {
    let mut failed = None;
    let codes = items(|index| driver.format_at(index).map(Some), &mut failed);
    let format = |fourcc: [u8; 4]| {
        // Drivers with one size need not list it.
        let sizes = items(|index| driver.size_at(fourcc, index), &mut failed);
        FormatInfo { fourcc, pixel: fourcc::pixel_format(fourcc), sizes }
    };
    let formats = codes.into_iter().map(format).collect();
    (formats, failed)
}

/// The intervals offered in a format and size; empty if the driver lists none.
pub(crate) fn intervals(driver: &dyn Driver, fourcc: [u8; 4], size: (u32, u32)) -> Vec<IntervalRange> {
    items(|index| driver.interval_at(fourcc, size, index), &mut None)
}
