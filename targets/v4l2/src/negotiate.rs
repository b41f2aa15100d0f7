//! Format and rate, from what is wanted to what the driver makes of it.

use crate::{
    choose::{Choice, Interval, nearest_interval},
    driver::{BufferFormat, Driver, is_gone},
    enumerate, error, fourcc,
};
use eyelet_hal::{Error, ErrorKind, Result, StreamFormat};
use rustix::io::Errno;
use std::io;

/// What the driver agreed to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) choice: Choice,
    pub(crate) buffer: BufferFormat,
    pub(crate) stream: StreamFormat,
    pub(crate) interval: Option<Interval>,
}

/// Sets format, size and rate, and learns what the driver made of them.
pub(crate) fn settle(camera: &str, driver: &dyn Driver, choice: Choice, fps: u32) -> Result<Settled> {
    let (width, height) = choice.size;
    let operation = format!("set {width}x{height} {} on", choice.pixel);
    let fail = |e| settling(camera, &operation, e);
    let refuse = |why: String| {
        Error::new(ErrorKind::Unsupported, format!("cannot {operation} {camera}: its driver gives {why}"))
            .with_remedy("choose another format or size")
    };
    let buffer = match driver.set_format(choice.fourcc, choice.size) {
        // The format that it has now decides; where that cannot be read, what S_FMT returned will do.
        Ok(answer) => match driver.format() {
            Err(e) if is_fatal(&e) => return Err(fail(e)),
            now => now.unwrap_or(answer),
        },
        // A camera of one format need not let it be set.
        Err(e) if Errno::from_io_error(&e) == Some(Errno::NOTTY) => driver.format().map_err(fail)?,
        Err(e) => return Err(fail(e)),
    };
    if fourcc::pixel_format(buffer.fourcc) != Some(choice.pixel) {
        return Err(refuse(format!("{} instead", fourcc::name(buffer.fourcc))));
    }
    let (width, height) = buffer.size;
    let stream = StreamFormat::new(choice.pixel, width, height)
        .ok_or_else(|| refuse(format!("frames of {width}x{height}")))?;
    let choice = Choice { fourcc: buffer.fourcc, size: buffer.size, ..choice };
    let interval = set_interval(camera, driver, choice, fps)?;
    Ok(Settled { choice, buffer, stream, interval })
}

/// Sets the nearest rate. A driver need not know rates, and then the camera's own is not known; only a camera that is
/// gone or taken makes this fail.
fn set_interval(camera: &str, driver: &dyn Driver, choice: Choice, fps: u32) -> Result<Option<Interval>> {
    let offered = enumerate::intervals(driver, choice.fourcc, choice.size);
    let wanted = nearest_interval(&offered, fps).unwrap_or(Interval { numerator: 1, denominator: fps });
    let got = driver.set_interval(wanted).and_then(|answer| match driver.interval() {
        Err(e) if !is_fatal(&e) => Ok(answer),
        now => now,
    });
    match got {
        Ok(interval) => Ok(Some(interval).filter(|i| i.numerator > 0 && i.denominator > 0)),
        Err(e) if is_fatal(&e) => Err(settling(camera, &format!("set {fps} fps on"), e)),
        Err(_) => Ok(None),
    }
}

fn is_busy(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::BUSY)
}

/// Whether nothing else need be tried.
fn is_fatal(error: &io::Error) -> bool {
    is_busy(error) || is_gone(error)
}

/// An error of setting up. A camera that streams for another process can be opened, and refuses only now.
fn settling(camera: &str, operation: &str, error: io::Error) -> Error {
    let operation = if is_busy(&error) { "open" } else { operation };
    error::system(operation, camera, error)
}
