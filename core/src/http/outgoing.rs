//! What one viewer is being sent: whole parts, one after another, however little its socket takes at a time.

use super::{
    framing::Framing,
    part::Part,
    sink::{Sink, Ways},
};
use std::{io, ops::Range, sync::Arc};

/// A viewer whose last so many parts each went with one call keeps up, and gets pages.
///
/// One that does not keep up gets its few pictures copied, since only that way can the kernel be told where a
/// part ends (see [`Sink::send_bytes`]).
const SMOOTH: u32 = 4;

/// What became of an attempt to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
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
    ways: Ways,
}

impl Outgoing {
    pub(super) fn new(framing: Framing, ways: Ways) -> Self {
        Self { framing, part: None, left: 0..0, smooth: 0, ways }
    }

    /// Whether there is nothing to send.
    pub(super) fn idle(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether a newer picture may take the place of the one that waits: nothing of it has gone.
    pub(super) fn replaceable(&self) -> bool {
        self.part.as_ref().is_some_and(|part| self.left == part.range(self.framing))
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    pub(super) fn ways(&self) -> Ways {
        self.ways
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
    pub(super) fn push(&mut self, sink: &impl Sink) -> io::Result<Progress> {
        let Some(part) = self.part.clone() else { return Ok(Progress::Blocked) };
        let whole = part.range(self.framing);
        let begins = self.left == whole;
        match self.send(&part, sink) {
            Ok(sent) => self.left.start += sent,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        if !self.left.is_empty() {
            self.smooth = 0;
            return Ok(Progress::Blocked);
        }
        if begins {
            self.smooth = self.smooth.saturating_add(1);
        }
        Ok(Progress::Whole(whole.len()))
    }

    fn send(&mut self, part: &Part, sink: &impl Sink) -> io::Result<usize> {
        if self.ways == Ways::Pages
            && self.smooth >= SMOOTH
            && let Some(pages) = part.pages()
        {
            match sink.send_pages(pages, self.left.clone()) {
                Err(e) if e.kind() == io::ErrorKind::Unsupported => self.ways = Ways::Bytes,
                result => return result,
            }
        }
        sink.send_bytes(&part.slices(self.left.clone()))
    }
}
