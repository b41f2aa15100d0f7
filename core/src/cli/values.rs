//! What flags hold.

use std::{fmt, num::NonZeroU32, str::FromStr};

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
}
