//! Which run of the program a picture comes from.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
};

/// A random number that names one run of the program. With a picture's sequence it names the picture for ever:
/// sequences begin anew with each run.
///
/// ```
/// use eyelet_core::RunId;
/// assert_eq!(RunId::new(0xe1e).to_string(), "0000000000000e1e");
/// assert_ne!(RunId::random(), RunId::random());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(u64);

impl RunId {
    /// A run with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// A new one. The system's randomness, not the time: a board without a clock begins every run at the same time.
    pub fn random() -> Self {
        // The keys of the standard library's hash maps come from the system's random source.
        Self(RandomState::new().build_hasher().finish())
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
