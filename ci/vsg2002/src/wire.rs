//! The messages of `/dev/cuse`: what the kernel asks, and the bytes of an answer.

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// The first one: the kernel's minor version of the protocol.
    Init(u32),
    /// A process opens the node.
    Open,
    /// An open file is closed for good.
    Release,
    /// A process is in `ioctl`.
    Ioctl(Ioctl<'a>),
    /// A process polls; with a handle if it wants to be woken.
    Poll(Option<u64>),
    /// The process behind that message got a signal.
    Interrupt(u64),
    /// What this does not know.
    Other,
}

/// One round of an `ioctl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ioctl<'a> {
    pub(crate) number: u32,
    /// The call's third argument, an address in the process.
    pub(crate) argument: u64,
    /// The bytes that the last round asked for.
    pub(crate) data: &'a [u8],
    /// How many bytes the answer may have, as the last round asked.
    pub(crate) room: usize,
}

/// A segment of the process' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) address: u64,
    pub(crate) len: usize,
}

/// The longest message: an `ioctl` brings at most 32 pages.
pub(crate) const LONGEST: usize = 256 << 10;

const HEADER: usize = 40;
const RETRY: u32 = 4;
const NOTIFY_POLL: i32 = 1;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The message's number, and what it asks for. `None` if it is cut short.
pub(crate) fn parse(message: &[u8]) -> Option<(u64, Operation<'_>)> {
    let unique = u64_at(message, 8)?;
    let body = message.get(HEADER..u32_at(message, 0)? as usize)?;
    let operation = match u32_at(message, 4)? {
        4096 => Operation::Init(u32_at(body, 4)?),
        14 => Operation::Open,
        18 => Operation::Release,
        39 => Operation::Ioctl(Ioctl {
            number: u32_at(body, 12)?,
            argument: u64_at(body, 16)?,
            data: body.get(32..32 + u32_at(body, 24)? as usize)?,
            room: u32_at(body, 28)? as usize,
        }),
        40 => Operation::Poll((u32_at(body, 16)? & 1 != 0).then_some(u64_at(body, 8)?)),
        36 => Operation::Interrupt(u64_at(body, 0)?),
        _ => Operation::Other,
    };
    Some((unique, operation))
}

fn message(unique: u64, error: i32, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(error.to_ne_bytes());
    bytes.extend(unique.to_ne_bytes());
    bytes.extend(body);
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The answer to [`Operation::Init`]: makes the node `/dev/NAME`, with unrestricted ioctls.
pub(crate) fn init(unique: u64, minor: u32, name: &str) -> Vec<u8> {
    let mut out = [0; 18];
    // Version, flags, longest read and write; the kernel picks the device number.
    (out[0], out[1], out[3], out[4], out[5]) = (7, minor.min(41), 1, 4096, 4096);
    message(unique, 0, &[&words(&out), format!("DEVNAME={name}\0").as_bytes()])
}

/// The answer to [`Operation::Open`].
pub(crate) fn opened(unique: u64) -> Vec<u8> {
    message(unique, 0, &[&[0; 16]])
}

/// An answer without content, or with an `errno`.
pub(crate) fn done(unique: u64, errno: i32) -> Vec<u8> {
    message(unique, -errno, &[])
}

/// The answer to [`Operation::Poll`].
pub(crate) fn events(unique: u64, events: u32) -> Vec<u8> {
    message(unique, 0, &[&words(&[events, 0])])
}

/// Wakes who waits in `poll`.
pub(crate) fn wake(handle: u64) -> Vec<u8> {
    message(0, NOTIFY_POLL, &[&handle.to_ne_bytes()])
}

/// The last answer to an `ioctl`: what it returns, and what it writes.
pub(crate) fn returned(unique: u64, result: i32, out: &[&[u8]]) -> Vec<u8> {
    let head = words(&[result.cast_unsigned(), 0, 0, 0]);
    message(unique, 0, &[&head, &out.concat()])
}

/// Asks for another round of an `ioctl`, with these segments to read and to write.
pub(crate) fn again(unique: u64, ins: &[Segment], outs: &[Segment]) -> Vec<u8> {
    let head = words(&[0, RETRY, ins.len() as u32, outs.len() as u32]);
    let segments: Vec<u8> = ins
        .iter()
        .chain(outs)
        .flat_map(|segment| [segment.address, segment.len as u64])
        .flat_map(u64::to_ne_bytes)
        .collect();
    message(unique, 0, &[&head, &segments])
}
