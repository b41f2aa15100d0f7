//! The queue itself: pictures in, in order out, none lost between.

use super::{
    disk::Disk,
    folder::Folder,
    name::{Name, Role},
    options::{Options, WhenFull},
    record::{self, OVERHEAD},
};
use crate::feed::{Label, metrics::SpoolCounters};
use bytes::Bytes;
use std::{collections::VecDeque, fmt, io};
use tracing::warn;

/// Names are waited for after this many removals at the latest; each picture that is taken does so too.
const SYNC_EVERY: u32 = 32;

/// The most pictures that a power cut can cause to be sent again: those whose removal the disk had not finished, and
/// the one that was being sent.
pub const MAX_REPEATS: u32 = SYNC_EVERY + 1;

/// When the disk itself is full, not more than this many old pictures go for a new one: if that does not help, it is
/// something else that fills the disk, and they would all go for nothing.
const MAX_DROPS: u32 = 4;

/// A queue of pictures on a disk.
///
/// ```
/// use eyelet_core::{RunId, feed::Label, metrics::SpoolCounters, spool::{Folder, Options, Spool}};
/// use std::time::Duration;
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path();
/// let open = || Spool::open(Folder::open(dir).unwrap(), Options::default(), SpoolCounters::default());
/// let mut spool = open().unwrap();
/// let label = Label { run: RunId::new(1), sequence: 7, captured_at: Duration::ZERO };
/// spool.put(b"a picture", &label).unwrap();
/// drop(spool); // or kill -9, or a power cut
///
/// let mut spool = open().unwrap();
/// let stored = spool.oldest().unwrap().unwrap();
/// assert_eq!((&stored.jpeg[..], stored.label), (&b"a picture"[..], label));
/// spool.sent(stored.number); // once the server has it
/// assert!(spool.oldest().unwrap().is_none());
/// ```
#[derive(Debug)]
pub struct Spool<D: Disk = Folder> {
    disk: D,
    options: Options,
    counters: SpoolCounters,
    waiting: VecDeque<File>,
    /// Refused and damaged pictures: kept while there is room.
    aside: VecDeque<File>,
    /// No longer needed here, but still on the disk: to be removed, or to be set aside with this role.
    leaving: VecDeque<(File, Option<Role>)>,
    /// Why they still exist.
    trouble: Option<io::Error>,
    /// Of all files.
    bytes: u64,
    /// The number of the next picture: above all existing ones.
    next: u64,
    /// The one returned last: it may be in transit, and is not dropped.
    lent: Option<u64>,
    /// Removals since the names were last synced.
    unsynced: u32,
}

#[derive(Clone, Copy, Debug)]
struct File {
    name: Name,
    len: u64,
}

/// A verified picture from the spool.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place in the spool.
    pub number: u64,
    /// Its metadata.
    pub label: Label,
    /// The picture.
    pub jpeg: Bytes,
}

/// Why a picture was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// It alone exceeds the limit of the whole spool.
    TooLarge,
    /// There is no room, and stored pictures stay.
    Full,
    /// The disk failed.
    Disk(io::Error),
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("a picture is larger than the whole spool may be"),
            Self::Full => f.write_str("the spool is full"),
            Self::Disk(e) => write!(f, "the spool's disk fails: {e}"),
        }
    }
}

impl<D: Disk> Spool<D> {
    /// Finds the pictures that an earlier run left, and removes unfinished files.
    ///
    /// # Errors
    /// The system's, when the folder cannot be read or written to.
    pub fn open(mut disk: D, options: Options, counters: SpoolCounters) -> io::Result<Self> {
        let (mut waiting, mut aside, mut leaving) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        let mut next = 0;
        for file in disk.list()? {
            let Some(name) = Name::parse(&file.name) else { continue };
            next = next.max(name.number.saturating_add(1));
            let file = File { name, len: file.len };
            match name.role {
                Role::Waiting => waiting.push_back(file),
                Role::Unfinished => leaving.push_back((file, None)),
                Role::Refused | Role::Damaged => aside.push_back(file),
            }
        }
        for files in [&mut waiting, &mut aside] {
            files.make_contiguous().sort_unstable_by_key(|file| file.name.number);
        }
        let bytes = waiting
            .iter()
            .chain(&aside)
            .chain(leaving.iter().map(|(file, _)| file))
            .map(|file| file.len)
            .sum();
        let (lent, trouble, unsynced) = (None, None, 0);
        let mut spool =
            Self { disk, options, counters, waiting, aside, leaving, trouble, bytes, next, lent, unsynced };
        spool.tidy();
        Ok(spool)
    }

    /// Takes a picture: when this returns, it is on the disk, complete and under its name. Counts it either way.
    ///
    /// # Errors
    /// Why it was not taken; stored pictures remain, as far as there is room.
    pub fn put(&mut self, jpeg: &[u8], label: &Label) -> Result<(), NotTaken> {
        let taken = self.try_put(jpeg, label);
        if let Err(NotTaken::Disk(_)) = taken {
            self.counters.missed(1);
        }
        taken
    }

    /// [`put`](Self::put) for callers that retry when the disk fails: the picture is then not counted as missed.
    pub(super) fn try_put(&mut self, jpeg: &[u8], label: &Label) -> Result<(), NotTaken> {
        let taken = self.take(jpeg, label);
        match taken {
            Ok(()) => drop(self.counters.taken.inc()),
            Err(NotTaken::Disk(_)) => {}
            Err(_) => self.counters.missed(1),
        }
        self.show();
        taken
    }

    /// The next picture to send; the same one until [`sent`](Self::sent) or [`refused`](Self::refused).
    /// Checksum, length and version are verified at every read; damaged pictures are set aside on the way.
    ///
    /// # Errors
    /// The system's, while the picture cannot be read. It stays the next one: call again later.
    pub fn oldest(&mut self) -> io::Result<Option<Stored>> {
        while let Some(&file) = self.waiting.front() {
            let name = file.name;
            let opened = match self.read(name) {
                Err(e) if e.kind() == io::ErrorKind::NotFound && self.is_gone(name)? => {
                    warn!("{name} was removed from the spool");
                    self.waiting.pop_front();
                    self.bytes -= file.len;
                    self.counters.dropped();
                    self.show();
                    continue;
                }
                // The memory that it passed through may be to blame.
                Ok(Err(_)) => self.read(name)?,
                read => read?,
            };
            match opened {
                Ok((jpeg, label)) => {
                    self.lent = Some(name.number);
                    self.counters.oldest.set(label.captured_at.as_secs_f64());
                    return Ok(Some(Stored { number: name.number, label, jpeg }));
                }
                Err(why) => {
                    warn!("the spooled picture {name} is damaged and set aside: {why}");
                    self.counters.damaged.inc();
                    self.leave(Some(Role::Damaged));
                }
            }
        }
        Ok(None)
    }

    fn read(&mut self, name: Name) -> io::Result<Result<(Bytes, Label), String>> {
        Ok(record::open(self.disk.read(&name.to_string())?))
    }

    /// Whether the folder exists, but not this file.
    fn is_gone(&mut self, name: Name) -> io::Result<bool> {
        let name = name.to_string();
        Ok(!self.disk.list()?.iter().any(|file| file.name == name))
    }

    /// The server has the picture: its file is removed.
    pub fn sent(&mut self, number: u64) {
        if self.given_back(number) {
            self.leave(None);
        }
    }

    /// The server will never accept the picture: it is set aside, so that those behind it can be sent.
    pub fn refused(&mut self, number: u64) {
        if self.given_back(number) {
            self.counters.refused.inc();
            self.leave(Some(Role::Refused));
        }
    }

    /// Why files that are no longer needed are still on the disk, if there are any. They take up room, and the next
    /// run would send them again.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    /// Tries again to remove them.
    pub fn tidy(&mut self) {
        self.trouble = self.finish().err();
        self.show();
    }

    fn finish(&mut self) -> io::Result<()> {
        while let Some(&(file, role)) = self.leaving.front() {
            let old = file.name.to_string();
            let done = match role {
                None => self.disk.remove(&old),
                Some(role) => self.disk.rename(&old, &Name::new(file.name.number, role).to_string()),
            };
            done.or_else(unless_gone)?;
            self.leaving.pop_front();
            match role {
                None => self.removed(file),
                Some(role) => {
                    self.aside.push_back(File { name: Name::new(file.name.number, role), len: file.len });
                }
            }
        }
        if self.unsynced >= SYNC_EVERY { self.sync_folder() } else { Ok(()) }
    }

    /// How many pictures wait to be sent.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Its limits.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Counts of what happened to its pictures.
    pub fn counters(&self) -> &SpoolCounters {
        &self.counters
    }

    fn take(&mut self, jpeg: &[u8], label: &Label) -> Result<(), NotTaken> {
        let len = jpeg.len() as u64 + OVERHEAD;
        if len > self.options.max_bytes {
            return Err(NotTaken::TooLarge);
        }
        while self.bytes + len > self.options.max_bytes {
            if !self.make_room().map_err(NotTaken::Disk)? {
                return Err(NotTaken::Full);
            }
        }
        let trailer = record::trailer(jpeg, label);
        let mut drops = 0;
        while let Err(error) = self.commit(jpeg, &trailer) {
            if error.kind() == io::ErrorKind::IsADirectory {
                // Not ours, under the name that is next.
                self.next += 1;
                continue;
            }
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if !full || drops == MAX_DROPS || !self.make_room().unwrap_or(false) {
                return Err(NotTaken::Disk(error));
            }
            drops += 1;
        }
        self.waiting.push_back(File { name: Name::new(self.next, Role::Waiting), len });
        self.bytes += len;
        self.next += 1;
        Ok(())
    }

    /// The bytes first, then the name: after a power cut every name has its bytes. On an error there is
    /// neither, or it is counted and removed later.
    fn commit(&mut self, jpeg: &[u8], trailer: &[u8]) -> io::Result<()> {
        let names = [Role::Unfinished, Role::Waiting].map(|role| Name::new(self.next, role));
        let [part, name] = names.map(|name| name.to_string());
        if let Err(error) = self.write(&part, jpeg, trailer) {
            // The next one is written over it.
            let _ = self.disk.remove(&part);
            return Err(error);
        }
        let renamed = self.disk.rename(&part, &name).and_then(|()| self.sync_folder());
        if renamed.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::IsADirectory) {
            self.disk.remove(&part)?;
        } else if renamed.is_err() {
            // Its name is now unknown.
            let len = (jpeg.len() + trailer.len()) as u64;
            let before = self.leaving.len();
            for name in names {
                if self.disk.remove(&name.to_string()).or_else(unless_gone).is_err() {
                    self.leaving.push_back((File { name, len }, None));
                    self.bytes += len;
                }
            }
            // A number of its own, or removing it would remove another.
            self.next += u64::from(self.leaving.len() > before);
        }
        renamed
    }

    fn write(&mut self, part: &str, jpeg: &[u8], trailer: &[u8]) -> io::Result<()> {
        let mut file = self.disk.create(part)?;
        self.disk.write(&mut file, jpeg)?;
        self.disk.write(&mut file, trailer)?;
        self.disk.sync(&mut file)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.disk.sync_folder()?;
        self.unsynced = 0;
        Ok(())
    }

    /// Drops one file: one that is no longer needed or was set aside, otherwise the oldest picture if allowed.
    fn make_room(&mut self) -> io::Result<bool> {
        if !self.leaving.is_empty() {
            self.finish()?;
            return Ok(true);
        }
        if let Some(&file) = self.aside.front() {
            self.remove(file)?;
            self.aside.pop_front();
            return Ok(true);
        }
        let first = usize::from(self.lent.is_some()); // the one that is lent is the front
        let oldest = self.waiting.get(first).copied();
        let Some(file) = oldest.filter(|_| self.options.when_full == WhenFull::DropOldest) else {
            return Ok(false);
        };
        self.remove(file)?;
        self.waiting.remove(first);
        self.counters.dropped();
        Ok(true)
    }

    /// Whether this is the picture that was returned, the front.
    fn given_back(&mut self, number: u64) -> bool {
        let back = self.lent.take_if(|lent| *lent == number).is_some();
        if back {
            self.counters.oldest.set(0.0);
        }
        back
    }

    /// The front is no longer needed. If the disk refuses to remove it, the queue still advances.
    fn leave(&mut self, role: Option<Role>) {
        self.lent = None;
        self.leaving.extend(self.waiting.pop_front().map(|file| (file, role)));
        self.tidy();
    }

    fn remove(&mut self, file: File) -> io::Result<()> {
        self.disk.remove(&file.name.to_string()).or_else(unless_gone)?;
        self.removed(file);
        Ok(())
    }

    fn removed(&mut self, file: File) {
        self.bytes -= file.len;
        self.unsynced += 1;
    }

    fn show(&self) {
        self.counters.holds(self.waiting.len(), self.bytes);
    }
}

/// A missing file counts as removed: over a network, a removal or rename may succeed although it reported an error.
fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
