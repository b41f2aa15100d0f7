//! Which connections there are, of which network and idle since when, and which of them is evicted for one more.

use crate::net::socket::Network;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// A new connection has this long for its request, while there is a network with more connections to evict from.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The open connections, by number.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Of the last connection, or of the last moment at which one became idle: one count for both.
    last: u64,
    connections: HashMap<u64, Entry>,
    /// Those that are idle, by the moment since when.
    idle: BTreeMap<u64, u64>,
    networks: HashMap<Network, Share>,
}

/// What a network has of them.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    connections: usize,
    /// Those of viewers.
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
    /// None for one that is not counted as a network's.
    network: Option<Network>,
    came: Instant,
    idle_since: Option<u64>,
    watches: bool,
    evict: Arc<Notify>,
}

/// The room for one more.
#[derive(Debug)]
pub(super) enum Room {
    Free,
    /// Once this connection is evicted.
    Evicting(u64),
    None,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// The room for one of `network` where there may be `max` in all, `max_per_network` of one.
    pub(super) fn room(&self, network: Option<Network>, max: usize, max_per_network: usize) -> Room {
        let crowded = network.filter(|&n| self.share(Some(n)).connections >= max_per_network);
        let evicted = match crowded {
            Some(_) => self.idle(crowded, 0),
            None if self.len() < max => return Room::Free,
            None => {
                let newcomer = self.share(network).others();
                self.idle(None, newcomer).or_else(|| self.greedy(newcomer))
            }
        };
        evicted.map_or(Room::None, Room::Evicting)
    }

    /// The connection that has been idle longest, of the network that has most.
    pub(super) fn idlest(&self) -> Option<u64> {
        self.idle(None, 0)
    }

    /// One more, idle at first. The result is its number, and what tells it that it is evicted.
    pub(super) fn add(&mut self, network: Option<Network>) -> (u64, Arc<Notify>) {
        let id = self.number();
        if let Some(network) = network {
            self.networks.entry(network).or_default().connections += 1;
        }
        let (came, evict) = (Instant::now(), Arc::new(Notify::new()));
        let entry = Entry { network, came, idle_since: None, watches: false, evict: Arc::clone(&evict) };
        self.connections.insert(id, entry);
        self.set_idle(id);
        (id, evict)
    }

    /// Idle from now on, also if it was before.
    pub(super) fn set_idle(&mut self, id: u64) {
        self.set_busy(id);
        let now = self.number();
        if let Some(entry) = self.connections.get_mut(&id) {
            entry.idle_since = Some(now);
            self.idle.insert(now, id);
        }
    }

    pub(super) fn set_busy(&mut self, id: u64) {
        if let Some(since) = self.connections.get_mut(&id).and_then(|entry| entry.idle_since.take()) {
            self.idle.remove(&since);
        }
    }

    /// A viewer's from now on, which is never evicted.
    pub(super) fn set_viewer(&mut self, id: u64) {
        self.set_busy(id);
        let Some(entry) = self.connections.get_mut(&id) else { return };
        let new = !std::mem::replace(&mut entry.watches, true);
        if let Some(share) = entry.network.and_then(|network| self.networks.get_mut(&network)) {
            share.viewers += usize::from(new);
        }
    }

    /// Counts a connection that is no viewer's as `network`'s from now on; false if that has `max_per_network`, or the
    /// connection is evicted.
    pub(super) fn reassign(&mut self, id: u64, network: Option<Network>, max_per_network: usize) -> bool {
        let Some(entry) = self.connections.get_mut(&id) else { return false };
        if entry.network == network {
            return true;
        }
        if let Some(new) = network {
            let share = self.networks.entry(new).or_default();
            if share.connections >= max_per_network {
                return false;
            }
            share.connections += 1;
        }
        let before = std::mem::replace(&mut entry.network, network);
        self.leave(before, false);
        true
    }

    /// Takes one out, if it is still there; the result tells it that it is evicted.
    pub(super) fn remove(&mut self, id: u64) -> Option<Arc<Notify>> {
        self.set_busy(id);
        let entry = self.connections.remove(&id)?;
        self.leave(entry.network, entry.watches);
        Some(entry.evict)
    }

    /// A network has one less.
    fn leave(&mut self, network: Option<Network>, watches: bool) {
        let Some(network) = network else { return };
        let Some(share) = self.networks.get_mut(&network) else { return };
        share.connections -= 1;
        share.viewers -= usize::from(watches);
        if share.connections == 0 {
            self.networks.remove(&network);
        }
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
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

    /// Whether no network has a connection.
    #[cfg(test)]
    pub(super) fn has_no_networks(&self) -> bool {
        self.networks.is_empty()
    }
}
