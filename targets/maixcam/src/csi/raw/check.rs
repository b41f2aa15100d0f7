//! What must be true of the scaler before its frames are used: nothing tells that a driver has another layout of its
//! structs, or that another program has taken the channel, but what comes back.

use crate::{
    csi::Held,
    sys::{
        Code, Refused,
        abi::{self, FrameInfo, ScalerChannelAttr, ScalerGroupAttr},
        listed,
    },
};
use eyelet_hal::{Error, ErrorKind, PixelFormat, Result, StreamFormat};

/// Rows of the scaler begin at multiples of this many bytes, and it fills them with picture.
const ROW: u32 = 64;

/// What the frames of a channel have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Of the pictures: without what fills the scaler's rows.
    pub(super) format: StreamFormat,
    /// Bytes from row to row, and pixels in a row of the scaler.
    pub(super) stride: u32,
}

impl Shape {
    /// # Errors
    /// `Unsupported` for what the scaler cannot make.
    pub(super) fn of(held: &Held) -> Result<Self> {
        let (width, height) = (held.width, held.height);
        let even =
            width.is_multiple_of(2) && height.is_multiple_of(2) && width <= 1 << 14 && height <= 1 << 14;
        match StreamFormat::new(PixelFormat::Nv21, width, height).filter(|_| even) {
            Some(format) => Ok(Self { format, stride: width.next_multiple_of(ROW) }),
            None => Err(refused(format!("the scaler makes no pictures of {width}x{height}"))),
        }
    }

    fn height(&self) -> u32 {
        self.format.height.get()
    }

    /// Bytes of a frame: the luma rows, and half as many of chroma.
    fn len(&self) -> u64 {
        u64::from(self.stride) * u64::from(self.height()) / 2 * 3
    }

    /// What a frame is instead.
    pub(super) fn differs(&self, frame: &FrameInfo) -> Option<String> {
        let (stride, height) = (self.stride, self.height());
        let luma = u64::from(stride) * u64::from(height);
        let [first, second, _] = frame.physical;
        if first == 0 {
            return Some("the frame has no address: the driver has another form of this call".to_owned());
        }
        if (frame.width, frame.height, frame.pixel_format) != (stride, height, abi::NV21) {
            let (width, height, format) = (frame.width, frame.height, frame.pixel_format);
            return Some(format!(
                "the frame is {width}x{height} of format {format}, not {stride}x{} of format {} (NV21)",
                self.height(),
                abi::NV21
            ));
        }
        if frame.stride[..2] != [stride; 2] {
            return Some(format!("the frame's rows have {:?} bytes, not {stride}", &frame.stride[..2]));
        }
        let together = first.checked_add(luma) == Some(second);
        let aligned = first.is_multiple_of(ROW.into()) && second.is_multiple_of(ROW.into());
        if !together || !aligned {
            return Some(format!("the frame's planes are at {first:#x} and {second:#x}"));
        }
        None
    }
}

/// That the group and the channel are as the process that holds them reported. Returns how many frames wait in the
/// channel at most.
///
/// # Errors
/// `Unsupported` with what they are.
pub(super) fn attrs(
    shape: &Shape,
    group: std::result::Result<ScalerGroupAttr, Refused>,
    channel: std::result::Result<ScalerChannelAttr, Refused>,
) -> Result<u32> {
    if group.map_err(|why| denied(why, "group"))?.max_width == 0 {
        return Err(refused("the driver has another form of VPSS_GET_GRP_ATTR".to_owned()));
    }
    let channel = channel.map_err(|why| denied(why, "channel"))?;
    let want = (shape.stride, shape.height(), abi::NV21);
    let found = (channel.width, channel.height, channel.pixel_format);
    if found == (0, 0, 0) {
        return Err(refused("the driver has another form of VPSS_GET_CHN_ATTR".to_owned()));
    }
    if found != want {
        let what = format!(
            "the scaler's channel makes {}x{} of format {}, not {}x{} of format {} (NV21)",
            found.0, found.1, found.2, want.0, want.1, want.2
        );
        return Err(refused(what));
    }
    if channel.depth == 0 {
        return Err(refused("the scaler's channel keeps no frames".to_owned()));
    }
    Ok(channel.depth.min(16))
}

/// That a frame lies in one allocation of the carve-out. Where the allocator's list cannot be read, this cannot be found out,
/// and the frame is believed.
///
/// # Errors
/// `Unsupported` if it lies elsewhere.
pub(super) fn place(shape: &Shape, frame: &FrameInfo, list: Option<&str>) -> Result<()> {
    let mut allocations = list.into_iter().flat_map(listed).peekable();
    if allocations.peek().is_none() {
        tracing::debug!("the allocator's list of the carve-out cannot be read");
        return Ok(());
    }
    let first = frame.physical[0];
    if allocations.any(|allocation| allocation.holds(first, shape.len())) {
        return Ok(());
    }
    Err(refused(format!("the frame at {first:#x} is in no allocation of the carve-out")))
}

fn refused(what: String) -> Error {
    Error::new(ErrorKind::Unsupported, what).with_remedy("let the other process encode the pictures")
}

fn denied(why: Refused, what: &str) -> Error {
    let text = match why.code {
        Code::Unexist => format!("the scaler's {what} does not exist: no camera is open"),
        Code::NotReady => format!("the scaler's {what} does not run"),
        _ => why.to_string(),
    };
    refused(text).with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "Summary:\n[0] carveout heap size:110100480 bytes, used:23961600 bytes\n\nDetails:\n\
        \x20  heap_id   alloc_buf_size         phy_addr         kmap_cnt      buffer name\n\
        \x20        0         22118400         8c100000                1          VbPool0\n\
        \x20        0          1843200         8d700000                1          VbPool1\n";

    fn shape() -> Shape {
        let held = Held { group: 0, channel: 0, width: 640, height: 480, fps: 30, buffers: 4 };
        Shape::of(&held).unwrap()
    }

    fn frame(physical: u64) -> FrameInfo {
        use crate::sys::abi::Plain;
        FrameInfo {
            width: 640,
            height: 480,
            pixel_format: abi::NV21,
            stride: [640, 640, 0],
            physical: [physical, physical + 640 * 480, 0],
            ..FrameInfo::zeroed()
        }
    }

    #[test]
    fn frame_is_found_in_the_allocators_list_or_refused() {
        place(&shape(), &frame(0x8d70_0000 + 3 * 460_800), Some(LIST)).unwrap();
        for outside in [0x8d70_0000 + 4 * 460_800, 0x8d70_0000 + 3 * 460_800 + 64, 0x1000] {
            assert!(place(&shape(), &frame(outside), Some(LIST)).is_err(), "{outside:#x}");
        }
    }

    #[test]
    fn frame_is_believed_where_the_list_cannot_be_read() {
        for list in [None, Some(""), Some("Summary:\n"), Some("0 1843200 at 8d700000 of VbPool1")] {
            place(&shape(), &frame(0x8d70_0000), list).unwrap();
        }
    }

    #[test]
    fn frame_of_another_shape_is_noticed() {
        assert_eq!(shape().differs(&frame(0x8d70_0000)), None);
        type Change = fn(&mut FrameInfo);
        let changes: [(&str, Change); 7] = [
            ("no address", |frame| frame.physical[0] = 0),
            ("1280x480", |frame| frame.width = 1280),
            ("640x482", |frame| frame.height = 482),
            ("format 18", |frame| frame.pixel_format = abi::NV12),
            ("rows", |frame| frame.stride[0] = 704),
            ("planes", |frame| frame.physical[1] += 64),
            ("planes", |frame| frame.physical = [0x8d70_0020, 0x8d70_0020 + 640 * 480, 0]),
        ];
        for (word, change) in changes {
            let mut frame = frame(0x8d70_0000);
            change(&mut frame);
            let differs = shape().differs(&frame).unwrap();
            assert!(differs.contains(word), "{word}: {differs}");
        }
    }
}
