//! What eyelet and the process that holds the camera say to each other: lines of words.
//!
//! eyelet sends `start WIDTH HEIGHT FPS BUFFERS QUALITY [CONTROL=VALUE]...` once, `next` for each JPEG, and `stop`. The
//! process answers `ready GROUP CHANNEL WIDTH HEIGHT MAIXPY BOARD` once the camera is open, `picture NANOSECONDS BYTES`
//! with a JPEG behind it, taken at that time of `CLOCK_MONOTONIC`, for each `next`, and `error STAGE TEXT` before it ends.
//! To both, the other's end of the socket is its end. Or eyelet sends `import`, and the process answers `maixpy VERSION` or
//! `error`, and ends.

use std::time::Duration;

/// The longest line with its end.
pub(super) const LONGEST: usize = 512;

/// What the process reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The camera is open.
    Ready(Ready),
    /// A JPEG of so many bytes follows.
    Picture { taken: Duration, len: usize },
    /// MaixPy can be imported, and has this version.
    MaixPy(String),
    /// It failed: `import`, `open`, a control or `read`, and why.
    Error { stage: String, text: String },
}

/// What is open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) group: i32,
    pub(super) channel: i32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// MaixPy's version.
    pub(super) maixpy: String,
    /// The board, as MaixPy calls it.
    pub(super) board: String,
}

impl Report {
    /// The meaning of a line without its end; `None` if it has none.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        let mut words = rest.split(' ');
        let mut next = || words.next();
        Some(match word {
            "ready" => Self::Ready(Ready {
                group: next()?.parse().ok()?,
                channel: next()?.parse().ok()?,
                width: next()?.parse().ok()?,
                height: next()?.parse().ok()?,
                maixpy: next()?.to_owned(),
                board: next()?.to_owned(),
            }),
            "picture" => Self::Picture {
                taken: Duration::from_nanos(next()?.parse().ok()?),
                len: next()?.parse().ok()?,
            },
            "maixpy" => Self::MaixPy(next()?.to_owned()),
            "error" => {
                let (stage, text) = rest.split_once(' ')?;
                Self::Error { stage: stage.to_owned(), text: text.to_owned() }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_of_each_kind_is_understood() {
        assert_eq!(
            Report::parse("ready 0 1 640 480 4.12.1 maixcam_pro"),
            Some(Report::Ready(Ready {
                group: 0,
                channel: 1,
                width: 640,
                height: 480,
                maixpy: "4.12.1".to_owned(),
                board: "maixcam_pro".to_owned()
            }))
        );
        assert_eq!(
            Report::parse("picture 1500000000 7"),
            Some(Report::Picture { taken: Duration::from_millis(1500), len: 7 })
        );
        assert_eq!(Report::parse("maixpy 4.12.1"), Some(Report::MaixPy("4.12.1".to_owned())));
        assert_eq!(
            Report::parse("error open camera open failed"),
            Some(Report::Error { stage: "open".to_owned(), text: "camera open failed".to_owned() })
        );
    }

    #[test]
    fn report_that_means_nothing_is_none() {
        for line in [
            "",
            "ready",
            "ready 0 0 640",
            "picture 1",
            "picture -1 2",
            "picture 1 x",
            "error open",
            "hello a",
        ] {
            assert_eq!(Report::parse(line), None, "{line}");
        }
    }
}
