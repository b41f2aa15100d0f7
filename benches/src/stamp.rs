//! A number, a time and a checksum inside a JPEG, so that a viewer can tell which picture came, how old it is and whether
//! every byte of it is right, whatever server it came through.
//!
//! They are a comment segment right after SOI, which decoders pass over:
//!
//! | at | bytes | what, big-endian |
//! |---|---|---|
//! | 2 | 4 | marker and length of the segment: `ff fe 00 1e` |
//! | 6 | 8 | `eyeletld` |
//! | 14 | 8 | the picture's number |
//! | 22 | 8 | when it was taken, microseconds since 1970-01-01 UTC; 0: unknown |
//! | 30 | 4 | CRC-32 of all that follows |

use std::time::Duration;

/// SOI, the segment's marker and length, and what it begins with.
const HEAD: &[u8; 14] = b"\xff\xd8\xff\xfe\x00\x1eeyeletld";

/// The bytes of a stamped picture up to the end of its stamp.
pub const STAMPED: usize = 34;

/// What a picture records about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The picture's number.
    pub number: u64,
    /// When it was taken, wall clock; `None` where the server sends that itself.
    pub taken: Option<Duration>,
    /// CRC-32 of all that follows the stamp.
    pub crc: u32,
}

impl Stamp {
    /// Reads the stamp of a picture that begins with `bytes`.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let stamp = bytes.get(..STAMPED)?.strip_prefix(HEAD)?;
        let (number, rest) = stamp.split_first_chunk()?;
        let (taken, crc) = rest.split_first_chunk()?;
        let taken = u64::from_be_bytes(*taken);
        Some(Self {
            number: u64::from_be_bytes(*number),
            taken: (taken != 0).then(|| Duration::from_micros(taken)),
            crc: u32::from_be_bytes(crc.try_into().ok()?),
        })
    }

    /// The picture with a stamp of this number and of no time.
    ///
    /// # Panics
    /// If `jpeg` does not begin with SOI.
    pub fn put(number: u64, jpeg: &[u8]) -> Vec<u8> {
        let rest = jpeg.strip_prefix(b"\xff\xd8").expect("a JPEG");
        let crc = crc32fast::hash(rest).to_be_bytes();
        [&HEAD[..], &number.to_be_bytes(), &[0; 8], &crc, rest].concat()
    }
}

/// Writes number and time into a stamped picture.
///
/// # Panics
/// If `jpeg` is shorter than a stamp.
pub fn restamp(jpeg: &mut [u8], number: u64, taken: Duration) {
    jpeg[14..22].copy_from_slice(&number.to_be_bytes());
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    jpeg[22..30].copy_from_slice(&micros.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_is_read_as_written() {
        let mut jpeg = Stamp::put(7, b"\xff\xd8rest\xff\xd9");
        let stamp = Stamp::of(&jpeg).unwrap();
        assert_eq!((stamp.number, stamp.taken), (7, None));
        assert_eq!(&jpeg[STAMPED..], b"rest\xff\xd9");
        assert_eq!(stamp.crc, crc32fast::hash(b"rest\xff\xd9"));

        let taken = Duration::new(1_700_000_000, 1_234_000);
        restamp(&mut jpeg, 8, taken);
        assert_eq!(Stamp::of(&jpeg), Some(Stamp { number: 8, taken: Some(taken), ..stamp }));
        assert_eq!(Stamp::of(&jpeg[..STAMPED - 1]), None);
        assert_eq!(Stamp::of(&[0; STAMPED]), None);
    }
}
