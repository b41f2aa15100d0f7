//! The floor under every fan-out: one thread that sends the same bytes to all viewers, and does nothing else.
//!
//! No page, no limits, no encoder, no regard for slow viewers but that parts are whole: what a server costs above this is
//! the price of what it does beside copying. Its pictures are taken when they are due, as those of a replayed camera are.

mod part;
mod viewer;

pub use part::Way;

use eyelet_hal::clock::{Clock, SystemClock};
use part::Part;
use rustix::{
    buffer::spare_capacity,
    event::epoll,
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec},
};
use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    rc::Rc,
    time::Duration,
};
use viewer::Viewer;

/// A burst of viewers waits here, not for a repeated SYN.
const BACKLOG: i32 = 1024;

const LISTENER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// A floor that listens.
#[derive(Debug)]
pub struct Floor {
    listener: TcpListener,
    timer: OwnedFd,
    epoll: OwnedFd,
    pictures: Vec<Rc<Vec<u8>>>,
    way: Way,
    /// When picture 0 is due, on the monotonic clock, and how far the pictures are apart.
    first: Duration,
    interval: Duration,
    /// How many pictures were due.
    due: u64,
    /// By the number that epoll knows them by.
    viewers: Vec<Option<Viewer>>,
}

impl Floor {
    /// Listens on `address`; port 0 picks a free one. `pictures` come again and again, `fps` a second.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(address: SocketAddr, pictures: Vec<Vec<u8>>, fps: f64, way: Way) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        rustix::net::listen(&listener, BACKLOG)?;
        listener.set_nonblocking(true)?;
        let interval = Duration::from_secs_f64(1.0 / fps);
        let first = SystemClock.monotonic() + interval;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let time = |time: Duration| Timespec::try_from(time).map_err(|_| io::ErrorKind::InvalidInput);
        let times = Itimerspec { it_interval: time(interval)?, it_value: time(first)? };
        rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &times)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN)?;
        let pictures = pictures.into_iter().map(Rc::new).collect();
        Ok(Self { listener, timer, epoll, pictures, way, first, interval, due: 0, viewers: Vec::new() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Sends until the process ends.
    ///
    /// # Errors
    /// The system's; that a viewer leaves is none.
    pub fn run(mut self) -> io::Result<Infallible> {
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            for event in &events {
                match { event.data }.u64() {
                    LISTENER => self.accept()?,
                    TIMER => self.tick()?,
                    index => self.served(index as usize, |viewer| viewer.ready())?,
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => {
                    let free = self.viewers.iter().position(Option::is_none);
                    let index = free.unwrap_or_else(|| {
                        self.viewers.push(None);
                        self.viewers.len() - 1
                    });
                    let data = epoll::EventData::new_u64(index as u64);
                    epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN)?;
                    self.viewers[index] = Viewer::new(socket).ok();
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    /// The newest picture that is due goes to every viewer.
    fn tick(&mut self) -> io::Result<()> {
        let mut times = [0; 8];
        match rustix::io::read(&self.timer, &mut times) {
            Ok(_) => self.due += u64::from_ne_bytes(times),
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        let number = self.due - 1;
        let at = self.first + Duration::from_nanos((self.interval.as_nanos() * u128::from(number)) as u64);
        let picture = &self.pictures[(number % self.pictures.len() as u64) as usize];
        let part = Rc::new(Part::new(self.way, picture, number, SystemClock.to_unix(at))?);
        for index in 0..self.viewers.len() {
            self.served(index, |viewer| viewer.send(&part))?;
        }
        Ok(())
    }

    /// Does something with a viewer, and looks after what it waits for then.
    fn served(&mut self, index: usize, act: impl FnOnce(&mut Viewer) -> io::Result<()>) -> io::Result<()> {
        let Some(viewer) = &mut self.viewers[index] else { return Ok(()) };
        let waited = viewer.waits();
        if act(viewer).is_err() {
            // Closing the socket takes it out of epoll.
            self.viewers[index] = None;
            return Ok(());
        }
        if viewer.waits() != waited {
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, viewer.waits());
            epoll::modify(&self.epoll, viewer.socket(), epoll::EventData::new_u64(index as u64), flags)?;
        }
        Ok(())
    }
}
