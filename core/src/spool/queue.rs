//! The queue itself: pictures in, in order out, none lost between.

use super::{
    disk::Disk,
    folder::Folder,
    name::{Name, Role},
    options::{Options, WhenFull},
    record::{self, Label, OVERHEAD},
};
use crate::metrics::SpoolCounters;
use bytes::Bytes;
use rustix::io::Errno;
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
/// use eyelet_core::{RunId, metrics::SpoolCounters, spool::{Folder, Label, Options, Spool}};
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
/// let stored = spool.oldest().unwrap();
/// assert_eq!((&stored.jpeg[..], stored.label), (&b"a picture"[..], label));
/// spool.sent(stored.number); // once the server has it
/// assert!(spool.oldest().is_none());
/// ```
#[derive(Debug)]
pub struct Spool<D: Disk = Folder> {
    disk: D,
    options: Options,
    counters: SpoolCounters,
    waiting: VecDeque<File>,
    /// Refused and damaged ones: kept while there is room.
    aside: VecDeque<File>,
    /// Of both.
    bytes: u64,
    /// The number of the next picture: above all that there are.
    next: u64,
    /// The one handed out last: it may be under way, and is not dropped.
    lent: Option<u64>,
    /// Removals since the names were waited for.
    unsynced: u32,
}

#[derive(Clone, Copy, Debug)]
struct File {
    name: Name,
    len: u64,
}

/// A picture out of the spool, checked.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place in the spool.
    pub number: u64,
    /// What is known of it.
    pub label: Label,
    /// The picture.
    pub jpeg: Bytes,
}

/// Why a picture was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// It alone is larger than the whole spool may be.
    TooLarge,
    /// There is no room, and what is there stays.
    Full,
    /// The disk failed.
    Disk(io::Error),
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("a picture is larger than the spool may be; raise --spool-max"),
            Self::Full => {
                f.write_str("the spool is full; raise --spool-max, or let --spool-full drop-oldest")
            }
            Self::Disk(e) => write!(f, "{e}; is the disk of --spool full or gone?"),
        }
    }
}

impl<D: Disk> Spool<D> {
    /// Finds what an earlier run left, and removes what it had not finished.
    ///
    /// # Errors
    /// The system's, when the folder cannot be read or written to.
    pub fn open(mut disk: D, options: Options, counters: SpoolCounters) -> io::Result<Self> {
        let (mut waiting, mut aside) = (VecDeque::new(), VecDeque::new());
        let mut next = 0;
        for file in disk.list()? {
            let Some(name) = Name::parse(&file.name) else { continue };
            next = next.max(name.number.saturating_add(1));
            match name.role {
                Role::Waiting => waiting.push_back(File { name, len: file.len }),
                Role::Unfinished => disk.remove(&file.name)?,
                Role::Refused | Role::Damaged => aside.push_back(File { name, len: file.len }),
            }
        }
        for files in [&mut waiting, &mut aside] {
            files.make_contiguous().sort_unstable_by_key(|file| file.name.number);
        }
        let bytes = waiting.iter().chain(&aside).map(|file| file.len).sum();
        let spool = Self { disk, options, counters, waiting, aside, bytes, next, lent: None, unsynced: 0 };
        spool.show();
        Ok(spool)
    }

    /// Takes a picture: when this returns it is on the disk, whole, under its name. Counts it either way.
    ///
    /// # Errors
    /// Why it was not taken; what was there before still is, as far as there is room.
    pub fn put(&mut self, jpeg: &[u8], label: &Label) -> Result<(), NotTaken> {
        let taken = self.take(jpeg, label);
        match taken {
            Ok(()) => drop(self.counters.taken.inc()),
            Err(_) => self.counters.missed(1),
        }
        self.show();
        taken
    }

    /// The picture that must be sent next; the same one until [`sent`](Self::sent) or [`refused`](Self::refused).
    /// Damaged ones are set aside on the way. Nothing also when the process is short of file descriptors or memory,
    /// though there are some: ask again later.
    pub fn oldest(&mut self) -> Option<Stored> {
        while let Some(&File { name, .. }) = self.waiting.front() {
            match self.disk.read(&name.to_string()).and_then(record::open) {
                Ok((jpeg, label)) => {
                    self.lent = Some(name.number);
                    self.counters.oldest.set(label.captured_at.as_secs_f64());
                    return Some(Stored { number: name.number, label, jpeg });
                }
                Err(e)
                    if matches!(
                        Errno::from_io_error(&e),
                        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
                    ) =>
                {
                    return None;
                }
                Err(why) => {
                    warn!("the spooled picture {name} is damaged and set aside: {why}");
                    self.counters.damaged.inc();
                    self.set_aside(Role::Damaged);
                    self.show();
                }
            }
        }
        None
    }

    /// The server has the picture: its file goes.
    pub fn sent(&mut self, number: u64) {
        let Some(file) = self.given_back(number) else { return };
        self.waiting.pop_front();
        self.remove(file);
        if self.unsynced >= SYNC_EVERY {
            self.sync_folder().unwrap_or_else(|e| warn!("cannot sync the spool's folder: {e}"));
        }
        self.show();
    }

    /// The server will never take the picture: it is set aside, so that those behind it can go.
    pub fn refused(&mut self, number: u64) {
        if self.given_back(number).is_some() {
            self.counters.refused.inc();
            self.set_aside(Role::Refused);
            self.show();
        }
    }

    /// Pictures that wait to be sent.
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

    /// What became of its pictures.
    pub fn counters(&self) -> &SpoolCounters {
        &self.counters
    }

    fn take(&mut self, jpeg: &[u8], label: &Label) -> Result<(), NotTaken> {
        let len = jpeg.len() as u64 + OVERHEAD;
        if len > self.options.max_bytes {
            return Err(NotTaken::TooLarge);
        }
        while self.bytes + len > self.options.max_bytes {
            if !self.make_room() {
                return Err(NotTaken::Full);
            }
        }
        let trailer = record::trailer(jpeg, label);
        let mut drops = 0;
        while let Err(error) = self.commit(jpeg, &trailer) {
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if !full || drops == MAX_DROPS || !self.make_room() {
                return Err(NotTaken::Disk(error));
            }
            drops += 1;
        }
        self.waiting.push_back(File { name: Name::new(self.next, Role::Waiting), len });
        self.bytes += len;
        self.next += 1;
        Ok(())
    }

    /// The bytes first, then the name: a name that is there after a power cut has its bytes. On an error there is
    /// neither.
    fn commit(&mut self, jpeg: &[u8], trailer: &[u8]) -> io::Result<()> {
        let [part, name] =
            [Role::Unfinished, Role::Waiting].map(|role| Name::new(self.next, role).to_string());
        let written = self.write(&part, jpeg, trailer).and_then(|()| self.disk.rename(&part, &name));
        if let Err(error) = written {
            let _ = self.disk.remove(&part);
            return Err(error);
        }
        self.sync_folder().inspect_err(|_| drop(self.disk.remove(&name)))
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

    /// Drops one file: one that was set aside, else the oldest picture if that is allowed.
    fn make_room(&mut self) -> bool {
        if let Some(file) = self.aside.pop_front() {
            self.remove(file);
            return true;
        }
        let first = usize::from(self.lent.is_some()); // the one that is lent is the front
        match self.options.when_full {
            WhenFull::Hold => false,
            WhenFull::DropOldest => self.waiting.remove(first).is_some_and(|file| {
                self.remove(file);
                self.counters.dropped();
                true
            }),
        }
    }

    /// The front, if that is what was handed out.
    fn given_back(&mut self, number: u64) -> Option<File> {
        self.lent.take_if(|lent| *lent == number)?;
        self.counters.oldest.set(0.0);
        self.waiting.front().copied()
    }

    /// A file that cannot be removed is forgotten all the same, or it would be sent for ever. The next start finds
    /// it again.
    fn remove(&mut self, file: File) {
        self.bytes -= file.len;
        self.unsynced += 1;
        if let Err(error) = self.disk.remove(&file.name.to_string()) {
            warn!("cannot remove {} from the spool: {error}", file.name);
        }
    }

    fn set_aside(&mut self, role: Role) {
        let Some(file) = self.waiting.pop_front() else { return };
        self.lent = None;
        let name = Name::new(file.name.number, role);
        match self.disk.rename(&file.name.to_string(), &name.to_string()) {
            Ok(()) => self.aside.push_back(File { name, len: file.len }),
            Err(error) => {
                self.bytes -= file.len;
                warn!("cannot set {} aside: {error}", file.name);
            }
        }
    }

    fn show(&self) {
        self.counters.holds(self.waiting.len(), self.bytes);
    }
}
