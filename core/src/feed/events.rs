//! What an application knows about its frames, on its way to those who listen.

use super::{Label, Timestamp};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

/// The longest data of one frame, in bytes: some hundreds of boxes.
const LONGEST: usize = 64 * 1024;

/// So many events wait for a slow listener, who loses older ones: about a second of a camera.
const KEPT: usize = 32;

/// And so many bytes of them.
const KEPT_BYTES: usize = 256 * 1024;

/// The data of a camera's frames. Cloning gives another handle to the same.
///
/// What belongs to a frame that is still in hand is attached to it ([`Frame::with_data`](eyelet_hal::Frame::with_data)).
/// [`publish`](Self::publish) is for what comes later, from a detector on a thread of its own:
///
/// ```
/// use eyelet_core::feed::{FrameData, Hub, Picture};
/// fn detect(hub: &Hub, look: impl Fn(&Picture) -> FrameData) {
///     loop {
///         // The next one that is captured, however long the last took.
///         let picture = hub.feed.queue(1).blocking_next();
///         hub.events.publish(&picture.label, &look(&picture));
///     }
/// }
/// ```
///
/// eyelet's page draws data over its own picture alone, and so only while that is the newest: for as long as a frame lasts. A
/// detector that is slower than that is never drawn, though every client of `/events` has what it finds. To see it drawn, let
/// the camera deliver fewer frames a second, or detect in `each_frame`, which the pictures wait for.
///
/// Nothing is written while there is no listener. A slow one loses the oldest events and delays no one.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    /// Frames with data, with listeners or without.
    published: AtomicU64,
    /// Data was lost, which is logged once.
    lost: AtomicBool,
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The newest, oldest first, each as it goes over the wire.
    events: VecDeque<Bytes>,
    bytes: usize,
    /// How many there have been.
    number: u64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            published: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            news: watch::Sender::new(()),
        }
    }
}

impl Events {
    /// Publishes what is known about the picture with this label: JSON, as `data` displays, of up to 64 KiB. Longer data is
    /// lost and logged. Never waits for a listener.
    ///
    /// What is published for the same picture again is added to it: the page draws the boxes and labels of the last eight,
    /// and of values with the same name the newest.
    pub fn publish(&self, label: &Label, data: &dyn fmt::Display) {
        self.0.published.fetch_add(1, Ordering::Relaxed);
        if !self.wanted() {
            return;
        }
        let mut event = Event("event: frame\ndata: ".to_owned());
        let (sequence, time) = (label.sequence, Timestamp(label.captured_at));
        let written = write!(event, "{{\"sequence\":{sequence},\"time\":{time},\"data\":{data}}}");
        if written.is_err() {
            if !self.0.lost.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    sequence,
                    longest = LONGEST,
                    "data that is too long is lost, or cannot be written"
                );
            }
            return;
        }
        self.0.kept().push(Bytes::from(event.0 + "\n\n"));
        self.0.news.send_replace(());
    }

    /// Whether there is a listener: whether it is worth finding out something for it alone.
    pub fn wanted(&self) -> bool {
        self.0.news.receiver_count() > 0
    }

    /// How many frames had data, with listeners or without.
    pub(crate) fn published(&self) -> u64 {
        self.0.published.load(Ordering::Relaxed)
    }

    /// A listener to all that is published from now on.
    pub(crate) fn listen(&self) -> Listener {
        let news = self.0.news.subscribe();
        let next = self.0.kept().number;
        Listener { events: self.clone(), news, next }
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, event: Bytes) {
        self.number += 1;
        self.bytes += event.len();
        self.events.push_back(event);
        while self.events.len() > KEPT || self.bytes > KEPT_BYTES {
            let oldest = self.events.pop_front();
            self.bytes -= oldest.map_or(0, |event| event.len());
        }
    }
}

/// A reader of the events. They are wanted until it drops.
#[derive(Debug)]
pub(crate) struct Listener {
    events: Events,
    news: watch::Receiver<()>,
    /// The number of the next event that it has not had.
    next: u64,
}

impl Listener {
    /// Waits until there may be an event. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        // It cannot be closed: this holds the sender.
        let _ = self.news.changed().await;
    }

    /// The next event, as it goes over the wire; those that are not kept any more are lost.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        let kept = self.events.0.kept();
        let oldest = kept.number - kept.events.len() as u64;
        let next = self.next.max(oldest);
        let event = kept.events.get((next - oldest) as usize)?.clone();
        self.next = next + 1;
        Some(event)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The last one takes all events with it.
        if self.events.0.news.receiver_count() == 1 {
            let mut kept = self.events.0.kept();
            (kept.events, kept.bytes) = (VecDeque::new(), 0);
        }
    }
}

/// An event as it is written: bounded, and of no more lines whatever the data displays as. Between two tokens of JSON a line
/// break is as good as a space.
struct Event(String);

impl fmt::Write for Event {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.extend(text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{FrameData, RunId};
    use std::time::Duration;

    fn label(sequence: u64) -> Label {
        Label { run: RunId::new(0), sequence, captured_at: Duration::from_millis(1500) }
    }

    fn all(listener: &mut Listener) -> Vec<String> {
        std::iter::from_fn(|| listener.next())
            .map(|event| String::from_utf8(event.to_vec()).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn listener_gets_what_is_published_from_then_on() {
        let events = Events::default();
        events.publish(&label(1), &"{}");
        let mut listener = events.listen();
        assert!(events.wanted() && listener.next().is_none());
        events.publish(&label(2), &r#"{"a":1}"#);
        listener.changed().await;
        let event = "event: frame\ndata: {\"sequence\":2,\"time\":1.500000,\"data\":{\"a\":1}}\n\n";
        assert_eq!(all(&mut listener), [event]);
        assert_eq!(events.published(), 2);
    }

    #[test]
    fn slow_listener_loses_the_oldest_events() {
        let events = Events::default();
        let mut listener = events.listen();
        for sequence in 0..100 {
            events.publish(&label(sequence), &"{}");
        }
        let got = all(&mut listener);
        assert_eq!(got.len(), KEPT);
        assert!(got[0].contains("\"sequence\":68,") && got[KEPT - 1].contains("\"sequence\":99,"));
    }

    #[test]
    fn events_take_bounded_memory() {
        let events = Events::default();
        let mut listener = events.listen();
        let long = format!("\"{}\"", "x".repeat(LONGEST - 100));
        for sequence in 0..100 {
            events.publish(&label(sequence), &long);
        }
        events.publish(&label(100), &format!("\"{}\"", "x".repeat(LONGEST)));
        let got = all(&mut listener);
        assert!(got.iter().map(String::len).sum::<usize>() <= KEPT_BYTES, "{}", got.len());
        assert!(got.last().unwrap().contains("\"sequence\":99,"), "longer data is lost");
    }

    #[test]
    fn nothing_is_written_or_kept_without_a_listener() {
        struct Unwritten;
        impl fmt::Display for Unwritten {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("written for nobody")
            }
        }
        let events = Events::default();
        events.publish(&label(1), &Unwritten);
        let (one, other) = (events.listen(), events.listen());
        events.publish(&label(2), &"{}");
        drop(one);
        assert_eq!(events.0.kept().events.len(), 1);
        drop(other);
        assert!(!events.wanted() && events.0.kept().events.is_empty());
        events.publish(&label(3), &Unwritten);
    }

    #[test]
    fn data_of_several_lines_is_one_line_of_the_event() {
        let events = Events::default();
        let mut listener = events.listen();
        events.publish(&label(1), &"{\r\n\"a\":\n1}\n\nevent: state");
        let event = &all(&mut listener)[0];
        assert_eq!(event.lines().count(), 3, "{event}");
    }

    #[test]
    fn data_of_nothing_is_an_empty_object() {
        assert_eq!(FrameData::default().to_string(), "{}");
    }

    #[test]
    fn number_that_json_lacks_becomes_null() {
        let mut data = FrameData::default();
        data.value("lux", f64::NAN);
        data.label([f32::INFINITY, 0.0], "kitchen");
        assert_eq!(
            data.to_string(),
            r#"{"labels":[{"x":null,"y":0.0,"text":"kitchen"}],"values":{"lux":null}}"#
        );
    }
}
