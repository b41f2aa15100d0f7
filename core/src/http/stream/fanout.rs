//! Each new picture to every viewer, in one go.
//!
//! The picture becomes a part once, and that goes to all viewers that have room for it, with one system call each: on the
//! thread that published it if that is quickly done, so that no other has to wake up first, else in one task. A viewer
//! without room continues by itself once it has some, and the others do not wait for it. Waking a task for every viewer and
//! picture instead would cost a quarter of what the sending does.

use super::{
    part::NewPart,
    viewer::{Shared, Viewer},
};
use crate::feed::{Outlet, Published, metrics::Metrics};
use eyelet_hal::clock::Clock;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::yield_now,
    time::{Instant, timeout_at},
};

/// On a still source the newest picture is sent again this often, so that a client which missed its end sees
/// it all the same, and a dead one is noticed.
const REPEAT: Duration = Duration::from_secs(1);

/// At most this many bytes of one picture, for all viewers together, are sent by the thread that publishes. At 30 fps this
/// fills a network of 1 Gbit/s: a machine with more to send has more than one processor, and there the camera's thread goes
/// on with the next frame while the server's sends.
const AT_ONCE: usize = 4 << 20;

/// After this many viewers, requests and viewers that have room again get their turn.
const TURN: usize = 64;

/// All viewers, and what goes out to them.
#[derive(Debug)]
pub(in crate::http) struct Fanout {
    /// Replaced as a whole while pictures are being sent: viewers that join or leave wait for no sending.
    viewers: Mutex<Arc<Vec<Arc<Viewer>>>>,
    joined: Notify,
    /// There is a picture that the task is to send.
    work: Notify,
    /// When the newest picture came.
    newest: Mutex<Instant>,
    shared: Arc<Shared>,
}

impl Fanout {
    pub(in crate::http) fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self {
            viewers: Mutex::default(),
            joined: Notify::new(),
            work: Notify::new(),
            newest: Mutex::new(Instant::now()),
            shared: Arc::new(Shared { parts: Arc::default(), metrics, clock }),
        }
    }

    /// Sends what is too much for the thread that publishes, and repeats what stays the newest; for ever.
    pub(in crate::http) async fn run(&self) {
        let mut repeated = *self.newest();
        loop {
            if self.viewers().is_empty() {
                self.joined.notified().await;
            }
            let due = repeated.max(*self.newest()) + REPEAT;
            let still = timeout_at(due, self.work.notified()).await.is_err();
            if still {
                if *self.newest() + REPEAT > due {
                    continue;
                }
                repeated = Instant::now();
            }
            for (done, viewer) in self.viewers().iter().enumerate() {
                if done > 0 && done % TURN == 0 {
                    yield_now().await;
                }
                if still {
                    viewer.repeat();
                } else {
                    viewer.catch_up();
                }
            }
        }
    }

    /// Sends to this viewer too, until the result drops.
    pub(super) fn join<'a>(&'a self, viewer: &'a Arc<Viewer>) -> Joined<'a> {
        Arc::make_mut(&mut self.lock()).push(Arc::clone(viewer));
        self.joined.notify_one();
        Joined { fanout: self, viewer }
    }

    /// What all viewers share.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    fn newest(&self) -> MutexGuard<'_, Instant> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The viewers of this moment.
    fn viewers(&self) -> Arc<Vec<Arc<Viewer>>> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Vec<Arc<Viewer>>>> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for Fanout {
    fn published(&self, published: &Published<'_>) {
        *self.newest() = Instant::now();
        let viewers = self.viewers();
        let at_once = viewers.len().saturating_mul(published.picture.jpeg.len()) <= AT_ONCE;
        let new = NewPart::of(published, &self.shared.parts);
        let mut rest = false;
        for viewer in viewers.iter() {
            if at_once && viewer.is_plain() {
                viewer.offer(&new);
            } else {
                rest = true;
            }
        }
        if rest {
            self.work.notify_one();
        }
    }
}

/// A viewer's place in the [`Fanout`].
#[derive(Debug)]
pub(super) struct Joined<'a> {
    fanout: &'a Fanout,
    viewer: &'a Arc<Viewer>,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        Arc::make_mut(&mut self.fanout.lock()).retain(|viewer| !Arc::ptr_eq(viewer, self.viewer));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Framing, StreamRequest, Viewers, framing},
        *,
    };
    use crate::{
        feed::{Feed, Picture, metrics::Gauge},
        net::socket::{Peer, Socket},
    };
    use eyelet_hal::clock::ManualClock;
    use std::{
        io::Read as _,
        net::{Shutdown, TcpStream},
        sync::mpsc,
        thread,
    };

    /// A clock that, once armed, holds up the next thread that reads it. A viewer reads it when a picture was sent.
    #[derive(Debug)]
    struct Gate {
        clock: ManualClock,
        armed: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
    }

    impl Gate {
        fn new() -> Arc<Self> {
            Arc::new(Self { clock: ManualClock::new(Duration::ZERO), armed: Mutex::default() })
        }

        /// Tells when a thread is held up, and what lets it go.
        fn arm(&self) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
            let (entered, held) = mpsc::channel();
            let (release, released) = mpsc::channel();
            *self.armed.lock().unwrap() = Some((entered, released));
            (held, release)
        }
    }

    impl Clock for Gate {
        fn monotonic(&self) -> Duration {
            let armed = self.armed.lock().unwrap().take();
            if let Some((entered, released)) = armed {
                entered.send(()).unwrap();
                released.recv().unwrap();
            }
            self.clock.monotonic()
        }

        fn unix(&self) -> Duration {
            self.clock.unix()
        }

        fn sleep_until(&self, deadline: Duration) {
            self.clock.sleep_until(deadline);
        }
    }

    /// A feed, its viewers, and no task: what is sent is sent by the thread that publishes.
    struct Stage {
        feed: Feed,
        fanout: Arc<Fanout>,
        slots: Viewers,
    }

    impl Stage {
        fn new(clock: Arc<dyn Clock>) -> Self {
            let (feed, fanout) = (Feed::new(), Arc::new(Fanout::new(Arc::default(), clock)));
            feed.deliver_to(&fanout);
            Self { feed, fanout, slots: Viewers::new(99) }
        }

        /// A viewer that is open, and its peer.
        async fn viewer(&self) -> (Arc<Viewer>, TcpStream) {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (socket, address) = listener.accept().await.unwrap();
            // Tokio learns that there is room when it looks.
            socket.writable().await.unwrap();
            let request = StreamRequest {
                camera: 0,
                slot: self.slots.admit(&Peer::Tcp(address), Duration::ZERO, None, &Gauge::default()).unwrap(),
                framing: Framing::Described,
                content_type: framing::CONTENT_TYPE,
                rate_limit: None,
                headers: Default::default(),
                entry: None,
            };
            let (pictures, shared) = (self.feed.subscribe(), self.fanout.shared());
            let viewer = Arc::new(Viewer::new(Socket::Tcp(socket), request, pictures, shared));
            viewer.open(b"head\r\n").await.unwrap();
            (viewer, peer)
        }

        fn publish(&self, sequence: u64) {
            self.feed.publish(Picture::example(sequence));
        }
    }

    /// The sequence numbers that a peer has got, once its viewer is gone.
    fn received(mut peer: TcpStream) -> Vec<u64> {
        peer.shutdown(Shutdown::Write).unwrap();
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let numbers = text.lines().filter_map(|line| line.strip_prefix("X-Sequence: "));
        numbers.map(|number| number.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn published_picture_is_sent_to_every_viewer_by_the_publishing_thread() {
        let stage = Stage::new(Gate::new());
        let viewers = [stage.viewer().await, stage.viewer().await];
        let joined = viewers.each_ref().map(|(viewer, _)| stage.fanout.join(viewer));
        for sequence in 0..3 {
            stage.publish(sequence);
        }
        let metrics = &stage.fanout.shared.metrics;
        let sent = metrics.stream_bytes.get();
        // The task has nothing left to do.
        viewers.iter().for_each(|(viewer, _)| viewer.catch_up());
        assert_eq!(metrics.stream_bytes.get(), sent, "the same picture twice");
        drop(joined);
        stage.publish(3);
        for (viewer, peer) in viewers {
            drop(viewer);
            assert_eq!(received(peer), [0, 1, 2]);
        }
    }

    /// The lock on the viewers was held while a picture was sent to all of them.
    #[tokio::test]
    async fn viewer_joins_and_leaves_while_a_picture_is_being_sent() {
        let gate = Gate::new();
        let stage = Stage::new(Arc::clone(&gate) as _);
        let [(first, peer), (second, other_peer), (third, _peer)] =
            [stage.viewer().await, stage.viewer().await, stage.viewer().await];
        let (joined, leaves) = (stage.fanout.join(&first), stage.fanout.join(&second));
        let (held, release) = gate.arm();
        let (done, is_done) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| stage.publish(0));
            held.recv().unwrap();
            scope.spawn(|| {
                drop(leaves);
                drop(stage.fanout.join(&third));
                done.send(()).unwrap();
            });
            let waited = is_done.recv_timeout(Duration::from_secs(10));
            release.send(()).unwrap();
            assert!(waited.is_ok(), "joining waits for the sending");
        });
        // The one that left meanwhile may have got that picture, and no other.
        stage.publish(1);
        drop(joined);
        drop((first, second));
        assert_eq!(received(peer), [0, 1]);
        assert_eq!(received(other_peer), [0]);
    }

    #[tokio::test]
    async fn picture_is_freed_once_every_viewer_has_the_next_one() {
        let stage = Stage::new(Gate::new());
        let viewers = [stage.viewer().await, stage.viewer().await];
        let _joined = viewers.each_ref().map(|(viewer, _)| stage.fanout.join(viewer));
        stage.publish(0);
        let first = Arc::downgrade(&stage.feed.newest().unwrap());
        assert!(first.upgrade().is_some());
        stage.publish(1);
        assert!(first.upgrade().is_none(), "its buffer does not go back to the pool");
    }

    #[tokio::test]
    async fn viewer_without_room_continues_with_the_newest_picture_and_delays_no_other() {
        let stage = Stage::new(Gate::new());
        let [(slow, slow_peer), (quick, quick_peer)] = [stage.viewer().await, stage.viewer().await];
        let joined = [&slow, &quick].map(|viewer| stage.fanout.join(viewer));
        let large = Picture { jpeg: vec![7; 16 << 20].into(), ..Picture::example(0) };
        // More than its socket takes. The task sends what is so large, and here there is none.
        stage.feed.publish(large);
        slow.catch_up();
        stage.publish(1);
        stage.publish(2);
        let reading = thread::spawn(move || received(slow_peer));
        let following = tokio::time::timeout(Duration::from_secs(60), async {
            let followed = slow.follow();
            tokio::pin!(followed);
            // All of the large one and one more.
            let enough = async {
                while stage.slots.state(Duration::ZERO)[0].sent() < 2 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                _ = &mut followed => panic!("the viewer has gone"),
                () = enough => {}
            }
        });
        following.await.unwrap();
        drop(joined);
        drop((slow, quick));
        assert_eq!(reading.join().unwrap(), [0, 2], "the newest, and not those between");
        assert_eq!(received(quick_peer), [1, 2]);
    }
}
