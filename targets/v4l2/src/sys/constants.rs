//! Flags and types.

pub(crate) const V4L2_BUF_TYPE_VIDEO_CAPTURE: u32 = 1;
pub(crate) const V4L2_MEMORY_MMAP: u32 = 1;

/// Progressive.
pub(crate) const V4L2_FIELD_NONE: u32 = 1;
/// In `v4l2_pix_format.priv_`: the fields from `flags` on are filled.
pub(crate) const V4L2_PIX_FMT_PRIV_MAGIC: u32 = 0xfeed_cafe;
pub(crate) const V4L2_QUANTIZATION_LIM_RANGE: u32 = 2;

pub(crate) const V4L2_FRMSIZE_TYPE_DISCRETE: u32 = 1;
pub(crate) const V4L2_FRMSIZE_TYPE_CONTINUOUS: u32 = 2;
pub(crate) const V4L2_FRMSIZE_TYPE_STEPWISE: u32 = 3;

pub(crate) const V4L2_FRMIVAL_TYPE_DISCRETE: u32 = 1;
pub(crate) const V4L2_FRMIVAL_TYPE_CONTINUOUS: u32 = 2;
pub(crate) const V4L2_FRMIVAL_TYPE_STEPWISE: u32 = 3;

pub(crate) const V4L2_BUF_FLAG_ERROR: u32 = 0x0000_0040;
pub(crate) const V4L2_BUF_FLAG_TIMESTAMP_MASK: u32 = 0x0000_e000;
pub(crate) const V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC: u32 = 0x0000_2000;

pub(crate) const V4L2_CAP_VIDEO_CAPTURE: u32 = 0x0000_0001;
pub(crate) const V4L2_CAP_VIDEO_OUTPUT: u32 = 0x0000_0002;
pub(crate) const V4L2_CAP_VIDEO_CAPTURE_MPLANE: u32 = 0x0000_1000;
pub(crate) const V4L2_CAP_VIDEO_OUTPUT_MPLANE: u32 = 0x0000_2000;
pub(crate) const V4L2_CAP_VIDEO_M2M_MPLANE: u32 = 0x0000_4000;
pub(crate) const V4L2_CAP_VIDEO_M2M: u32 = 0x0000_8000;
pub(crate) const V4L2_CAP_META_CAPTURE: u32 = 0x0080_0000;
pub(crate) const V4L2_CAP_STREAMING: u32 = 0x0400_0000;
/// `v4l2_capability.device_caps` is filled, and speaks for this node alone.
pub(crate) const V4L2_CAP_DEVICE_CAPS: u32 = 0x8000_0000;

pub(crate) const V4L2_CTRL_TYPE_INTEGER: u32 = 1;
pub(crate) const V4L2_CTRL_TYPE_BOOLEAN: u32 = 2;
pub(crate) const V4L2_CTRL_TYPE_MENU: u32 = 3;
pub(crate) const V4L2_CTRL_TYPE_BUTTON: u32 = 4;
pub(crate) const V4L2_CTRL_TYPE_INTEGER64: u32 = 5;
pub(crate) const V4L2_CTRL_TYPE_BITMASK: u32 = 8;
pub(crate) const V4L2_CTRL_TYPE_INTEGER_MENU: u32 = 9;

pub(crate) const V4L2_CTRL_FLAG_DISABLED: u32 = 0x0001;
pub(crate) const V4L2_CTRL_FLAG_GRABBED: u32 = 0x0002;
pub(crate) const V4L2_CTRL_FLAG_READ_ONLY: u32 = 0x0004;
pub(crate) const V4L2_CTRL_FLAG_INACTIVE: u32 = 0x0010;
pub(crate) const V4L2_CTRL_FLAG_NEXT_CTRL: u32 = 0x8000_0000;
