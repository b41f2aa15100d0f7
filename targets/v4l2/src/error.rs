//! From errno to an error with a remedy: one table.

use eyelet_hal::{Error, ErrorKind};
use rustix::io::Errno;
use std::io;

/// `cannot <operation> <object>: <why>` with its remedy, and with the system's error as its source.
pub(crate) fn system(operation: &str, object: &str, error: io::Error) -> Error {
    let explained = Errno::from_io_error(&error).and_then(explain);
    let (kind, message, remedy) = match explained {
        Some((kind, why, remedy)) => (kind, format!("cannot {operation} {object}: {why}"), remedy),
        None => {
            let why = error.to_string().to_lowercase();
            (ErrorKind::Other, format!("cannot {operation} {object}: {why}"), ANOTHER)
        }
    };
    Error::new(kind, message).with_remedy(remedy).with_source(error)
}

/// What helps against most of what only the system has a name for.
const ANOTHER: &str = "plug the camera in again, or use another";

/// Kind, reason and remedy of an errno whose name alone would not help the reader.
fn explain(errno: Errno) -> Option<(ErrorKind, &'static str, &'static str)> {
    Some(match errno {
        Errno::NOENT | Errno::NXIO => {
            (ErrorKind::NotFound, "no such device", "is the camera plugged in, and the name right?")
        }
        Errno::ACCESS | Errno::PERM => (
            ErrorKind::PermissionDenied,
            "permission denied",
            "add the user to the group that owns the node (mostly `video`) or run as root",
        ),
        Errno::BUSY => (ErrorKind::Busy, "busy", "is another streamer running?"),
        Errno::NODEV | Errno::SHUTDOWN => {
            (ErrorKind::Disconnected, "the device is gone", "plug the camera in again")
        }
        // A USB transfer broke, or the driver gave the stream up. A new stream works if the device does.
        Errno::IO | Errno::PROTO | Errno::ILSEQ | Errno::PIPE | Errno::TIMEDOUT | Errno::OVERFLOW => (
            ErrorKind::Disconnected,
            "the device failed",
            "plug the camera in again, or check its cable and power",
        ),
        // ENOSYS is what an emulator answers to a device control that it does not implement.
        Errno::NOTTY | Errno::ISDIR | Errno::NOSYS => {
            (ErrorKind::Unsupported, "not a V4L2 device", "use a /dev/video* node")
        }
        Errno::INVAL => (
            ErrorKind::InvalidInput,
            "the driver refuses it",
            "choose a size and format that the camera offers",
        ),
        Errno::RANGE => (ErrorKind::InvalidInput, "the value is out of range", "choose another value"),
        Errno::NOMEM => {
            (ErrorKind::OutOfMemory, "no memory for its buffers", "use a smaller size or fewer buffers")
        }
        Errno::MFILE | Errno::NFILE => (
            ErrorKind::Other,
            "too many open files",
            "raise the limit (`ulimit -n`), or wait for connections to end",
        ),
        Errno::NOSPC => (
            ErrorKind::Other,
            "not enough USB bandwidth",
            "use a smaller size, a lower rate, jpeg, or another port",
        ),
        _ => return None,
    })
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
    fn error_of_any_errno_is_one_line_with_a_remedy() {
        assert_eq!(
            of(Errno::BUSY).to_string(),
            "cannot open /dev/video0: busy; is another streamer running?"
        );
        for raw in 1..134 {
            let text = of(Errno::from_raw_os_error(raw)).to_string();
            assert!(text.starts_with("cannot open /dev/video0: ") && !text.contains('\n'), "{text}");
            assert_eq!(text.matches("; ").count(), 1, "{text} has no remedy");
        }
    }
}
