//! Who may look, as one state of the files says; and who was right before.

use super::{offer::Offer, token::Token, users::User};
use blake2::{Blake2b256, Digest as _};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};
use subtle::{Choice, ConstantTimeEq};

/// How many right answers are remembered.
const REMEMBERED: usize = 64;

type Mark = [u8; 32];

/// The credentials that are right, and a memory of those that were found right. It is made anew when a file
/// changes: what was right then is forgotten with it.
pub(super) struct Known {
    users: Vec<User>,
    token: Option<Mark>,
    /// Random: marks tell nothing about passwords, and nobody can look for two that are alike.
    key: [u8; 32],
    remembered: Mutex<VecDeque<Mark>>,
}

/// What is known of an offer without the cost of a password's hash.
#[derive(Debug)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Only the hash can tell.
    Unknown(Mark),
}

impl Known {
    pub(super) fn new(users: Vec<User>, token: Option<&Token>, key: [u8; 32]) -> Self {
        let token = token.map(|token| mark(&key, &[token.secret().as_bytes()]));
        Self { users, token, key, remembered: Mutex::default() }
    }

    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Compares without telling by the time taken how much was alike.
    pub(super) fn quick(&self, offer: &Offer) -> Verdict {
        match (offer, &self.token) {
            (Offer::Token(text), Some(token)) if mark(&self.key, &[text]).ct_eq(token).into() => {
                Verdict::Right
            }
            (Offer::Basic { user, password }, _) if self.has_users() => {
                let mark = mark(&self.key, &[user, password]);
                let alike = self.memory().iter().fold(Choice::from(0), |any, one| any | one.ct_eq(&mark));
                if alike.into() { Verdict::Right } else { Verdict::Unknown(mark) }
            }
            _ => Verdict::Wrong,
        }
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

    /// The next time it is known without its hash.
    pub(super) fn remember(&self, mark: Mark) {
        let mut memory = self.memory();
        if !memory.contains(&mark) {
            memory.push_back(mark);
            if memory.len() > REMEMBERED {
                memory.pop_front();
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, VecDeque<Mark>> {
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

    #[test]
    fn a_token_is_known_at_once() {
        let known = known();
        assert!(matches!(known.quick(&Offer::Token("abc".into())), Verdict::Right));
        for wrong in ["", "ab", "abcd", "abd", "ABC"] {
            assert!(matches!(known.quick(&Offer::Token(wrong.into())), Verdict::Wrong), "{wrong}");
        }
        assert!(matches!(known.quick(&Offer::Nothing), Verdict::Wrong));
        assert!(matches!(known.quick(&Offer::Unreadable), Verdict::Wrong));
    }

    #[test]
    fn a_password_is_known_once_it_was_right() {
        let known = known();
        let ann = basic("ann", "open sesame");
        let Verdict::Unknown(mark) = known.quick(&ann) else { panic!("not yet") };
        assert!(known.check(b"ann", b"open sesame"));
        known.remember(mark);
        assert!(matches!(known.quick(&ann), Verdict::Right));
        // No other split of the same characters, and no other user.
        for other in [basic("anno", "pen sesame"), basic("bob", "open sesame"), basic("ann", "open sesam")] {
            assert!(matches!(known.quick(&other), Verdict::Unknown(_)));
        }
        assert!(!known.check(b"carol", b"open sesame"), "another's password does not open for a stranger");
        assert!(!known.check(b"", b"open sesame"));
    }

    #[test]
    fn the_memory_is_bounded() {
        let known = known();
        for i in 0..1000 {
            known.remember(mark(&known.key, &[format!("{i}").as_bytes()]));
        }
        assert_eq!(known.memory().len(), REMEMBERED);
    }

    #[test]
    fn nothing_secret_is_printed() {
        assert_eq!(format!("{:?}", known()), "Known { users: 2, token: true, .. }");
    }
}
