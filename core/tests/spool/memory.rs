//! A disk in memory that can lose its power: what was not waited for is lost, in part, at random.

use eyelet_core::spool::{Disk, Listed};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

/// Handles of one disk; it outlives each spool that is opened on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Every file ever made; names point into it.
    files: Vec<Content>,
    /// The names that programs see.
    names: BTreeMap<String, usize>,
    /// The names that survive a power cut.
    durable: BTreeMap<String, usize>,
    /// What happened to the names since they were waited for.
    pending: Vec<Change>,
    /// Operations until the power goes.
    fuse: Option<u32>,
    /// Operations until the disk is full, and how many then fail.
    full: Option<(u32, u32)>,
    /// Reads that fail for want of a file descriptor.
    starved: u32,
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// As many of them survive a power cut.
    synced: usize,
}

#[derive(Clone, Debug)]
enum Change {
    Name(String, usize),
    Rename(String, String),
    Remove(String),
}

impl Memory {
    /// The power goes after so many operations; every one after that fails.
    pub(crate) fn fuse(&self, operations: u32) {
        self.inner().fuse = Some(operations);
    }

    /// After so many operations the disk is full, for so many operations.
    pub(crate) fn full(&self, after: u32, times: u32) {
        self.inner().full = Some((after, times));
    }

    /// So many reads find no file descriptor.
    pub(crate) fn starve(&self, reads: u32) {
        self.inner().starved = reads;
    }

    /// The power is back. Of the changes to the names that were not waited for a random part has come to pass, in any
    /// combination: harsher than a journal, which keeps their order. Of each file that was not waited for a random
    /// part is there, and the rest is zeros or missing.
    pub(crate) fn power_cut(&self, rng: &mut fastrand::Rng) {
        let mut disk = self.inner();
        let disk = &mut *disk;
        disk.fuse = None;
        disk.full = None;
        for change in std::mem::take(&mut disk.pending) {
            if rng.bool() {
                change.apply(&mut disk.durable);
            }
        }
        disk.names = disk.durable.clone();
        for file in &mut disk.files {
            let kept = rng.usize(file.synced..=file.bytes.len());
            match rng.u8(0..3) {
                0 => file.bytes.truncate(kept),
                1 => file.bytes[kept..].fill(0),
                _ => file.bytes[kept..].iter_mut().for_each(|byte| *byte = rng.u8(..)),
            }
            file.synced = file.bytes.len();
        }
    }

    /// The process died, the power stayed: everything is as programs saw it.
    pub(crate) fn killed(&self) {
        let mut disk = self.inner();
        disk.fuse = None;
        disk.full = None;
    }

    /// Flips one bit of one file; false when there is none.
    pub(crate) fn flip_bit(&self, name: &str, rng: &mut fastrand::Rng) -> bool {
        let mut disk = self.inner();
        let Some(&file) = disk.names.get(name) else { return false };
        let bytes = &mut disk.files[file].bytes;
        let bit = rng.usize(..bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        true
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.inner().names.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self) -> u64 {
        let disk = self.inner();
        disk.names.values().map(|&file| disk.files[file].bytes.len() as u64).sum()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// One operation, if the power is still there.
    fn operation(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut disk = self.inner();
        match &mut disk.fuse {
            Some(0) => return Err(io::Error::other("no power")),
            Some(fuse) => *fuse -= 1,
            None => {}
        }
        Ok(disk)
    }

    /// One operation that needs room.
    fn growing(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut disk = self.operation()?;
        match &mut disk.full {
            Some((0, 0)) | None => {}
            Some((0, times)) => {
                *times -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some((after, _)) => *after -= 1,
        }
        Ok(disk)
    }
}

impl Inner {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Name(name, file) => drop(names.insert(name.clone(), *file)),
            // Of a name that never came to be there is nothing to rename.
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl Disk for Memory {
    type File = usize;

    fn list(&mut self) -> io::Result<Vec<Listed>> {
        let disk = self.operation()?;
        let listed = |(name, &file): (&String, &usize)| Listed {
            name: name.clone(),
            len: disk.files[file].bytes.len() as u64,
        };
        Ok(disk.names.iter().map(listed).collect())
    }

    fn create(&mut self, name: &str) -> io::Result<usize> {
        let mut disk = self.growing()?;
        let file = disk.files.len();
        disk.files.push(Content::default());
        disk.change(Change::Name(name.to_owned(), file));
        Ok(file)
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.growing()?;
        disk.files[*file].bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, file: &mut usize) -> io::Result<()> {
        let mut disk = self.growing()?;
        let content = &mut disk.files[*file];
        content.synced = content.bytes.len();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.operation()?;
        if !disk.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        let mut disk = self.growing()?;
        disk.pending.clear();
        disk.durable = disk.names.clone();
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.operation()?;
        if !disk.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.change(Change::Remove(name.to_owned()));
        Ok(())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut disk = self.operation()?;
        if disk.starved > 0 {
            disk.starved -= 1;
            return Err(rustix::io::Errno::MFILE.into());
        }
        let file = disk.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(disk.files[*file].bytes.clone())
    }
}
