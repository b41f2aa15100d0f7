//! Who may look: users with passwords, and tokens.
//!
//! A request offers at most one proof ([`credential`]), which is known to be right or wrong at once, or only after a
//! password's hash was computed ([`verifier`]); that is done on another thread, one at a time ([`hashing`]). Wrong tries
//! slow down the account that they are charged to ([`throttle`]): a network has one for what its people do and one for what
//! a page of the web may have made their browsers do, and a browser that was let in before has its own, by a cookie.
//! So nobody is locked out by others behind the same address.

mod cookie;
mod credential;
#[cfg_attr(not(feature = "passwords"), path = "no_hash.rs")]
mod hash;
mod hashing;
mod rejection;
mod source;
mod throttle;
mod token;
mod users;
mod verifier;

pub use source::Sources;
pub use token::Token;

use crate::clock::Clock;
use crate::net::socket::Peer;
use credential::Offer;
use eyelet_hal::Result;
use hashing::Hashing;
use hyper::header::{HeaderMap, HeaderValue};
pub(super) use rejection::Refusal;
use source::Source;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use throttle::{Brake, Charge, Payer};
use tokio::sync::Semaphore;
use verifier::{Known, Mark, Verdict};

/// How many requests may wait for their account to be free again.
const PARKED: usize = 64;

/// Who may use the routes of a server, `/healthz` apart. Cloning gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Access(Option<Arc<Guard>>);

impl Access {
    /// Everybody may.
    pub fn open() -> Self {
        Self::default()
    }

    /// Only who has a password or token of these may; everybody, if there are none.
    ///
    /// The files are looked at again when they change. What is wrong then is logged and tried again, and the last good
    /// state stays.
    ///
    /// # Errors
    /// If a file cannot be read or used; or if the system has no random numbers, or no thread to check passwords.
    pub fn only(sources: Sources) -> Result<Self> {
        if sources.is_empty() {
            return Ok(Self::open());
        }
        let hashing = sources.users.is_some().then(Hashing::start).transpose()?;
        Ok(Self(Some(Arc::new(Guard {
            source: Mutex::new(Source::open(sources)?),
            brake: Mutex::default(),
            parked: Semaphore::new(PARKED),
            hashing,
        }))))
    }

    /// Whether everybody may look.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Lets a request pass, with a cookie that the answer must set if there is one; or says why not.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        query: &str,
        peer: &Peer,
        clock: &dyn Clock,
    ) -> std::result::Result<Option<HeaderValue>, Refusal> {
        match &self.0 {
            Some(guard) => guard.admit(headers, query, peer, clock).await,
            None => Ok(None),
        }
    }
}

struct Guard {
    source: Mutex<Source>,
    brake: Mutex<Brake>,
    parked: Semaphore,
    /// Only where there may be users.
    hashing: Option<Hashing>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Guard {
    async fn admit(
        &self,
        headers: &HeaderMap,
        query: &str,
        peer: &Peer,
        clock: &dyn Clock,
    ) -> std::result::Result<Option<HeaderValue>, Refusal> {
        let now = clock.monotonic();
        let known = lock(&self.source).known(now);
        let offer = Offer::of(headers, query);
        // Browsers ask without first; that is no try. Nor is what cannot be right.
        let Some(mark) = known.mark(&offer) else { return Err(Refusal::unknown(&known)) };
        let network = peer.network();
        let client = cookie::of(headers).filter(|&client| known.is_client(client));
        let payer = match client {
            Some(client) => Payer::Client(client),
            None if credential::may_be_a_pages(headers) => Payer::Page(network),
            None => Payer::Network(network),
        };
        let proof =
            Proof { offer, mark, short: u64::from_le_bytes(mark[..8].try_into().unwrap_or_default()) };
        let right = match self.at_once(&known, &proof, payer, peer, now) {
            Some(right) => right,
            None => self.charged(&known, &proof, payer, peer, now).await?,
        };
        if !right {
            return Err(Refusal::unknown(&known));
        }
        known.remember(mark, network);
        let given = known.client(&mark);
        Ok((client != Some(given)).then(|| cookie::set(given)).flatten())
    }

    /// What can be said of a proof without charging anybody for it.
    fn at_once(
        &self,
        known: &Known,
        proof: &Proof,
        payer: Payer,
        peer: &Peer,
        now: Duration,
    ) -> Option<bool> {
        let mut brake = self.brake();
        if brake.is_wrong(payer, proof.short) {
            return Some(false);
        }
        let right = known.quick(&proof.offer, &proof.mark) == Verdict::Right;
        // Not while the account is slowed down, or it could guess at full speed. But who has the token, or was let in
        // before from where he is now, comes in also when somebody else guesses there, for a while.
        let network = peer.network();
        let may_come = brake.is_free(payer, now)
            || known.is_beyond_guessing(&proof.offer)
            || match proof.offer {
                Offer::Token(_) => brake.compare(payer, now, right),
                _ if known.was_right(network, None) => {
                    let seen = known.was_right(network, Some(&proof.mark));
                    brake.compare(payer, now, seen) && seen
                }
                _ => false,
            };
        (right && may_come).then_some(true)
    }

    /// What a proof is, as soon as the account may try it.
    async fn charged(
        &self,
        known: &Arc<Known>,
        proof: &Proof,
        payer: Payer,
        peer: &Peer,
        now: Duration,
    ) -> std::result::Result<bool, Refusal> {
        let charge = self.brake().charge(payer, now).map_err(Refusal::TooMany)?;
        let mut attempt = Attempt { guard: self, charge, wrong: false };
        self.park(charge.wait).await?;
        // Who leaves while the hash is being computed has had a try.
        attempt.wrong = true;
        let right = self.is_right(known, proof, charge.wrong).await;
        // Another request of the same tab may have been found wrong meanwhile: it was the same try.
        attempt.wrong = matches!(right, Ok(false)) && !self.brake().is_wrong(payer, proof.short);
        if right? {
            return Ok(true);
        }
        if attempt.wrong {
            self.brake().set_wrong(payer, proof.short);
            tracing::debug!(%peer, "wrong password or token");
            // Once on the way to being slowed down, and then ever more rarely.
            if charge.wrong >= 4 && charge.wrong.is_power_of_two() {
                let tries = charge.wrong;
                tracing::warn!(%peer, tries, "wrong passwords or tokens; slowing this address down");
            }
        }
        Ok(false)
    }

    async fn park(&self, wait: Duration) -> std::result::Result<(), Refusal> {
        if !wait.is_zero() {
            let _place = self.parked.try_acquire().map_err(|_| Refusal::TooMany(wait))?;
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn is_right(
        &self,
        known: &Arc<Known>,
        proof: &Proof,
        wrong: u32,
    ) -> std::result::Result<bool, Refusal> {
        match (known.quick(&proof.offer, &proof.mark), &proof.offer, &self.hashing) {
            (Verdict::Right, ..) => Ok(true),
            (Verdict::Unknown, Offer::Basic { user, password }, Some(hashing)) => {
                let (user, password) = (user.clone(), password.clone());
                hashing.check(known, user, password, wrong).await.ok_or(Refusal::Busy)
            }
            _ => Ok(false),
        }
    }

    fn brake(&self) -> MutexGuard<'_, Brake> {
        lock(&self.brake)
    }
}

/// What a request offers, and what stands for it.
struct Proof {
    offer: Offer,
    mark: Mark,
    /// Some of the mark: enough to know a wrong one again.
    short: u64,
}

/// A try that was charged; when it was not wrong, the charge is given back.
struct Attempt<'a> {
    guard: &'a Guard,
    charge: Charge,
    wrong: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.wrong {
            self.guard.brake().refund(self.charge);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
