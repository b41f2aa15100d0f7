//! Who may look: users with passwords, and tokens.
//!
//! A request offers at most one proof ([`offer`]), which is known to be right or wrong at once, or only after a
//! password's hash was computed ([`known`]); that is done on another thread, one at a time. Wrong tries slow
//! down their own address ([`brake`]).

mod brake;
mod hash;
mod known;
mod offer;
mod refusal;
mod source;
mod token;
mod users;

pub use source::Sources;
pub use token::Token;

use super::socket::Peer;
use crate::clock::Clock;
use brake::{Brake, Charge};
use eyelet_hal::Result;
use hyper::header::HeaderMap;
use known::{Known, Verdict};
use offer::Offer;
pub(super) use refusal::Refusal;
use source::Source;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How many requests may wait for their address to be free again.
const PARKED: usize = 64;

/// How many passwords may wait for their hash to be computed.
const QUEUED: usize = 16;

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
    /// The files are looked at again when they change. What is wrong then is logged, and the last good state
    /// stays.
    ///
    /// # Errors
    /// If a file cannot be read or used; or if the system has no random numbers.
    pub fn only(sources: Sources) -> Result<Self> {
        if sources.is_empty() {
            return Ok(Self::open());
        }
        Ok(Self(Some(Arc::new(Guard {
            source: Mutex::new(Source::open(sources)?),
            brake: Mutex::default(),
            parked: Semaphore::new(PARKED),
            queued: Semaphore::new(QUEUED),
            hashing: Arc::new(Semaphore::new(1)),
        }))))
    }

    /// Whether everybody may look.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Lets a request pass, or says why not.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        query: &str,
        peer: &Peer,
        clock: &dyn Clock,
    ) -> std::result::Result<(), Refusal> {
        match &self.0 {
            Some(guard) => guard.admit(Offer::of(headers, query), peer, clock).await,
            None => Ok(()),
        }
    }
}

struct Guard {
    source: Mutex<Source>,
    brake: Mutex<Brake>,
    parked: Semaphore,
    queued: Semaphore,
    hashing: Arc<Semaphore>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Guard {
    async fn admit(&self, offer: Offer, peer: &Peer, clock: &dyn Clock) -> std::result::Result<(), Refusal> {
        let known = lock(&self.source).known(clock.monotonic());
        // Browsers ask without first; that is no try.
        if offer == Offer::Nothing {
            return Err(Refusal::unknown(&known));
        }
        let origin = peer.network();
        let now = clock.monotonic();
        // Not while the address is slowed down, or it could guess at full speed what is remembered.
        if self.brake().is_free(origin, now)
            && let Verdict::Right = known.quick(&offer)
        {
            return Ok(());
        }
        let charge = self.brake().charge(origin, now).map_err(Refusal::TooMany)?;
        let mut attempt = Attempt { guard: self, charge, wrong: false };
        self.park(charge.wait).await?;
        // Who leaves while the hash is being computed has had a try.
        attempt.wrong = true;
        let right = self.is_right(&known, offer).await;
        attempt.wrong = matches!(right, Ok(false));
        if right? {
            return Ok(());
        }
        tracing::debug!(%peer, "wrong password or token");
        // Once on the way to being slowed down, and then ever more rarely.
        if charge.wrong >= 4 && charge.wrong.is_power_of_two() {
            let tries = charge.wrong;
            tracing::warn!(%peer, tries, "wrong passwords or tokens; slowing this address down");
        }
        Err(Refusal::unknown(&known))
    }

    async fn park(&self, wait: Duration) -> std::result::Result<(), Refusal> {
        if !wait.is_zero() {
            let _place = self.parked.try_acquire().map_err(|_| Refusal::TooMany(wait))?;
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn is_right(&self, known: &Arc<Known>, offer: Offer) -> std::result::Result<bool, Refusal> {
        let mark = match known.quick(&offer) {
            Verdict::Right => return Ok(true),
            Verdict::Wrong => return Ok(false),
            Verdict::Unknown(mark) => mark,
        };
        let Offer::Basic { user, password } = offer else { return Ok(false) };
        let _place = self.queued.try_acquire().map_err(|_| Refusal::Busy)?;
        let turn = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| Refusal::Busy)?;
        let checker = Arc::clone(known);
        // Goes on when the request is dropped, and keeps its turn until it is done.
        let check = tokio::task::spawn_blocking(move || {
            let right = checker.check(&user, &password);
            drop(turn);
            right
        });
        let right = check.await.map_err(|_| Refusal::Busy)?;
        if right {
            known.remember(mark);
        }
        Ok(right)
    }

    fn brake(&self) -> MutexGuard<'_, Brake> {
        lock(&self.brake)
    }
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
