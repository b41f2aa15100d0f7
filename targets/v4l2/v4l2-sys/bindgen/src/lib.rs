//! Every item of our bindings, next to bindgen's.
#![cfg(test)]

use bindgen_s as theirs;
use std::collections::BTreeSet;
use std::mem::offset_of;

/// Compares one item and notes its name, and those of its fields, so that none is forgotten.
macro_rules! compare {
    ($seen:ident; struct $name:ident { $($field:ident),* $(,)? }) => {
        assert_eq!(size_of::<ours::$name>(), size_of::<theirs::$name>(), "size of {}", stringify!($name));
        assert_eq!(align_of::<ours::$name>(), align_of::<theirs::$name>(), "alignment of {}", stringify!($name));
        $seen.insert(stringify!($name).to_owned());
        $(
            assert_eq!(
                offset_of!(ours::$name, $field),
                offset_of!(theirs::$name, $field),
                "offset of {}.{}", stringify!($name), stringify!($field),
            );
            assert_eq!(
                size_of_field(|x: *const ours::$name| unsafe { &raw const (*x).$field }),
                size_of_field(|x: *const theirs::$name| unsafe { &raw const (*x).$field }),
                "size of {}.{}", stringify!($name), stringify!($field),
            );
            $seen.insert(format!("{}.{}", stringify!($name), stringify!($field)));
        )*
    };
    ($seen:ident; const $name:ident) => {
        assert_eq!(ours::$name, theirs::$name, stringify!($name));
        $seen.insert(stringify!($name).to_owned());
    };
}

fn size_of_field<S, F>(_: impl Fn(*const S) -> *const F) -> usize {
    size_of::<F>()
}

macro_rules! compare_all {
    ($seen:ident; $($kind:ident $name:ident $({ $($field:ident),* $(,)? })?;)*) => {
        $(compare!($seen; $kind $name $({ $($field),* })?);)*
    };
}

#[test]
fn ours_are_what_bindgen_makes_of_the_kernel_s_header() {
    let mut seen = BTreeSet::new();
    compare_all! { seen;
        const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE;
        const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_CONTINUOUS;
        const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE;
        const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE;
        const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_CONTINUOUS;
        const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_STEPWISE;
        const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
        const v4l2_memory_V4L2_MEMORY_MMAP;
        const V4L2_BUF_FLAG_ERROR;
        const V4L2_BUF_FLAG_TIMESTAMP_MASK;
        const V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        const V4L2_CTRL_FLAG_NEXT_CTRL;
        const V4L2_CTRL_FLAG_NEXT_COMPOUND;

        struct timeval { tv_sec, tv_usec };
        struct v4l2_capability {
            driver, card, bus_info, version, capabilities, device_caps, reserved,
        };
        struct v4l2_fmtdesc {
            index, type_, flags, description, pixelformat, mbus_code, reserved,
        };
        struct v4l2_pix_format {
            width, height, pixelformat, field, bytesperline, sizeimage, colorspace, priv_, flags,
            __bindgen_anon_1, quantization, xfer_func,
        };
        struct v4l2_format { type_, fmt };
        struct v4l2_fract { numerator, denominator };
        struct v4l2_captureparm {
            capability, capturemode, timeperframe, extendedmode, readbuffers, reserved,
        };
        struct v4l2_outputparm {
            capability, outputmode, timeperframe, extendedmode, writebuffers, reserved,
        };
        struct v4l2_streamparm { type_, parm };
        struct v4l2_frmsize_discrete { width, height };
        struct v4l2_frmsize_stepwise {
            min_width, max_width, step_width, min_height, max_height, step_height,
        };
        struct v4l2_frmsizeenum { index, pixel_format, type_, __bindgen_anon_1, reserved };
        struct v4l2_frmival_stepwise { min, max, step };
        struct v4l2_frmivalenum { index, pixel_format, width, height, type_, __bindgen_anon_1, reserved };
        struct v4l2_requestbuffers { count, type_, memory, capabilities, flags, reserved };
        struct v4l2_timecode { type_, flags, frames, seconds, minutes, hours, userbits };
        struct v4l2_buffer {
            index, type_, bytesused, flags, field, timestamp, timecode, sequence, memory, m, length,
            reserved2, __bindgen_anon_1,
        };
        struct v4l2_exportbuffer { type_, index, plane, flags, fd, reserved };
        struct v4l2_control { id, value };
        struct v4l2_query_ext_ctrl {
            id, type_, name, minimum, maximum, step, default_value, flags, elem_size, elems, nr_of_dims,
            dims, reserved,
        };
        struct v4l2_querymenu { id, index, __bindgen_anon_1, reserved };
        struct v4l2_ext_control { id, size, reserved2, __bindgen_anon_1 };

        struct v4l2_pix_format__bindgen_ty_1 { ycbcr_enc, hsv_enc };
        // `alignment` is ours: it stands for the members with pointers.
        struct v4l2_format__bindgen_ty_1 { pix, raw_data };
        struct v4l2_streamparm__bindgen_ty_1 { capture, output, raw_data };
        struct v4l2_frmsizeenum__bindgen_ty_1 { discrete, stepwise };
        struct v4l2_frmivalenum__bindgen_ty_1 { discrete, stepwise };
        struct v4l2_buffer__bindgen_ty_1 { offset, userptr, planes, fd };
        struct v4l2_buffer__bindgen_ty_2 { request_fd, reserved };
        struct v4l2_querymenu__bindgen_ty_1 { name, value };
        struct v4l2_ext_control__bindgen_ty_1 { value, value64, string, p_u8, p_u16, p_u32, ptr };

        // By size only.
        struct v4l2_framebuffer {};
        struct v4l2_standard {};
        struct v4l2_input {};
        struct v4l2_tuner {};
        struct v4l2_audio {};
        struct v4l2_queryctrl {};
        struct v4l2_edid {};
        struct v4l2_output {};
        struct v4l2_audioout {};
        struct v4l2_modulator {};
        struct v4l2_frequency {};
        struct v4l2_cropcap {};
        struct v4l2_crop {};
        struct v4l2_jpegcompression {};
        struct v4l2_sliced_vbi_cap {};
        struct v4l2_ext_controls {};
        struct v4l2_enc_idx {};
        struct v4l2_encoder_cmd {};
    }
    assert_eq!(size_of::<ours::time_t>(), size_of::<theirs::time_t>());
    assert_eq!(size_of::<ours::v4l2_std_id>(), size_of::<theirs::v4l2_std_id>());

    let mut declared = declared(include_str!("../../src/lib.rs"));
    assert!(declared.remove("v4l2_format__bindgen_ty_1.alignment"));
    let forgotten = seen.symmetric_difference(&declared).collect::<Vec<_>>();
    assert!(forgotten.is_empty(), "in one of the list above and src/lib.rs only: {forgotten:?}");
}

/// The names that our source declares: `type`, `type.field`, `CONSTANT`.
fn declared(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let items = source.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    for constant in items.split("pub const ").skip(1) {
        names.insert(constant.split(':').next().unwrap().to_owned());
    }
    for block in ["\nlayout! {", "\nunion_layout! {", "\nopaque! {"] {
        let (_, rest) = source.split_once(block).unwrap_or_else(|| panic!("no {block} in src/lib.rs"));
        let (block, _) = rest.split_once("\n}\n").unwrap();
        let lines = block.lines().filter(|l| !l.trim_start().starts_with("//"));
        let text = lines.collect::<Vec<_>>().join(" ");
        for item in text.split('}') {
            match item.split_once('{') {
                Some((head, fields)) => {
                    let name = head.split_whitespace().next().unwrap();
                    names.insert(name.to_owned());
                    for field in fields.split(',').filter(|f| !f.trim().is_empty()) {
                        names.insert(format!("{name}.{}", field.split(':').next().unwrap().trim()));
                    }
                }
                None => names.extend(
                    item.split("];").filter_map(|o| o.split_once(':')).map(|(n, _)| n.trim().to_owned()),
                ),
            }
        }
    }
    for packed in source.split("#[repr(C, packed)]").skip(1) {
        let (_, rest) = packed.split_once("pub struct ").unwrap();
        let (name, rest) = rest.split_once('{').unwrap();
        let name = name.trim();
        names.insert(name.to_owned());
        for field in rest.split_once('}').unwrap().0.split("pub ").skip(1) {
            names.insert(format!("{name}.{}", field.split(':').next().unwrap()));
        }
    }
    names
}
