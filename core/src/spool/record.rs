//! A spooled picture as bytes: the JPEG, followed by its metadata.
//!
//! Image viewers ignore bytes after the end of a JPEG, so the files can be opened directly.
//!
//! | bytes | content, little-endian |
//! |---|---|
//! | 8 | the length of the JPEG |
//! | 8, 4 | capture time: seconds since 1970-01-01 UTC, and nanoseconds |
//! | 8 | its sequence number |
//! | 8 | the run it comes from |
//! | 8 | `eyelet\0\1`: the format and its version |
//! | 4 | CRC-32 of everything before |

use crate::feed::{Label, RunId};
use bytes::{Buf, BufMut, Bytes};
use std::time::Duration;

/// How many bytes a file is longer than its picture.
pub const OVERHEAD: u64 = TRAILER as u64;

const TRAILER: usize = 8 + 8 + 4 + 8 + 8 + MAGIC.len() + 4;
const MAGIC: &[u8; 8] = b"eyelet\0\x01";

/// The bytes after the picture.
pub(super) fn trailer(jpeg: &[u8], label: &Label) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TRAILER);
    bytes.put_u64_le(jpeg.len() as u64);
    bytes.put_u64_le(label.captured_at.as_secs());
    bytes.put_u32_le(label.captured_at.subsec_nanos());
    bytes.put_u64_le(label.sequence);
    bytes.put_u64_le(label.run.get());
    bytes.put_slice(MAGIC);
    let mut crc = crc32fast::Hasher::new();
    crc.update(jpeg);
    crc.update(&bytes);
    bytes.put_u32_le(crc.finalize());
    bytes
}

/// The picture and its label if no bit of them has changed, otherwise what is wrong.
pub(super) fn open(file: Vec<u8>) -> Result<(Bytes, Label), String> {
    let mut jpeg = Bytes::from(file);
    let Some(len) = jpeg.len().checked_sub(TRAILER) else {
        return Err(format!("it has only {} bytes", jpeg.len()));
    };
    let (checked, mut crc) = jpeg.split_at(jpeg.len() - 4);
    if crc32fast::hash(checked) != crc.get_u32_le() {
        return Err("its checksum is wrong".to_owned());
    }
    let mut trailer = jpeg.split_off(len);
    let stated = trailer.get_u64_le();
    let (seconds, nanos) = (trailer.get_u64_le(), trailer.get_u32_le());
    let (sequence, run) = (trailer.get_u64_le(), RunId::new(trailer.get_u64_le()));
    if !trailer.starts_with(MAGIC) || stated != len as u64 || nanos >= 1_000_000_000 {
        return Err("it is of another version".to_owned());
    }
    Ok((jpeg, Label { run, sequence, captured_at: Duration::new(seconds, nanos) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label() -> impl Strategy<Value = Label> {
        (any::<u64>(), any::<u64>(), any::<u64>(), 0..1_000_000_000u32).prop_map(|(run, sequence, s, n)| {
            Label { run: RunId::new(run), sequence, captured_at: Duration::new(s, n) }
        })
    }

    proptest! {
        #[test]
        fn record_gives_back_picture_and_label(jpeg in prop::collection::vec(any::<u8>(), 0..300), label in label()) {
            let file = [&jpeg[..], &trailer(&jpeg, &label)].concat();
            prop_assert_eq!(file.len() as u64, jpeg.len() as u64 + OVERHEAD);
            let (picture, read) = open(file).unwrap();
            prop_assert_eq!((&picture[..], read), (&jpeg[..], label));
        }

        #[test]
        fn any_text_is_answered(file in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(open(file).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let label = Label { run: RunId::new(1), sequence: 2, captured_at: Duration::from_secs(3) };
        let file = [b"picture", &trailer(b"picture", &label)[..]].concat();
        assert!(open(file.clone()).is_ok());
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(flipped).is_err(), "bit {bit}");
        }
        for len in 0..file.len() {
            assert!(open(file[..len].to_vec()).is_err(), "{len} bytes");
            assert!(open(vec![0; len]).is_err(), "{len} zeros");
        }
    }
}
