//! The tables of ITU-T T.81, Annex K, and the order of coefficients.

use eyelet_hal::Quality;

/// Where the coefficient that is `n`-th in zigzag order lies in the block, row by row.
pub(super) const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The inverse: the place in zigzag order of each coefficient, row by row.
pub(super) const ZIGZAG: [u8; 64] = {
    let mut order = [0; 64];
    let mut at = 0;
    while at < 64 {
        order[NATURAL[at] as usize] = at as u8;
        at += 1;
    }
    order
};

/// Which tables a component uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Luma,
    Chroma,
}

// Tables K.1 and K.2, row by row.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// Quantisation steps, row by row, scaled as the IJG library does.
pub(super) fn steps(kind: Kind, quality: Quality) -> [u8; 64] {
    let quality = u32::from(quality.get());
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let base = match kind {
        Kind::Luma => LUMA,
        Kind::Chroma => CHROMA,
    };
    base.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_are_permutations_of_each_other() {
        for (at, &natural) in NATURAL.iter().enumerate() {
            assert_eq!(usize::from(ZIGZAG[usize::from(natural)]), at);
        }
    }

    #[test]
    fn zigzag_walks_from_neighbour_to_neighbour() {
        for pair in NATURAL.windows(2) {
            let [(r0, c0), (r1, c1)] = [pair[0], pair[1]].map(|at| (i32::from(at / 8), i32::from(at % 8)));
            assert!((r0 - r1).abs() <= 1 && (c0 - c1).abs() <= 1);
            let diagonal = (r1 + c1) - (r0 + c0);
            assert!(diagonal == 0 || diagonal == 1, "{pair:?}");
        }
    }

    #[test]
    fn steps_are_those_of_the_ijg_library() {
        let q = |q| Quality::new(q).unwrap();
        assert_eq!(steps(Kind::Luma, q(50)), LUMA);
        assert_eq!(steps(Kind::Chroma, q(100)), [1; 64]);
        assert_eq!(steps(Kind::Luma, q(80))[..8], [6, 4, 4, 6, 10, 16, 20, 24]);
        assert_eq!(steps(Kind::Luma, q(1)), [255; 64]);
    }
}
