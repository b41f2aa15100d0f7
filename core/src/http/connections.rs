//! The limits on connections, in all and from one address, and which connection is evicted when there are too many.
//!
//! Viewers have places of their own (there are more places than viewers) and are never evicted. Of the others an *idle* one
//! is: one without a request (none yet, half of one, or not yet the next). If none is idle, it is one of the network that
//! has most: a client that sends requests without end, over as many connections as it may have, keeps no other out.

mod table;

use crate::{
    feed::metrics::ConnectionCounters,
    net::socket::{Network, Peer},
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use table::{Room, Table};
use tokio::sync::Notify;

/// The open connections, up to a limit. Also for other servers than eyelet's own.
#[derive(Clone, Debug)]
pub struct Connections {
    max: usize,
    max_per_network: usize,
    counters: ConnectionCounters,
    table: Arc<Mutex<Table>>,
}

impl Connections {
    /// At most `max` in all, and `max_per_network` from one network, which is an IPv4 address or an IPv6 /64.
    pub fn new(max: usize, max_per_network: usize, counters: ConnectionCounters) -> Self {
        Self { max, max_per_network, counters, table: Arc::default() }
    }

    /// A place for a connection from `peer`, idle at first; `None` if all places are busy. A web server on this machine may
    /// stand for any number of clients: `127.0.0.1` and `::1` are not counted as a network.
    pub fn admit_peer(&self, peer: SocketAddr) -> Option<Place> {
        self.admit(Peer::Tcp(peer).counted_network())
    }

    /// A place for a connection from `network` (`None` is not counted), idle at first; `None` if all places are busy.
    pub(super) fn admit(&self, network: Option<Network>) -> Option<Place> {
        let mut table = self.lock();
        match table.room(network, self.max, self.max_per_network) {
            Room::Free => {}
            Room::Evicting(id) => self.evict(&mut table, id),
            Room::None => {
                self.counters.refused.inc();
                return None;
            }
        }
        let (id, evict) = table.add(network);
        self.counters.now.inc();
        Some(Place { id, evict, connections: self.clone() })
    }

    /// How many there may be.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Whether the next connection evicts another.
    pub(super) fn is_full(&self) -> bool {
        self.lock().len() >= self.max
    }

    /// Evicts the connection that has been idle longest, of the network that has most; false if none is idle.
    pub(super) fn make_room(&self) -> bool {
        let mut table = self.lock();
        let idlest = table.idlest();
        idlest.map(|id| self.evict(&mut table, id)).is_some()
    }

    fn evict(&self, table: &mut Table, id: u64) {
        if let Some(evict) = table.remove(id) {
            evict.notify_one();
            self.counters.evicted.inc();
            self.counters.now.dec();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.connections.lock().set_viewer(self.id);
    }

    /// Counts the connection as `network`'s from now on, whose request a proxy has handed on; false if that has its share.
    pub(super) fn belongs_to(&self, network: Option<Network>) -> bool {
        let max = self.connections.max_per_network;
        self.connections.lock().reassign(self.id, network, max)
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
    use std::time::Duration;

    fn peer(address: &str) -> Option<Network> {
        Peer::Tcp(SocketAddr::new(address.parse().unwrap(), 1)).counted_network()
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
        assert!(all.lock().has_no_networks(), "all have left");
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
        tokio::time::advance(table::GRACE).await;
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
        assert!(all.lock().has_no_networks());
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
        assert!(all.lock().has_no_networks());
    }
}
