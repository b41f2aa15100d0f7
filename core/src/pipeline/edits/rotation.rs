//! How a picture is turned.

use std::str::FromStr;

/// A rotation, clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// By 90 degrees: what was on top is on the right.
    Deg90,
    /// By 180 degrees.
    Deg180,
    /// By 270 degrees: what was on top is on the left.
    Deg270,
}

impl Rotation {
    pub(super) fn quarters(self) -> u8 {
        match self {
            Self::Deg90 => 1,
            Self::Deg180 => 2,
            Self::Deg270 => 3,
        }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self != Self::Deg180
    }
}

impl FromStr for Rotation {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "90" => Ok(Self::Deg90),
            "180" => Ok(Self::Deg180),
            "270" => Ok(Self::Deg270),
            _ => Err("a rotation is 90, 180 or 270 degrees, clockwise"),
        }
    }
}

/// Which sides of a picture are swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flip {
    /// Left and right, as in a mirror: `h`.
    Horizontal,
    /// Top and bottom: `v`.
    Vertical,
    /// Both, which is a rotation by 180 degrees: `hv`.
    Both,
}

impl FromStr for Flip {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "h" => Ok(Self::Horizontal),
            "v" => Ok(Self::Vertical),
            "hv" | "vh" => Ok(Self::Both),
            _ => Err("a picture is flipped h (left and right), v (top and bottom) or hv (both)"),
        }
    }
}
