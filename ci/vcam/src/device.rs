//! The camera as the bus sees it: requests in, replies out, the time as an argument.

use crate::{
    descriptor::{ENDPOINT, Transport},
    endpoint0::{Effect, Endpoint0},
    fault::{Fault, Pending},
    mode::Mode,
    payload::{FrameId, Health, Payloads},
    probe::Probe,
    status::{ECONNRESET, EILSEQ, EPIPE},
    usbip::{self, Command, Data, PacketResult, Submit},
};
use std::{collections::VecDeque, io, time::Duration};

const MICROFRAME: Duration = Duration::from_micros(125);

/// Whether pictures are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// At 30 a second.
    #[default]
    Running,
    /// None, although the host asks: a camera that hangs.
    Held,
}

/// What survives a replug: the pictures' count and the faults.
#[derive(Debug, Default)]
pub struct Show {
    /// Pictures begun so far; picture `n` of a reel of `m` is `n % m`.
    pub begun: u64,
    /// Faults that are still to happen.
    pub faults: Pending,
    /// Whether pictures are made.
    pub flow: Flow,
}

#[derive(Debug)]
struct Waiting {
    request: Submit,
    arrived: Duration,
}

#[derive(Debug)]
struct Stream {
    agreed: Probe,
    /// When the next picture is due.
    due: Duration,
    /// The moment up to which the bus has carried packets.
    bus: Duration,
    frame: Option<Payloads>,
    next_id: FrameId,
}

/// A camera that is plugged in.
#[derive(Debug)]
pub struct Device<'a> {
    modes: &'a [Mode],
    transport: Transport,
    endpoint0: Endpoint0,
    waiting: VecDeque<Waiting>,
    stream: Option<Stream>,
}

impl<'a> Device<'a> {
    /// A camera with `modes`, just plugged in. There must be at least one mode.
    pub fn new(modes: &'a [Mode], transport: Transport) -> Self {
        Self {
            modes,
            transport,
            endpoint0: Endpoint0::new(modes, transport),
            waiting: VecDeque::new(),
            stream: None,
        }
    }

    /// The mode that is streamed.
    pub fn streaming(&self) -> Option<&Mode> {
        self.stream.as_ref().map(|s| &self.modes[s.agreed.mode])
    }

    /// Its controls, each as `name=value`.
    pub fn controls(&self) -> String {
        self.endpoint0.processing.words()
    }

    /// The light has this temperature now, in kelvin.
    pub fn light(&mut self, kelvin: i16) {
        self.endpoint0.processing.light(kelvin);
    }

    /// Takes one command and appends what can be answered at once.
    pub fn command(&mut self, command: Command, now: Duration, out: &mut Vec<u8>) {
        match command {
            Command::Unlink { seqnum, target } => {
                let queued = self.waiting.iter().position(|w| w.request.seqnum == target);
                // Answered already: the reply is on its way.
                let status = match queued.and_then(|at| self.waiting.remove(at)) {
                    Some(_) => ECONNRESET,
                    None => 0,
                };
                usbip::ret_unlink(out, seqnum, status);
            }
            Command::Submit(request) if request.endpoint == 0 => self.control(&request, now, out),
            Command::Submit(request) if request.endpoint == ENDPOINT => {
                self.waiting.push_back(Waiting { request, arrived: now });
            }
            Command::Submit(request) => usbip::ret_submit(out, request.seqnum, EPIPE, 0, &[]),
        }
    }

    fn control(&mut self, request: &Submit, now: Duration, out: &mut Vec<u8>) {
        let data: &[u8] = match &request.data {
            Data::Out(bytes) => bytes,
            Data::In(_) => &[],
        };
        let Ok((mut answer, effect)) = self.endpoint0.request(request.setup, data, self.modes) else {
            return usbip::ret_submit(out, request.seqnum, EPIPE, 0, &[]);
        };
        match effect {
            Effect::None => {}
            Effect::Stop => self.stream = None,
            Effect::Start(agreed) => {
                self.stream =
                    Some(Stream { agreed, due: now, bus: now, frame: None, next_id: FrameId::Even });
            }
        }
        match request.data {
            Data::In(room) => {
                answer.truncate(room);
                usbip::ret_submit(out, request.seqnum, 0, answer.len(), &answer);
            }
            Data::Out(ref bytes) => usbip::ret_submit(out, request.seqnum, 0, bytes.len(), &[]),
        }
    }

    /// Appends what is due by `now` on the streaming endpoint, and returns when to come again, if anything waits.
    ///
    /// # Errors
    /// What reading a picture says.
    pub fn advance(
        &mut self,
        now: Duration,
        show: &mut Show,
        out: &mut Vec<u8>,
    ) -> io::Result<Option<Duration>> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let modes = self.modes;
        while let Some(Waiting { request, arrived }) = self.waiting.front() {
            let Data::In(room) = request.data else {
                usbip::ret_submit(out, request.seqnum, EPIPE, 0, &[]);
                self.waiting.pop_front();
                continue;
            };
            match self.transport {
                Transport::Isochronous => {
                    let begin = stream.bus.max(*arrived);
                    let count = u32::try_from(request.packets.len()).unwrap_or(u32::MAX);
                    let end = begin + MICROFRAME * count;
                    if end > now {
                        return Ok(Some(end));
                    }
                    stream.bus = end;
                    stream.answer_iso(modes, request, begin, show, out)?;
                }
                Transport::Bulk => {
                    stream.begin_frame(modes, now, show)?;
                    let Some(frame) = &mut stream.frame else {
                        return Ok((show.flow == Flow::Running).then_some(stream.due));
                    };
                    if show.faults.take(Fault::Stall) {
                        usbip::ret_submit(out, request.seqnum, EPIPE, 0, &[]);
                    } else {
                        let mut bytes = Vec::with_capacity(room);
                        frame.next(room, &mut bytes);
                        usbip::ret_submit(out, request.seqnum, 0, bytes.len(), &bytes);
                        stream.end_frame();
                    }
                }
            }
            self.waiting.pop_front();
        }
        Ok(None)
    }
}

impl Stream {
    /// Begins the next picture if none is being sent and one is due at `now`.
    fn begin_frame(&mut self, modes: &[Mode], now: Duration, show: &mut Show) -> io::Result<()> {
        if self.frame.is_some() || self.due > now || show.flow == Flow::Held {
            return Ok(());
        }
        let mut bytes = modes[self.agreed.mode].reel.picture(show.begun)?;
        if show.faults.take(Fault::Truncated) {
            bytes.truncate(bytes.len() / 2);
        }
        let health = if show.faults.take(Fault::ErrorBit) { Health::Damaged } else { Health::Good };
        self.frame = Some(Payloads::new(bytes, self.next_id, health));
        self.next_id = self.next_id.toggled();
        show.begun += 1;
        // On a host that is too slow the pictures come later; none is left out, so that a gap in what arrives
        // was made on the way.
        self.due = (self.due + Mode::INTERVAL).max(now);
        Ok(())
    }

    fn end_frame(&mut self) {
        if self.frame.as_ref().is_some_and(Payloads::is_done) {
            self.frame = None;
        }
    }

    fn answer_iso(
        &mut self,
        modes: &[Mode],
        request: &Submit,
        begin: Duration,
        show: &mut Show,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut packets: Vec<_> =
            request.packets.iter().map(|&length| PacketResult { length, ..Default::default() }).collect();
        if show.faults.take(Fault::Stall) {
            usbip::ret_iso(out, request.seqnum, EPIPE, &packets, &[]);
            return Ok(());
        }
        let mut data = Vec::new();
        let mut time = begin;
        for packet in &mut packets {
            self.begin_frame(modes, time, show)?;
            time += MICROFRAME;
            let Some(frame) = &mut self.frame else { continue };
            let before = data.len();
            let room = packet.length.min(self.agreed.payload_bytes);
            let len = frame.next(room as usize, &mut data);
            if show.faults.take(Fault::LostPacket) {
                data.truncate(before);
                packet.status = EILSEQ;
            } else {
                packet.actual = len as u32;
            }
            self.end_frame();
        }
        usbip::ret_iso(out, request.seqnum, 0, &packets, &data);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
