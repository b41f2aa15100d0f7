//! What flags hold.

use std::{
    fmt, fs,
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
            .ok_or("expected a size of at least 64K, such as 500M or 2G")
    }
}

/// A time of 1 ms or more: a number of seconds, or of what stands behind it.
pub(in crate::cli) fn period(text: &str) -> Result<Duration, &'static str> {
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
        .ok_or("expected seconds (at least 0.001) or a time such as 500ms, 10s, 5m or 1h")
}

/// How many pictures.
pub(in crate::cli) fn count(text: &str) -> Result<NonZeroU64, &'static str> {
    text.parse().map_err(|_| "a number of pictures is 1 or more")
}

/// Who may read and write a file, in octal: `660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixMode(pub u32);

impl FromStr for UnixMode {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let octal = text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(text, 8).ok().filter(|&mode| octal && mode <= 0o777);
        // Without the owner's own permission the next start could not find out whether a server listens there.
        mode.filter(|mode| mode & 0o200 != 0)
            .map(Self)
            .ok_or("a mode is three octal digits that let the owner write, such as 660")
    }
}

/// A group of the system, by name or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixGroup(pub u32);

impl FromStr for UnixGroup {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // -1 is the system's word for no change.
        if let Ok(number) = text.parse::<u32>()
            && number != u32::MAX
        {
            return Ok(Self(number));
        }
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        let number = group(&groups, text).map(Self);
        number.ok_or_else(|| "no such group in /etc/group; give other groups by number".to_owned())
    }
}

/// The number of a group in a file such as /etc/group: `name:password:number:members`.
fn group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (!name.is_empty() && fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

/// A header that may hold a secret: not checked here, since clap's errors show the value, and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderLine(pub(in crate::cli) String);

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
    fn size_is_width_by_height_within_jpegs_limits() {
        assert_eq!("640x480".parse::<Size>().unwrap().to_string(), "640x480");
        for bad in ["0x0", "640", "99999x99999", "640x", "-1x5", "640X480", "1x1x1", ""] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn period_is_seconds_or_a_number_with_a_unit() {
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
    fn unix_mode_is_octal_and_group_a_name_or_number() {
        for (text, want) in [("660", 0o660), ("0666", 0o666), ("200", 0o200)] {
            assert_eq!(text.parse(), Ok(UnixMode(want)));
        }
        for bad in ["", "rw", "678", "1777", "-660", "+660", "0o660", "440", "000"] {
            assert!(bad.parse::<UnixMode>().is_err(), "{bad}");
        }
        assert_eq!("33".parse(), Ok(UnixGroup(33)));
        assert_eq!("root".parse(), Ok(UnixGroup(0)));
        for bad in ["", "4294967295", "-1", "no such group", "root:x"] {
            assert!(bad.parse::<UnixGroup>().is_err(), "{bad}");
        }
        let groups = "root:x:0:\n\nbroken\n:x:9:\nwww-data:x:33:a,b\nwww:x:y:\n";
        assert_eq!(
            (group(groups, "www-data"), group(groups, "www"), group(groups, "")),
            (Some(33), None, None)
        );
    }

    #[test]
    fn byte_count_is_64k_or_more() {
        for (text, want) in [("65536", 65_536), ("64K", 65_536), ("5M", 5 << 20), ("2G", 2 << 30)] {
            assert_eq!(text.parse(), Ok(ByteCount(want)));
        }
        for bad in ["", "M", "65535", "63K", "-64K", "+64K", "1.5G", "64k", "64MB", "99999999999G", "64é"] {
            assert!(bad.parse::<ByteCount>().is_err(), "{bad}");
        }
    }
}
