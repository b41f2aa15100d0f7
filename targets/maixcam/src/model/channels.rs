//! The rules of the encoder's channels and of the one unit behind them.

use super::{Answer, Driver, Memory, Violation, driver::EPERM, picture};
use crate::sys::{
    Code, Part,
    abi::{self, ChannelAttr, ChannelStatus, FrameInfo, JpegParam, Pack, Plain, Stream, Timed},
};

/// A channel that was made.
#[derive(Clone, Debug)]
pub(super) struct CreatedChannel {
    pub(super) attr: ChannelAttr,
    pub(super) buffer: u64,
    started: bool,
    quality: u32,
    /// Sent and not got.
    pub(super) sent: Option<Vec<u8>>,
    /// Got and not released: what must be invalidated before.
    pub(super) got: Option<Vec<(u64, u64)>>,
}

fn refuse(code: Code) -> Answer {
    // Every code of the encoder has a number.
    Answer::Done(code.number(Part::Encoder).unwrap_or(-1))
}

impl Driver {
    pub(super) fn encoder(
        &mut self,
        number: u8,
        request: u32,
        argument: &mut [&mut [u8]],
        memory: &mut dyn Memory,
    ) -> Option<Answer> {
        if self.dead {
            return Some(Answer::Blocked);
        }
        if request == abi::CREATE_CHN.number {
            return Some(self.create(number, &ChannelAttr::read(argument[0])?));
        }
        let lock = self.lock;
        let Some(made) = self.made.get_mut(&number) else { return Some(refuse(Code::NullPointer)) };
        let ok = Some(Answer::Done(0));
        match request {
            n if n == abi::DESTROY_CHN.number => {
                if lock.is_some() {
                    if lock == Some(number) {
                        self.note(Violation::SelfDeadlock);
                    }
                    return Some(Answer::Blocked);
                }
                self.ion.free(made.buffer);
                self.made.remove(&number);
                self.units -= 1;
                ok
            }
            n if n == abi::RESET_CHN.number && made.started => Some(refuse(Code::Busy)),
            n if n == abi::RESET_CHN.number => ok,
            n if n == abi::START_RECV_FRAME.number => {
                made.started = true;
                ok
            }
            n if n == abi::STOP_RECV_FRAME.number => {
                made.started = false;
                ok
            }
            n if n == abi::GET_CHN_ATTR.number => {
                argument[0][..112].copy_from_slice(made.attr.bytes());
                ok
            }
            n if n == abi::GET_JPEG_PARAM.number => {
                let param = JpegParam { quality: made.quality, ..JpegParam::zeroed() };
                argument[0][..200].copy_from_slice(param.bytes());
                ok
            }
            n if n == abi::SET_JPEG_PARAM.number => {
                let quality = JpegParam::read(argument[0])?.quality;
                let refused = match quality {
                    _ if self.faults.refuse_quality => Some(Code::IllegalParam),
                    50 => Some(Code::NotSupported),
                    100.. => Some(Code::IllegalParam),
                    _ => None,
                };
                if refused.is_none() {
                    made.quality = quality;
                }
                refused.map_or(ok, |code| Some(refuse(code)))
            }
            n if n == abi::QUERY_STATUS.number => {
                let left_frames = made.sent.is_some().into();
                let status = ChannelStatus { left_frames, current_packs: 1, ..ChannelStatus::zeroed() };
                argument[0][..88].copy_from_slice(status.bytes());
                ok
            }
            n if n == abi::SEND_FRAME.number => {
                let patience = Timed::read(argument[0])?.milliseconds;
                Some(self.send(number, patience, &FrameInfo::read(argument[1])?, memory))
            }
            n if n == abi::GET_STREAM.number => {
                let [_, stream, packs] = argument else { return None };
                Some(self.get(number, stream, packs, memory))
            }
            n if n == abi::RELEASE_STREAM.number => {
                if self.faults.refuse_release {
                    return Some(EPERM);
                }
                match made.got.take() {
                    Some(left) => self.unread += u64::from(!left.is_empty()),
                    None => return Some(EPERM),
                }
                ok
            }
            _ => None,
        }
    }

    fn create(&mut self, number: u8, attr: &ChannelAttr) -> Answer {
        if ![abi::PT_JPEG, abi::PT_MJPEG].contains(&attr.payload_type) {
            // The other codecs are not in this model.
            return refuse(Code::NotSupported);
        }
        if self.lock.is_some() {
            return Answer::Blocked;
        }
        if self.made.remove(&number).is_some() {
            // Its unit and its buffer stay taken for ever.
            self.note(Violation::LeakedUnit);
        }
        let side = 16..=32_768;
        let buffer_size = if attr.buffer_size == 0 { 9 << 20 } else { attr.buffer_size };
        let why = if !side.contains(&attr.width) || !side.contains(&attr.height) {
            Some("a side out of range")
        } else if buffer_size > 16 << 20 || buffer_size % 1024 != 0 {
            Some("a buffer size out of range")
        } else if self.units >= 8 {
            Some("no free unit")
        } else {
            None
        };
        let buffer = match why {
            None => self.ion.alloc(buffer_size.into(), "jpeg-bitstream").ok_or("no ION memory"),
            Some(why) => Err(why),
        };
        match buffer {
            Ok(buffer) => {
                self.units += 1;
                let quality = 51;
                let made =
                    CreatedChannel { attr: *attr, buffer, started: false, quality, sent: None, got: None };
                self.made.insert(number, made);
                Answer::Done(0)
            }
            Err(why) => {
                self.note(Violation::Oops(why));
                self.dead = true;
                Answer::Oops
            }
        }
    }

    fn send(&mut self, number: u8, patience: i32, frame: &FrameInfo, memory: &dyn Memory) -> Answer {
        let Some(made) = self.made.get(&number) else { return refuse(Code::NullPointer) };
        let (attr, quality) = (made.attr, made.quality);
        if !made.started {
            return refuse(Code::NotInitialised);
        }
        if self.lock.is_some() || self.faults.busy_on_send {
            return if patience < 0 { Answer::Blocked } else { refuse(Code::Busy) };
        }
        self.check_planes(frame);
        let Some(jpeg) = picture::encode(frame, (attr.width, attr.height), quality, memory) else {
            self.note(Violation::BadAddress);
            return refuse(Code::IllegalParam);
        };
        self.lock = Some(number);
        if let Some(made) = self.made.get_mut(&number) {
            made.sent = Some(jpeg);
        }
        Answer::Done(0)
    }

    /// That the unit finds the planes of a frame in memory, all lines that it reads, as they are and will be.
    fn check_planes(&mut self, frame: &FrameInfo) {
        let pairs = [abi::NV12, abi::NV21].contains(&frame.pixel_format);
        let high = u64::from(frame.height.next_multiple_of(16));
        let (mut flushed, mut there, mut lent) = (true, true, true);
        for index in 0..if pairs { 2 } else { 3 } {
            let (from, len) = (frame.physical[index], u64::from(frame.length[index]));
            let stride = u64::from(frame.stride[0]);
            let read = match index {
                0 => stride * high,
                _ if pairs || frame.pixel_format == abi::YUV_PLANAR_422 => stride * high / 2,
                _ => stride * high / 4,
            };
            match self.scaler.holds(from, read, 15 * stride) {
                // No CPU has written to it.
                Some(holds) => {
                    there &= holds;
                    lent &= self.scaler.sent(from);
                }
                None => {
                    let end = from.saturating_add(len);
                    flushed &= self.flushed.iter().any(|&(a, b)| a <= from && end <= b);
                    there &= self.ion.holds(from, len.max(read));
                }
            }
        }
        self.flushed.clear();
        let violations = [
            (flushed, Violation::NotFlushed),
            (there, Violation::BadAddress),
            (lent, Violation::SentUnderScaler),
        ];
        for (_, violation) in violations.into_iter().filter(|(fine, _)| !fine) {
            self.note(violation);
        }
    }

    fn get(&mut self, number: u8, stream: &mut [u8], packs: &mut [u8], memory: &mut dyn Memory) -> Answer {
        let Some(made) = self.made.get_mut(&number) else { return refuse(Code::NullPointer) };
        if self.faults.hang_in_get {
            return Answer::Blocked;
        }
        if self.faults.time_out_in_get {
            return refuse(Code::Busy);
        }
        let Some(mut jpeg) = made.sent.take() else {
            self.note(Violation::GetWithoutSend);
            return refuse(Code::Busy);
        };
        if let Some(damage) = self.faults.damage {
            picture::damage(&mut jpeg, damage);
        }
        let offset = self.faults.offset;
        // What the buffer holds before the JPEG is none of it.
        memory.write(made.buffer, &vec![0xee; offset as usize]);
        memory.write(made.buffer + u64::from(offset), &jpeg);
        let half = if self.faults.two_packs { jpeg.len() / 2 } else { jpeg.len() };
        let mut got = Vec::new();
        let mut count = 0;
        for (at, end) in [(0, half), (half, jpeg.len())] {
            let (at, end) = (at as u64, end as u64);
            if at == end && count > 0 {
                continue;
            }
            let physical = made.buffer + at;
            let pack = Pack {
                physical,
                kernel_address: 0xffff_ffe0_0bad_0000,
                // The length counts from the pack's beginning, its offset included.
                len: offset + (end - at) as u32,
                offset,
                frame_end: u8::from(end == jpeg.len() as u64),
                ..Pack::zeroed()
            };
            got.extend(
                (end > at).then_some((physical + u64::from(offset), physical + u64::from(offset) + end - at)),
            );
            let Some(place) = packs.chunks_exact_mut(144).nth(count) else { break };
            place.copy_from_slice(pack.bytes());
            count += 1;
        }
        made.got = Some(got);
        self.lock = None;
        self.scaler.got();
        // The pointer to the packs stays the caller's.
        let reply = Stream { pack_count: count as u32, ..Stream::zeroed() };
        stream[8..384].copy_from_slice(&reply.bytes()[8..]);
        Answer::Done(0)
    }
}
