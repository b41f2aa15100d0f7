//! The limits on connections, in all and from one address, and which connection is evicted when there are too many.
//!
//! Viewers have places of their own (there are more places than viewers) and are never evicted. Of the others an *idle* one
//! is: one without a request (none yet, half of one, or not yet the next). If none is idle, it is one of the network that
//! has most: a client that sends requests without end, over as many connections as it may have, keeps no other out.

use crate::{
    feed::metrics::ConnectionCounters,
    net::socket::{Network, Peer},
};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// A new connection has this long for its request, while there is a network with more connections to evict from.
const GRACE: Duration = Duration::from_secs(1);

/// The open connections, up to a limit. Also for other servers than eyelet's own.
#[derive(Clone, Debug)]
pub struct Connections {
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
    networks: HashMap<Network, Share>,
}

/// What a network has.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    connections: usize,
    /// Those that watch.
    viewers: usize,
}

impl Share {
    /// Connections that could be evicted.
    fn others(self) -> usize {
        self.connections - self.viewers
    }
}

#[derive(Debug)]
struct Entry {
    network: Option<Network>,
    came: Instant,
    idle_since: Option<u64>,
    watches: bool,
    evict: Arc<Notify>,
}

impl Connections {
    /// At most `max` in all, and `max_per_network` from one network, which is an IPv4 address or an IPv6 /64.
    pub fn new(max: usize, max_per_network: usize, counters: ConnectionCounters) -> Self {
        Self { max, max_per_network, counters, inner: Arc::default() }
    }

    /// A place for a connection from `peer`, idle at first; `None` if all places are busy. A web server on this machine may
    /// stand for any number of clients: `127.0.0.1` and `::1` are not counted as a network.
    pub fn admit_peer(&self, peer: SocketAddr) -> Option<Place> {
        self.admit(Peer::Tcp(peer).counted_network())
    }

    /// A place for a connection from `network` (`None` is not counted), idle at first; `None` if all places are busy.
    pub(super) fn admit(&self, network: Option<Network>) -> Option<Place> {
        let mut inner = self.lock();
        let crowded = network.filter(|&n| inner.share(Some(n)).connections >= self.max_per_network);
        let full = inner.connections.len() >= self.max;
        let evicts = match (crowded, full) {
            (Some(_), _) => inner.idle(crowded, 0).map(Some),
            (None, true) => {
                let newcomer = inner.share(network).others();
                inner.idle(None, newcomer).or_else(|| inner.greedy(newcomer)).map(Some)
            }
            (None, false) => Some(None),
        };
        let Some(evicts) = evicts else {
            self.counters.refused.inc();
            return None;
        };
        if let Some(id) = evicts {
            self.evict(&mut inner, id);
        }
        let id = inner.number();
        if let Some(network) = network {
            inner.networks.entry(network).or_default().connections += 1;
        }
        let evict = Arc::new(Notify::new());
        let (came, notify) = (Instant::now(), Arc::clone(&evict));
        let entry = Entry { network, came, idle_since: None, watches: false, evict: notify };
        inner.connections.insert(id, entry);
        inner.set_idle(id);
        self.counters.now.inc();
        Some(Place { id, evict, connections: self.clone() })
    }

    /// How many there may be.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Whether the next connection evicts another.
    pub(super) fn is_full(&self) -> bool {
        self.lock().connections.len() >= self.max
    }

    /// Evicts the connection that has been idle longest, of the network that has most; false if none is idle.
    pub(super) fn make_room(&self) -> bool {
        let mut inner = self.lock();
        let idle = inner.idle(None, 0);
        idle.map(|id| self.evict(&mut inner, id)).is_some()
    }

    fn evict(&self, inner: &mut Inner, id: u64) {
        if let Some(entry) = inner.remove(id) {
            entry.evict.notify_one();
            self.counters.evicted.inc();
            self.counters.now.dec();
        }
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

    fn share(&self, network: Option<Network>) -> Share {
        network.and_then(|network| self.networks.get(&network)).copied().unwrap_or_default()
    }

    fn of(&self, id: u64) -> Option<Network> {
        self.connections.get(&id).and_then(|entry| entry.network)
    }

    /// An idle connection, of `network` if one is named, for a newcomer whose network has so many: of the network that
    /// has most, the one that has been idle longest.
    fn idle(&self, network: Option<Network>, newcomer: usize) -> Option<u64> {
        let most = self.networks.values().map(|share| share.others()).max().unwrap_or(0);
        let may = |&id: &u64| {
            let fresh = self.connections.get(&id).is_some_and(|entry| entry.came.elapsed() < GRACE);
            let share = self.share(self.of(id)).others();
            match network {
                Some(network) => self.of(id) == Some(network),
                None => !fresh || (share + 1 >= most && share >= newcomer),
            }
        };
        // The last of equals is taken: the one that has been idle longest.
        let idle = self.idle.values().copied().filter(may);
        idle.rev().max_by_key(|&id| self.share(self.of(id)).others())
    }

    /// The newest connection of the network that has most, if that is two more than the newcomer's network has.
    fn greedy(&self, newcomer: usize) -> Option<u64> {
        let (&network, most) = self.networks.iter().max_by_key(|(_, share)| share.others())?;
        if most.others() < newcomer + 2 {
            return None;
        }
        let of_it = |(_, entry): &(&u64, &Entry)| entry.network == Some(network) && !entry.watches;
        self.connections.iter().filter(of_it).map(|(&id, _)| id).max()
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
            && let Some(share) = self.networks.get_mut(&network)
        {
            share.connections -= 1;
            share.viewers -= usize::from(entry.watches);
            if share.connections == 0 {
                self.networks.remove(&network);
            }
        }
        Some(entry)
    }
}

/// A connection's place. It is free again when this drops.
#[derive(Debug)]
pub struct Place {
    id: u64,
    evict: Arc<Notify>,
    connections: Connections,
}

impl Place {
    /// It has no request, or has just taken some of an answer.
    pub fn idle(&self) {
        self.connections.lock().set_idle(self.id);
    }

    /// It has a request: it stays until it is answered.
    pub fn busy(&self) {
        self.connections.lock().set_busy(self.id);
    }

    /// It is a viewer from now on.
    pub(super) fn watches(&self) {
        let mut inner = self.connections.lock();
        inner.set_busy(self.id);
        let Some(entry) = inner.connections.get_mut(&self.id) else { return };
        let new = !std::mem::replace(&mut entry.watches, true);
        let network = entry.network;
        if let Some(share) = network.and_then(|network| inner.networks.get_mut(&network)) {
            share.viewers += usize::from(new);
        }
    }

    /// Counts the connection as `network`'s from now on, whose request a proxy has handed on; false if that has its share.
    pub(super) fn belongs_to(&self, network: Option<Network>) -> bool {
        let mut inner = self.connections.lock();
        let inner = &mut *inner;
        let Some(entry) = inner.connections.get_mut(&self.id) else { return false };
        if entry.network == network {
            return true;
        }
        if let Some(new) = network {
            let share = inner.networks.entry(new).or_default();
            if share.connections >= self.connections.max_per_network {
                return false;
            }
            share.connections += 1;
        }
        let before = std::mem::replace(&mut entry.network, network);
        if let Some(before) = before
            && let Some(share) = inner.networks.get_mut(&before)
        {
            share.connections -= 1;
            if share.connections == 0 {
                inner.networks.remove(&before);
            }
        }
        true
    }

    /// Waits until the connection is evicted.
    pub async fn evicted(&self) {
        self.evict.notified().await;
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
    use crate::net::socket::Peer;

    fn peer(address: &str) -> Option<Network> {
        Peer::Tcp(std::net::SocketAddr::new(address.parse().unwrap(), 1)).counted_network()
    }

    fn connections(max: usize, per_network: usize) -> Connections {
        Connections::new(max, per_network, ConnectionCounters::default())
    }

    async fn is_evicted(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.evicted()).await.is_ok()
    }

    #[tokio::test]
    async fn connection_that_is_idle_longest_is_evicted() {
        let all = connections(3, 9);
        let places = [(); 3].map(|()| all.admit(None).unwrap());
        places[0].busy();
        places[1].idle();
        let newest = all.admit(None).unwrap();
        assert!(is_evicted(&places[2]).await, "1 has been idle for less long");
        assert!(!is_evicted(&places[0]).await && !is_evicted(&places[1]).await);
        assert_eq!(all.counters.now.get(), 3);

        places[1].busy();
        newest.busy();
        assert!(all.admit(None).is_none(), "all are busy");
        assert!(!all.make_room());
        places[0].idle();
        let _another = all.admit(None).unwrap();
        assert!(is_evicted(&places[0]).await);
        assert_eq!((all.counters.evicted.get(), all.counters.refused.get()), (2, 1));
        drop((places, newest));
        assert_eq!(all.counters.now.get(), 1);
    }

    #[tokio::test]
    async fn idle_connections_of_the_network_with_most_are_evicted_first() {
        let all = connections(4, 3);
        let slow_to_ask = all.admit(peer("10.0.0.1")).unwrap();
        let many = [(); 3].map(|()| all.admit(peer("10.0.0.2")).unwrap());
        let _others = ["10.0.0.3", "10.0.0.4"].map(|address| all.admit(peer(address)).unwrap());
        assert!(!is_evicted(&slow_to_ask).await, "though it has been idle longest");
        assert!(is_evicted(&many[0]).await && is_evicted(&many[1]).await);
        assert!(!is_evicted(&many[2]).await);
        let _one_more = all.admit(peer("10.0.0.5")).unwrap();
        assert!(is_evicted(&slow_to_ask).await, "among equals the one that is idle longest");
    }

    #[tokio::test]
    async fn address_with_its_share_evicts_its_own_idle_connection() {
        let all = connections(9, 2);
        for (one, same, other) in [
            ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"),
            ("2001:db8::1", "2001:db8::ffff:0:0:2", "2001:db8:0:1::1"),
        ] {
            let first = all.admit(peer(one)).unwrap();
            let second = all.admit(peer(same)).unwrap();
            let stranger = all.admit(peer(other)).unwrap();
            second.busy();
            let third = all.admit(peer(one)).unwrap();
            assert!(is_evicted(&first).await, "an idle one of the same address");
            assert!(!is_evicted(&stranger).await);
            third.busy();
            assert!(all.admit(peer(one)).is_none());
            drop(second);
            assert!(all.admit(peer(same)).is_some());
        }
        assert!(all.lock().networks.is_empty(), "all have left");
    }

    #[test]
    fn loopback_and_unix_sockets_are_not_counted() {
        let all = connections(9, 2);
        for peer in [peer("127.0.0.1"), peer("::1"), peer("::ffff:127.0.0.1"), Peer::Unix.counted_network()] {
            let places = [(); 3].map(|()| all.admit(peer).unwrap());
            assert_eq!(all.counters.now.get(), 3, "{peer:?}");
            drop(places);
        }
        let _two = [(); 2].map(|()| all.admit(peer("127.0.0.2")).unwrap()).map(|place| {
            place.busy();
            place
        });
        assert!(all.admit(peer("127.0.0.2")).is_none());
    }

    /// All places taken by four connections of each of two networks, all busy.
    fn all_busy(all: &Connections) -> Vec<Place> {
        let greedy = ["10.0.0.1", "10.0.0.2"].repeat(4);
        let places: Vec<_> = greedy.into_iter().map(|address| all.admit(peer(address)).unwrap()).collect();
        places.iter().for_each(Place::busy);
        places
    }

    #[tokio::test]
    async fn busy_connections_of_the_network_with_most_are_evicted_and_not_readmitted() {
        let all = connections(8, 4);
        let places = all_busy(&all);
        // Three that have none yet; each is new and without a request.
        let others = ["10.0.0.3", "10.0.0.4", "127.0.0.1"].map(|address| all.admit(peer(address)).unwrap());
        let mut left = vec![];
        for place in &places {
            left.push(!is_evicted(place).await);
        }
        assert_eq!(left.iter().filter(|&&left| left).count(), 5);
        assert_eq!(left[..4], [true; 4], "the newest are evicted");
        for address in ["10.0.0.1", "10.0.0.2"].repeat(9) {
            assert!(all.admit(peer(address)).is_none(), "{address} has its share");
        }
        for other in &others {
            assert!(!is_evicted(other).await, "a reconnecting client evicts no new connection");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_connection_is_evicted_before_busy_ones() {
        let all = connections(9, 4);
        let places = all_busy(&all);
        let silent = all.admit(peer("10.0.0.3")).unwrap();
        tokio::time::advance(GRACE).await;
        let _new = all.admit(peer("10.0.0.4")).unwrap();
        assert!(is_evicted(&silent).await);
        for place in &places {
            assert!(!is_evicted(place).await);
        }
    }

    #[tokio::test]
    async fn viewers_and_equals_are_never_evicted() {
        let all = connections(8, 4);
        let places = all_busy(&all);
        places.iter().for_each(Place::watches);
        assert!(all.admit(peer("10.0.0.3")).is_none(), "viewers");
        drop(places);
        assert!(all.lock().networks.is_empty());
        let equals: Vec<_> = (0..8).map(|n| all.admit(peer(&format!("10.0.1.{n}"))).unwrap()).collect();
        equals.iter().for_each(Place::busy);
        assert!(all.admit(peer("10.0.0.3")).is_none(), "no network has more than one");
    }

    #[test]
    fn connection_of_a_proxy_counts_as_its_clients() {
        let all = connections(9, 2);
        let proxys = [(); 4].map(|()| all.admit(None).unwrap());
        assert!(proxys[0].belongs_to(peer("10.0.0.1")) && proxys[1].belongs_to(peer("10.0.0.1")));
        assert!(!proxys[2].belongs_to(peer("10.0.0.1")), "a third one");
        assert!(proxys[1].belongs_to(peer("10.0.0.2")) && proxys[2].belongs_to(peer("10.0.0.1")));
        assert!(proxys[3].belongs_to(None));
        drop(proxys);
        assert!(all.lock().networks.is_empty());
    }
}
