//! Failed attempts are slowed down, per account.
//!
//! Every attempt that is not yet known to be right is charged as a failed one when it arrives, and refunded when it was
//! right: so many attempts at once are no quicker than one after the other. A charge is time in which the account gets no
//! further attempt: none for the first failures, then twice as long each time. Other accounts are not affected. A wrong
//! credential is charged once, however often it is sent.

use crate::net::socket::Network;
use std::{collections::HashMap, time::Duration};

/// A person mistypes a few times; this many failures are free.
const FREE: u32 = 3;

/// The cost of the first failed attempt after those; each further one costs twice as much.
const FIRST: Duration = Duration::from_millis(500);

/// The most that one attempt costs.
const MOST: Duration = Duration::from_secs(30);

/// An attempt that would have to wait longer than this is rejected.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// An account without an attempt for this long after its last charge is over starts anew.
const FORGET: Duration = Duration::from_secs(600);

/// How many accounts are kept. Beyond, the one that may try again the soonest is dropped.
const ACCOUNTS: usize = 1024;

/// How many wrong credentials an account remembers: a few old tabs, each with its own.
const WRONG: usize = 8;

/// While it is slowed down, an account may still compare a credential with those known to be right. Each wrong one takes
/// this long to be forgiven: 180 an hour.
const COMPARISON: Duration = Duration::from_secs(20);

/// And 500 at once. (The 500 most common passwords open much, so only those are compared with a password that have
/// it from their own network; and a token is not to be a common word.)
const COMPARISONS: Duration = Duration::from_secs(500 * 20);

/// The account that is charged for a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    /// A network, for its own requests.
    Network(Network),
    /// A network, for requests that a page of another site may have caused in its browsers.
    Page(Network),
    /// A browser that was admitted before, wherever it is.
    Client(u128),
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    wrong: u32,
    /// When the next attempt may be made.
    free_at: Duration,
    /// When all comparisons are free again.
    compared: Duration,
    /// Wrong credentials, the last one at `wrong_next` less one.
    wrong_proofs: [Option<u64>; WRONG],
    wrong_next: usize,
}

/// The slow-down of all accounts. Times are of a monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    accounts: HashMap<Payer, Account>,
}

/// An attempt that was charged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    payer: Payer,
    cost: Duration,
    /// How long to wait before the attempt.
    pub(super) wait: Duration,
    /// How many attempts of this account count as failed, this one included.
    pub(super) wrong: u32,
}

impl Throttle {
    /// Whether `payer` may try without waiting.
    pub(super) fn is_free(&self, payer: Payer, now: Duration) -> bool {
        self.accounts.get(&payer).is_none_or(|account| account.free_at <= now)
    }

    /// Whether this credential was wrong before: that costs nothing, and gives away nothing new.
    pub(super) fn is_wrong(&self, payer: Payer, proof: u64) -> bool {
        self.accounts.get(&payer).is_some_and(|account| account.wrong_proofs.contains(&Some(proof)))
    }

    /// The credential was wrong.
    pub(super) fn set_wrong(&mut self, payer: Payer, proof: u64) {
        if let Some(account) = self.accounts.get_mut(&payer) {
            account.wrong_proofs[account.wrong_next % WRONG] = Some(proof);
            account.wrong_next += 1;
        }
    }

    /// Whether the outcome of a comparison counts, which it does for the first 500 wrong ones.
    pub(super) fn compare(&mut self, payer: Payer, now: Duration, right: bool) -> bool {
        let Some(account) = self.accounts.get_mut(&payer) else { return true };
        let next = account.compared.max(now) + COMPARISON;
        let may = next <= now + COMPARISONS;
        if may && !right {
            account.compared = next;
        }
        may
    }

    /// Charges an attempt; the error is how long it will take until one is possible.
    pub(super) fn charge(&mut self, payer: Payer, now: Duration) -> Result<Charge, Duration> {
        let account = self.accounts.get(&payer).copied().filter(|account| account.free_at + FORGET > now);
        let account = account.unwrap_or(Account { free_at: now, ..Account::default() });
        let start = account.free_at.max(now);
        let wait = start - now;
        if wait > PATIENCE {
            return Err(wait);
        }
        let cost = cost(account.wrong);
        let wrong = account.wrong.saturating_add(1);
        if self.accounts.len() >= ACCOUNTS && !self.accounts.contains_key(&payer) {
            self.make_room(now);
        }
        self.accounts.insert(payer, Account { wrong, free_at: start + cost, ..account });
        Ok(Charge { payer, cost, wait, wrong })
    }

    /// The attempt was right, or never made.
    pub(super) fn refund(&mut self, charge: Charge) {
        if let Some(account) = self.accounts.get_mut(&charge.payer) {
            account.wrong = account.wrong.saturating_sub(1);
            account.free_at = account.free_at.saturating_sub(charge.cost);
        }
    }

    fn make_room(&mut self, now: Duration) {
        self.accounts.retain(|_, account| account.free_at + FORGET > now);
        if self.accounts.len() >= ACCOUNTS {
            let soonest = self.accounts.iter().min_by_key(|(_, account)| account.free_at);
            if let Some(&payer) = soonest.map(|(payer, _)| payer) {
                self.accounts.remove(&payer);
            }
        }
    }
}

fn cost(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(doublings) => FIRST.saturating_mul(1 << doublings.min(16)).min(MOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::socket::Peer;
    use proptest::prelude::*;

    fn origin(text: &str) -> Payer {
        Payer::Network(Peer::Tcp(text.parse().unwrap()).network())
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// Tries as fast as it may for this long; the number of attempts.
    fn tries(throttle: &mut Throttle, origin: Payer, time: Duration) -> u32 {
        let (mut now, mut tries) = (Duration::ZERO, 0);
        while now < time {
            match throttle.charge(origin, now) {
                Ok(charge) => {
                    tries += 1;
                    now += charge.wait;
                }
                Err(wait) => now += wait,
            }
        }
        tries
    }

    #[test]
    fn hour_of_guessing_is_about_a_hundred_attempts() {
        let tries = tries(&mut Throttle::default(), origin("10.0.0.1:1"), 3600 * SECOND);
        assert!((100..150).contains(&tries), "{tries}");
    }

    #[test]
    fn attempts_at_once_are_no_quicker() {
        let mut throttle = Throttle::default();
        let all: Vec<_> = (0..1000).map(|_| throttle.charge(origin("10.0.0.1:1"), SECOND)).collect();
        let waits: Vec<_> = all.iter().flatten().map(|charge| charge.wait.as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 500, 1500, 3500, 7500]);
        assert!(all[8..].iter().all(|refused| matches!(refused, Err(wait) if *wait > PATIENCE)));
    }

    #[test]
    fn other_networks_are_not_affected_and_one_network_is_one_account() {
        let mut throttle = Throttle::default();
        tries(&mut throttle, origin("10.0.0.1:1"), 60 * SECOND);
        tries(&mut throttle, origin("[2001:db8::1]:1"), 60 * SECOND);
        for other in ["10.0.0.2:1", "[2001:db8:0:1::1]:1"] {
            assert!(throttle.is_free(origin(other), SECOND), "{other}");
        }
        for same in ["10.0.0.1:2", "[::ffff:10.0.0.1]:1", "[2001:db8::2]:1"] {
            assert!(!throttle.is_free(origin(same), SECOND), "{same}");
        }
        assert!(throttle.is_free(Payer::Network(Network::Unix), SECOND));
    }

    #[test]
    fn right_attempt_is_refunded_and_failures_expire() {
        let mut throttle = Throttle::default();
        let who = origin("10.0.0.1:1");
        for _ in 0..100 {
            let charge = throttle.charge(who, SECOND).unwrap();
            assert_eq!(charge.wait, Duration::ZERO);
            throttle.refund(charge);
        }
        tries(&mut throttle, who, 60 * SECOND);
        assert_eq!(throttle.charge(who, 60 * SECOND + FORGET + MOST + MOST).unwrap().wrong, 1);
    }

    #[test]
    fn wrong_credential_is_remembered_by_its_account_alone() {
        let mut throttle = Throttle::default();
        let who = origin("10.0.0.1:1");
        let Payer::Network(network) = who else { unreachable!() };
        let _charge = throttle.charge(who, SECOND).unwrap();
        for proof in 0..WRONG as u64 {
            assert!(!throttle.is_wrong(who, proof));
            throttle.set_wrong(who, proof);
        }
        assert!((0..WRONG as u64).all(|proof| throttle.is_wrong(who, proof)));
        throttle.set_wrong(who, 99);
        assert!(throttle.is_wrong(who, 99) && !throttle.is_wrong(who, 0), "the oldest makes room");
        for other in [origin("10.0.0.2:1"), Payer::Page(network), Payer::Client(1)] {
            assert!(!throttle.is_wrong(other, 99), "{other:?}");
        }
    }

    #[test]
    fn wrong_comparisons_are_limited_and_right_ones_are_not() {
        let mut throttle = Throttle::default();
        let who = origin("10.0.0.1:1");
        tries(&mut throttle, who, 60 * SECOND);
        let mut wrong = 0;
        while throttle.compare(who, 60 * SECOND, true) {
            assert!(throttle.compare(who, 60 * SECOND, false));
            wrong += 1;
        }
        assert_eq!(wrong, 500);
        assert!(!throttle.compare(who, 60 * SECOND, false), "nothing is given away then");
        assert!(throttle.compare(who, 60 * SECOND + COMPARISON, true), "and time forgives");
    }

    #[test]
    fn accounts_are_limited_and_the_worst_are_kept() {
        let mut throttle = Throttle::default();
        let worst = origin("10.0.0.1:1");
        tries(&mut throttle, worst, 60 * SECOND);
        for i in 0..10_000_u32 {
            let ip = std::net::Ipv4Addr::from(0x0b00_0000 + i);
            throttle.charge(Payer::Network(Network::V4(ip)), 60 * SECOND).unwrap();
        }
        assert_eq!(throttle.accounts.len(), ACCOUNTS);
        assert!(throttle.accounts.contains_key(&worst));
    }

    proptest! {
        #[test]
        fn right_attempts_among_wrong_ones_never_speed_them_up(right in proptest::collection::vec(any::<bool>(), 1..60)) {
            let (mut with, mut without) = (Throttle::default(), Throttle::default());
            let who = origin("10.0.0.1:1");
            let (mut now, mut now_without) = (SECOND, SECOND);
            for right in right {
                let turn = |throttle: &mut Throttle, now: &mut Duration| loop {
                    match throttle.charge(who, *now) {
                        Ok(charge) => {
                            *now += charge.wait;
                            return charge;
                        }
                        Err(wait) => *now += wait,
                    }
                };
                let charge = turn(&mut with, &mut now);
                if right {
                    with.refund(charge);
                } else {
                    turn(&mut without, &mut now_without);
                }
            }
            prop_assert!(now >= now_without);
        }
    }
}
