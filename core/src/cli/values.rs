//! What flags hold.

use std::{fmt, str::FromStr, time::Duration};

/// The largest side of a JPEG.
const MAX_SIDE: u32 = 65_535;

/// `WxH`: the size of a picture in pixels, 1x1 to 65535x65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl FromStr for Size {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, &'static str> {
        let side = |s: &str| s.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
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

/// Frames per second, more than 0 and at most 1000.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fps(f64);

impl Fps {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// From one frame to the next.
    pub fn period(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl FromStr for Fps {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, &'static str> {
        match s.parse::<f64>() {
            Ok(fps) if (0.001..=1000.0).contains(&fps) => Ok(Self(fps)),
            _ => Err("a rate is a number of frames a second from 0.001 to 1000, such as 30"),
        }
    }
}

impl fmt::Display for Fps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        for bad in ["0x0", "640", "99999x99999", "640x", "-1x5", "640X480", "1x1x1", ""] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!("0.5".parse::<Fps>().unwrap().period(), Duration::from_secs(2));
        for bad in ["0", "-1", "nan", "inf", "30fps"] {
            assert!(bad.parse::<Fps>().is_err(), "{bad}");
        }
    }
}
