//! Whether a camera's buffers fit in the memory that is left: Linux promises more than it has, and ends the process
//! that believes it.

use eyelet_hal::{Error, ErrorKind, Result};
use std::fs;

/// Of the memory that is left, buffers may take this many quarters: pictures are encoded and sent, too.
const QUARTERS: u64 = 3;

/// Bytes that programs can still have, by the kernel's own estimate; `None` where it gives none.
pub(crate) fn available() -> Option<u64> {
    parse(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Refuses `buffers` of `size` bytes each where they do not fit in `available` bytes.
pub(crate) fn check(camera: &str, buffers: u32, size: u32, available: u64) -> Result<()> {
    let need = u64::from(buffers) * u64::from(size);
    if need <= available / 4 * QUARTERS {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let what = format!(
        "cannot open {camera}: its {buffers} buffers need {:.1} MB, and {:.1} MB of memory are free",
        megabytes(need),
        megabytes(available)
    );
    Err(Error::new(ErrorKind::OutOfMemory, what).with_remedy("choose a smaller size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_reads_the_kernels_estimate() {
        let meminfo = "MemTotal:         233132 kB\nMemFree:          140 kB\nMemAvailable:     181120 kB\n";
        assert_eq!(parse(meminfo), Some(181_120 * 1024));
        assert_eq!(parse("MemTotal: 1 kB\n"), None, "kernels before 3.14");
    }

    #[test]
    fn buffers_that_do_not_fit_are_an_error_with_the_numbers() {
        assert!(check("/dev/video0", 4, 614_400, 100_000_000).is_ok());
        let error = check("/dev/video0", 4, 17_694_720, 60_000_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        assert_eq!(
            error.to_string(),
            "cannot open /dev/video0: its 4 buffers need 70.8 MB, and 60.0 MB of memory are free; choose a smaller size"
        );
        assert!(check("/dev/video0", u32::MAX, u32::MAX, u64::MAX).is_err());
    }
}
