//! The rounds of an ioctl. The kernel brings no memory of the process along: each round asks for what the one before
//! has shown to be needed, until the whole chain of structs is there.

use crate::wire::{Ioctl, Segment};
use eyelet_maixcam::{model::Driver, sys::abi};
use std::ops::Range;

/// No program asks for more packs than this, and CUSE has no room for them.
const MOST_PACKS: usize = 64;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Another round, with these to read and to write.
    Again(Vec<Segment>, Vec<Segment>),
    /// All is there: the chain, and which of its structs are written back.
    Call(Vec<Vec<u8>>, Range<usize>),
}

/// Which structs of its chain a call writes.
fn written(number: u32) -> Range<usize> {
    match number {
        n if n == abi::GET_STREAM.number => 1..3,
        n if n == abi::GET_CHN_ATTR.number || n == abi::GET_JPEG_PARAM.number => 0..1,
        n if n == abi::QUERY_STATUS.number || n == abi::READ_CHIP_ID.number => 0..1,
        n if n == abi::ION_ALLOC.number || n == abi::VPSS_GET_CHN_FRAME.number => 0..1,
        n if n == abi::VPSS_GET_CHN_ATTR.number || n == abi::VPSS_GET_GRP_ATTR.number => 0..1,
        _ => 0..0,
    }
}

/// What this round leads to. It depends on the round alone.
pub(crate) fn step(ioctl: &Ioctl<'_>) -> Step {
    let sizes = Driver::sizes(ioctl.number).unwrap_or_default();
    let (mut wanted, mut chain): (Vec<Segment>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    let mut rest = ioctl.data;
    for (index, &size) in sizes.iter().enumerate() {
        // The first struct is the argument's, each other one that of the pointer at byte 0 of the one before.
        let address = match chain.last() {
            Some(before) => before.first_chunk().map_or(0, |pointer| u64::from_ne_bytes(*pointer)),
            None => ioctl.argument,
        };
        let count = match chain.last() {
            Some(stream) if index == 2 => {
                let count = stream.get(8..12).and_then(|count| count.try_into().ok()).map(u32::from_ne_bytes);
                count.map_or(1, |count| (count as usize).clamp(1, MOST_PACKS))
            }
            _ => 1,
        };
        wanted.push(Segment { address, len: size * count });
        let Some((bytes, after)) = rest.split_at_checked(size * count) else { break };
        chain.push(bytes.to_vec());
        rest = after;
    }
    let written = written(ioctl.number);
    let whole = wanted.len() == sizes.len();
    let outs = if whole { wanted[written.clone()].to_vec() } else { Vec::new() };
    if chain.len() == sizes.len() && ioctl.room == outs.iter().map(|out| out.len).sum::<usize>() {
        return Step::Call(chain, written);
    }
    Step::Again(wanted, outs)
}
