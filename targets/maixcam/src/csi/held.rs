//! What a bring-up process holds open.

/// The channel of the scaler that a bring-up process holds open, as it reported it. The frames on it are NV21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The scaler's group.
    pub group: i32,
    /// The channel in the group.
    pub channel: i32,
    /// Pixels in a row; the scaler's own rows are this rounded up to a multiple of 64.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second that were asked for.
    pub fps: u32,
    /// Buffers of the channel. Two hold waiting frames and the scaler fills a third, so all but three can be lent.
    pub buffers: u32,
}
