//! What the SG2002's JPEG driver, its scaler and its memory allocator take: the numbers of their ioctls and the layout of the
//! structs, on 64-bit Linux. The sizes and offsets are checked when this compiles.
//!
//! Every struct is plain numbers without padding, so that it can go to the driver and come back as bytes; pointers
//! are numbers here, filled in when the call is made.

// The one unsafe idea of this file: a struct of numbers without padding is bytes, and any bytes are such a struct.
#![allow(unsafe_code)]

use std::mem::{offset_of, size_of};

const _: () = assert!(size_of::<usize>() == 8, "the layouts below are those of 64-bit Linux");

/// A struct of numbers without padding, so that it is its bytes and any bytes of its size are one.
///
/// # Safety
/// Implement it only for `repr(C)` types without padding whose every bit pattern is valid.
pub unsafe trait Plain: Copy + 'static {
    /// All zero.
    fn zeroed() -> Self {
        // SAFETY: every bit pattern is valid, the zero one too.
        unsafe { std::mem::zeroed() }
    }

    /// Its bytes.
    fn bytes(&self) -> &[u8] {
        let first = std::ptr::from_ref(self).cast::<u8>();
        // SAFETY: `first` points at `size_of::<Self>()` bytes that are all initialised, as there is no padding.
        unsafe { std::slice::from_raw_parts(first, size_of::<Self>()) }
    }

    /// Its bytes, to be changed.
    fn bytes_mut(&mut self) -> &mut [u8] {
        let first = std::ptr::from_mut(self).cast::<u8>();
        // SAFETY: as in `bytes`; and whatever is written, the struct stays valid.
        unsafe { std::slice::from_raw_parts_mut(first, size_of::<Self>()) }
    }

    /// The struct that these bytes are; `None` if they are fewer.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut value = Self::zeroed();
        value.bytes_mut().copy_from_slice(bytes.get(..size_of::<Self>())?);
        Some(value)
    }
}

macro_rules! abi {
    ($( $(#[$doc:meta])* $name:ident, $size:literal: { $( $offset:literal $field:ident: $type:ty, )* } )*) => { $(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)] // The names are the driver's.
        pub struct $name { $( #[doc = concat!("At byte ", $offset, ".")] pub $field: $type, )* }

        const _: () = {
            assert!(size_of::<$name>() == $size);
            assert!(0 $( + size_of::<$type>() )* == $size, "padding");
            $( assert!(offset_of!($name, $field) == $offset); )*
        };

        // SAFETY: `repr(C)`, made of numbers only, and no padding: the assertions above.
        unsafe impl Plain for $name {}
    )* }
}

abi! {
    /// `VENC_CHN_ATTR_S` with the JPEG arm of its unions: what a channel is made with.
    ChannelAttr, 112: {
        0 payload_type: u32,
        4 max_width: u32,
        8 max_height: u32,
        12 buffer_size: u32,
        16 profile: u32,
        20 by_frame: u8,
        21 pad_21: [u8; 3],
        24 width: u32,
        28 height: u32,
        32 single_core: u8,
        33 es_buffer_queue: u8,
        34 isolated_send: u8,
        35 pad_35: u8,
        36 support_dcf: u8,
        37 pad_37: [u8; 3],
        40 mpf: [u32; 5],
        60 receive_mode: u32,
        64 rate_control: u32,
        68 source_frame_rate: u32,
        72 frame_rate: u32,
        76 quality: u32,
        80 variable_rate: u8,
        81 pad_81: [u8; 3],
        84 rate_control_rest: [u32; 3],
        96 gop: [u32; 4],
    }

    /// `VENC_JPEG_PARAM_S`: quality and tables.
    JpegParam, 200: {
        0 quality: u32,
        4 luma_table: [u8; 64],
        68 cb_table: [u8; 64],
        132 cr_table: [u8; 64],
        196 mcus_per_segment: u32,
    }

    /// `VENC_RECV_PIC_PARAM_S`: how many frames a channel takes, -1 for no end.
    ReceiveParam, 4: {
        0 frames: i32,
    }

    /// `VIDEO_FRAME_INFO_S`: one picture in memory.
    FrameInfo, 152: {
        0 width: u32,
        4 height: u32,
        8 pixel_format: u32,
        12 bayer_format: u32,
        16 video_format: u32,
        20 compress_mode: u32,
        24 dynamic_range: u32,
        28 color_gamut: u32,
        32 stride: [u32; 3],
        44 pad_44: u32,
        48 physical: [u64; 3],
        72 address: [u64; 3],
        96 length: [u32; 3],
        108 offset_top: i16,
        110 offset_bottom: i16,
        112 offset_left: i16,
        114 offset_right: i16,
        116 time_ref: u32,
        120 pts: u64,
        128 private_data: u64,
        136 flags: u32,
        140 pad_140: u32,
        144 pool: u32,
        148 pad_148: u32,
    }

    /// The argument of `SEND_FRAME` and `GET_STREAM`: a pointer and a patience.
    Timed, 16: {
        0 pointer: u64,
        8 milliseconds: i32,
        12 pad_12: u32,
    }

    /// `VENC_STREAM_S`: what came out, in packs.
    Stream, 384: {
        0 packs: u64,
        8 pack_count: u32,
        12 sequence: u32,
        16 info: [u32; 92],
    }

    /// `VENC_PACK_S`: one piece of what came out.
    Pack, 144: {
        0 physical: u64,
        8 kernel_address: u64,
        16 len: u32,
        20 pad_20: u32,
        24 pts: u64,
        32 frame_end: u8,
        33 pad_33: [u8; 3],
        36 data_type: u32,
        40 offset: u32,
        44 data_count: u32,
        48 data: [u32; 24],
    }

    /// `VENC_CHN_STATUS_S`.
    ChannelStatus, 88: {
        0 left_pictures: u32,
        4 left_bytes: u32,
        8 left_frames: u32,
        12 current_packs: u32,
        16 left_receive: u32,
        20 left_encode: u32,
        24 snap_end: u8,
        25 pad_25: [u8; 7],
        32 stream: [u32; 14],
    }

    /// `struct sys_ion_data`: an allocation of the carve-out.
    IonData, 56: {
        0 size: u32,
        4 cached: u32,
        8 dmabuf_fd: u32,
        12 pad_12: u32,
        16 physical: u64,
        24 name: [u8; 32],
    }

    /// `struct sys_cache_op`: what to flush or to invalidate. The kernel looks at `physical` and `size` only.
    CacheOp, 32: {
        0 address: u64,
        8 physical: u64,
        16 size: u64,
        24 dma_fd: i32,
        28 pad_28: u32,
    }

    /// `struct vpss_chn_frm_cfg`: a frame of one of the scaler's channels.
    ScalerFrame, 168: {
        0 group: i32,
        4 channel: i32,
        8 frame: FrameInfo,
        160 milliseconds: i32,
        164 pad_164: u32,
    }

    /// `struct vpss_chn_attr_cfg`: what a channel of the scaler was made with.
    ScalerChannelAttr, 100: {
        0 group: i32,
        4 channel: i32,
        8 width: u32,
        12 height: u32,
        16 video_format: u32,
        20 pixel_format: u32,
        24 frame_rate: [i32; 2],
        32 mirror: u8,
        33 flip: u8,
        34 pad_34: [u8; 2],
        36 depth: u32,
        40 aspect_ratio: [u32; 7],
        68 normalize: [u32; 8],
    }

    /// `struct vpss_grp_attr_cfg`: what a group of the scaler was made with.
    ScalerGroupAttr, 28: {
        0 group: i32,
        4 max_width: u32,
        8 max_height: u32,
        12 pixel_format: u32,
        16 frame_rate: [i32; 2],
        24 device: u8,
        25 pad_25: [u8; 3],
    }

    /// What `READ_CHIP_ID` fills in.
    ChipId, 4: {
        0 id: u32,
    }
}

/// An ioctl, with its name for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the driver calls it.
    pub name: &'static str,
    /// The second argument of `ioctl`.
    pub number: u32,
}

macro_rules! requests {
    ($( $(#[$doc:meta])* $name:ident = $number:literal; )*) => {
        $( $(#[$doc])* pub const $name: Request = Request { name: stringify!($name), number: $number }; )*

        /// Every ioctl that is used.
        pub const REQUESTS: &[Request] = &[$($name),*];
    };
}

requests! {
    /// Makes a channel.
    CREATE_CHN = 0x5600;
    /// Takes a channel apart.
    DESTROY_CHN = 0x5601;
    /// Empties a stopped channel.
    RESET_CHN = 0x5602;
    /// Lets a channel take frames.
    START_RECV_FRAME = 0x5603;
    /// The contrary.
    STOP_RECV_FRAME = 0x5604;
    /// How a channel is.
    QUERY_STATUS = 0x5605;
    /// What a channel was made with; fails where there is none.
    GET_CHN_ATTR = 0x5607;
    /// Waits for the JPEG and gives the unit's lock back.
    GET_STREAM = 0x5608;
    /// Gives the JPEG's memory back.
    RELEASE_STREAM = 0x5609;
    /// Takes the unit's lock and starts it on a frame.
    SEND_FRAME = 0x560b;
    /// Sets the quality.
    SET_JPEG_PARAM = 0x5618;
    /// Reads the quality and the tables.
    GET_JPEG_PARAM = 0x5619;
    /// Takes an allocation of the carve-out.
    ION_ALLOC = 0xc008_5301;
    /// Gives it back, by its physical address.
    ION_FREE = 0x4008_5302;
    /// Drops what the CPU's cache holds of an allocation.
    CACHE_INVALIDATE = 0x4008_5303;
    /// Writes what the CPU's cache holds of an allocation to memory.
    CACHE_FLUSH = 0x4008_5304;
    /// What a group of the scaler was made with.
    VPSS_GET_GRP_ATTR = 0xc01c_5307;
    /// What a channel of the scaler was made with.
    VPSS_GET_CHN_ATTR = 0xc064_5322;
    /// Waits for a frame of the scaler and takes it.
    VPSS_GET_CHN_FRAME = 0xc0a8_532b;
    /// Gives it back.
    VPSS_RELEASE_CHN_FRAME = 0xc0a8_532c;
    /// Which chip this is.
    READ_CHIP_ID = 0x8004_7301;
}

/// `PT_JPEG`: single JPEGs.
pub const PT_JPEG: u32 = 26;
/// `PT_MJPEG`: JPEGs with rate control. They share the JPEG unit.
pub const PT_MJPEG: u32 = 1002;
/// `VENC_RC_MODE_MJPEGFIXQP`: a fixed quality.
pub const RC_MJPEG_FIXQP: u32 = 10;
/// `PIXEL_FORMAT_YUV_PLANAR_422`.
pub const YUV_PLANAR_422: u32 = 12;
/// `PIXEL_FORMAT_YUV_PLANAR_420`.
pub const YUV_PLANAR_420: u32 = 13;
/// `PIXEL_FORMAT_NV12`.
pub const NV12: u32 = 18;
/// `PIXEL_FORMAT_NV21`.
pub const NV21: u32 = 19;
/// `COLOR_GAMUT_BT709`.
pub const GAMUT_BT709: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn struct_is_its_bytes() {
        let mut attr = ChannelAttr::zeroed();
        attr.width = 0x0102_0304;
        attr.gop[3] = 7;
        assert_eq!(attr.bytes()[24..28], 0x0102_0304u32.to_ne_bytes());
        assert_eq!(attr.bytes()[108..], 7u32.to_ne_bytes());
        attr.bytes_mut()[76] = 80;
        assert_eq!(attr.quality.to_le() & 0xff, 80);
        assert_eq!(ChannelAttr::read(attr.bytes()).unwrap().bytes(), attr.bytes());
        assert!(ChannelAttr::read(&attr.bytes()[1..]).is_none());
    }

    #[test]
    fn no_two_requests_share_a_number() {
        let mut numbers: Vec<_> = REQUESTS.iter().map(|request| request.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), REQUESTS.len());
    }
}
