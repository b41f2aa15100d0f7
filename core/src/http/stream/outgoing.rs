//! What one viewer is being sent: whole parts, one after another, however little its socket takes at a time.

use super::{
    framing::Framing,
    part::Part,
    sink::{SendMode, Sink},
};
use std::{io, ops::Range, sync::Arc};

/// A viewer that took this many parts in a row with one call each keeps up, and is sent the memfd.
///
/// One that does not keep up gets its few pictures copied, since only then can the end of a part be marked for the kernel
/// (see [`Sink::send_bytes`]).
const SMOOTH: u32 = 4;

/// What became of an attempt to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// All of the part has gone: this many bytes.
    Whole(usize),
    /// The rest has to wait for room.
    Blocked,
}

/// The part that goes out now, or went last.
#[derive(Debug)]
pub(super) struct Outgoing {
    framing: Framing,
    part: Option<Arc<Part>>,
    /// Which of its bytes have yet to go.
    left: Range<usize>,
    /// Parts in a row that each went with one call.
    smooth: u32,
    send_mode: SendMode,
}

impl Outgoing {
    pub(super) fn new(framing: Framing, send_mode: SendMode) -> Self {
        Self { framing, part: None, left: 0..0, smooth: 0, send_mode }
    }

    /// Whether there is nothing to send.
    pub(super) fn idle(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether a newer picture may take the place of the one that waits: nothing of it has gone.
    pub(super) fn replaceable(&self) -> bool {
        self.part.as_ref().is_some_and(|part| self.left == part.range(self.framing))
    }

    /// The bytes of the part that goes out now, or went last.
    pub(super) fn length(&self) -> usize {
        self.part.as_ref().map_or(0, |part| part.range(self.framing).len())
    }

    pub(super) fn send_mode(&self) -> SendMode {
        self.send_mode
    }

    /// `part` is to go next. Only when this is [`idle`](Self::idle) or [`replaceable`](Self::replaceable).
    pub(super) fn begin(&mut self, part: Arc<Part>) {
        debug_assert!(self.idle() || self.replaceable(), "a torn part");
        self.left = part.range(self.framing);
        self.part = Some(part);
    }

    /// The last part is to go once more, if there was one and nothing else waits.
    pub(super) fn repeat(&mut self) {
        if self.idle()
            && let Some(part) = &self.part
        {
            self.left = part.range(self.framing);
        }
    }

    /// Sends what `sink` takes now, with one call. An error is the end of the viewer.
    pub(super) fn push(&mut self, sink: &impl Sink) -> io::Result<Pushed> {
        let Some(part) = self.part.clone() else { return Ok(Pushed::Blocked) };
        let whole = part.range(self.framing);
        let begins = self.left == whole;
        match self.send(&part, sink) {
            Ok(sent) => self.left.start += sent,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        if !self.left.is_empty() {
            self.smooth = 0;
            return Ok(Pushed::Blocked);
        }
        if begins {
            self.smooth = self.smooth.saturating_add(1);
        }
        Ok(Pushed::Whole(whole.len()))
    }

    fn send(&mut self, part: &Part, sink: &impl Sink) -> io::Result<usize> {
        if self.send_mode == SendMode::Memfd
            && self.smooth >= SMOOTH
            && let Some(memfd) = part.memfd()
        {
            match sink.send_memfd(&memfd, self.left.clone()) {
                Err(e) if e.kind() == io::ErrorKind::Unsupported => self.send_mode = SendMode::Copy,
                result => return result,
            }
        }
        sink.send_bytes(&part.slices(self.left.clone()))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::{
        feed::Picture,
        http::stream::{
            memfd::Memfd,
            part::{Parts, Sharing},
        },
    };
    use proptest::prelude::*;
    use std::{cell::RefCell, io::IoSlice};

    /// A socket with this much room; what it took, and by which calls.
    #[derive(Default)]
    struct FakeSocket(RefCell<Inner>);

    #[derive(Default)]
    struct Inner {
        room: usize,
        took: Vec<u8>,
        by_bytes: usize,
        by_memfd: usize,
        refuses_memfd: usize,
    }

    impl Inner {
        fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.room.min(bytes.len());
            if taken == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= taken;
            self.took.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }
    }

    impl Sink for FakeSocket {
        fn send_bytes(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut inner = self.0.borrow_mut();
            inner.by_bytes += 1;
            inner.take(&bytes.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>())
        }

        fn send_memfd(&self, memfd: &Memfd, range: Range<usize>) -> io::Result<usize> {
            let mut inner = self.0.borrow_mut();
            if inner.refuses_memfd > 0 {
                inner.refuses_memfd -= 1;
                return Err(io::ErrorKind::Unsupported.into());
            }
            inner.by_memfd += 1;
            let mut bytes = vec![0; range.len()];
            let read = rustix::io::pread(memfd, &mut bytes, range.start as u64)?;
            assert_eq!(read, range.len(), "the memfd ends too soon");
            inner.take(&bytes)
        }
    }

    const LENGTH: usize = 20_000;
    const MANY: usize = 1000;

    /// Where parts come from, for this many viewers.
    fn parts(sharing: usize) -> (Arc<Parts>, Vec<Sharing>) {
        let parts = Arc::<Parts>::default();
        let sharing = (0..sharing).map(|_| parts.share()).collect();
        (parts, sharing)
    }

    fn part(parts: &Parts, sequence: u64) -> Arc<Part> {
        let picture = Picture { jpeg: vec![sequence as u8; LENGTH].into(), ..Picture::example(sequence) };
        parts.of(&Arc::new(picture))
    }

    fn wire(part: &Part, framing: Framing) -> Vec<u8> {
        part.slices(part.range(framing)).iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[derive(Clone, Debug)]
    enum Step {
        Publish,
        Room(usize),
        Repeat,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Publish),
            4 => (0..2 * LENGTH).prop_map(Step::Room),
            4 => Just(Step::Room(10 * LENGTH)),
            1 => Just(Step::Repeat),
        ]
    }

    proptest! {
        /// What a viewer gets is whole parts, each newer than the one before or a repeat of it, by either way.
        #[test]
        fn parts_are_sent_whole_and_in_order(
            steps in prop::collection::vec(step(), 1..60),
            framing in prop_oneof![Just(Framing::Described), Just(Framing::Advance)],
            sharing in prop_oneof![Just(0), Just(MANY)],
        ) {
            let socket = FakeSocket::default();
            let mut outgoing = Outgoing::new(framing, SendMode::Memfd);
            let (made, _sharing) = self::parts(sharing);
            let (mut parts, mut unseen) = (vec![], None);
            for step in steps {
                match step {
                    Step::Publish => {
                        parts.push(part(&made, parts.len() as u64));
                        unseen = parts.last().cloned();
                    }
                    Step::Room(bytes) => socket.0.borrow_mut().room = bytes,
                    Step::Repeat => outgoing.repeat(),
                }
                if (outgoing.idle() || outgoing.replaceable())
                    && let Some(part) = unseen.take()
                {
                    outgoing.begin(part);
                }
                if !outgoing.idle() {
                    let progress = outgoing.push(&socket).unwrap();
                    prop_assert_eq!(outgoing.idle(), progress != Pushed::Blocked);
                }
            }
            // Whatever has begun ends, when there is room.
            socket.0.borrow_mut().room = usize::MAX;
            while !outgoing.idle() {
                outgoing.push(&socket).unwrap();
            }
            let took = &socket.0.borrow().took;
            let mut rest = &took[..];
            let mut newest = 0;
            while !rest.is_empty() {
                let next = (newest..parts.len()).find(|&i| rest.starts_with(&wire(&parts[i], framing)));
                prop_assert!(next.is_some(), "torn or old after part {}", newest);
                newest = next.unwrap();
                rest = &rest[wire(&parts[newest], framing).len()..];
            }
        }
    }

    #[test]
    fn viewer_that_keeps_up_is_sent_the_memfd_with_one_call_a_part() {
        let ((parts, _sharing), socket) = (parts(MANY), FakeSocket::default());
        socket.0.borrow_mut().room = usize::MAX;
        let mut outgoing = Outgoing::new(Framing::Described, SendMode::Memfd);
        for sequence in 0..10 {
            outgoing.begin(part(&parts, sequence));
            assert!(matches!(outgoing.push(&socket), Ok(Pushed::Whole(_))));
        }
        let calls = |socket: &FakeSocket| (socket.0.borrow().by_bytes, socket.0.borrow().by_memfd);
        assert_eq!(calls(&socket), (SMOOTH as usize, 10 - SMOOTH as usize));

        // It falls behind: the rest of the part that began with `sendfile` is copied.
        socket.0.borrow_mut().room = LENGTH / 2;
        outgoing.begin(part(&parts, 10));
        assert_eq!(outgoing.push(&socket).unwrap(), Pushed::Blocked);
        assert!(!outgoing.replaceable());
        socket.0.borrow_mut().room = usize::MAX;
        assert!(matches!(outgoing.push(&socket), Ok(Pushed::Whole(_))));
        assert_eq!(calls(&socket), (SMOOTH as usize + 1, 11 - SMOOTH as usize));
    }

    #[test]
    fn part_is_copied_where_the_kernel_refuses_sendfile_and_it_is_not_tried_again() {
        let ((parts, _sharing), socket) = (parts(MANY), FakeSocket::default());
        *socket.0.borrow_mut() = Inner { room: usize::MAX, refuses_memfd: 1, ..Inner::default() };
        let mut outgoing = Outgoing::new(Framing::Advance, SendMode::Memfd);
        let mut wanted = vec![];
        for sequence in 0..10 {
            let part = part(&parts, sequence);
            wanted.extend(wire(&part, Framing::Advance));
            outgoing.begin(part);
            assert!(matches!(outgoing.push(&socket), Ok(Pushed::Whole(_))));
        }
        assert_eq!(outgoing.send_mode(), SendMode::Copy);
        let inner = socket.0.borrow();
        assert_eq!((inner.by_bytes, inner.by_memfd, inner.refuses_memfd), (10, 0, 0));
        assert!(inner.took == wanted);
    }

    #[test]
    fn unsent_picture_is_replaced_by_a_newer_one() {
        let ((parts, _), socket) = (parts(0), FakeSocket::default());
        let mut outgoing = Outgoing::new(Framing::Described, SendMode::Memfd);
        assert!(outgoing.idle() && !outgoing.replaceable());
        outgoing.begin(part(&parts, 1));
        assert_eq!(outgoing.push(&socket).unwrap(), Pushed::Blocked);
        assert!(outgoing.replaceable());
        let newer = part(&parts, 2);
        outgoing.begin(Arc::clone(&newer));
        socket.0.borrow_mut().room = usize::MAX;
        assert!(matches!(outgoing.push(&socket), Ok(Pushed::Whole(_))));
        assert!(outgoing.idle() && !outgoing.replaceable());
        assert!(socket.0.borrow().took == wire(&newer, Framing::Described));
    }
}
