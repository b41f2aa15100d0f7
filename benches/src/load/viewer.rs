//! One viewer: its connection, and what came over it.

use super::{
    body::Verdict,
    parser::{Parser, Part},
    target::Target,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A slow viewer's receive buffer stands in for its slow network. The kernel doubles what is requested.
const SLOW_BUFFER: usize = 32 << 10;

/// What a slow viewer may read at once when nothing came for a while, as a time at its rate.
const SLOW_BURST: Duration = Duration::from_millis(50);

/// How a viewer reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// All there is, at once.
    Fast,
    /// So many bytes a second.
    Slow(f64),
}

/// What came to a viewer while it was measured.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) parts: u64,
    pub(super) bytes: u64,
    /// Pictures that the numbers say were left out.
    pub(super) missed: u64,
    /// Capture to last byte, in microseconds.
    pub(super) ages: Vec<u32>,
}

/// What is wrong in every case: counted from the first byte on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) bad: u64,
    /// Numbers that did not grow.
    pub(super) disorder: u64,
}

#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) socket: TcpStream,
    pub(super) pace: Pace,
    begun: Instant,
    parser: Parser,
    /// From the first SYN to the first whole picture.
    pub(super) first: Option<Duration>,
    /// Of the last good picture.
    pub(super) number: Option<u64>,
    pub(super) tally: Tally,
    pub(super) faults: Faults,
    /// Why nothing more comes.
    pub(super) ended: Option<String>,
    /// When a slow viewer last read, and what it may read.
    read_at: Instant,
    allowance: f64,
}

impl Viewer {
    /// Begins to connect.
    pub(super) fn connect(target: &Target, pace: Pace) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target.address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if pace != Pace::Fast {
            socket.set_recv_buffer_size(SLOW_BUFFER)?;
        }
        let begun = Instant::now();
        match socket.connect(&target.address.into()) {
            Err(e) if e.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(e);
            }
            _ => {}
        }
        Ok(Self {
            socket: socket.into(),
            pace,
            begun,
            parser: Parser::default(),
            first: None,
            number: None,
            tally: Tally::default(),
            faults: Faults::default(),
            ended: None,
            read_at: begun,
            allowance: 0.0,
        })
    }

    /// Asks for the stream, once the connection is there or has failed.
    pub(super) fn ask(&mut self, target: &Target) {
        let error = match SockRef::from(&self.socket).take_error() {
            Ok(None) => self.socket.write_all(target.request.as_bytes()),
            Ok(Some(e)) | Err(e) => Err(e),
        };
        if let Err(e) = error {
            self.ended = Some(e.to_string());
        }
    }

    /// Reads what there is, or what a slow viewer may.
    pub(super) fn read(&mut self, buffer: &mut [u8]) {
        let room = match self.pace {
            Pace::Fast => buffer.len(),
            Pace::Slow(rate) => {
                let now = Instant::now();
                self.allowance += rate * (now - self.read_at).as_secs_f64();
                self.allowance = self.allowance.min(rate * SLOW_BURST.as_secs_f64());
                self.read_at = now;
                buffer.len().min(self.allowance as usize)
            }
        };
        if room == 0 {
            return;
        }
        match self.socket.read(&mut buffer[..room]) {
            Ok(0) => self.ended = Some("the server closed the connection".to_owned()),
            Ok(length) => {
                self.allowance -= length as f64;
                self.took(&buffer[..length]);
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(e) => self.ended = Some(e.to_string()),
        }
    }

    fn took(&mut self, bytes: &[u8]) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let Self { parser, first, begun, number, tally, faults, .. } = self;
        tally.bytes += bytes.len() as u64;
        let parsed = parser.take(bytes, &mut |part| {
            first.get_or_insert_with(|| now - *begun);
            note(part, wall, number, tally, faults);
        });
        if let Err(why) = parsed {
            self.ended = Some(why);
        }
    }
}

fn note(part: Part, wall: Duration, last: &mut Option<u64>, tally: &mut Tally, faults: &mut Faults) {
    tally.parts += 1;
    let Verdict::Good(stamp) = part.verdict else {
        faults.bad += 1;
        return;
    };
    // A stamp without a time is one of a replayed picture: its numbers begin again and again.
    let live = stamp.filter(|stamp| stamp.taken.is_some());
    if let Some(number) = part.sequence.or(live.map(|stamp| stamp.number)) {
        match *last {
            Some(last) if number > last => tally.missed += number - last - 1,
            Some(_) => faults.disorder += 1,
            None => {}
        }
        *last = Some(number);
    }
    // The server's own header may hold the time of sending; the stamp holds the time of capture.
    if let Some(taken) = live.and_then(|stamp| stamp.taken).or(part.timestamp) {
        let age = wall.saturating_sub(taken).as_micros();
        tally.ages.push(u32::try_from(age).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Stamp;

    fn part(sequence: Option<u64>, stamp: Option<(u64, Option<u64>)>) -> Part {
        let stamp =
            stamp.map(|(number, taken)| Stamp { number, taken: taken.map(Duration::from_secs), crc: 0 });
        Part { verdict: Verdict::Good(stamp), sequence, timestamp: Some(Duration::from_secs(95)) }
    }

    fn noted(parts: impl IntoIterator<Item = Part>) -> (Tally, Faults) {
        let (mut number, mut tally, mut faults) = (None, Tally::default(), Faults::default());
        for part in parts {
            note(part, Duration::from_secs(100), &mut number, &mut tally, &mut faults);
        }
        (tally, faults)
    }

    #[test]
    fn gaps_and_disorder_are_counted() {
        let (tally, faults) = noted([5, 6, 9, 8, 9].map(|number| part(Some(number), Some((0, None)))));
        assert_eq!((tally.parts, tally.missed, faults.disorder), (5, 2, 1));
        assert_eq!(tally.ages, [5_000_000; 5]);
    }

    #[test]
    fn stamp_with_a_time_overrides_the_headers() {
        let (tally, faults) = noted([3, 5].map(|number| part(None, Some((number, Some(98))))));
        assert_eq!((tally.missed, faults.disorder), (1, 0));
        assert_eq!(tally.ages, [2_000_000; 2]);
        let (_, faults) = noted([3, 0].map(|number| part(None, Some((number, None)))));
        assert_eq!(faults.disorder, 0, "replayed pictures begin again");
    }

    #[test]
    fn bad_picture_is_counted() {
        let (_, faults) = noted([Part { verdict: Verdict::Bad, ..part(None, None) }]);
        assert_eq!(faults.bad, 1);
    }
}
