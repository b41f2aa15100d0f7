//! Every item of `eyelet-v4l2`'s `sys`, next to the `v4l` crate's and to what bindgen makes of the kernel's header.
#![cfg(test)]

// Included by its path, so that the library need not publish it.
#[path = "../../src/sys/mod.rs"]
mod ours;

use std::{collections::BTreeSet, mem::offset_of};
use v4l::{capability, control, v4l_sys as theirs, v4l2::vidioc};

/// Compares one structure and notes its name, and those of its fields, so that none is forgotten.
macro_rules! compare {
    ($seen:ident; $ours:ident $theirs:ident { $($field:ident $their_field:ident),* }) => {
        assert_eq!(size_of::<ours::$ours>(), size_of::<theirs::$theirs>(), "size of {}", stringify!($ours));
        assert_eq!(align_of::<ours::$ours>(), align_of::<theirs::$theirs>(), "alignment of {}", stringify!($ours));
        $seen.insert(stringify!($ours).to_owned());
        $(
            assert_eq!(
                offset_of!(ours::$ours, $field),
                offset_of!(theirs::$theirs, $their_field),
                "offset of {}.{}", stringify!($ours), stringify!($field),
            );
            assert_eq!(
                size_of_field(|x: *const ours::$ours| unsafe { &raw const (*x).$field }),
                size_of_field(|x: *const theirs::$theirs| unsafe { &raw const (*x).$their_field }),
                "size of {}.{}", stringify!($ours), stringify!($field),
            );
            $seen.insert(format!("{}.{}", stringify!($ours), stringify!($field)));
        )*
    };
}

fn size_of_field<S, F>(_: impl Fn(*const S) -> *const F) -> usize {
    size_of::<F>()
}

/// Structures: where the names differ, ours, and after a colon theirs.
macro_rules! compare_structures {
    ($seen:ident; $($ours:ident $(: $theirs:ident)? { $($field:ident $(: $their_field:ident)?),* $(,)? })*) => {
        $(compare_structures!(@one $seen; $ours, $($theirs)? $ours; [] $($field $(: $their_field)?,)*);)*
    };
    (@one $seen:ident; $ours:ident, $theirs:ident $($rest:ident)?; [$($done:tt)*]) => {
        compare!($seen; $ours $theirs { $($done)* });
    };
    (@one $seen:ident; $ours:ident, $theirs:ident $($rest:ident)?; [] $field:ident: $their_field:ident, $($more:tt)*) => {
        compare_structures!(@one $seen; $ours, $theirs; [$field $their_field] $($more)*);
    };
    (@one $seen:ident; $ours:ident, $theirs:ident $($rest:ident)?; [] $field:ident, $($more:tt)*) => {
        compare_structures!(@one $seen; $ours, $theirs; [$field $field] $($more)*);
    };
    (@one $seen:ident; $ours:ident, $theirs:ident $($rest:ident)?; [$($done:tt)+] $field:ident: $their_field:ident, $($more:tt)*) => {
        compare_structures!(@one $seen; $ours, $theirs; [$($done)+, $field $their_field] $($more)*);
    };
    (@one $seen:ident; $ours:ident, $theirs:ident $($rest:ident)?; [$($done:tt)+] $field:ident, $($more:tt)*) => {
        compare_structures!(@one $seen; $ours, $theirs; [$($done)+, $field $field] $($more)*);
    };
}

/// Numbers: ours, and how the other side writes it.
macro_rules! compare_numbers {
    ($seen:ident; $($ours:ident = $theirs:expr;)*) => { $(
        assert_eq!(i128::from(ours::$ours), i128::from($theirs), stringify!($ours));
        $seen.insert(stringify!($ours).to_owned());
    )* };
}

/// Requests of the same name.
macro_rules! compare_requests {
    ($seen:ident; $($name:ident)*) => { $(
        assert_eq!(ours::$name.opcode() as u32, vidioc::$name as u32, stringify!($name));
        $seen.insert(stringify!($name).to_owned());
    )* };
}

#[test]
fn structures_are_what_bindgen_makes_of_the_kernel_s_header() {
    let mut seen = BTreeSet::new();
    compare_structures! { seen;
        timeval { tv_sec, tv_usec }
        v4l2_capability { driver, card, bus_info, version, capabilities, device_caps, reserved }
        v4l2_fmtdesc { index, type_, flags, description, pixelformat, mbus_code, reserved }
        v4l2_pix_format {
            width, height, pixelformat, field, bytesperline, sizeimage, colorspace, priv_, flags,
            anonymous: __bindgen_anon_1, quantization, xfer_func,
        }
        v4l2_pix_format_anonymous: v4l2_pix_format__bindgen_ty_1 { ycbcr_enc, hsv_enc }
        v4l2_format { type_, fmt }
        // `alignment` is ours: it stands for the members with pointers.
        v4l2_format_fmt: v4l2_format__bindgen_ty_1 { pix, raw_data }
        v4l2_fract { numerator, denominator }
        v4l2_captureparm { capability, capturemode, timeperframe, extendedmode, readbuffers, reserved }
        v4l2_streamparm { type_, parm }
        v4l2_streamparm_parm: v4l2_streamparm__bindgen_ty_1 { capture, raw_data }
        v4l2_frmsize_discrete { width, height }
        v4l2_frmsize_stepwise { min_width, max_width, step_width, min_height, max_height, step_height }
        v4l2_frmsizeenum { index, pixel_format, type_, anonymous: __bindgen_anon_1, reserved }
        v4l2_frmsizeenum_anonymous: v4l2_frmsizeenum__bindgen_ty_1 { discrete, stepwise }
        v4l2_frmival_stepwise { min, max, step }
        v4l2_frmivalenum { index, pixel_format, width, height, type_, anonymous: __bindgen_anon_1, reserved }
        v4l2_frmivalenum_anonymous: v4l2_frmivalenum__bindgen_ty_1 { discrete, stepwise }
        v4l2_requestbuffers { count, type_, memory, capabilities, flags, reserved }
        v4l2_timecode { type_, flags, frames, seconds, minutes, hours, userbits }
        v4l2_buffer {
            index, type_, bytesused, flags, field, timestamp, timecode, sequence, memory, m, length,
            reserved2, anonymous: __bindgen_anon_1,
        }
        v4l2_buffer_m: v4l2_buffer__bindgen_ty_1 { offset, userptr, planes, fd }
        v4l2_buffer_anonymous: v4l2_buffer__bindgen_ty_2 { request_fd, reserved }
        v4l2_exportbuffer { type_, index, plane, flags, fd, reserved }
        v4l2_ext_controls {
            which: __bindgen_anon_1, count, error_idx, request_fd, reserved, controls,
        }
        v4l2_ext_control { id, size, reserved2, anonymous: __bindgen_anon_1 }
        v4l2_ext_control_anonymous: v4l2_ext_control__bindgen_ty_1 {
            value, value64, string, p_u8, p_u16, p_u32, ptr,
        }
        v4l2_query_ext_ctrl {
            id, type_, name, minimum, maximum, step, default_value, flags, elem_size, elems, nr_of_dims,
            dims, reserved,
        }
        v4l2_querymenu { id, index, anonymous: __bindgen_anon_1, reserved }
        v4l2_querymenu_anonymous: v4l2_querymenu__bindgen_ty_1 { name, value }
    }
    let mut declared = structures(include_str!("../../src/sys/structures.rs"));
    assert!(declared.remove("v4l2_format_fmt.alignment"));
    none_forgotten(&seen, &declared);
}

#[test]
fn numbers_are_those_of_the_kernel_s_header() {
    let mut seen = BTreeSet::new();
    compare_numbers! { seen;
        V4L2_BUF_TYPE_VIDEO_CAPTURE = theirs::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
        V4L2_MEMORY_MMAP = theirs::v4l2_memory_V4L2_MEMORY_MMAP;
        V4L2_FIELD_NONE = theirs::v4l2_field_V4L2_FIELD_NONE;
        V4L2_PIX_FMT_PRIV_MAGIC = theirs::V4L2_PIX_FMT_PRIV_MAGIC;
        V4L2_QUANTIZATION_LIM_RANGE = theirs::v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE;
        V4L2_FRMSIZE_TYPE_DISCRETE = theirs::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE;
        V4L2_FRMSIZE_TYPE_CONTINUOUS = theirs::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_CONTINUOUS;
        V4L2_FRMSIZE_TYPE_STEPWISE = theirs::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE;
        V4L2_FRMIVAL_TYPE_DISCRETE = theirs::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE;
        V4L2_FRMIVAL_TYPE_CONTINUOUS = theirs::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_CONTINUOUS;
        V4L2_FRMIVAL_TYPE_STEPWISE = theirs::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_STEPWISE;
        V4L2_BUF_FLAG_ERROR = theirs::V4L2_BUF_FLAG_ERROR;
        V4L2_BUF_FLAG_TIMESTAMP_MASK = theirs::V4L2_BUF_FLAG_TIMESTAMP_MASK;
        V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC = theirs::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        V4L2_CAP_VIDEO_CAPTURE = theirs::V4L2_CAP_VIDEO_CAPTURE;
        V4L2_CAP_VIDEO_OUTPUT = theirs::V4L2_CAP_VIDEO_OUTPUT;
        V4L2_CAP_VIDEO_CAPTURE_MPLANE = theirs::V4L2_CAP_VIDEO_CAPTURE_MPLANE;
        V4L2_CAP_VIDEO_OUTPUT_MPLANE = theirs::V4L2_CAP_VIDEO_OUTPUT_MPLANE;
        V4L2_CAP_VIDEO_M2M_MPLANE = theirs::V4L2_CAP_VIDEO_M2M_MPLANE;
        V4L2_CAP_VIDEO_M2M = theirs::V4L2_CAP_VIDEO_M2M;
        V4L2_CAP_META_CAPTURE = theirs::V4L2_CAP_META_CAPTURE;
        V4L2_CAP_STREAMING = theirs::V4L2_CAP_STREAMING;
        V4L2_CAP_DEVICE_CAPS = theirs::V4L2_CAP_DEVICE_CAPS;
        V4L2_CTRL_TYPE_INTEGER = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER;
        V4L2_CTRL_TYPE_BOOLEAN = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN;
        V4L2_CTRL_TYPE_MENU = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU;
        V4L2_CTRL_TYPE_BUTTON = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_BUTTON;
        V4L2_CTRL_TYPE_INTEGER64 = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER64;
        V4L2_CTRL_TYPE_BITMASK = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_BITMASK;
        V4L2_CTRL_TYPE_INTEGER_MENU = theirs::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU;
        V4L2_CTRL_FLAG_DISABLED = theirs::V4L2_CTRL_FLAG_DISABLED;
        V4L2_CTRL_FLAG_GRABBED = theirs::V4L2_CTRL_FLAG_GRABBED;
        V4L2_CTRL_FLAG_READ_ONLY = theirs::V4L2_CTRL_FLAG_READ_ONLY;
        V4L2_CTRL_FLAG_INACTIVE = theirs::V4L2_CTRL_FLAG_INACTIVE;
        V4L2_CTRL_FLAG_NEXT_CTRL = theirs::V4L2_CTRL_FLAG_NEXT_CTRL;
    }
    none_forgotten(&seen, &constants(include_str!("../../src/sys/constants.rs")));
}

#[test]
fn requests_and_flags_are_those_of_the_v4l_crate() {
    let mut seen = BTreeSet::new();
    compare_requests! { seen;
        VIDIOC_QUERYCAP VIDIOC_ENUM_FMT VIDIOC_G_FMT VIDIOC_S_FMT VIDIOC_REQBUFS VIDIOC_QUERYBUF VIDIOC_QBUF
        VIDIOC_EXPBUF VIDIOC_DQBUF VIDIOC_STREAMON VIDIOC_STREAMOFF VIDIOC_G_PARM VIDIOC_S_PARM VIDIOC_QUERYMENU
        VIDIOC_G_EXT_CTRLS VIDIOC_S_EXT_CTRLS VIDIOC_ENUM_FRAMESIZES VIDIOC_ENUM_FRAMEINTERVALS
        VIDIOC_QUERY_EXT_CTRL
    }
    none_forgotten(&seen, &constants(include_str!("../../src/sys/requests.rs")));

    use capability::Flags as Capability;
    use control::{Flags as Control, Type};
    for (ours, theirs) in [
        (ours::V4L2_CAP_VIDEO_CAPTURE, Capability::VIDEO_CAPTURE),
        (ours::V4L2_CAP_VIDEO_OUTPUT, Capability::VIDEO_OUTPUT),
        (ours::V4L2_CAP_VIDEO_CAPTURE_MPLANE, Capability::VIDEO_CAPTURE_MPLANE),
        (ours::V4L2_CAP_VIDEO_OUTPUT_MPLANE, Capability::VIDEO_OUTPUT_MPLANE),
        (ours::V4L2_CAP_VIDEO_M2M_MPLANE, Capability::VIDEO_M2M_MPLANE),
        (ours::V4L2_CAP_VIDEO_M2M, Capability::VIDEO_M2M),
        (ours::V4L2_CAP_META_CAPTURE, Capability::META_CAPTURE),
        (ours::V4L2_CAP_STREAMING, Capability::STREAMING),
        (ours::V4L2_CAP_DEVICE_CAPS, Capability::DEVICE_CAPS),
    ] {
        assert_eq!(ours, theirs.bits());
    }
    for (ours, theirs) in [
        (ours::V4L2_CTRL_FLAG_DISABLED, Control::DISABLED),
        (ours::V4L2_CTRL_FLAG_GRABBED, Control::GRABBED),
        (ours::V4L2_CTRL_FLAG_READ_ONLY, Control::READ_ONLY),
        (ours::V4L2_CTRL_FLAG_INACTIVE, Control::INACTIVE),
        (ours::V4L2_CTRL_FLAG_NEXT_CTRL, Control::NEXT_CTRL),
    ] {
        assert_eq!(ours, theirs.bits());
    }
    for (ours, theirs) in [
        (ours::V4L2_CTRL_TYPE_INTEGER, Type::Integer),
        (ours::V4L2_CTRL_TYPE_BOOLEAN, Type::Boolean),
        (ours::V4L2_CTRL_TYPE_MENU, Type::Menu),
        (ours::V4L2_CTRL_TYPE_BUTTON, Type::Button),
        (ours::V4L2_CTRL_TYPE_INTEGER64, Type::Integer64),
        (ours::V4L2_CTRL_TYPE_BITMASK, Type::Bitmask),
        (ours::V4L2_CTRL_TYPE_INTEGER_MENU, Type::IntegerMenu),
    ] {
        assert_eq!(ours, u32::from(theirs));
    }
}

fn none_forgotten(seen: &BTreeSet<String>, declared: &BTreeSet<String>) {
    assert!(declared.len() > 10, "the source is written in another way: {declared:?}");
    let forgotten = seen.symmetric_difference(declared).collect::<Vec<_>>();
    assert!(forgotten.is_empty(), "in one of the list above and src/sys only: {forgotten:?}");
}

/// The names of the constants in this source.
fn constants(source: &str) -> BTreeSet<String> {
    let constants = source.split("\npub(crate) const ").skip(1);
    constants.map(|constant| constant.split(':').next().unwrap().to_owned()).collect()
}

/// The names of the structures and unions in this source: `type`, `type.field`.
fn structures(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for block in ["\nlayout! {", "\nunion_layout! {"] {
        let (_, rest) =
            source.split_once(block).unwrap_or_else(|| panic!("no {block} in src/sys/structures.rs"));
        let (block, _) = rest.split_once("\n}\n").unwrap();
        let lines = block.lines().filter(|l| !l.trim_start().starts_with("//"));
        let text = lines.collect::<Vec<_>>().join(" ");
        for (head, fields) in text.split('}').filter_map(|item| item.split_once('{')) {
            let name = head.split_whitespace().next().unwrap();
            names.insert(name.to_owned());
            for field in fields.split(',').filter(|f| !f.trim().is_empty()) {
                names.insert(format!("{name}.{}", field.split(':').next().unwrap().trim()));
            }
        }
    }
    for packed in source.split("#[repr(C, packed)]").skip(1) {
        let (_, rest) = packed.split_once("pub(crate) struct ").unwrap();
        let (name, rest) = rest.split_once('{').unwrap();
        let name = name.trim();
        names.insert(name.to_owned());
        for field in rest.split_once('}').unwrap().0.split("pub(crate) ").skip(1) {
            names.insert(format!("{name}.{}", field.split(':').next().unwrap()));
        }
    }
    names
}
