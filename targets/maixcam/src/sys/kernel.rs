//! The system calls of a board.

// Everything here is a call into the kernel: ioctl and mmap have no safe form.
#![allow(unsafe_code)]

use super::{Device, Mapping, Node, Notes, System, abi::Request};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd, AsRawFd, OwnedFd},
    fs::{FlockOperation, Mode, OFlags, flock, ftruncate, open},
    io::{Errno, pread, pwrite},
    mm::{MapFlags, ProtFlags, mmap, munmap},
};
use std::{
    ffi::c_void,
    fs, io,
    path::PathBuf,
    ptr::NonNull,
    sync::{Mutex, PoisonError},
};

/// Where the allocator lists the carve-out, if debugfs is mounted.
const ION_SUMMARY: &str = "/sys/kernel/debug/ion/cvi_carveout_heap_dump/summary";

/// How much of the notes is read at most; they are far shorter.
const NOTES_MAX: usize = 4096;

/// The running kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    notes: PathBuf,
}

impl Default for Kernel {
    /// With the notes in `/run`, which every boot empties.
    fn default() -> Self {
        Self { notes: "/run/eyelet-sg2002".into() }
    }
}

impl Kernel {
    /// With the notes in another file. All programs that use the unit must use the same.
    pub fn with_notes(notes: impl Into<PathBuf>) -> Self {
        Self { notes: notes.into() }
    }
}

impl System for Kernel {
    fn open(&self, node: Node) -> io::Result<Box<dyn Device>> {
        let flags = match node {
            // Without O_DSYNC: with it the kernel would map memory uncached, and the CPU would crawl.
            Node::Mem | Node::Scaler => OFlags::RDWR | OFlags::CLOEXEC,
            _ => OFlags::RDWR | OFlags::DSYNC | OFlags::CLOEXEC,
        };
        Ok(Box::new(File(open(node.to_string(), flags, Mode::empty())?)))
    }

    fn notes(&self) -> io::Result<Box<dyn Notes>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(Box::new(File(open(&self.notes, flags, Mode::RUSR | Mode::WUSR)?)))
    }

    fn boot_id(&self) -> io::Result<String> {
        Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
    }

    fn ion_summary(&self) -> Option<String> {
        fs::read_to_string(ION_SUMMARY).ok()
    }

    fn block_signals(&self) -> io::Result<()> {
        let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigfillset` fills in the set it is given.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        // SAFETY: the set is filled in, and the old one is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) } {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

#[derive(Debug)]
struct File(OwnedFd);

impl File {
    fn flock(&self) -> io::Result<bool> {
        match flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Device for File {
    fn ioctl(&self, request: Request, argument: &mut [&mut [u8]]) -> io::Result<i32> {
        // Each part begins with the pointer to the next one.
        let mut next: *mut c_void = std::ptr::null_mut();
        for part in argument.iter_mut().rev() {
            if !next.is_null() {
                let pointer = (next.expose_provenance() as u64).to_ne_bytes();
                let place = part.get_mut(..8).ok_or(io::ErrorKind::InvalidInput)?;
                place.copy_from_slice(&pointer);
            }
            next = part.as_mut_ptr().cast();
        }
        // musl takes the request as an `int`, glibc as an `unsigned long`: either way the kernel sees 32 bits.
        #[allow(clippy::cast_possible_wrap, clippy::unnecessary_cast)]
        let number = request.number as libc::Ioctl;
        // SAFETY: the file is open; `next` and the pointers behind it point at parts that live and are not
        // otherwise used until this returns, and that have the sizes of this request's structs: `calls.rs` is the
        // only caller, and `abi.rs` checks the sizes.
        let returned = unsafe { libc::ioctl(self.0.as_raw_fd(), number, next) };
        if returned == -1 { Err(io::Error::last_os_error()) } else { Ok(returned) }
    }

    fn map(&self, physical: u64, len: usize) -> io::Result<Box<dyn Mapping>> {
        let page = rustix::param::page_size() as u64;
        let lead = (physical % page) as usize;
        let whole = lead.checked_add(len).filter(|_| len > 0).ok_or(io::ErrorKind::InvalidInput)?;
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping wherever the kernel likes; it replaces none.
        let base =
            unsafe { mmap(std::ptr::null_mut(), whole, protection, flags, &self.0, physical - lead as u64) }?;
        let base = NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Box::new(Mapped { whole, lead, len, base: Mutex::new(Base(base)) }))
    }

    fn readable(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        Ok(ready > 0 && fds[0].revents().contains(PollFlags::IN))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.flock()
    }
}

impl Notes for File {
    fn try_lock(&self) -> io::Result<bool> {
        self.flock()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut content = vec![0; NOTES_MAX];
        let len = pread(self.0.as_fd(), &mut content, 0)?;
        content.truncate(len);
        Ok(content)
    }

    fn write(&self, content: &[u8]) -> io::Result<()> {
        if pwrite(self.0.as_fd(), content, 0)? != content.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(ftruncate(self.0.as_fd(), content.len() as u64)?)
    }
}

#[derive(Debug)]
struct Mapped {
    whole: usize,
    lead: usize,
    len: usize,
    base: Mutex<Base>,
}

/// Where the mapping begins.
#[derive(Debug)]
struct Base(NonNull<c_void>);

// SAFETY: the memory belongs to the process, not to a thread.
unsafe impl Send for Base {}

impl Mapping for Mapped {
    fn look(&self, look: &mut dyn FnMut(&mut [u8])) {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: `lead` bytes into a mapping of `lead + len` bytes.
        let first = unsafe { base.0.cast::<u8>().add(self.lead) };
        // SAFETY: `len` mapped bytes; the lock keeps other looks away, and the encoder does not look while the
        // unit works on the same memory.
        look(unsafe { std::slice::from_raw_parts_mut(first.as_ptr(), self.len) });
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let base = self.base.get_mut().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: mapped in `map`, and looks have ended: they borrow `self`. A failure leaves it mapped.
        let _ = unsafe { munmap(base.0.as_ptr(), self.whole) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::abi;

    fn device(path: &std::path::Path) -> File {
        File(open(path, OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR).unwrap())
    }

    #[test]
    fn mapping_can_be_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory");
        fs::write(&path, vec![7; 10_000]).unwrap();
        let file = device(&path);
        let mapping = file.map(4096 + 100, 5000).unwrap();
        mapping.look(&mut |bytes| {
            assert_eq!(bytes.len(), 5000);
            assert!(bytes.iter().all(|&byte| byte == 7));
            bytes[0] = 1;
            bytes[4999] = 2;
        });
        drop(mapping);
        let content = fs::read(&path).unwrap();
        assert_eq!((content[4195], content[4196], content[9195], content[9196]), (7, 1, 2, 7));
        assert!(file.map(0, 0).is_err());
    }

    #[test]
    fn argument_chain_is_linked_before_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let file = device(&folder.path().join("none"));
        let (mut first, mut second) = ([0u8; 16], [0u8; 24]);
        let place = second.as_ptr().addr();
        let error = file.ioctl(abi::SEND_FRAME, &mut [&mut first, &mut second]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY), "a file has no such ioctl");
        assert_eq!(first[..8], place.to_ne_bytes());
    }

    #[test]
    fn notes_are_replaced_as_a_whole_and_locked() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = Kernel::with_notes(folder.path().join("notes"));
        let notes = kernel.notes().unwrap();
        notes.write(b"long long ago").unwrap();
        notes.write(b"short").unwrap();
        assert_eq!(kernel.notes().unwrap().read().unwrap(), b"short");
        assert!(notes.try_lock().unwrap());
        assert!(!kernel.notes().unwrap().try_lock().unwrap());
        drop(notes);
        assert!(kernel.notes().unwrap().try_lock().unwrap());
    }

    #[test]
    fn boot_has_a_name() {
        let kernel = Kernel::default();
        assert_eq!(kernel.boot_id().unwrap(), kernel.boot_id().unwrap());
        assert!(kernel.boot_id().unwrap().len() > 8);
    }
}
