//! Viewers of every sort, each at a place of its own that it leaves and takes again.

use crate::{
    book::Book,
    http::{Manner, Stream},
    rate::Rate,
};
use fastrand::Rng;
use std::{
    cell::RefCell,
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep_until};

/// What a viewer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Reads what comes: it must get every picture.
    Honest,
    /// Reads 100 kB/s.
    Slow,
    /// Stops reading for some seconds, again and again.
    Sleepy,
    /// Asks for fewer pictures.
    Thinned,
    /// A browser's `<img>`.
    Browser,
    /// Leaves in the middle of a picture.
    Rude,
}

impl Sort {
    pub(crate) fn any(rng: &mut Rng) -> Self {
        let all =
            [Self::Honest, Self::Slow, Self::Slow, Self::Sleepy, Self::Thinned, Self::Browser, Self::Rude];
        all[rng.usize(..all.len())]
    }

    fn manner(self, rng: &mut Rng) -> Manner {
        match self {
            Self::Slow => Manner { rate: Some(100_000), ..Manner::default() },
            Self::Thinned => Manner { fps: Some(rng.u8(1..15)), ..Manner::default() },
            Self::Browser => Manner { browser: true, ..Manner::default() },
            Self::Honest | Self::Sleepy | Self::Rude => Manner::default(),
        }
    }
}

/// A place where one viewer after another watches.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) address: Ipv4Addr,
    pub(crate) server: SocketAddr,
    pub(crate) book: Book,
    /// What the honest ones get here.
    pub(crate) rate: Rc<RefCell<Rate>>,
}

impl Place {
    pub(crate) fn new(address: Ipv4Addr, server: SocketAddr, book: Book) -> Self {
        Self { address, server, book, rate: Rc::default() }
    }

    /// Viewers coming and going until `end`.
    pub(crate) async fn visited(self, sorts: fn(&mut Rng) -> Sort, mut rng: Rng, end: Instant) {
        loop {
            sleep_until(end.min(Instant::now() + Duration::from_millis(rng.u64(..2000)))).await;
            if Instant::now() >= end {
                return;
            }
            let sort = sorts(&mut rng);
            let stay = Duration::from_millis(rng.u64(500..20_000));
            self.viewer(sort, &mut rng, end.min(Instant::now() + stay)).await;
        }
    }

    /// One viewer until `end`. Whatever ends it earlier is a broken promise.
    pub(crate) async fn viewer(&self, sort: Sort, rng: &mut Rng, end: Instant) {
        self.book.counts().viewers += 1;
        if let Err(error) = self.watch(sort, rng, end).await {
            self.book.broken(format!("{sort:?} viewer at {}: {error}", self.address));
        }
    }

    async fn watch(&self, sort: Sort, rng: &mut Rng, end: Instant) -> io::Result<()> {
        let mut stream = Stream::open(self.address, self.server, sort.manner(rng)).await?;
        if sort == Sort::Honest {
            self.rate.borrow_mut().begin();
        }
        let (mut body, mut last) = (Vec::new(), None);
        loop {
            let part = tokio::select! {
                biased;
                () = sleep_until(end) => break,
                part = stream.next(&mut body) => part?,
            };
            self.book.counts().arrived += 1;
            self.book.counts().bytes += body.len() as u64;
            if let Some(stamp) = part.stamp {
                self.book.saw(stamp, &body);
                match last.replace(stamp.sequence) {
                    Some(last) if stamp.sequence == last => self.book.counts().repeated += 1,
                    Some(last) if stamp.sequence < last => {
                        self.book.broken(format!("{sort:?} viewer: {} came after {last}", stamp.sequence));
                    }
                    _ if sort == Sort::Honest => self.rate.borrow_mut().picture(stamp.at),
                    _ => {}
                }
            }
            if sort == Sort::Sleepy && rng.u8(..30) == 0 {
                sleep_until(end.min(Instant::now() + Duration::from_millis(rng.u64(200..8000)))).await;
            }
        }
        match sort {
            Sort::Honest => self.rate.borrow_mut().end(now()),
            Sort::Rude => stream.reset(),
            _ => {}
        }
        Ok(())
    }
}

/// The wall clock, in seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64()
}
