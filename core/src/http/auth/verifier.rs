//! Who may look, as one state of the files says; and who was right before.

use super::{credential::Offer, token::Token, users::User};
use crate::net::socket::Network;
use blake2::{Blake2b256, Digest as _};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};
use subtle::{Choice, ConstantTimeEq};

/// How many right answers are remembered.
const REMEMBERED: usize = 64;

/// No number of tries finds a token of so many characters: whoever has it may always come in.
pub(super) const LONG: usize = 16;

pub(super) type Mark = [u8; 32];

/// The credentials that are right, and a memory of those that were found right. It is made anew when a file
/// changes: what was right then is forgotten with it.
pub(super) struct Known {
    users: Vec<User>,
    token: Option<Mark>,
    long_token: bool,
    /// Random: marks tell nothing about passwords, and nobody can look for two that are alike.
    key: [u8; 32],
    remembered: Mutex<VecDeque<Right>>,
}

/// A proof that was right.
#[derive(Clone, Copy)]
struct Right {
    mark: Mark,
    /// Where it came from.
    network: Network,
    /// What browsers that have shown it are given, so that they are known again.
    client: u128,
}

/// What is known of an offer without the cost of a password's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Only the hash can tell.
    Unknown,
}

impl Known {
    pub(super) fn new(users: Vec<User>, token: Option<&Token>, key: [u8; 32]) -> Self {
        let long_token = token.is_some_and(|token| token.secret().len() >= LONG);
        let token = token.map(|token| mark(&key, &[token.secret().as_bytes()]));
        Self { users, token, long_token, key, remembered: Mutex::default() }
    }

    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Stands for an offer. None for what cannot be right: nothing, what is not readable, a token where there is none.
    pub(super) fn mark(&self, offer: &Offer) -> Option<Mark> {
        match offer {
            Offer::Token(text) if self.has_token() => Some(mark(&self.key, &[text])),
            Offer::Basic { user, password } if self.has_users() => Some(mark(&self.key, &[user, password])),
            _ => None,
        }
    }

    /// Compares without telling by the time taken how much was alike.
    pub(super) fn quick(&self, offer: &Offer, mark: &Mark) -> Verdict {
        match (offer, &self.token) {
            (Offer::Token(_), Some(token)) if mark.ct_eq(token).into() => Verdict::Right,
            (Offer::Basic { .. }, _) if self.any(|right| right.mark.ct_eq(mark)) => Verdict::Right,
            (Offer::Basic { .. }, _) => Verdict::Unknown,
            _ => Verdict::Wrong,
        }
    }

    /// Whether guessing is hopeless anyway.
    pub(super) fn is_beyond_guessing(&self, offer: &Offer) -> bool {
        self.long_token && matches!(offer, Offer::Token(_))
    }

    /// Whether somebody of this network was right before; with a `mark`, by that proof.
    pub(super) fn was_right(&self, network: Network, mark: Option<&Mark>) -> bool {
        self.any(|right| {
            let same = mark.is_none_or(|mark| right.mark.ct_eq(mark).into());
            Choice::from(u8::from(right.network == network && same))
        })
    }

    /// What a browser that has shown this proof is given.
    pub(super) fn client(&self, mark: &Mark) -> u128 {
        let client = self::mark(&self.key, &[mark, b"client"]);
        client.first_chunk().map_or(0, |half| u128::from_le_bytes(*half))
    }

    /// Whether a browser was given this.
    pub(super) fn is_client(&self, client: u128) -> bool {
        self.any(|right| right.client.to_le_bytes().ct_eq(&client.to_le_bytes()))
    }

    fn any(&self, alike: impl Fn(&Right) -> Choice) -> bool {
        self.memory().iter().fold(Choice::from(0), |any, one| any | alike(one)).into()
    }

    /// Whether the password is this user's. For a user who is not there another's hash is computed, always the
    /// same one's: the time it takes does not tell who is there.
    pub(super) fn check(&self, user: &[u8], password: &[u8]) -> bool {
        let found = self.users.iter().find(|one| one.name.as_bytes().ct_eq(user).into());
        let stranger = || {
            let number = usize::from(mark(&self.key, &[user])[0]);
            self.users.get(number % self.users.len().max(1))
        };
        let Some(whose) = found.or_else(stranger) else { return false };
        whose.hash.matches(password) & found.is_some()
    }

    /// The next time it is known without its hash, and in its network whoever guesses there.
    pub(super) fn remember(&self, mark: Mark, network: Network) {
        let right = Right { mark, network, client: self.client(&mark) };
        let mut memory = self.memory();
        if !memory.iter().any(|one| one.mark == mark && one.network == network) {
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

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.is_some();
        f.debug_struct("Known")
            .field("users", &self.users.len())
            .field("token", &token)
            .finish_non_exhaustive()
    }
}

fn mark(key: &[u8; 32], parts: &[&[u8]]) -> Mark {
    let mut hash = Blake2b256::new_with_prefix(key);
    for part in parts {
        // With its length, so that the parts cannot run into each other.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::hash::Hash;

    fn known() -> Known {
        let hash = "$2y$04$eaDPVypQQwI7LqH6IqUwZ.3oBGCC76URiH6CiX/sHjfUY/OmU0irK";
        let user = |name: &str| User { name: name.to_owned(), hash: Hash::parse(hash).unwrap() };
        Known::new(vec![user("ann"), user("bob")], Some(&Token::new("abc").unwrap()), [7; 32])
    }

    fn basic(user: &str, password: &str) -> Offer {
        Offer::Basic { user: user.into(), password: password.into() }
    }

    const HERE: Network = Network::Unix;

    fn verdict(known: &Known, offer: &Offer) -> Option<Verdict> {
        Some(known.quick(offer, &known.mark(offer)?))
    }

    #[test]
    fn a_token_is_known_at_once() {
        let known = known();
        assert_eq!(verdict(&known, &Offer::Token("abc".into())), Some(Verdict::Right));
        for wrong in ["", "ab", "abcd", "abd", "ABC"] {
            assert_eq!(verdict(&known, &Offer::Token(wrong.into())), Some(Verdict::Wrong), "{wrong}");
        }
        assert_eq!(verdict(&known, &Offer::Nothing), None);
        assert_eq!(verdict(&known, &Offer::Unreadable), None);
    }

    #[test]
    fn what_cannot_be_right_is_no_try() {
        let (token, ann) = (Offer::Token("abc".into()), basic("ann", "open sesame"));
        let users = Known::new(known().users, None, [7; 32]);
        let tokens = Known::new(vec![], Some(&Token::new("abc").unwrap()), [7; 32]);
        assert_eq!((verdict(&users, &token), verdict(&users, &ann)), (None, Some(Verdict::Unknown)));
        assert_eq!((verdict(&tokens, &token), verdict(&tokens, &ann)), (Some(Verdict::Right), None));
    }

    #[test]
    fn a_password_is_known_once_it_was_right() {
        let known = known();
        let ann = basic("ann", "open sesame");
        let mark = known.mark(&ann).unwrap();
        assert_eq!(known.quick(&ann, &mark), Verdict::Unknown, "not yet");
        assert!(known.check(b"ann", b"open sesame"));
        let client = known.client(&mark);
        assert!(!known.is_client(client) && !known.was_right(HERE, None));
        known.remember(mark, HERE);
        assert_eq!(known.quick(&ann, &mark), Verdict::Right);
        assert!(known.is_client(client) && !known.is_client(client ^ 1));
        assert!(known.was_right(HERE, None) && known.was_right(HERE, Some(&mark)));
        let elsewhere = Network::V4([10, 0, 0, 1].into());
        assert!(!known.was_right(elsewhere, None) && !known.was_right(HERE, Some(&[1; 32])));
        // No other split of the same characters, and no other user.
        for other in [basic("anno", "pen sesame"), basic("bob", "open sesame"), basic("ann", "open sesam")] {
            assert_eq!(verdict(&known, &other), Some(Verdict::Unknown));
        }
        assert!(!known.check(b"carol", b"open sesame"), "another's password does not open for a stranger");
        assert!(!known.check(b"", b"open sesame"));
    }

    #[test]
    fn the_memory_is_bounded() {
        let known = known();
        for i in 0..1000 {
            known.remember(mark(&known.key, &[format!("{i}").as_bytes()]), HERE);
        }
        assert_eq!(known.memory().len(), REMEMBERED);
    }

    #[test]
    fn nothing_secret_is_printed() {
        assert_eq!(format!("{:?}", known()), "Known { users: 2, token: true, .. }");
    }
}
