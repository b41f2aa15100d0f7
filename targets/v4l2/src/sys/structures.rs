//! The structures, with their layout.

use core::ffi::{c_char, c_int, c_long, c_ulong, c_void};

/// Declares structures of the C layout and asserts that layout: size, alignment, and the offset of each
/// field.
macro_rules! layout {
    ($($name:ident ($size:literal, $align:literal) {
        $($field:ident: $type:ty = $offset:literal),* $(,)?
    })*) => { $(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type),*
        }
        const _: () = {
            assert!(size_of::<$name>() == $size, concat!("size of ", stringify!($name)));
            assert!(align_of::<$name>() == $align, concat!("alignment of ", stringify!($name)));
            $(assert!(core::mem::offset_of!($name, $field) == $offset,
                concat!("offset of ", stringify!($name), ".", stringify!($field)));)*
        };
    )* };
}

/// The same for unions; every field lies at 0.
macro_rules! union_layout {
    ($($name:ident ($size:literal, $align:literal) { $($field:ident: $type:ty),* $(,)? })*) => { $(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub(crate) union $name {
            $(pub(crate) $field: $type),*
        }
        const _: () = {
            assert!(size_of::<$name>() == $size, concat!("size of ", stringify!($name)));
            assert!(align_of::<$name>() == $align, concat!("alignment of ", stringify!($name)));
        };
    )* };
}

layout! {
    timeval (16, 8) { tv_sec: c_long = 0, tv_usec: c_long = 8 }

    v4l2_capability (104, 4) {
        driver: [u8; 16] = 0, card: [u8; 32] = 16, bus_info: [u8; 32] = 48, version: u32 = 80,
        capabilities: u32 = 84, device_caps: u32 = 88, reserved: [u32; 3] = 92,
    }

    v4l2_fmtdesc (64, 4) {
        index: u32 = 0, type_: u32 = 4, flags: u32 = 8, description: [u8; 32] = 12, pixelformat: u32 = 44,
        mbus_code: u32 = 48, reserved: [u32; 3] = 52,
    }

    v4l2_pix_format (48, 4) {
        width: u32 = 0, height: u32 = 4, pixelformat: u32 = 8, field: u32 = 12, bytesperline: u32 = 16,
        sizeimage: u32 = 20, colorspace: u32 = 24, priv_: u32 = 28, flags: u32 = 32,
        anonymous: v4l2_pix_format_anonymous = 36, quantization: u32 = 40, xfer_func: u32 = 44,
    }

    v4l2_format (208, 8) { type_: u32 = 0, fmt: v4l2_format_fmt = 8 }

    v4l2_fract (8, 4) { numerator: u32 = 0, denominator: u32 = 4 }

    v4l2_captureparm (40, 4) {
        capability: u32 = 0, capturemode: u32 = 4, timeperframe: v4l2_fract = 8, extendedmode: u32 = 16,
        readbuffers: u32 = 20, reserved: [u32; 4] = 24,
    }

    v4l2_streamparm (204, 4) { type_: u32 = 0, parm: v4l2_streamparm_parm = 4 }

    v4l2_frmsize_discrete (8, 4) { width: u32 = 0, height: u32 = 4 }

    v4l2_frmsize_stepwise (24, 4) {
        min_width: u32 = 0, max_width: u32 = 4, step_width: u32 = 8, min_height: u32 = 12,
        max_height: u32 = 16, step_height: u32 = 20,
    }

    v4l2_frmsizeenum (44, 4) {
        index: u32 = 0, pixel_format: u32 = 4, type_: u32 = 8,
        anonymous: v4l2_frmsizeenum_anonymous = 12, reserved: [u32; 2] = 36,
    }

    v4l2_frmival_stepwise (24, 4) { min: v4l2_fract = 0, max: v4l2_fract = 8, step: v4l2_fract = 16 }

    v4l2_frmivalenum (52, 4) {
        index: u32 = 0, pixel_format: u32 = 4, width: u32 = 8, height: u32 = 12, type_: u32 = 16,
        anonymous: v4l2_frmivalenum_anonymous = 20, reserved: [u32; 2] = 44,
    }

    v4l2_requestbuffers (20, 4) {
        count: u32 = 0, type_: u32 = 4, memory: u32 = 8, capabilities: u32 = 12, flags: u8 = 16,
        reserved: [u8; 3] = 17,
    }

    v4l2_timecode (16, 4) {
        type_: u32 = 0, flags: u32 = 4, frames: u8 = 8, seconds: u8 = 9, minutes: u8 = 10, hours: u8 = 11,
        userbits: [u8; 4] = 12,
    }

    v4l2_buffer (88, 8) {
        index: u32 = 0, type_: u32 = 4, bytesused: u32 = 8, flags: u32 = 12, field: u32 = 16,
        timestamp: timeval = 24, timecode: v4l2_timecode = 40, sequence: u32 = 56, memory: u32 = 60,
        m: v4l2_buffer_m = 64, length: u32 = 72, reserved2: u32 = 76,
        anonymous: v4l2_buffer_anonymous = 80,
    }

    v4l2_exportbuffer (64, 4) {
        type_: u32 = 0, index: u32 = 4, plane: u32 = 8, flags: u32 = 12, fd: c_int = 16,
        reserved: [u32; 11] = 20,
    }

    v4l2_ext_controls (32, 8) {
        which: u32 = 0, count: u32 = 4, error_idx: u32 = 8, request_fd: i32 = 12, reserved: [u32; 1] = 16,
        controls: *mut v4l2_ext_control = 24,
    }

    v4l2_query_ext_ctrl (232, 8) {
        id: u32 = 0, type_: u32 = 4, name: [c_char; 32] = 8, minimum: i64 = 40, maximum: i64 = 48,
        step: u64 = 56, default_value: i64 = 64, flags: u32 = 72, elem_size: u32 = 76, elems: u32 = 80,
        nr_of_dims: u32 = 84, dims: [u32; 4] = 88, reserved: [u32; 32] = 104,
    }
}

union_layout! {
    v4l2_pix_format_anonymous (4, 4) { ycbcr_enc: u32, hsv_enc: u32 }
    // The other formats in this union, of 200 bytes and with pointers, are not for single-planar capture.
    v4l2_format_fmt (200, 8) { pix: v4l2_pix_format, raw_data: [u8; 200], alignment: [u64; 25] }
    v4l2_streamparm_parm (200, 4) { capture: v4l2_captureparm, raw_data: [u8; 200] }
    v4l2_frmsizeenum_anonymous (24, 4) { discrete: v4l2_frmsize_discrete, stepwise: v4l2_frmsize_stepwise }
    v4l2_frmivalenum_anonymous (24, 4) { discrete: v4l2_fract, stepwise: v4l2_frmival_stepwise }
    v4l2_buffer_m (8, 8) { offset: u32, userptr: c_ulong, planes: *mut c_void, fd: i32 }
    v4l2_buffer_anonymous (4, 4) { request_fd: i32, reserved: u32 }
    v4l2_querymenu_anonymous (32, 8) { name: [u8; 32], value: i64 }
    v4l2_ext_control_anonymous (8, 8) {
        value: i32, value64: i64, string: *mut c_char, p_u8: *mut u8, p_u16: *mut u16, p_u32: *mut u32,
        ptr: *mut c_void,
    }
}

/// Packed in C, so that it has no hole before its union.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub(crate) struct v4l2_querymenu {
    pub(crate) id: u32,
    pub(crate) index: u32,
    pub(crate) anonymous: v4l2_querymenu_anonymous,
    pub(crate) reserved: u32,
}

/// Packed in C, so that it has no hole before its union.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub(crate) struct v4l2_ext_control {
    pub(crate) id: u32,
    pub(crate) size: u32,
    pub(crate) reserved2: [u32; 1],
    pub(crate) anonymous: v4l2_ext_control_anonymous,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<v4l2_querymenu>() == 44 && offset_of!(v4l2_querymenu, anonymous) == 8);
    assert!(size_of::<v4l2_ext_control>() == 20 && offset_of!(v4l2_ext_control, anonymous) == 12);
};
