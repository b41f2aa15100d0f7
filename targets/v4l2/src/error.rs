//! From errno to an error that says what to do: one table.

use eyelet_hal::{Error, ErrorKind};
use rustix::io::Errno;
use std::io;

/// `cannot <operation> <object>: <why>; <remedy>`, with the system's error as its source.
pub(crate) fn system(operation: &str, object: &str, error: io::Error) -> Error {
    let (kind, why) = match Errno::from_io_error(&error) {
        Some(errno) => explain(errno),
        None => (ErrorKind::Other, None),
    };
    let why = why.map_or_else(
        || format!("{}; plug the camera in again, or use another", error.to_string().to_lowercase()),
        str::to_owned,
    );
    Error::new(kind, format!("cannot {operation} {object}: {why}")).with_source(error)
}

/// The kind of an errno, and the reason and remedy where there is a better one than the system's.
fn explain(errno: Errno) -> (ErrorKind, Option<&'static str>) {
    let (kind, why) = match errno {
        Errno::NOENT | Errno::NXIO => {
            (ErrorKind::NotFound, "no such device; is the camera plugged in, and the name right?")
        }
        Errno::ACCESS | Errno::PERM => (
            ErrorKind::PermissionDenied,
            "permission denied; add the user to the group that owns the node (mostly `video`) or run as root",
        ),
        Errno::BUSY => (ErrorKind::Busy, "busy; is another streamer running?"),
        Errno::NODEV | Errno::SHUTDOWN => {
            (ErrorKind::Disconnected, "the device is gone; plug the camera in again")
        }
        // A USB transfer broke, or the driver gave the stream up. A new stream works if the device does.
        Errno::IO | Errno::PROTO | Errno::ILSEQ | Errno::PIPE | Errno::TIMEDOUT | Errno::OVERFLOW => {
            (ErrorKind::Disconnected, "the device failed; open it again, or check cable and power")
        }
        // ENOSYS is what an emulator says of a device control that it does not know.
        Errno::NOTTY | Errno::ISDIR | Errno::NOSYS => {
            (ErrorKind::Unsupported, "not a V4L2 device; use a /dev/video* node")
        }
        Errno::INVAL => (
            ErrorKind::InvalidInput,
            "the driver refuses it; choose a size and format that the camera offers",
        ),
        Errno::RANGE => (ErrorKind::InvalidInput, "the value is out of range; doctor lists the range"),
        Errno::NOMEM => {
            (ErrorKind::OutOfMemory, "no memory for its buffers; use a smaller size or fewer buffers")
        }
        Errno::MFILE | Errno::NFILE => (
            ErrorKind::Other,
            "too many open files; raise the limit (`ulimit -n`), or wait for connections to end",
        ),
        Errno::NOSPC => (
            ErrorKind::Other,
            "not enough USB bandwidth; use a smaller size, a lower rate, jpeg, or another port",
        ),
        _ => return (ErrorKind::Other, None),
    };
    (kind, Some(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn of(errno: Errno) -> Error {
        system("open", "/dev/video0", errno.into())
    }

    #[test]
    fn each_errno_has_its_kind() {
        for (errno, kind) in [
            (Errno::NOENT, ErrorKind::NotFound),
            (Errno::ACCESS, ErrorKind::PermissionDenied),
            (Errno::BUSY, ErrorKind::Busy),
            (Errno::NODEV, ErrorKind::Disconnected),
            (Errno::IO, ErrorKind::Disconnected),
            (Errno::NOTTY, ErrorKind::Unsupported),
            (Errno::INVAL, ErrorKind::InvalidInput),
            (Errno::NOMEM, ErrorKind::OutOfMemory),
            (Errno::NOSPC, ErrorKind::Other),
            (Errno::MFILE, ErrorKind::Other),
            (Errno::TOOBIG, ErrorKind::Other),
        ] {
            assert_eq!(of(errno).kind(), kind, "{errno:?}");
            assert!(of(errno).source().is_some());
        }
    }

    #[test]
    fn it_is_one_line_with_a_remedy() {
        assert_eq!(
            of(Errno::BUSY).to_string(),
            "cannot open /dev/video0: busy; is another streamer running?"
        );
        for raw in 1..134 {
            let text = of(Errno::from_raw_os_error(raw)).to_string();
            assert!(text.starts_with("cannot open /dev/video0: ") && !text.contains('\n'), "{text}");
            assert!(text.contains([';', '?']), "{text} has no remedy");
        }
    }
}
