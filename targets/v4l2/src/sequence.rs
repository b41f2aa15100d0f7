//! A driver's 32-bit frame counter, made 64 bits wide and strictly growing.

/// Extends the sequence numbers of one run of the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sequence {
    last: Option<(u32, u64)>,
}

impl Sequence {
    /// The number of the next frame, whose driver counted `raw`. A step forward is kept, also across the wrap at
    /// 2^32. A driver that stands still (some leave the field 0) or goes back is counted in ones.
    pub(crate) fn extend(&mut self, raw: u32) -> u64 {
        let number = match self.last {
            None => u64::from(raw),
            Some((last, number)) => {
                let step = raw.wrapping_sub(last);
                // The upper half of the steps are steps back.
                number + if step <= u32::MAX / 2 { u64::from(step.max(1)) } else { 1 }
            }
        };
        self.last = Some((raw, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sequence_across_a_wrap_has_no_gap() {
        let mut sequence = Sequence::default();
        let numbers: Vec<u64> = [0xffff_fffe, 0xffff_ffff, 0, 3].map(|raw| sequence.extend(raw)).into();
        assert_eq!(numbers, [0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0003]);
    }

    #[test]
    fn sequence_of_a_driver_that_does_not_count_grows_by_one() {
        let mut sequence = Sequence::default();
        assert_eq!([0, 0, 0].map(|raw| sequence.extend(raw)), [0, 1, 2]);
    }

    #[test]
    fn sequence_of_a_driver_that_starts_anew_goes_on() {
        let mut sequence = Sequence::default();
        assert_eq!([500, 501, 0, 1, 4].map(|raw| sequence.extend(raw)), [500, 501, 502, 503, 506]);
    }

    proptest! {
        #[test]
        fn sequence_always_grows_and_keeps_forward_steps(raws in prop::collection::vec(any::<u32>(), 2..50)) {
            let mut sequence = Sequence::default();
            let numbers: Vec<u64> = raws.iter().map(|&raw| sequence.extend(raw)).collect();
            for (raw, number) in raws.windows(2).zip(numbers.windows(2)) {
                prop_assert!(number[1] > number[0]);
                let step = i64::from(raw[1].wrapping_sub(raw[0]).cast_signed());
                let want = if step > 0 { step.unsigned_abs() } else { 1 };
                prop_assert_eq!(number[1] - number[0], want);
            }
        }
    }
}
