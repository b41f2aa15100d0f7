//! What the driver answers. Its encoder returns large negative numbers that libc hands on as they are, without
//! `errno`; its allocator and the kernel use `errno`.

use super::abi::Request;
use eyelet_hal::{Error, ErrorKind};
use std::{fmt, io};

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// There is no such channel.
    InvalidChannel,
    /// An argument is out of range.
    IllegalParam,
    /// It exists already.
    Exist,
    /// It does not exist.
    Unexist,
    /// A pointer is null; also what many calls say of a channel that was not made.
    NullPointer,
    /// Not with these arguments.
    NotSupported,
    /// No memory in the kernel.
    NoMemory,
    /// No buffer.
    NoBuffer,
    /// Nothing to get.
    BufferEmpty,
    /// No room.
    BufferFull,
    /// Another frame is in the unit, or the unit did not finish.
    Busy,
    /// The driver is not ready.
    NotReady,
    /// Another number.
    Other(i32),
    /// An `errno`; 1 (`EPERM`) is also how the driver's own -1 arrives.
    Errno(i32),
}

impl Code {
    const TABLE: [(i32, Self, &str); 12] = [
        (0xc007_8002_u32 as i32, Self::InvalidChannel, "no such channel"),
        (0xc007_8003_u32 as i32, Self::IllegalParam, "illegal parameter"),
        (0xc007_8004_u32 as i32, Self::Exist, "exists already"),
        (0xc007_8005_u32 as i32, Self::Unexist, "does not exist"),
        (0xc007_8006_u32 as i32, Self::NullPointer, "null pointer"),
        (0xc007_8008_u32 as i32, Self::NotSupported, "not supported"),
        (0xc007_800c_u32 as i32, Self::NoMemory, "no memory"),
        (0xc007_800d_u32 as i32, Self::NoBuffer, "no buffer"),
        (0xc007_800e_u32 as i32, Self::BufferEmpty, "buffer empty"),
        (0xc007_800f_u32 as i32, Self::BufferFull, "buffer full"),
        (0xc007_8012_u32 as i32, Self::Busy, "busy"),
        (0xc007_8040_u32 as i32, Self::NotReady, "not ready"),
    ];

    /// What `ioctl` returned; `None` is success.
    pub fn of(returned: io::Result<i32>) -> Option<Self> {
        match returned {
            Ok(0) => None,
            Ok(number) => {
                let known = Self::TABLE.iter().find(|entry| entry.0 == number);
                Some(known.map_or(Self::Other(number), |entry| entry.1))
            }
            Err(error) => Some(Self::Errno(error.raw_os_error().unwrap_or_default())),
        }
    }

    /// The number that the driver returns for it; `None` for an `errno`.
    pub fn number(self) -> Option<i32> {
        match self {
            Self::Errno(_) => None,
            Self::Other(number) => Some(number),
            _ => Self::TABLE.iter().find(|entry| entry.1 == self).map(|entry| entry.0),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, Self::TABLE.iter().find(|entry| entry.1 == *self)) {
            (_, Some((number, _, text))) => write!(f, "{text} ({number:#x})"),
            (Self::Other(number), _) => write!(f, "{number:#x}"),
            (Self::Errno(1), _) => f.write_str("general failure (EPERM)"),
            (Self::Errno(errno), _) => io::Error::from_raw_os_error(*errno).fmt(f),
            _ => f.write_str("unknown"),
        }
    }
}

/// A call that the driver refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which call.
    pub request: Request,
    /// Why.
    pub code: Code,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused: {}", self.request.name, self.code)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// The kind of error that it is.
    pub fn kind(self) -> ErrorKind {
        match self.code {
            Code::Busy | Code::Exist => ErrorKind::Busy,
            Code::NoMemory | Code::NoBuffer | Code::Errno(libc::ENOMEM) => ErrorKind::OutOfMemory,
            Code::Errno(libc::EACCES) => ErrorKind::PermissionDenied,
            Code::Errno(libc::ENODEV | libc::ENXIO | libc::ENOENT) => ErrorKind::NotFound,
            _ => ErrorKind::Other,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let what = format!("the JPEG driver does not do as asked: {refused}");
        Self::new(refused.kind(), what).with_source(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_negative_numbers_are_decoded() {
        assert_eq!(Code::of(Ok(0)), None);
        assert_eq!(Code::of(Ok(-1_073_250_286)), Some(Code::Busy), "0xc0078012 as an int");
        assert_eq!(Code::of(Ok(-12_345)), Some(Code::Other(-12_345)));
        assert_eq!(Code::of(Ok(5)), Some(Code::Other(5)), "positive numbers are no success");
        assert_eq!(Code::of(Err(io::Error::from_raw_os_error(12))), Some(Code::Errno(12)));
    }

    #[test]
    fn code_round_trips() {
        for (number, code, _) in Code::TABLE {
            assert_eq!(code.number(), Some(number));
            assert_eq!(Code::of(Ok(number)), Some(code));
            assert!(number < -4095, "libc would make an errno of it");
        }
    }

    #[test]
    fn refusal_names_call_and_code() {
        let refused = Refused { request: super::super::abi::GET_STREAM, code: Code::Busy };
        let error = Error::from(refused);
        assert_eq!(error.kind(), ErrorKind::Busy);
        let text = error.to_string();
        assert_eq!(text, "the JPEG driver does not do as asked: GET_STREAM refused: busy (0xc0078012)");
    }
}
