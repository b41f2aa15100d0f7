//! Eight bytes at a time, where they lie so that a processor without unaligned loads can take them.
#![allow(unsafe_code)]

/// `bytes` as whole words in the processor's byte order; `None` unless they begin on a word's boundary.
#[inline(always)]
pub(super) fn words(bytes: &[u8]) -> Option<&[u64]> {
    // SAFETY: all patterns of 64 bits are valid for `u64`.
    let (before, words, _) = unsafe { bytes.align_to::<u64>() };
    before.is_empty().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aligned_bytes_are_words() {
        let bytes: Vec<u8> = (0..64).collect();
        let mut found = 0;
        for start in 0..8 {
            let slice = &bytes[start..];
            if let Some(words) = words(slice) {
                found += 1;
                assert_eq!(words.len(), slice.len() / 8);
                for (word, chunk) in words.iter().zip(slice.as_chunks::<8>().0) {
                    assert_eq!(word.to_ne_bytes(), *chunk);
                }
            }
        }
        assert_eq!(found, 1);
    }
}
