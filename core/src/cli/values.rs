//! What flags hold.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroU64},
    str::FromStr,
    time::Duration,
};

/// The largest side of a JPEG.
const MAX_SIDE: u32 = 65_535;

/// `WxH`: the size of a picture in pixels, 1x1 to 65535x65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: NonZeroU32,
    /// Rows.
    pub height: NonZeroU32,
}

impl FromStr for Size {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, &'static str> {
        let side = |s: &str| s.parse().ok().filter(|side: &NonZeroU32| side.get() <= MAX_SIDE);
        s.split_once('x')
            .and_then(|(w, h)| Some(Self { width: side(w)?, height: side(h)? }))
            .ok_or("a size is WIDTHxHEIGHT with sides from 1 to 65535, such as 640x480")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A number of bytes, 64 KiB at least: `500000`, or with `K`, `M` or `G` behind it for KiB, MiB or GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteCount(pub u64);

impl FromStr for ByteCount {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (digits, unit) = match text.strip_suffix(['K', 'M', 'G']) {
            Some(digits) => (digits, &text[digits.len()..]),
            None => (text, ""),
        };
        let shift = ["", "K", "M", "G"].iter().position(|known| *known == unit).unwrap_or_default() * 10;
        let count = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        count
            .and_then(|count| count.checked_mul(1 << shift))
            .filter(|count| *count >= 64 * 1024)
            .map(Self)
            .ok_or("a number of bytes is 64K or more, such as 500M or 2G")
    }
}

/// A time of 1 ms or more: a number of seconds, or of what stands behind it.
pub(super) fn period(text: &str) -> Result<Duration, &'static str> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "" | "s" => Some(1.0),
        "ms" => Some(1e-3),
        "m" | "min" => Some(60.0),
        "h" => Some(3600.0),
        "d" => Some(86_400.0),
        _ => None,
    };
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let number = number.parse::<f64>().ok().filter(|_| number.chars().all(plain));
    let seconds = number.zip(unit).map(|(number, unit)| number * unit).filter(|s| (0.001..=1e9).contains(s));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or("a time is seconds, more than 0, or such as 500ms, 10s, 5m or 1h")
}

/// How many pictures.
pub(super) fn count(text: &str) -> Result<NonZeroU64, &'static str> {
    text.parse().map_err(|_| "a number of pictures is 1 or more")
}

/// A header that may hold a secret: not checked here, since clap's errors show the value, and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderLine(pub(super) String);

impl FromStr for HeaderLine {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for HeaderLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderLine(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!("640x480".parse::<Size>().unwrap().to_string(), "640x480");
        for bad in ["0x0", "640", "99999x99999", "640x", "-1x5", "640X480", "1x1x1", ""] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn periods() {
        for (text, millis) in [
            ("10", 10_000),
            ("10s", 10_000),
            ("0.5", 500),
            ("500ms", 500),
            ("1.5m", 90_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            (".001", 1),
        ] {
            assert_eq!(period(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in
            ["", "0", "-1", "s", "1w", "1 s", "1e3", "inf", "nan", "1.2.3", "0.0001", "+1", "99999999999"]
        {
            assert!(period(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn byte_counts() {
        for (text, want) in [("65536", 65_536), ("64K", 65_536), ("5M", 5 << 20), ("2G", 2 << 30)] {
            assert_eq!(text.parse(), Ok(ByteCount(want)));
        }
        for bad in ["", "M", "65535", "63K", "-64K", "+64K", "1.5G", "64k", "64MB", "99999999999G", "64é"] {
            assert!(bad.parse::<ByteCount>().is_err(), "{bad}");
        }
    }
}
