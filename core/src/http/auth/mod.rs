//! Authentication: users with passwords, and tokens.
//!
//! A request has at most one [`credential`]. The [`verifier`] accepts or rejects it at once, or only after a password's
//! hash was computed; that is done on another thread, one at a time ([`hashing`]). A failed attempt slows down the account
//! that it is charged to ([`throttle`]): a network has one account for its own requests and one for those that a page of
//! another site may have caused, and a browser that was admitted before has its own, by a [`cookie`]. So a client is not
//! locked out by others behind the same address.

mod cookie;
mod credential;
#[cfg_attr(not(feature = "passwords"), path = "no_hash.rs")]
mod hash;
mod hashing;
mod rejection;
mod source;
mod throttle;
mod users;
mod verifier;

pub use source::CredentialSources;

use crate::net::socket::Peer;
use credential::Credential;
use eyelet_hal::{Result, clock::Clock};
use hashing::Hashing;
use hyper::header::{HeaderMap, HeaderValue};
pub(super) use rejection::Rejection;
use source::CredentialStore;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use throttle::{Charge, Payer, Throttle};
use tokio::sync::Semaphore;
use verifier::{Fingerprint, Verdict, Verifier};

/// How many requests may wait until their account may try again.
const PARKED: usize = 64;

/// Who may use the routes of a server, except `/healthz`. Cloning gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Access(Option<Arc<Guard>>);

impl Access {
    /// Everyone, without credentials.
    pub fn open() -> Self {
        Self::default()
    }

    /// Only clients with a user's password or the token from `sources`; everyone, if there are none.
    ///
    /// The files are reloaded when they change. If that fails, it is logged and retried, and the previous credentials stay
    /// valid.
    ///
    /// # Errors
    /// If a file cannot be read or used, or if the system has no random numbers or no thread for passwords.
    pub fn only(sources: CredentialSources) -> Result<Self> {
        if sources.is_empty() {
            return Ok(Self::open());
        }
        let hashing = sources.users.is_some().then(Hashing::start).transpose()?;
        Ok(Self(Some(Arc::new(Guard {
            source: Mutex::new(CredentialStore::open(sources)?),
            throttle: Mutex::default(),
            parked: Semaphore::new(PARKED),
            hashing,
        }))))
    }

    /// Whether no credentials are needed.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Admits a request, with the cookie that the answer must set, if any; otherwise the reason why not.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        query: &str,
        peer: &Peer,
        clock: &dyn Clock,
    ) -> std::result::Result<Option<HeaderValue>, Rejection> {
        match &self.0 {
            Some(guard) => guard.admit(headers, query, peer, clock).await,
            None => Ok(None),
        }
    }
}

struct Guard {
    source: Mutex<CredentialStore>,
    throttle: Mutex<Throttle>,
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
    ) -> std::result::Result<Option<HeaderValue>, Rejection> {
        let now = clock.monotonic();
        let verifier = lock(&self.source).current(now);
        let credential = Credential::of(headers, query);
        // Browsers send a first request without credentials; that is no attempt. Nor is what cannot be right.
        let Some(fingerprint) = verifier.fingerprint(&credential) else {
            return Err(Rejection::unauthenticated(&verifier, headers));
        };
        let network = peer.network();
        let client = cookie::of(headers).filter(|&client| verifier.is_client(client));
        let payer = match client {
            Some(client) => Payer::Client(client),
            None if credential::may_be_cross_site(headers) => Payer::Page(network),
            None => Payer::Network(network),
        };
        let proof = Proof {
            credential,
            fingerprint,
            short: u64::from_le_bytes(fingerprint[..8].try_into().unwrap_or_default()),
        };
        let right = match self.at_once(&verifier, &proof, payer, peer, now) {
            Some(right) => right,
            None => self.charged(&verifier, &proof, payer, peer, now).await?,
        };
        if !right {
            return Err(Rejection::unauthenticated(&verifier, headers));
        }
        verifier.remember(fingerprint, network);
        let given = verifier.client(&fingerprint);
        Ok((client != Some(given)).then(|| cookie::set(given)).flatten())
    }

    /// The verdict on a credential, where it can be given without charging an account.
    fn at_once(
        &self,
        verifier: &Verifier,
        proof: &Proof,
        payer: Payer,
        peer: &Peer,
        now: Duration,
    ) -> Option<bool> {
        let mut throttle = self.throttle();
        if throttle.is_wrong(payer, proof.short) {
            return Some(false);
        }
        let right = verifier.verdict(&proof.credential, &proof.fingerprint) == Verdict::Right;
        // Not while the account is slowed down, or it could guess at full speed. But a client that has the token, or was
        // admitted from this network before, is admitted for a while although another one guesses there.
        let network = peer.network();
        let may_enter = throttle.is_free(payer, now)
            || verifier.is_beyond_guessing(&proof.credential)
            || match proof.credential {
                Credential::Token(_) => throttle.compare(payer, now, right),
                _ if verifier.was_right(network, None) => {
                    let seen = verifier.was_right(network, Some(&proof.fingerprint));
                    throttle.compare(payer, now, seen) && seen
                }
                _ => false,
            };
        (right && may_enter).then_some(true)
    }

    /// Whether a credential is right, as soon as the account may try it.
    async fn charged(
        &self,
        verifier: &Arc<Verifier>,
        proof: &Proof,
        payer: Payer,
        peer: &Peer,
        now: Duration,
    ) -> std::result::Result<bool, Rejection> {
        let charge = self.throttle().charge(payer, now).map_err(Rejection::Throttled)?;
        let mut attempt = Attempt { guard: self, charge, wrong: false };
        self.park(charge.wait).await?;
        // A client that leaves while the hash is being computed has made its attempt.
        attempt.wrong = true;
        let right = self.is_right(verifier, proof, charge.wrong).await;
        // Another request of the same tab may have failed meanwhile: it was the same attempt.
        attempt.wrong = matches!(right, Ok(false)) && !self.throttle().is_wrong(payer, proof.short);
        if right? {
            return Ok(true);
        }
        if attempt.wrong {
            self.throttle().set_wrong(payer, proof.short);
            tracing::debug!(%peer, "wrong password or token");
            // Once on the way to being slowed down, and then ever more rarely.
            if charge.wrong >= 4 && charge.wrong.is_power_of_two() {
                let tries = charge.wrong;
                tracing::warn!(%peer, tries, "failed login attempts; slowing this address down");
            }
        }
        Ok(false)
    }

    async fn park(&self, wait: Duration) -> std::result::Result<(), Rejection> {
        if !wait.is_zero() {
            let _place = self.parked.try_acquire().map_err(|_| Rejection::Throttled(wait))?;
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn is_right(
        &self,
        verifier: &Arc<Verifier>,
        proof: &Proof,
        wrong: u32,
    ) -> std::result::Result<bool, Rejection> {
        match (verifier.verdict(&proof.credential, &proof.fingerprint), &proof.credential, &self.hashing) {
            (Verdict::Right, ..) => Ok(true),
            (Verdict::Unknown, Credential::Basic { user, password }, Some(hashing)) => {
                let (user, password) = (user.clone(), password.clone());
                hashing.check(verifier, user, password, wrong).await.ok_or(Rejection::Busy)
            }
            _ => Ok(false),
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        lock(&self.throttle)
    }
}

/// A request's credential, and what stands for it.
struct Proof {
    credential: Credential,
    fingerprint: Fingerprint,
    /// Some of the fingerprint: enough to recognize a wrong one.
    short: u64,
}

/// An attempt that was charged; refunded unless it was wrong.
struct Attempt<'a> {
    guard: &'a Guard,
    charge: Charge,
    wrong: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.wrong {
            self.guard.throttle().refund(self.charge);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
