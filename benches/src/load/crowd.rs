//! Many viewers on one thread.

use super::{
    target::Target,
    viewer::{Pace, Viewer},
};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};
use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

/// What one read may bring.
const BUFFER: usize = 256 << 10;

/// How often slow viewers read.
const SLOW_TICK: Duration = Duration::from_millis(10);

pub(super) struct Crowd {
    target: Target,
    pub(super) viewers: Vec<Viewer>,
    epoll: OwnedFd,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
}

impl Crowd {
    /// Begins all connections.
    pub(super) fn connect(target: &Target, paces: impl Iterator<Item = Pace>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let viewers: Vec<Viewer> =
            paces.map(|pace| Viewer::connect(target, pace)).collect::<io::Result<_>>()?;
        for (index, viewer) in viewers.iter().enumerate() {
            let index = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &viewer.socket, index, epoll::EventFlags::OUT)?;
        }
        let events = Vec::with_capacity(256);
        Ok(Self { target: target.clone(), viewers, epoll, buffer: vec![0; BUFFER], events })
    }

    /// Watches until `end`.
    pub(super) fn watch(&mut self, end: Instant) -> io::Result<()> {
        let has_slow = self.viewers.iter().any(|viewer| viewer.pace != Pace::Fast);
        let mut tick = Instant::now();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            if has_slow && now >= tick {
                tick = now + SLOW_TICK;
                self.read_slowly();
            }
            let wake = if has_slow { end.min(tick) } else { end };
            self.wait(wake.saturating_duration_since(now))?;
        }
    }

    fn read_slowly(&mut self) {
        for viewer in &mut self.viewers {
            if viewer.pace != Pace::Fast && viewer.ended.is_none() {
                viewer.read(&mut self.buffer);
            }
        }
    }

    /// Waits for what comes next, and reads it.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        for event in &self.events {
            let index = event.data;
            let viewer = &mut self.viewers[index.u64() as usize];
            if { event.flags }.contains(epoll::EventFlags::OUT) {
                viewer.ask(&self.target);
                if viewer.pace == Pace::Fast {
                    epoll::modify(&self.epoll, &viewer.socket, index, epoll::EventFlags::IN)?;
                } else {
                    // It reads by the clock, not when something comes.
                    epoll::delete(&self.epoll, &viewer.socket)?;
                }
            } else {
                viewer.read(&mut self.buffer);
            }
            if viewer.ended.is_some() && viewer.pace == Pace::Fast {
                epoll::delete(&self.epoll, &viewer.socket)?;
            }
        }
        Ok(())
    }
}
