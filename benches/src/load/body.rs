//! One picture as it comes in, checked without being kept.

use crate::stamp::{STAMPED, Stamp};

/// A body of which some bytes have come.
#[derive(Debug)]
pub(super) struct Body {
    length: usize,
    head: [u8; STAMPED],
    /// The last two bytes.
    tail: [u8; 2],
    crc: crc32fast::Hasher,
}

/// What a whole body turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A whole JPEG; if it had a stamp, every byte of it is right.
    Good(Option<Stamp>),
    Bad,
}

impl Default for Body {
    fn default() -> Self {
        Self { length: 0, head: [0; STAMPED], tail: [0; 2], crc: crc32fast::Hasher::new() }
    }
}

impl Body {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let head = STAMPED.saturating_sub(self.length).min(bytes.len());
        let (first, rest) = bytes.split_at(head);
        self.head[self.length.min(STAMPED)..][..head].copy_from_slice(first);
        self.crc.update(rest);
        match bytes {
            [] => {}
            [one] => self.tail = [self.tail[1], *one],
            [.., a, b] => self.tail = [*a, *b],
        }
        self.length += bytes.len();
    }

    pub(super) fn verdict(self) -> Verdict {
        let stamp = Stamp::of(&self.head);
        let whole = self.length >= 4 && self.head.starts_with(b"\xff\xd8") && self.tail == *b"\xff\xd9";
        let crc = self.crc.finalize();
        if whole && stamp.is_none_or(|stamp| stamp.crc == crc) { Verdict::Good(stamp) } else { Verdict::Bad }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
        let mut body = Body::default();
        pieces.into_iter().for_each(|piece| body.take(piece));
        body.verdict()
    }

    #[test]
    fn body_is_judged_alike_in_any_pieces_and_one_wrong_byte_is_bad() {
        let jpeg = Stamp::put(3, &[b"\xff\xd8", &[7; 300][..], b"\xff\xd9"].concat());
        for size in [1, 2, 3, 33, 34, 35, 400] {
            assert!(matches!(verdict(jpeg.chunks(size)), Verdict::Good(Some(stamp)) if stamp.number == 3));
        }
        for at in [0, 1, STAMPED, 200, jpeg.len() - 1] {
            let mut wrong = jpeg.clone();
            wrong[at] ^= 1;
            assert_eq!(verdict([&wrong[..]]), Verdict::Bad, "byte {at}");
        }
        assert_eq!(verdict([&jpeg[..jpeg.len() - 2]]), Verdict::Bad);
    }

    #[test]
    fn picture_without_a_stamp_is_checked_by_its_markers() {
        assert_eq!(verdict([&b"\xff\xd8picture\xff\xd9"[..]]), Verdict::Good(None));
        assert_eq!(verdict([&b"\xff\xd8picture"[..]]), Verdict::Bad);
        assert_eq!(verdict([]), Verdict::Bad);
    }
}
