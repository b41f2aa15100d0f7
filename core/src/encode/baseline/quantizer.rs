//! Division by quantisation steps, as multiplication.
//!
//! The DCT leaves coefficients 16 times too large, so that the divisor of step `q` is `16 q`. The quotient is
//! `floor((x * factor + 2^(k-1)) / 2^k)` with `factor = ceil(2^k / 16q) - 1` and `2^14 < 2^k / 16q <= 2^15`: for all
//! `x` that can occur, that is `x / 16q` rounded to the nearest whole number, and a tie goes to the one nearer to zero.
//! (The IJG library sends a tie away from zero: the same error for more bits.)

use super::tables::{Kind, steps};
use eyelet_hal::Quality;

/// What quantises one coefficient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    /// Half of what is divided by.
    pub(super) half: i32,
    pub(super) factor: i32,
    /// `k` above: 19 to 26.
    pub(super) shift: u32,
}

impl Divisor {
    fn new(step: u8) -> Self {
        let divisor = 16 * u32::from(step);
        // The largest k with 2^k / divisor <= 2^15.
        let shift = 15 + divisor.ilog2();
        let factor = (1u32 << shift).div_ceil(divisor) - 1;
        Self { half: divisor as i32 / 2, factor: factor as i32, shift }
    }

    #[inline(always)]
    pub(super) fn divide(self, x: i32) -> i32 {
        (x * self.factor + (1 << (self.shift - 1))) >> self.shift
    }
}

/// The divisors of one kind of component, row by row.
pub(super) fn divisors(kind: Kind, quality: Quality) -> [Divisor; 64] {
    steps(kind, quality).map(Divisor::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_and_ties_go_to_zero() {
        for step in 1..=255 {
            let divisor = Divisor::new(step);
            assert!((19..=26).contains(&divisor.shift), "{divisor:?}");
            assert!(divisor.factor < 1 << 15, "{divisor:?}");
            let by = 16 * i32::from(step);
            // From 64 samples of -128 to the largest sum that a basis function can give, and some for rounding.
            for x in -16_400..=16_400i32 {
                let nearest = (x.abs() + by / 2 - 1) / by * x.signum();
                assert_eq!(divisor.divide(x), nearest, "{x} / {by}");
                // The form in which the half is added before the multiplication.
                assert_eq!(((x + divisor.half) * divisor.factor) >> divisor.shift, nearest, "{x} / {by}");
            }
        }
    }
}
