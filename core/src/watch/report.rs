//! The results of a watch, for people (`Display`) and programs (`Serialize`).

use serde::Serialize;
use std::fmt;

/// The numbers of one watch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Pictures that arrived.
    pub frames: u64,
    /// Time between the first and the last picture's arrival, and since then if the stream has stalled.
    pub seconds: f64,
    /// Pictures a second, over that time.
    pub fps: f64,
    /// Bytes of all pictures, without the framing.
    pub bytes: u64,
    /// Bytes of pictures a second, over that time.
    pub bytes_per_second: f64,
    /// Time from capture to arrival, if the stream has capture times.
    pub latency: Option<Latency>,
    /// Pictures missing between the sequence numbers that arrived, if the stream numbers its pictures; `None` where the viewer has
    /// asked for fewer pictures.
    pub gaps: Option<u64>,
    /// Pictures repeated with the same number: the source is still.
    pub repeats: u64,
    /// How often the numbers went back: the streamer was restarted.
    pub restarts: u64,
    /// Pictures that are not a complete JPEG, or are followed by something else.
    pub damaged: u64,
    /// The longest time between one picture and the next, or the one that was still waited for.
    pub longest_pause_ms: f64,
    /// How long no picture has come at the end, if that is more than twice the mean time from one to the next; otherwise 0.
    pub stalled_seconds: f64,
    /// Why the watch ended.
    pub ended: Ended,
}

/// Time from capture to arrival, in milliseconds. Only as accurate as the two machines' clocks agree, and negative
/// if they do not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half of the latest 65536 pictures were no slower.
    pub p50_ms: f64,
    /// 99 of 100 of them were no slower.
    pub p99_ms: f64,
    /// The slowest picture of all.
    pub max_ms: f64,
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ended {
    /// It has not: this is a progress report.
    Running,
    /// The requested number of frames.
    Frames,
    /// The requested time.
    Time,
    /// The server ended the stream.
    Stream,
    /// The connection broke, or ended in the middle of a picture.
    Cut,
    /// The server kept the connection open, but sent nothing for a long time.
    Silence,
    /// Stopped by the caller.
    Interrupted,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Frames => "stopped after the requested number of frames",
            Self::Time => "stopped after the requested time",
            Self::Stream => "the server ended the stream",
            Self::Cut => "the stream broke off",
            Self::Silence => "the stream fell silent",
            Self::Interrupted => "interrupted",
        })
    }
}

impl fmt::Display for Report {
    /// Four lines, without a trailing newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.bytes_per_second / 1e6;
        let (frames, seconds, fps) = (self.frames, self.seconds, self.fps);
        let what = if frames == 1 { "frame" } else { "frames" };
        writeln!(f, "{frames} {what} in {seconds:.1} s: {fps:.2} fps, {megabytes:.2} MB/s")?;
        match self.latency {
            Some(Latency { p50_ms, p99_ms, max_ms }) => {
                write!(f, "latency: p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.1} ms")?;
                if p50_ms < 0.0 {
                    // Before it was captured: the number is mostly the difference of two clocks.
                    write!(f, " (unreliable: the camera's clock is ahead of this one)")?;
                }
                writeln!(f)?;
            }
            None if frames == 0 => writeln!(f, "latency: unknown")?,
            None => writeln!(f, "latency: unknown, the stream has no capture times")?,
        }
        let Self { damaged, gaps, repeats, restarts, longest_pause_ms, .. } = self;
        write!(f, "damaged {damaged}, ")?;
        if let Some(gaps) = gaps {
            write!(f, "gaps {gaps}, ")?;
        }
        write!(f, "repeated {repeats}, ")?;
        if *restarts > 0 {
            let times = if *restarts == 1 { "time" } else { "times" };
            write!(f, "restarted {restarts} {times}, ")?;
        }
        writeln!(f, "longest pause {longest_pause_ms:.0} ms")?;
        self.ended.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_readable_text_and_json() {
        let latency = Latency { p50_ms: 5.23, p99_ms: 9.0, max_ms: 12.0 };
        let mut report = Report {
            frames: 300,
            seconds: 9.967,
            fps: 29.999,
            bytes: 16_000_000,
            bytes_per_second: 1_605_000.0,
            latency: Some(latency),
            gaps: Some(1),
            repeats: 2,
            restarts: 0,
            damaged: 3,
            longest_pause_ms: 41.2,
            stalled_seconds: 0.0,
            ended: Ended::Frames,
        };
        let text = "300 frames in 10.0 s: 30.00 fps, 1.60 MB/s\n\
                    latency: p50 5.2 ms, p99 9.0 ms, max 12.0 ms\n\
                    damaged 3, gaps 1, repeated 2, longest pause 41 ms\n\
                    stopped after the requested number of frames";
        assert_eq!(report.to_string(), text);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["fps"], &json["latency"]["p99_ms"]), (&29.999.into(), &9.0.into()));
        assert_eq!(json["ended"], "frames");

        report.latency = Some(Latency { p50_ms: -50.0, ..latency });
        let text = report.to_string();
        let latency = "max 12.0 ms (unreliable: the camera's clock is ahead of this one)";
        assert!(text.lines().nth(1).unwrap().ends_with(latency), "{text}");

        (report.frames, report.restarts) = (1, 1);
        let text = report.to_string();
        assert!(text.starts_with("1 frame in ") && text.contains("restarted 1 time, "), "{text}");

        (report.frames, report.latency, report.restarts, report.ended) = (300, None, 2, Ended::Cut);
        let text = "300 frames in 10.0 s: 30.00 fps, 1.60 MB/s\n\
                    latency: unknown, the stream has no capture times\n\
                    damaged 3, gaps 1, repeated 2, restarted 2 times, longest pause 41 ms\n\
                    the stream broke off";
        assert_eq!(report.to_string(), text);

        (report.frames, report.gaps) = (0, None);
        assert_eq!(report.to_string().lines().nth(1), Some("latency: unknown"));
        assert!(
            report.to_string().contains("damaged 3, repeated 2, "),
            "its viewer asked for fewer pictures: {report}"
        );
    }
}
