//! A frame cut into payloads, each with its header (UVC 1.1, 2.4.3.3).

/// Length of the header: its length and its flags, no timestamps.
pub const HEADER: usize = 2;

const FRAME_ID: u8 = 1;
const END_OF_FRAME: u8 = 1 << 1;
const ERROR: u8 = 1 << 6;
const END_OF_HEADER: u8 = 1 << 7;

/// What is left to send of one frame.
#[derive(Debug)]
pub struct Payloads {
    bytes: Vec<u8>,
    sent: usize,
    flags: u8,
    done: bool,
}

impl Payloads {
    /// `frame_id` toggles from frame to frame; `error` marks every payload as damaged.
    pub fn new(bytes: Vec<u8>, frame_id: FrameId, error: Health) -> Self {
        let mut flags = END_OF_HEADER;
        if frame_id == FrameId::Odd {
            flags |= FRAME_ID;
        }
        if error == Health::Damaged {
            flags |= ERROR;
        }
        Self { bytes, sent: 0, flags, done: false }
    }

    /// Appends the next payload, of at most `room` bytes with its header; the last one says that it is. Returns
    /// its length, 0 when the frame is done.
    pub fn next(&mut self, room: usize, out: &mut Vec<u8>) -> usize {
        if self.done || room <= HEADER {
            return 0;
        }
        let left = self.bytes.get(self.sent..).unwrap_or_default();
        let take = left.len().min(room - HEADER);
        self.done = take == left.len();
        let end = if self.done { END_OF_FRAME } else { 0 };
        out.extend([HEADER as u8, self.flags | end]);
        out.extend_from_slice(&left[..take]);
        self.sent += take;
        HEADER + take
    }

    /// Whether the last payload was taken.
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// The bit that changes from one frame to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameId {
    /// Bit clear.
    #[default]
    Even,
    /// Bit set.
    Odd,
}

impl FrameId {
    /// That of the next frame.
    #[must_use]
    pub fn toggled(self) -> Self {
        match self {
            Self::Even => Self::Odd,
            Self::Odd => Self::Even,
        }
    }
}

/// What the headers say of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing.
    Good,
    /// The error bit.
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn payloads_of_a_frame_are_the_frame(
            bytes in prop::collection::vec(any::<u8>(), 0..5000), room in 3usize..1025, odd: bool, damaged: bool,
        ) {
            let id = if odd { FrameId::Odd } else { FrameId::Even };
            let health = if damaged { Health::Damaged } else { Health::Good };
            let mut payloads = Payloads::new(bytes.clone(), id, health);
            let mut joined = Vec::<u8>::new();
            let mut ends = 0;
            while !payloads.is_done() {
                prop_assert_eq!(ends, 0, "the end comes last");
                let mut one = Vec::new();
                let len = payloads.next(room, &mut one);
                prop_assert!(len == one.len() && (HEADER..=room).contains(&len));
                prop_assert_eq!(one[0] as usize, HEADER);
                prop_assert_eq!(one[1] & 1, u8::from(odd));
                prop_assert_eq!(one[1] & 0x40 != 0, damaged);
                prop_assert_eq!(one[1] & 0x80, 0x80);
                ends += usize::from(one[1] & 2 != 0);
                joined.extend(&one[HEADER..]);
            }
            prop_assert_eq!(ends, 1);
            prop_assert_eq!(joined, bytes);
            prop_assert_eq!(payloads.next(room, &mut Vec::new()), 0);
        }
    }
}
