//! The camera port: how a bring-up process that is not the vendor's starts and stops the model's camera. Its words
//! and its rules; who serves it brings the connections and the clock.
//!
//! One connection is the camera of one process. A line in, a line out:
//!
//! ```text
//! open WIDTH HEIGHT FPS BUFFERS   ok CHANNEL
//! hmirror 0|1, vflip 0|1          ok
//! exposure N, gain N              ok
//! close                           ok
//! ```
//!
//! or `error TEXT`. A connection that ends without `close` is a process that was killed: its frames stop, and its
//! pools stay until the next `open` clears them, as MaixPy does by loading the drivers anew.

use super::{Driver, Violation, scaler::Camera};
use crate::sys::Node;

/// The largest side of a picture, in pixels: as the sensor's.
const MOST: u32 = 2560;

/// What a process says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Open { width: u32, height: u32, fps: u32, buffers: u32 },
    Set(Setting),
    Close,
}

/// A setting of the camera that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Left and right change places.
    HMirror(bool),
    /// Top and bottom change places.
    VFlip(bool),
    /// Microseconds.
    Exposure(u32),
    /// As the sensor counts it.
    Gain(u32),
}

impl Line {
    /// `None` for what is no line of the port.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let switch = |word: &str| match word {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        Some(match words[..] {
            ["open", width, height, fps, buffers] => Self::Open {
                width: width.parse().ok()?,
                height: height.parse().ok()?,
                fps: fps.parse().ok()?,
                buffers: buffers.parse().ok()?,
            },
            ["hmirror", word] => Self::Set(Setting::HMirror(switch(word)?)),
            ["vflip", word] => Self::Set(Setting::VFlip(switch(word)?)),
            ["exposure", word] => Self::Set(Setting::Exposure(word.parse().ok()?)),
            ["gain", word] => Self::Set(Setting::Gain(word.parse().ok()?)),
            ["close"] => Self::Close,
            _ => return None,
        })
    }
}

impl Driver {
    /// A line that a connection sent to the camera port, and the line that answers it, both without their ends.
    pub fn camera_line(&mut self, connection: u64, line: &str) -> String {
        let done = match Line::parse(line) {
            None => Err(format!("no such line: {line}")),
            Some(Line::Open { width, height, fps, buffers }) => self
                .camera_open(connection, (width, height), fps, buffers)
                .map(|channel| format!(" {channel}")),
            Some(_) if !self.scaler.held_by(connection) => Err("the camera is not open".to_owned()),
            Some(Line::Set(setting)) => {
                self.scaler.set(setting);
                Ok(String::new())
            }
            Some(Line::Close) => {
                self.camera_close();
                Ok(String::new())
            }
        };
        match done {
            Ok(more) => format!("ok{more}"),
            Err(text) => format!("error {text}"),
        }
    }

    /// A connection has ended. A process that had not said `close` was killed.
    pub fn camera_hung_up(&mut self, connection: u64) {
        if self.scaler.held_by(connection) {
            self.scaler.camera = None;
        }
    }

    /// The frame rate of the camera that runs, in frames per second; `None` while none does.
    pub fn camera_fps(&self) -> Option<u32> {
        self.scaler.camera.as_ref().map(|camera| camera.fps)
    }

    /// What the camera that runs was set to, in order.
    pub fn camera_settings(&self) -> Vec<Setting> {
        self.scaler.camera.as_ref().map(|camera| camera.settings.clone()).unwrap_or_default()
    }

    fn camera_open(
        &mut self,
        connection: u64,
        (width, height): (u32, u32),
        fps: u32,
        buffers: u32,
    ) -> Result<i32, String> {
        if self.scaler.camera.is_some() {
            return Err("the camera is in use".to_owned());
        }
        let side = 64..=MOST;
        if !side.contains(&width) || !side.contains(&height) || width % 2 != 0 || height % 2 != 0 {
            return Err(format!("no pictures of {width}x{height}"));
        }
        if !(1..=90).contains(&fps) || !(1..=16).contains(&buffers) {
            return Err(format!("no {buffers} buffers at {fps} frames per second"));
        }
        // MaixPy may load the drivers anew: with one of their nodes open it ends half-way.
        let held: Vec<Node> = self.held_nodes();
        for node in &held {
            self.note(Violation::HeldAtStart(*node));
        }
        if self.scaler.pools() > 0 {
            if let Some(node) = held.first() {
                return Err(format!("pools are left and {node} is open: the drivers cannot be loaded anew"));
            }
            self.scaler.clear(&mut self.ion);
        }
        let Some(camera) = Camera::new(connection, (width, height), fps) else {
            return Err(format!("no pictures of {width}x{height}"));
        };
        self.scaler.start(camera, buffers, &mut self.ion)
    }

    fn camera_close(&mut self) {
        let scaler_open = self.is_open(Node::Scaler);
        for violation in self.scaler.stop(&mut self.ion) {
            // Those of a killed process are nobody's fault.
            if scaler_open {
                self.note(violation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_parsed() {
        let open = Line::Open { width: 640, height: 480, fps: 30, buffers: 4 };
        assert_eq!(Line::parse("open 640 480 30 4"), Some(open));
        assert_eq!(Line::parse("hmirror 1"), Some(Line::Set(Setting::HMirror(true))));
        assert_eq!(Line::parse("vflip 0"), Some(Line::Set(Setting::VFlip(false))));
        assert_eq!(Line::parse("exposure 20000"), Some(Line::Set(Setting::Exposure(20_000))));
        assert_eq!(Line::parse("gain 3"), Some(Line::Set(Setting::Gain(3))));
        assert_eq!(Line::parse("close"), Some(Line::Close));
        for line in ["", "open", "open 640 480 30", "open 640 480 30 -4", "hmirror 2", "gain", "close now"] {
            assert_eq!(Line::parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_answered(lines in prop::collection::vec("(open|close|gain|vflip)?[ 0-9]{0,16}", 0..6)) {
            let mut driver = Driver::new(9, 0x8b30_0000, 16 << 20);
            for line in lines {
                let answer = driver.camera_line(1, &line);
                prop_assert!(answer.starts_with("ok") || answer.starts_with("error "), "{}", answer);
            }
        }
    }
}
