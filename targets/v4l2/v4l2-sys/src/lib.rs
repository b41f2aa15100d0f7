//! The structures of `<linux/videodev2.h>` that the `v4l` crate uses, written out for 64-bit Linux.
//!
//! `v4l` 0.14 takes them from a crate of this name that runs bindgen at build time. Everybody who builds
//! would then need libclang and the *target's* kernel headers: on a laptop one more package to find, in a
//! cross image a toolchain that it does not have, and for riscv64 musl a known failure. The kernel never
//! changes these structures, so writing them out once costs little: `[patch.crates-io]` in the
//! workspace puts this crate in the place of the other, and no build needs libclang. The names are bindgen's,
//! so that code written against this crate also compiles against the original (which is what happens when
//! `eyelet-v4l2` is a dependency of a workspace without the patch).
//!
//! What was considered instead: bindgen only for cross builds (needs libclang exactly where it is hardest to
//! have), no `v4l` at all (its enumeration and format code is good), a fork of `v4l` (someone has to keep
//! it).
//!
//! Layouts are asserted below at compile time, and `ci/check.sh bindings` compares every structure, field and
//! constant with what bindgen makes of the kernel's header, where libclang is installed.
//!
//! Structures whose *size* only is used, as part of an ioctl's number, are opaque here. Field descriptions
//! are in the kernel's documentation (userspace-api/media/v4l).

#![no_std]
#![forbid(unsafe_code)]
#![allow(non_camel_case_types, non_upper_case_globals, missing_docs)]

use core::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the V4L2 structures are written out for 64-bit Linux only");

pub type v4l2_frmsizetypes = c_uint;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE: v4l2_frmsizetypes = 1;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_CONTINUOUS: v4l2_frmsizetypes = 2;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE: v4l2_frmsizetypes = 3;

pub type v4l2_frmivaltypes = c_uint;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE: v4l2_frmivaltypes = 1;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_CONTINUOUS: v4l2_frmivaltypes = 2;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_STEPWISE: v4l2_frmivaltypes = 3;

pub type v4l2_buf_type = c_uint;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE: v4l2_buf_type = 1;

pub type v4l2_memory = c_uint;
pub const v4l2_memory_V4L2_MEMORY_MMAP: v4l2_memory = 1;

pub const V4L2_BUF_FLAG_ERROR: u32 = 0x0000_0040;
pub const V4L2_BUF_FLAG_TIMESTAMP_MASK: u32 = 0x0000_e000;
pub const V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC: u32 = 0x0000_2000;
pub const V4L2_CTRL_FLAG_NEXT_CTRL: u32 = 0x8000_0000;
pub const V4L2_CTRL_FLAG_NEXT_COMPOUND: u32 = 0x4000_0000;

pub type time_t = c_long;
pub type suseconds_t = c_long;
pub type v4l2_std_id = u64;

/// Declares structures of the C layout and asserts that layout: size, alignment, and the offset of each
/// field.
macro_rules! layout {
    ($($name:ident ($size:literal, $align:literal) {
        $($field:ident: $type:ty = $offset:literal),* $(,)?
    })*) => { $(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $name {
            $(pub $field: $type),*
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
        pub union $name {
            $(pub $field: $type),*
        }
        const _: () = {
            assert!(size_of::<$name>() == $size, concat!("size of ", stringify!($name)));
            assert!(align_of::<$name>() == $align, concat!("alignment of ", stringify!($name)));
        };
    )* };
}

/// Structures of which the size alone is used, in the number of an ioctl.
macro_rules! opaque {
    ($($name:ident: $words:ty;)*) => { $(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $name {
            words: $words,
        }
    )* };
}

layout! {
    timeval (16, 8) { tv_sec: time_t = 0, tv_usec: suseconds_t = 8 }

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
        __bindgen_anon_1: v4l2_pix_format__bindgen_ty_1 = 36, quantization: u32 = 40, xfer_func: u32 = 44,
    }

    v4l2_format (208, 8) { type_: u32 = 0, fmt: v4l2_format__bindgen_ty_1 = 8 }

    v4l2_fract (8, 4) { numerator: u32 = 0, denominator: u32 = 4 }

    v4l2_captureparm (40, 4) {
        capability: u32 = 0, capturemode: u32 = 4, timeperframe: v4l2_fract = 8, extendedmode: u32 = 16,
        readbuffers: u32 = 20, reserved: [u32; 4] = 24,
    }

    v4l2_outputparm (40, 4) {
        capability: u32 = 0, outputmode: u32 = 4, timeperframe: v4l2_fract = 8, extendedmode: u32 = 16,
        writebuffers: u32 = 20, reserved: [u32; 4] = 24,
    }

    v4l2_streamparm (204, 4) { type_: u32 = 0, parm: v4l2_streamparm__bindgen_ty_1 = 4 }

    v4l2_frmsize_discrete (8, 4) { width: u32 = 0, height: u32 = 4 }

    v4l2_frmsize_stepwise (24, 4) {
        min_width: u32 = 0, max_width: u32 = 4, step_width: u32 = 8, min_height: u32 = 12,
        max_height: u32 = 16, step_height: u32 = 20,
    }

    v4l2_frmsizeenum (44, 4) {
        index: u32 = 0, pixel_format: u32 = 4, type_: u32 = 8,
        __bindgen_anon_1: v4l2_frmsizeenum__bindgen_ty_1 = 12, reserved: [u32; 2] = 36,
    }

    v4l2_frmival_stepwise (24, 4) { min: v4l2_fract = 0, max: v4l2_fract = 8, step: v4l2_fract = 16 }

    v4l2_frmivalenum (52, 4) {
        index: u32 = 0, pixel_format: u32 = 4, width: u32 = 8, height: u32 = 12, type_: u32 = 16,
        __bindgen_anon_1: v4l2_frmivalenum__bindgen_ty_1 = 20, reserved: [u32; 2] = 44,
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
        m: v4l2_buffer__bindgen_ty_1 = 64, length: u32 = 72, reserved2: u32 = 76,
        __bindgen_anon_1: v4l2_buffer__bindgen_ty_2 = 80,
    }

    v4l2_exportbuffer (64, 4) {
        type_: u32 = 0, index: u32 = 4, plane: u32 = 8, flags: u32 = 12, fd: c_int = 16,
        reserved: [u32; 11] = 20,
    }

    v4l2_control (8, 4) { id: u32 = 0, value: i32 = 4 }

    v4l2_query_ext_ctrl (232, 8) {
        id: u32 = 0, type_: u32 = 4, name: [c_char; 32] = 8, minimum: i64 = 40, maximum: i64 = 48,
        step: u64 = 56, default_value: i64 = 64, flags: u32 = 72, elem_size: u32 = 76, elems: u32 = 80,
        nr_of_dims: u32 = 84, dims: [u32; 4] = 88, reserved: [u32; 32] = 104,
    }
}

union_layout! {
    v4l2_pix_format__bindgen_ty_1 (4, 4) { ycbcr_enc: u32, hsv_enc: u32 }
    // The other formats in this union, of 200 bytes and with pointers, are not for single-planar capture.
    v4l2_format__bindgen_ty_1 (200, 8) { pix: v4l2_pix_format, raw_data: [u8; 200], alignment: [u64; 25] }
    v4l2_streamparm__bindgen_ty_1 (200, 4) {
        capture: v4l2_captureparm, output: v4l2_outputparm, raw_data: [u8; 200],
    }
    v4l2_frmsizeenum__bindgen_ty_1 (24, 4) { discrete: v4l2_frmsize_discrete, stepwise: v4l2_frmsize_stepwise }
    v4l2_frmivalenum__bindgen_ty_1 (24, 4) { discrete: v4l2_fract, stepwise: v4l2_frmival_stepwise }
    v4l2_buffer__bindgen_ty_1 (8, 8) { offset: u32, userptr: c_ulong, planes: *mut c_void, fd: i32 }
    v4l2_buffer__bindgen_ty_2 (4, 4) { request_fd: i32, reserved: u32 }
    v4l2_querymenu__bindgen_ty_1 (32, 8) { name: [u8; 32], value: i64 }
    v4l2_ext_control__bindgen_ty_1 (8, 8) {
        value: i32, value64: i64, string: *mut c_char, p_u8: *mut u8, p_u16: *mut u16, p_u32: *mut u32,
        ptr: *mut c_void,
    }
}

/// Packed in C, so that it has no hole before its union.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct v4l2_querymenu {
    pub id: u32,
    pub index: u32,
    pub __bindgen_anon_1: v4l2_querymenu__bindgen_ty_1,
    pub reserved: u32,
}

/// Packed in C, so that it has no hole before its union.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct v4l2_ext_control {
    pub id: u32,
    pub size: u32,
    pub reserved2: [u32; 1],
    pub __bindgen_anon_1: v4l2_ext_control__bindgen_ty_1,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<v4l2_querymenu>() == 44 && offset_of!(v4l2_querymenu, __bindgen_anon_1) == 8);
    assert!(size_of::<v4l2_ext_control>() == 20 && offset_of!(v4l2_ext_control, __bindgen_anon_1) == 12);
};

opaque! {
    v4l2_framebuffer: [u64; 6];
    v4l2_standard: [u64; 9];
    v4l2_input: [u64; 10];
    v4l2_tuner: [u32; 21];
    v4l2_audio: [u32; 13];
    v4l2_queryctrl: [u32; 17];
    v4l2_edid: [u64; 5];
    v4l2_output: [u64; 9];
    v4l2_audioout: [u32; 13];
    v4l2_modulator: [u32; 17];
    v4l2_frequency: [u32; 11];
    v4l2_cropcap: [u32; 11];
    v4l2_crop: [u32; 5];
    v4l2_jpegcompression: [u32; 35];
    v4l2_sliced_vbi_cap: [u32; 29];
    v4l2_ext_controls: [u64; 4];
    v4l2_enc_idx: [u64; 259];
    v4l2_encoder_cmd: [u32; 10];
}
