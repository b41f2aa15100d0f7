//! One function an ioctl.

use super::{
    Code, Device, Refused,
    abi::{self, CacheOp, ChannelAttr, ChipId, FrameInfo, IonData, JpegParam, Pack, Plain, Request},
    abi::{ReceiveParam, ScalerChannelAttr, ScalerFrame, ScalerGroupAttr, Stream, Timed},
};

type Answer<T = ()> = Result<T, Refused>;

fn call(device: &dyn Device, request: Request, argument: &mut [&mut [u8]]) -> Answer {
    match Code::of(device.ioctl(request, argument)) {
        None => Ok(()),
        Some(code) => Err(Refused { request, code }),
    }
}

/// How many packs are asked for at most. The driver delivers one, or two when its buffer wrapped.
pub(crate) const PACKS: usize = 8;

/// The calls of an encoder channel.
#[derive(Clone, Copy, Debug)]
pub struct Channel<'a>(pub &'a dyn Device);

impl Channel<'_> {
    /// Makes the channel. **A failure inside this call crashes the driver**: validate before.
    ///
    /// # Errors
    /// What the driver says.
    pub fn create(self, attr: &ChannelAttr) -> Answer {
        call(self.0, abi::CREATE_CHN, &mut [attr.clone().bytes_mut()])
    }

    /// Takes the channel apart. Waits for the unit's lock.
    ///
    /// # Errors
    /// What the driver says.
    pub fn destroy(self) -> Answer {
        call(self.0, abi::DESTROY_CHN, &mut [])
    }

    /// Empties the stopped channel.
    ///
    /// # Errors
    /// What the driver says.
    pub fn reset(self) -> Answer {
        call(self.0, abi::RESET_CHN, &mut [])
    }

    /// Lets the channel take frames without end.
    ///
    /// # Errors
    /// What the driver says.
    pub fn start(self) -> Answer {
        call(self.0, abi::START_RECV_FRAME, &mut [ReceiveParam { frames: -1 }.bytes_mut()])
    }

    /// Lets the channel take no more frames.
    ///
    /// # Errors
    /// What the driver says.
    pub fn stop(self) -> Answer {
        call(self.0, abi::STOP_RECV_FRAME, &mut [])
    }

    /// What the channel was made with.
    ///
    /// # Errors
    /// What the driver says, above all when the channel was not made.
    pub fn attr(self) -> Answer<ChannelAttr> {
        let mut attr = ChannelAttr::zeroed();
        call(self.0, abi::GET_CHN_ATTR, &mut [attr.bytes_mut()])?;
        Ok(attr)
    }

    /// Quality and tables.
    ///
    /// # Errors
    /// What the driver says.
    pub fn jpeg_param(self) -> Answer<JpegParam> {
        let mut param = JpegParam::zeroed();
        call(self.0, abi::GET_JPEG_PARAM, &mut [param.bytes_mut()])?;
        Ok(param)
    }

    /// Sets quality and tables.
    ///
    /// # Errors
    /// What the driver says.
    pub fn set_jpeg_param(self, param: &JpegParam) -> Answer {
        call(self.0, abi::SET_JPEG_PARAM, &mut [param.clone().bytes_mut()])
    }

    /// Starts the unit on a frame, waiting this long for its lock. After a success [`get_stream`](Self::get_stream)
    /// must follow: the lock is the whole system's.
    ///
    /// # Errors
    /// What the driver says; the lock is then not held.
    pub fn send_frame(self, frame: &FrameInfo, milliseconds: i32) -> Answer {
        let mut timed = Timed { milliseconds, ..Timed::zeroed() };
        call(self.0, abi::SEND_FRAME, &mut [timed.bytes_mut(), frame.clone().bytes_mut()])
    }

    /// Waits for the JPEG and gives the lock back. The driver ignores the patience for JPEG and waits 2 s at most.
    ///
    /// # Errors
    /// What the driver says; the lock is then **still held**.
    pub fn get_stream(self, milliseconds: i32) -> Answer<(Stream, [Pack; PACKS])> {
        let mut timed = Timed { milliseconds, ..Timed::zeroed() };
        let mut stream = Stream { pack_count: PACKS as u32, ..Stream::zeroed() };
        let mut packs = Packs { packs: [Pack::zeroed(); PACKS] };
        let argument = &mut [timed.bytes_mut(), stream.bytes_mut(), packs.bytes_mut()];
        call(self.0, abi::GET_STREAM, argument)?;
        Ok((stream, packs.packs))
    }

    /// Gives the JPEG's memory back.
    ///
    /// # Errors
    /// What the driver says.
    pub fn release_stream(self, stream: &Stream, packs: &[Pack; PACKS]) -> Answer {
        // The driver copies the stream only, but it has a pointer to packs in it that had better be good.
        let mut packs = Packs { packs: *packs };
        call(self.0, abi::RELEASE_STREAM, &mut [stream.clone().bytes_mut(), packs.bytes_mut()])
    }
}

use packs::Packs;
mod packs {
    //! An array of packs as one struct.
    #![allow(unsafe_code)]
    use super::{PACKS, Pack, Plain};

    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Packs {
        pub(super) packs: [Pack; PACKS],
    }

    // SAFETY: an array of a plain type and nothing else.
    unsafe impl Plain for Packs {}
}

/// The calls of the scaler.
///
/// A number that the driver does not know succeeds and changes nothing: what comes back as it was asked is no answer.
#[derive(Clone, Copy, Debug)]
pub struct Scaler<'a>(pub &'a dyn Device);

impl Scaler<'_> {
    /// What a group was made with; all zero where the driver has another form of this call.
    ///
    /// # Errors
    /// What the driver says, above all when nobody made the group.
    pub fn group_attr(self, group: i32) -> Answer<ScalerGroupAttr> {
        let mut attr = ScalerGroupAttr { group, ..ScalerGroupAttr::zeroed() };
        call(self.0, abi::VPSS_GET_GRP_ATTR, &mut [attr.bytes_mut()])?;
        Ok(attr)
    }

    /// What a channel was made with; all zero where the driver has another form of this call.
    ///
    /// # Errors
    /// What the driver says.
    pub fn channel_attr(self, group: i32, channel: i32) -> Answer<ScalerChannelAttr> {
        let mut attr = ScalerChannelAttr { group, channel, ..ScalerChannelAttr::zeroed() };
        call(self.0, abi::VPSS_GET_CHN_ATTR, &mut [attr.bytes_mut()])?;
        Ok(attr)
    }

    /// Waits this long for a frame and takes it: the oldest of those that wait. Its first address is 0 where the
    /// driver has another form of this call.
    ///
    /// One thread at a time may wait for a channel's frames, without signals and never for a short time: the driver
    /// removes a waiter twice when a frame comes in the moment of its time-out.
    ///
    /// # Errors
    /// What the driver says; [`Code::BufferEmpty`] when none came.
    pub fn get_frame(self, group: i32, channel: i32, milliseconds: i32) -> Answer<FrameInfo> {
        let mut taken = ScalerFrame { group, channel, milliseconds, ..ScalerFrame::zeroed() };
        call(self.0, abi::VPSS_GET_CHN_FRAME, &mut [taken.bytes_mut()])?;
        Ok(taken.frame)
    }

    /// Gives a frame back: once, as the scaler may be at work on it again right after.
    ///
    /// The driver's own pointer in the frame is left out: it follows it when it does not know the address any more.
    ///
    /// # Errors
    /// What the driver says; [`Code::IllegalParam`] when it does not know the address any more.
    pub fn release_frame(self, group: i32, channel: i32, frame: &FrameInfo) -> Answer {
        let frame = FrameInfo { private_data: 0, ..*frame };
        let mut given = ScalerFrame { group, channel, frame, ..ScalerFrame::zeroed() };
        call(self.0, abi::VPSS_RELEASE_CHN_FRAME, &mut [given.bytes_mut()])
    }
}

/// The calls of the carve-out's allocator.
#[derive(Clone, Copy, Debug)]
pub struct Ion<'a>(pub &'a dyn Device);

impl Ion<'_> {
    /// Takes `size` bytes and returns their physical address. `name` is cut to 31 bytes.
    ///
    /// The driver also opens a dma-buf in this process, which [`free`](Self::free) closes by its number: it must
    /// not be closed by anything else.
    ///
    /// # Errors
    /// `ENOMEM` when the carve-out or the system's table of 100 allocations is full.
    pub fn alloc(self, size: u32, name: &str) -> Answer<u64> {
        let mut data = IonData { size, cached: 1, ..IonData::zeroed() };
        data.name.iter_mut().take(31).zip(name.bytes()).for_each(|(to, from)| *to = from);
        call(self.0, abi::ION_ALLOC, &mut [data.bytes_mut()])?;
        Ok(data.physical)
    }

    /// Gives the allocation at `physical` back, whichever process took it.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn free(self, physical: u64, size: u32) -> Answer {
        let mut data = IonData { size, cached: 1, physical, ..IonData::zeroed() };
        call(self.0, abi::ION_FREE, &mut [data.bytes_mut()])
    }

    /// Writes what the CPU's cache holds of an allocation to memory.
    ///
    /// # Errors
    /// `errno`.
    pub fn flush(self, physical: u64, size: u64) -> Answer {
        call(self.0, abi::CACHE_FLUSH, &mut [CacheOp { physical, size, ..CacheOp::zeroed() }.bytes_mut()])
    }

    /// Drops what the CPU's cache holds of an allocation.
    ///
    /// # Errors
    /// `errno`.
    pub fn invalidate(self, physical: u64, size: u64) -> Answer {
        call(
            self.0,
            abi::CACHE_INVALIDATE,
            &mut [CacheOp { physical, size, ..CacheOp::zeroed() }.bytes_mut()],
        )
    }
}

/// Which chip this is, on the driver's own list.
///
/// # Errors
/// `errno`.
pub fn chip_id(base: &dyn Device) -> Answer<u32> {
    let mut chip = ChipId::zeroed();
    call(base, abi::READ_CHIP_ID, &mut [chip.bytes_mut()])?;
    Ok(chip.id)
}
