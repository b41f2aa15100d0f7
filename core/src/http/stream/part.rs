//! A picture as it goes over the wire: made once for all viewers.

use super::{
    framing::{self, Framing},
    memfd::Memfd,
};
use crate::feed::{Picture, Published};
use std::{
    cell::OnceCell,
    io::IoSlice,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// From this many viewers on, a part is copied once into a memfd whose pages their sockets share. Making the memfd and
/// freeing it costs about what sharing saves with so many viewers; below, copying the part into each socket's queue is
/// cheaper.
///
/// Measured on x86-64 with pictures of 53 kB: it pays from about 40 viewers on, and with 32 the two ways cost the same
/// within what one run differs from the next (`benches/README.md`). Not measured on the board.
const SHARED_FROM: usize = 32;

/// A part shorter than this is copied for each viewer: finding its pages costs as much. With 25 kB it pays from
/// 64 viewers on, with 10 kB not even with 128.
const SHARED_LENGTH: usize = 16 * 1024;

/// One picture, its headers and what follows it.
#[derive(Debug)]
pub(super) struct Part {
    picture: Arc<Picture>,
    headers: Vec<u8>,
    /// Held by [`Parts`].
    memfd: Weak<Memfd>,
}

impl Part {
    /// The part of `picture` for this many viewers that can be sent a memfd; and that, which lasts as long as the second
    /// result.
    fn new(picture: Arc<Picture>, sharing: usize) -> (Self, Option<Arc<Memfd>>) {
        let mut part = Self { headers: framing::headers(&picture), picture, memfd: Weak::new() };
        let mut held = None;
        let all = 0..part.headers.len() + part.picture.jpeg.len() + framing::TAIL.len();
        if sharing >= SHARED_FROM && all.len() >= SHARED_LENGTH {
            match Memfd::holding(&part.slices(all)) {
                Ok(memfd) => part.memfd = Arc::downgrade(held.insert(Arc::new(memfd))),
                Err(error) => tracing::debug!(%error, "each viewer gets a copy of the picture"),
            }
        }
        (part, held)
    }

    /// Which of the part's bytes a viewer gets.
    pub(super) fn range(&self, framing: Framing) -> Range<usize> {
        framing.range(self.headers.len(), self.picture.jpeg.len())
    }

    /// The bytes of `range`, in memory.
    pub(super) fn slices(&self, range: Range<usize>) -> [IoSlice<'_>; 3] {
        let mut before = 0;
        [&self.headers[..], &self.picture.jpeg, framing::TAIL].map(|bytes| {
            let from = range.start.clamp(before, before + bytes.len()) - before;
            let to = range.end.clamp(before, before + bytes.len()) - before;
            before += bytes.len();
            IoSlice::new(&bytes[from..to])
        })
    }

    /// The same bytes at the same offsets in a memfd, for as long as this is the newest part.
    pub(super) fn memfd(&self) -> Option<Arc<Memfd>> {
        self.memfd.upgrade()
    }
}

/// The newest picture's part, for as long as a viewer has it.
///
/// Its memfd is a file descriptor, and each viewer may have another part that it has not taken yet: so there is a memfd for
/// the newest part alone, and a late viewer gets the rest of its part copied.
#[derive(Debug, Default)]
pub(super) struct Parts(Mutex<Newest>);

#[derive(Debug, Default)]
struct Newest {
    part: Weak<Part>,
    // Kept, not read: the part has a weak reference.
    _memfd: Option<Arc<Memfd>>,
    /// How many viewers can be sent a memfd.
    sharing: usize,
}

impl Parts {
    /// The part of `picture`, made if it does not exist yet: then with a memfd, if enough viewers can be sent one.
    pub(super) fn of(&self, picture: &Arc<Picture>) -> Arc<Part> {
        let mut newest = self.lock();
        if let Some(part) = newest.part.upgrade()
            && Arc::ptr_eq(&part.picture, picture)
        {
            return part;
        }
        let (part, memfd) = Part::new(Arc::clone(picture), newest.sharing);
        let part = Arc::new(part);
        (newest.part, newest._memfd) = (Arc::downgrade(&part), memfd);
        part
    }

    /// Counts one more viewer that can be sent a memfd, until the result drops.
    pub(super) fn share(self: &Arc<Self>) -> Sharing {
        self.lock().sharing += 1;
        Sharing(Arc::clone(self))
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer that can be sent a memfd. The last one takes the newest part's memfd with it.
#[derive(Debug)]
pub(super) struct Sharing(Arc<Parts>);

impl Drop for Sharing {
    fn drop(&mut self) {
        let mut newest = self.0.lock();
        newest.sharing -= 1;
        if newest.sharing == 0 {
            newest._memfd = None;
        }
    }
}

/// A picture that was just published, on its way to all viewers. Its part is made for the first one that takes it.
pub(super) struct NewPart<'a> {
    pub(super) published: &'a Published<'a>,
    parts: &'a Parts,
    part: OnceCell<Arc<Part>>,
}

impl<'a> NewPart<'a> {
    pub(super) fn of(published: &'a Published<'a>, parts: &'a Parts) -> Self {
        Self { published, parts, part: OnceCell::new() }
    }

    pub(super) fn part(&self) -> Arc<Part> {
        Arc::clone(self.part.get_or_init(|| self.parts.of(self.published.picture)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(length: usize) -> Arc<Picture> {
        let jpeg = (0..length).map(|i| i as u8).collect::<Vec<_>>().into();
        Arc::new(Picture { jpeg, ..Picture::example(7) })
    }

    fn joined(slices: &[IoSlice<'_>]) -> Vec<u8> {
        slices.iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    /// As many viewers as make sharing pay.
    fn sharing() -> (Arc<Parts>, Vec<Sharing>) {
        let parts = Arc::<Parts>::default();
        let sharing = (0..SHARED_FROM).map(|_| parts.share()).collect();
        (parts, sharing)
    }

    proptest! {
        #[test]
        fn any_range_is_what_it_would_be_of_the_whole(length in 0usize..300, a: prop::sample::Index, b: prop::sample::Index) {
            let (part, _) = Part::new(picture(length), 0);
            let whole = [&part.headers[..], &part.picture.jpeg, framing::TAIL].concat();
            let (a, b) = (a.index(whole.len() + 1), b.index(whole.len() + 1));
            let range = a.min(b)..a.max(b);
            prop_assert_eq!(joined(&part.slices(range.clone())), &whole[range]);
        }
    }

    #[test]
    fn part_of_a_picture_is_made_once() {
        let parts = Parts::default();
        let (first, second) = (picture(10), picture(10));
        let part = parts.of(&first);
        assert!(Arc::ptr_eq(&part, &parts.of(&first)));
        assert!(!Arc::ptr_eq(&part, &parts.of(&second)));
    }

    #[test]
    fn part_of_a_new_picture_is_made_for_the_first_viewer_that_takes_it() {
        /// Takes each picture for this many viewers.
        #[derive(Debug, Default)]
        struct Takers(Arc<Parts>, Mutex<usize>);

        impl crate::feed::Outlet for Takers {
            fn published(&self, published: &Published<'_>) {
                let new = NewPart::of(published, &self.0);
                let takers = *self.1.lock().unwrap();
                let parts: Vec<_> = (0..takers).map(|_| new.part()).collect();
                assert!(parts.iter().all(|part| Arc::ptr_eq(part, &parts[0])));
                assert_eq!(self.0.lock().part.upgrade().is_some(), takers > 0);
            }
        }

        let (feed, takers) = (crate::feed::Feed::new(), Arc::<Takers>::default());
        feed.deliver_to(&takers);
        for viewers in [0, 1, 3] {
            *takers.1.lock().unwrap() = viewers;
            feed.publish(Picture::clone(&picture(10)));
        }
    }

    #[test]
    fn part_that_no_viewer_has_is_freed() {
        let (parts, _sharing) = sharing();
        let picture = picture(20_000);
        let gone = Arc::downgrade(&picture);
        drop(parts.of(&picture));
        drop(picture);
        assert!(gone.upgrade().is_none());
    }

    /// Each has a file descriptor, and slow viewers hold as many parts as there are of them.
    #[test]
    #[cfg(target_os = "linux")]
    fn only_the_newest_part_has_a_memfd_and_none_without_viewers() {
        let (parts, sharing) = sharing();
        let held: Vec<_> = (0..3).map(|_| parts.of(&picture(SHARED_LENGTH))).collect();
        let shared: Vec<_> = held.iter().map(|part| part.memfd().is_some()).collect();
        assert_eq!(shared, [false, false, true]);
        drop(sharing);
        assert!(held[2].memfd().is_none());
        assert!(parts.of(&picture(SHARED_LENGTH)).memfd().is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memfd_is_made_for_many_viewers_of_a_large_picture_and_holds_the_part() {
        for (length, sharing) in [(SHARED_LENGTH, SHARED_FROM - 1), (100, SHARED_FROM)] {
            assert!(Part::new(picture(length), sharing).1.is_none(), "{length} bytes, {sharing} viewers");
        }
        let (part, _held) = Part::new(picture(SHARED_LENGTH), SHARED_FROM);
        let memfd = part.memfd().unwrap();
        let all = 0..part.range(Framing::Advance).end;
        let mut held = vec![0; all.len() + 1];
        assert_eq!(rustix::io::pread(memfd, &mut held, 0).unwrap(), all.len());
        held.pop();
        assert_eq!(held, joined(&part.slices(all)));
    }
}
