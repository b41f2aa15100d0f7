//! Who is connected: so many in all, so many from one address, and who gives way when there are too many.

use super::socket::{Network, Peer};
use crate::metrics::ConnectionCounters;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The connections now.
///
/// A connection without a request (none yet, half of one, or the next one not yet) is idle. When there are as many
/// as there may be, an idle one gives way to a new one: of the network that has most connections, the one that has
/// been idle longest. However many say nothing, whoever asks something gets in, also when the request takes its time.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    max: usize,
    max_per_network: usize,
    counters: ConnectionCounters,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Numbers connections, and the moments when they became idle.
    next: u64,
    connections: HashMap<u64, Entry>,
    /// Those that are idle, by the moment since when.
    idle: BTreeMap<u64, u64>,
    networks: HashMap<Network, usize>,
}

#[derive(Debug)]
struct Entry {
    network: Option<Network>,
    idle_since: Option<u64>,
    give_way: Arc<Notify>,
}

impl Connections {
    pub(super) fn new(max: usize, max_per_network: usize, counters: ConnectionCounters) -> Self {
        Self { max, max_per_network, counters, inner: Arc::default() }
    }

    /// A place for a connection from `peer`, idle at first. None if so many are at work.
    pub(super) fn admit(&self, peer: &Peer) -> Option<Place> {
        let mut inner = self.lock();
        let network = peer.counted_network();
        let of_network = |n| inner.networks.get(&n).copied().unwrap_or_default();
        let crowded = network.filter(|&n| of_network(n) >= self.max_per_network);
        let full = inner.connections.len() >= self.max;
        if (full || crowded.is_some()) && !self.evict(&mut inner, crowded) {
            self.counters.refused.inc();
            return None;
        }
        let id = inner.number();
        if let Some(network) = network {
            *inner.networks.entry(network).or_default() += 1;
        }
        let give_way = Arc::new(Notify::new());
        inner.connections.insert(id, Entry { network, idle_since: None, give_way: Arc::clone(&give_way) });
        inner.set_idle(id);
        self.counters.now.inc();
        Some(Place { id, give_way, connections: self.clone() })
    }

    /// Whether the next one needs another's place.
    pub(super) fn is_full(&self) -> bool {
        self.lock().connections.len() >= self.max
    }

    /// Ends an idle connection of the network that has most, the one that has been idle longest; if one is.
    pub(super) fn make_room(&self) -> bool {
        self.evict(&mut self.lock(), None)
    }

    /// As [`make_room`](Self::make_room), of this network only if one is named.
    fn evict(&self, inner: &mut Inner, network: Option<Network>) -> bool {
        let of = |id| inner.connections.get(&id).and_then(|entry| entry.network);
        let idle = inner.idle.values().copied().filter(|&id| network.is_none() || of(id) == network);
        let share =
            |&id: &u64| of(id).map_or(0, |network| inner.networks.get(&network).copied().unwrap_or(0));
        // The last of equals is taken: the one that has been idle longest.
        let Some(id) = idle.rev().max_by_key(share) else { return false };
        if let Some(entry) = inner.remove(id) {
            entry.give_way.notify_one();
            self.counters.evicted.inc();
            self.counters.now.dec();
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Idle from now on, also if it was before.
    fn set_idle(&mut self, id: u64) {
        self.set_busy(id);
        let now = self.number();
        if let Some(entry) = self.connections.get_mut(&id) {
            entry.idle_since = Some(now);
            self.idle.insert(now, id);
        }
    }

    fn set_busy(&mut self, id: u64) {
        if let Some(since) = self.connections.get_mut(&id).and_then(|entry| entry.idle_since.take()) {
            self.idle.remove(&since);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        self.set_busy(id);
        let entry = self.connections.remove(&id)?;
        if let Some(network) = entry.network
            && let Some(count) = self.networks.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
        Some(entry)
    }
}

/// A connection's place. It is free again when this drops.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    give_way: Arc<Notify>,
    connections: Connections,
}

impl Place {
    /// It has no request, or has just taken some of an answer.
    pub(super) fn idle(&self) {
        self.connections.lock().set_idle(self.id);
    }

    /// It has a request: it stays until it is answered.
    pub(super) fn busy(&self) {
        self.connections.lock().set_busy(self.id);
    }

    /// Until somebody else has been given this place.
    pub(super) async fn given_away(&self) {
        self.give_way.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.connections.lock().remove(self.id).is_some() {
            self.connections.counters.now.dec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn peer(address: &str) -> Peer {
        Peer::Tcp(std::net::SocketAddr::new(address.parse().unwrap(), 1))
    }

    fn connections(max: usize, per_network: usize) -> Connections {
        Connections::new(max, per_network, ConnectionCounters::default())
    }

    async fn is_given_away(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.given_away()).await.is_ok()
    }

    #[tokio::test]
    async fn who_has_been_idle_longest_gives_way() {
        let all = connections(3, 9);
        let places = [(); 3].map(|()| all.admit(&Peer::Unix).unwrap());
        places[0].busy();
        places[1].idle();
        let newest = all.admit(&Peer::Unix).unwrap();
        assert!(is_given_away(&places[2]).await, "1 has been idle for less long");
        assert!(!is_given_away(&places[0]).await && !is_given_away(&places[1]).await);
        assert_eq!(all.counters.now.get(), 3);

        places[1].busy();
        newest.busy();
        assert!(all.admit(&Peer::Unix).is_none(), "all are at work");
        assert!(!all.make_room());
        places[0].idle();
        let _another = all.admit(&Peer::Unix).unwrap();
        assert!(is_given_away(&places[0]).await);
        assert_eq!((all.counters.evicted.get(), all.counters.refused.get()), (2, 1));
        drop((places, newest));
        assert_eq!(all.counters.now.get(), 1);
    }

    #[tokio::test]
    async fn of_many_silent_peers_those_give_way_that_have_most() {
        let all = connections(4, 3);
        let slow_to_ask = all.admit(&peer("10.0.0.1")).unwrap();
        let many = [(); 3].map(|()| all.admit(&peer("10.0.0.2")).unwrap());
        let _others = ["10.0.0.3", "10.0.0.4"].map(|address| all.admit(&peer(address)).unwrap());
        assert!(!is_given_away(&slow_to_ask).await, "though it has been idle longest");
        assert!(is_given_away(&many[0]).await && is_given_away(&many[1]).await);
        assert!(!is_given_away(&many[2]).await);
        let _one_more = all.admit(&peer("10.0.0.5")).unwrap();
        assert!(is_given_away(&slow_to_ask).await, "among equals who has been idle longest");
    }

    #[tokio::test]
    async fn one_address_takes_only_its_share() {
        let all = connections(9, 2);
        for (one, same, other) in [
            ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"),
            ("2001:db8::1", "2001:db8::ffff:0:0:2", "2001:db8:0:1::1"),
        ] {
            let first = all.admit(&peer(one)).unwrap();
            let second = all.admit(&peer(same)).unwrap();
            let stranger = all.admit(&peer(other)).unwrap();
            second.busy();
            let third = all.admit(&peer(one)).unwrap();
            assert!(is_given_away(&first).await, "an idle one of the same address");
            assert!(!is_given_away(&stranger).await);
            third.busy();
            assert!(all.admit(&peer(one)).is_none());
            drop(second);
            assert!(all.admit(&peer(same)).is_some());
        }
        assert!(all.lock().networks.is_empty(), "all have left");
    }

    #[test]
    fn a_web_server_on_this_machine_is_not_counted() {
        let all = connections(9, 2);
        for peer in [peer("127.0.0.1"), peer("::1"), peer("::ffff:127.0.0.1"), Peer::Unix] {
            let places = [(); 3].map(|()| all.admit(&peer).unwrap());
            assert_eq!(all.counters.now.get(), 3, "{peer}");
            drop(places);
        }
        let _two = [(); 2].map(|()| all.admit(&peer("127.0.0.2")).unwrap()).map(|place| {
            place.busy();
            place
        });
        assert!(all.admit(&peer("127.0.0.2")).is_none());
    }
}
