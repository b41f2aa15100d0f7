//! One picture's part, ready for all viewers.

use rustix::fs::MemfdFlags;
use std::{
    io::{self, IoSlice, Write},
    net::TcpStream,
    os::fd::OwnedFd,
    rc::Rc,
    time::Duration,
};

const NEXT_BOUNDARY: &[u8] = b"\r\n--frame\r\n";

/// How a part gets into a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One `writev` of header, picture and boundary: one copy a viewer, made by the kernel.
    Writev,
    /// One `sendfile` from a memfd that holds the whole part: a fresh one a picture, since the socket's queue shares its
    /// pages.
    Sendfile,
}

/// Header, picture and the next boundary.
#[derive(Debug)]
pub(super) enum Part {
    Slices { header: Vec<u8>, picture: Rc<Vec<u8>> },
    File { file: OwnedFd, length: usize },
}

impl Part {
    pub(super) fn new(way: Way, picture: &Rc<Vec<u8>>, number: u64, taken: Duration) -> io::Result<Self> {
        let mut header = Vec::with_capacity(128);
        write!(
            header,
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}.{:06}\r\nX-Sequence: {number}\r\n\r\n",
            picture.len(),
            taken.as_secs(),
            taken.subsec_micros(),
        )?;
        if way == Way::Writev {
            return Ok(Self::Slices { header, picture: Rc::clone(picture) });
        }
        let length = header.len() + picture.len() + NEXT_BOUNDARY.len();
        let mut file = std::fs::File::from(rustix::fs::memfd_create("part", MemfdFlags::CLOEXEC)?);
        let written = file.write_vectored(&[
            IoSlice::new(&header),
            IoSlice::new(picture),
            IoSlice::new(NEXT_BOUNDARY),
        ])?;
        if written < length {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(Self::File { file: file.into(), length })
    }

    pub(super) fn length(&self) -> usize {
        match self {
            Self::Slices { header, picture } => header.len() + picture.len() + NEXT_BOUNDARY.len(),
            Self::File { length, .. } => *length,
        }
    }

    /// Sends what is left from `at` on, as far as the socket takes it.
    pub(super) fn send(&self, mut socket: &TcpStream, at: usize) -> io::Result<usize> {
        match self {
            Self::Slices { header, picture } => {
                let mut slices = [IoSlice::new(header), IoSlice::new(picture), IoSlice::new(NEXT_BOUNDARY)];
                let mut rest = &mut slices[..];
                IoSlice::advance_slices(&mut rest, at);
                socket.write_vectored(rest)
            }
            Self::File { file, length } => {
                let mut offset = at as u64;
                Ok(rustix::fs::sendfile(socket, file, Some(&mut offset), length - at)?)
            }
        }
    }
}
