//! What the driver answers. Its encoder and its scaler return large negative numbers that libc hands on as they are,
//! without `errno`; its allocator and the kernel use `errno`.

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
    /// What is asked is not running.
    NotReady,
    /// The driver is not set up.
    NotInitialised,
    /// Another number.
    Other(i32),
    /// An `errno`; 1 (`EPERM`) is also how the driver's own -1 arrives.
    Errno(i32),
}

impl Code {
    /// The codes' numbers within their part of the driver.
    const TABLE: [(u8, Self, &str); 13] = [
        (0x02, Self::InvalidChannel, "no such channel"),
        (0x03, Self::IllegalParam, "illegal parameter"),
        (0x04, Self::Exist, "exists already"),
        (0x05, Self::Unexist, "does not exist"),
        (0x06, Self::NullPointer, "null pointer"),
        (0x08, Self::NotSupported, "not supported"),
        (0x0c, Self::NoMemory, "no memory"),
        (0x0d, Self::NoBuffer, "no buffer"),
        (0x0e, Self::BufferEmpty, "buffer empty"),
        (0x0f, Self::BufferFull, "buffer full"),
        (0x10, Self::NotReady, "not ready"),
        (0x12, Self::Busy, "busy"),
        (0x40, Self::NotInitialised, "not initialised"),
    ];

    /// What `ioctl` returned; `None` is success.
    pub fn of(returned: io::Result<i32>) -> Option<Self> {
        match returned {
            Ok(0) => None,
            Ok(number) => {
                let known = Part::of(number).and_then(|_| {
                    Self::TABLE.iter().find(|entry| u32::from(entry.0) == number.cast_unsigned() & 0xfff)
                });
                Some(known.map_or(Self::Other(number), |entry| entry.1))
            }
            Err(error) => Some(Self::Errno(error.raw_os_error().unwrap_or_default())),
        }
    }

    /// The number that this part of the driver returns for it; `None` for an `errno`.
    pub fn number(self, part: Part) -> Option<i32> {
        match self {
            Self::Errno(_) => None,
            Self::Other(number) => Some(number),
            _ => {
                let entry = Self::TABLE.iter().find(|entry| entry.1 == self)?;
                Some((part.base() | u32::from(entry.0)).cast_signed())
            }
        }
    }
}

/// A part of the driver that has codes of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The scaler.
    Scaler,
    /// The video encoder.
    Encoder,
}

impl Part {
    const fn base(self) -> u32 {
        match self {
            Self::Scaler => 0xc006_8000,
            Self::Encoder => 0xc007_8000,
        }
    }

    fn of(number: i32) -> Option<Self> {
        [Self::Scaler, Self::Encoder]
            .into_iter()
            .find(|part| number.cast_unsigned() & 0xffff_f000 == part.base())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, Self::TABLE.iter().find(|entry| entry.1 == *self)) {
            (_, Some((_, _, text))) => f.write_str(text),
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
        write!(f, "{} refused: {}", self.request.name, self.code)?;
        match self.code {
            Code::Other(_) | Code::Errno(_) => Ok(()),
            code => write!(f, " ({:#x})", code.number(self.part()).unwrap_or_default()),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// Which part of the driver refused it. The encoder's calls are those of type `V`.
    fn part(self) -> Part {
        if self.request.number >> 8 & 0xff == u32::from(b'V') { Part::Encoder } else { Part::Scaler }
    }

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
        let driver = if refused.request.name.starts_with("VPSS_") { "scaler" } else { "JPEG" };
        let what = format!("the {driver} driver does not do as asked: {refused}");
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
        for part in [Part::Scaler, Part::Encoder] {
            for (_, code, _) in Code::TABLE {
                let number = code.number(part).unwrap();
                assert_eq!(Code::of(Ok(number)), Some(code));
                assert!(number < -4095, "libc would make an errno of it");
            }
        }
        assert_eq!(Code::BufferEmpty.number(Part::Scaler).unwrap().cast_unsigned(), 0xc006_800e);
    }

    #[test]
    fn refusal_names_call_and_code() {
        let refused = Refused { request: super::super::abi::GET_STREAM, code: Code::Busy };
        let error = Error::from(refused);
        assert_eq!(error.kind(), ErrorKind::Busy);
        let text = error.to_string();
        assert_eq!(text, "the JPEG driver does not do as asked: GET_STREAM refused: busy (0xc0078012)");
        let refused = Refused { request: super::super::abi::VPSS_GET_CHN_FRAME, code: Code::Unexist };
        let text = Error::from(refused).to_string();
        assert_eq!(
            text,
            "the scaler driver does not do as asked: VPSS_GET_CHN_FRAME refused: does not exist (0xc0068005)"
        );
    }
}
