//! Checks credentials against one state of the files, and remembers those that were right.

use super::{credential::Credential, users::User};
use crate::net::{socket::Network, token::Token};
use blake2::{Blake2b256, Digest as _};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};
use subtle::{Choice, ConstantTimeEq};

/// How many right answers are remembered.
const REMEMBERED: usize = 64;

/// No number of guesses finds a token of this many characters: a client that has it is always admitted.
pub(super) const LONG: usize = 16;

pub(super) type Fingerprint = [u8; 32];

/// The valid credentials, and a memory of those that were verified. Replaced when a file changes, and the memory
/// with it.
pub(super) struct Verifier {
    users: Vec<User>,
    token: Option<Fingerprint>,
    long_token: bool,
    /// Random: fingerprints give away nothing about passwords, and equal ones cannot be searched for.
    key: [u8; 32],
    remembered: Mutex<VecDeque<Right>>,
}

/// A credential that was right.
#[derive(Clone, Copy)]
struct Right {
    fingerprint: Fingerprint,
    /// Where it came from.
    network: Network,
    /// The cookie of browsers that have sent it.
    client: u128,
}

/// What is known of a credential without the cost of a password's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Only the hash can tell.
    Unknown,
}

impl Verifier {
    pub(super) fn new(users: Vec<User>, token: Option<&Token>, key: [u8; 32]) -> Self {
        let long_token = token.is_some_and(|token| token.secret().len() >= LONG);
        let token = token.map(|token| fingerprint(&key, &[token.secret().as_bytes()]));
        Self { users, token, long_token, key, remembered: Mutex::default() }
    }

    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The fingerprint of a credential. `None` for what cannot be right: none, a malformed one, a token where there is none.
    pub(super) fn fingerprint(&self, credential: &Credential) -> Option<Fingerprint> {
        match credential {
            Credential::Token(text) if self.has_token() => Some(fingerprint(&self.key, &[text])),
            Credential::Basic { user, password } if self.has_users() => {
                Some(fingerprint(&self.key, &[user, password]))
            }
            _ => None,
        }
    }

    /// Compares in constant time.
    pub(super) fn verdict(&self, credential: &Credential, fingerprint: &Fingerprint) -> Verdict {
        match (credential, &self.token) {
            (Credential::Token(_), Some(token)) if fingerprint.ct_eq(token).into() => Verdict::Right,
            (Credential::Basic { .. }, _) if self.any(|right| right.fingerprint.ct_eq(fingerprint)) => {
                Verdict::Right
            }
            (Credential::Basic { .. }, _) => Verdict::Unknown,
            _ => Verdict::Wrong,
        }
    }

    /// Whether guessing is hopeless anyway.
    pub(super) fn is_beyond_guessing(&self, credential: &Credential) -> bool {
        self.long_token && matches!(credential, Credential::Token(_))
    }

    /// Whether anything from this network was right before; with a `fingerprint`, this credential.
    pub(super) fn was_right(&self, network: Network, fingerprint: Option<&Fingerprint>) -> bool {
        self.any(|right| {
            let same = fingerprint.is_none_or(|fingerprint| right.fingerprint.ct_eq(fingerprint).into());
            Choice::from(u8::from(right.network == network && same))
        })
    }

    /// The cookie of a browser that has sent this credential.
    pub(super) fn client(&self, fingerprint: &Fingerprint) -> u128 {
        let client = self::fingerprint(&self.key, &[fingerprint, b"client"]);
        client.first_chunk().map_or(0, |half| u128::from_le_bytes(*half))
    }

    /// Whether a browser was given this cookie.
    pub(super) fn is_client(&self, client: u128) -> bool {
        self.any(|right| right.client.to_le_bytes().ct_eq(&client.to_le_bytes()))
    }

    fn any(&self, alike: impl Fn(&Right) -> Choice) -> bool {
        self.memory().iter().fold(Choice::from(0), |any, one| any | alike(one)).into()
    }

    /// Whether the password is this user's. For an unknown user another's hash is computed, always the same one's: the
    /// time it takes does not give away which users exist.
    pub(super) fn check(&self, user: &[u8], password: &[u8]) -> bool {
        let found = self.users.iter().find(|one| one.name.as_bytes().ct_eq(user).into());
        let stranger = || {
            let number = usize::from(fingerprint(&self.key, &[user])[0]);
            self.users.get(number % self.users.len().max(1))
        };
        let Some(whose) = found.or_else(stranger) else { return false };
        whose.hash.matches(password) & found.is_some()
    }

    /// The next time it is accepted without computing its hash, and from its network even while others guess there.
    pub(super) fn remember(&self, fingerprint: Fingerprint, network: Network) {
        let right = Right { fingerprint, network, client: self.client(&fingerprint) };
        let mut memory = self.memory();
        if !memory.iter().any(|one| one.fingerprint == fingerprint && one.network == network) {
            memory.push_back(right);
            if memory.len() > REMEMBERED {
                memory.pop_front();
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, VecDeque<Right>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.is_some();
        f.debug_struct("Verifier")
            .field("users", &self.users.len())
            .field("token", &token)
            .finish_non_exhaustive()
    }
}

fn fingerprint(key: &[u8; 32], parts: &[&[u8]]) -> Fingerprint {
    let mut hash = Blake2b256::new_with_prefix(key);
    for part in parts {
        // With its length, so that the parts cannot run into each other.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(all(test, feature = "passwords"))]
mod tests {
    use super::*;
    use crate::http::auth::hash::Hash;

    fn verifier() -> Verifier {
        let hash = "$2y$04$eaDPVypQQwI7LqH6IqUwZ.3oBGCC76URiH6CiX/sHjfUY/OmU0irK";
        let user = |name: &str| User { name: name.to_owned(), hash: Hash::parse(hash).unwrap() };
        Verifier::new(vec![user("ann"), user("bob")], Some(&Token::new("abc").unwrap()), [7; 32])
    }

    fn basic(user: &str, password: &str) -> Credential {
        Credential::Basic { user: user.into(), password: password.into() }
    }

    const HERE: Network = Network::Unix;

    fn verdict(verifier: &Verifier, credential: &Credential) -> Option<Verdict> {
        Some(verifier.verdict(credential, &verifier.fingerprint(credential)?))
    }

    #[test]
    fn token_is_verified_without_a_hash() {
        let verifier = verifier();
        assert_eq!(verdict(&verifier, &Credential::Token("abc".into())), Some(Verdict::Right));
        for wrong in ["", "ab", "abcd", "abd", "ABC"] {
            assert_eq!(verdict(&verifier, &Credential::Token(wrong.into())), Some(Verdict::Wrong), "{wrong}");
        }
        assert_eq!(verdict(&verifier, &Credential::None), None);
        assert_eq!(verdict(&verifier, &Credential::Malformed), None);
    }

    #[test]
    fn credential_of_a_kind_not_configured_has_no_fingerprint() {
        let (token, ann) = (Credential::Token("abc".into()), basic("ann", "open sesame"));
        let users = Verifier::new(verifier().users, None, [7; 32]);
        let tokens = Verifier::new(vec![], Some(&Token::new("abc").unwrap()), [7; 32]);
        assert_eq!((verdict(&users, &token), verdict(&users, &ann)), (None, Some(Verdict::Unknown)));
        assert_eq!((verdict(&tokens, &token), verdict(&tokens, &ann)), (Some(Verdict::Right), None));
    }

    #[test]
    fn password_that_was_right_is_verified_without_its_hash() {
        let verifier = verifier();
        let ann = basic("ann", "open sesame");
        let fingerprint = verifier.fingerprint(&ann).unwrap();
        assert_eq!(verifier.verdict(&ann, &fingerprint), Verdict::Unknown, "not yet");
        assert!(verifier.check(b"ann", b"open sesame"));
        let client = verifier.client(&fingerprint);
        assert!(!verifier.is_client(client) && !verifier.was_right(HERE, None));
        verifier.remember(fingerprint, HERE);
        assert_eq!(verifier.verdict(&ann, &fingerprint), Verdict::Right);
        assert!(verifier.is_client(client) && !verifier.is_client(client ^ 1));
        assert!(verifier.was_right(HERE, None) && verifier.was_right(HERE, Some(&fingerprint)));
        let elsewhere = Network::V4([10, 0, 0, 1].into());
        assert!(!verifier.was_right(elsewhere, None) && !verifier.was_right(HERE, Some(&[1; 32])));
        // No other split of the same characters, and no other user.
        for other in [basic("anno", "pen sesame"), basic("bob", "open sesame"), basic("ann", "open sesam")] {
            assert_eq!(verdict(&verifier, &other), Some(Verdict::Unknown));
        }
        assert!(!verifier.check(b"carol", b"open sesame"), "another's password does not open for a stranger");
        assert!(!verifier.check(b"", b"open sesame"));
    }

    #[test]
    fn memory_of_verified_credentials_is_bounded() {
        let verifier = verifier();
        for i in 0..1000 {
            verifier.remember(fingerprint(&verifier.key, &[format!("{i}").as_bytes()]), HERE);
        }
        assert_eq!(verifier.memory().len(), REMEMBERED);
    }

    #[test]
    fn debug_output_has_no_secrets() {
        assert_eq!(format!("{:?}", verifier()), "Verifier { users: 2, token: true, .. }");
    }
}
