//! Colours, after MaixPy's `image.Color`.

/// A colour with 8-bit R, G and B. With the feature `drawing` it converts to and from
/// embedded-graphics' `Rgb888`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color([u8; 3]);

impl Color {
    /// 0, 0, 0.
    pub const BLACK: Self = Self::from_rgb(0, 0, 0);
    /// 255, 255, 255.
    pub const WHITE: Self = Self::from_rgb(255, 255, 255);
    /// 255, 0, 0.
    pub const RED: Self = Self::from_rgb(255, 0, 0);
    /// 0, 255, 0.
    pub const GREEN: Self = Self::from_rgb(0, 255, 0);
    /// 0, 0, 255.
    pub const BLUE: Self = Self::from_rgb(0, 0, 255);

    /// A colour from its three components, each 0 to 255.
    pub const fn from_rgb(r: u8, g: u8, b: u8) -> Self {
        Self([r, g, b])
    }

    /// R, G, B.
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }
}
