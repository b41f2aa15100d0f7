//! Numbers for pictures: growing for a whole run, though each camera session counts anew.

/// Converts the camera's counts into the run's. The first session's numbers are the camera's own; a gap in the
/// camera's count is a gap in the run's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sequence {
    /// The last number given out.
    last: Option<u64>,
    /// The camera's last count in this session.
    camera: Option<u64>,
    offset: u64,
}

impl Sequence {
    /// The camera begins to count anew.
    pub(crate) fn restart(&mut self) {
        self.camera = None;
    }

    /// The number of the camera's frame `count`, and how many frames were lost before it.
    pub(crate) fn frame(&mut self, count: u64) -> (u64, u64) {
        let lost = match self.camera {
            Some(last) if count > last => count - last - 1,
            // A new session, or a driver that started over: what was lost in between cannot be known.
            _ => {
                self.offset = self.last.map_or(0, |last| (last + 1).saturating_sub(count));
                0
            }
        };
        self.camera = Some(count);
        let number = count.saturating_add(self.offset);
        self.last = Some(number);
        (number, lost)
    }

    /// The number of a picture that is not from the camera.
    pub(crate) fn extra(&mut self) -> u64 {
        let number = self.last.map_or(0, |last| last + 1);
        self.last = Some(number);
        self.camera = None;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_session_keeps_the_numbers_of_the_camera() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.frame(7), (7, 0));
        assert_eq!(sequence.frame(8), (8, 0));
        assert_eq!(sequence.frame(11), (11, 2), "two were lost");
    }

    #[test]
    fn second_session_continues_where_the_first_ended() {
        let mut sequence = Sequence::default();
        sequence.frame(5);
        assert_eq!(sequence.extra(), 6, "no signal");
        sequence.restart();
        assert_eq!(sequence.frame(0), (7, 0));
        assert_eq!(sequence.frame(2), (9, 1));
    }

    proptest! {
        #[test]
        fn numbers_always_grow(events in prop::collection::vec(prop::option::of(0u64..50), 1..50)) {
            let mut sequence = Sequence::default();
            let mut last = None;
            for event in events {
                let number = match event {
                    Some(count) => sequence.frame(count).0,
                    None => sequence.extra(),
                };
                prop_assert!(last < Some(number));
                last = Some(number);
            }
        }
    }
}
