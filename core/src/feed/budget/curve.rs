//! How the size of a picture depends on its quality.

/// Sizes at some qualities, relative to 80: the mean of drawings, of a landscape and of pure noise, in 4:2:0. A picture's
/// own curve is steeper or flatter by up to a half, so that the size is estimated from the last picture, not from this alone.
const POINTS: [(u8, f32); 13] = [
    (1, 0.1),
    (5, 0.14),
    (10, 0.2),
    (20, 0.31),
    (30, 0.41),
    (40, 0.5),
    (50, 0.58),
    (60, 0.67),
    (70, 0.8),
    (80, 1.0),
    (90, 1.5),
    (95, 2.2),
    (100, 4.5),
];

/// The size of a picture of this quality, relative to the same one at quality 80.
pub(super) fn relative_size(quality: u8) -> f64 {
    let at = POINTS.partition_point(|&(point, _)| point < quality).clamp(1, POINTS.len() - 1);
    let ((from, small), (to, large)) = (POINTS[at - 1], POINTS[at]);
    let part = f64::from(quality.saturating_sub(from)) / f64::from(to - from);
    f64::from(small) + part * f64::from(large - small)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_grows_with_each_quality() {
        assert_eq!(relative_size(80), 1.0);
        assert!((1..100).all(|quality| relative_size(quality) < relative_size(quality + 1)));
        assert_eq!(relative_size(100), 4.5);
    }
}
