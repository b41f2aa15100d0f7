//! One viewer of the floor.

use super::part::Part;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    rc::Rc,
};

const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\n\
    Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\
    Cache-Control: no-store\r\n\
    Connection: close\r\n\
    \r\n\
    --frame\r\n";

/// The longest request.
const MAX_REQUEST: usize = 4096;

#[derive(Debug)]
pub(super) struct Viewer {
    socket: TcpStream,
    request: Vec<u8>,
    requested: bool,
    /// A part that has begun, and how much of it has gone.
    rest: Option<(Rc<Part>, usize)>,
}

impl Viewer {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, request: Vec::new(), requested: false, rest: None })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether it waits for room in its socket.
    pub(super) fn waits(&self) -> bool {
        self.rest.is_some()
    }

    /// A new picture, left out while an older one is under way.
    pub(super) fn send(&mut self, part: &Rc<Part>) -> io::Result<()> {
        if !self.requested || self.rest.is_some() {
            return Ok(());
        }
        self.rest = Some((Rc::clone(part), 0));
        self.push()
    }

    /// Its socket has something to read, or room.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        let mut bytes = [0; 512];
        match self.socket.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) if !self.requested => {
                self.request.extend_from_slice(&bytes[..length]);
                if self.request.ends_with(b"\r\n\r\n") {
                    self.requested = true;
                    self.socket.write_all(HEAD)?;
                } else if self.request.len() > MAX_REQUEST {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        self.push()
    }

    fn push(&mut self) -> io::Result<()> {
        let Some((part, at)) = &mut self.rest else { return Ok(()) };
        match part.send(&self.socket, *at) {
            Ok(sent) => {
                *at += sent;
                if *at == part.length() {
                    self.rest = None;
                }
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(e) => Err(e),
        }
    }
}
