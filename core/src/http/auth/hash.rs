//! Hashed passwords: what a line of the file holds, and how long a check may take.

use argon2::{
    Argon2, Params,
    password_hash::{PasswordVerifier, phc::PasswordHash},
};

/// The highest bcrypt cost that is accepted: 2^14 rounds are about 1 s on a laptop and 10 s on a 1 GHz board.
const MAX_BCRYPT_COST: u32 = 14;

/// The most memory an argon2 hash may ask for, in KiB: 64 MiB, a quarter of a small board's.
const MAX_ARGON2_MEMORY: u32 = 64 * 1024;

/// The most work an argon2 hash may ask for, in KiB times passes: 16 passes over the most memory.
const MAX_ARGON2_WORK: u64 = 16 * MAX_ARGON2_MEMORY as u64;

/// A hashed password.
#[derive(Clone, Debug)]
pub(super) enum Hash {
    Argon2(Box<PasswordHash>),
    Bcrypt(String),
}

impl Hash {
    /// The text after the user's name. The error is why it cannot be used, without showing it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split('$').nth(1) {
            Some("2a" | "2b" | "2y") => bcrypt(text),
            Some(name) if name.starts_with("argon2") => argon2(text),
            Some("apr1" | "1") => Err(unfit("MD5")),
            Some("5" | "6") => Err(unfit("SHA-2")),
            _ if text.starts_with("{SHA}") => Err(unfit("SHA-1")),
            _ => Err("the password is not hashed with bcrypt or argon2".to_owned()),
        }
    }

    /// Whether this is the hash of `password`. Takes its time, by design: tens of milliseconds to seconds.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(hash) => Argon2::default().verify_password(password, &**hash).is_ok(),
            // bcrypt ends a password at its first zero, so "a\0b" would be as good as "a".
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false) & !password.contains(&0),
        }
    }
}

fn unfit(name: &str) -> String {
    format!("{name} is too quick to guess")
}

fn bcrypt(text: &str) -> Result<Hash, String> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| "the bcrypt hash is damaged".to_owned())?;
    if !(4..=MAX_BCRYPT_COST).contains(&parts.get_cost()) {
        return Err(format!("its bcrypt cost of {} is not from 4 to {MAX_BCRYPT_COST}", parts.get_cost()));
    }
    Ok(Hash::Bcrypt(text.to_owned()))
}

fn argon2(text: &str) -> Result<Hash, String> {
    let damaged = || "the argon2 hash is damaged".to_owned();
    let hash = PasswordHash::new(text).map_err(|_| damaged())?;
    let params = Params::try_from(&hash).map_err(|_| damaged())?;
    if hash.hash.is_none() || hash.salt.is_none() {
        return Err("the argon2 hash is not whole".to_owned());
    }
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if params.m_cost() > MAX_ARGON2_MEMORY || work > MAX_ARGON2_WORK {
        let (memory, passes) = (params.m_cost(), params.t_cost());
        return Err(format!(
            "its argon2 cost of {memory} KiB and {passes} passes is more than the limit, {MAX_ARGON2_MEMORY} KiB and 16 passes"
        ));
    }
    Ok(Hash::Argon2(Box::new(hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both made by other implementations (OpenBSD's bcrypt, the reference argon2), with the smallest costs.
    const BCRYPT: &str = "$2y$05$yD7I4q6Z69JOxnCV8FjZBe3wH/34DAWk.aNJiSGZ8FxHKFrXREnQ.";
    const ARGON2: &str =
        "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$kyj4KAQPkDHofxQqmZFrtcrDql5eltyrs3W6/tB5JPs";

    #[test]
    fn right_password_alone_matches() {
        for hash in [BCRYPT, ARGON2].map(|text| Hash::parse(text).unwrap()) {
            assert!(hash.matches(b"open sesame"), "{hash:?}");
            for wrong in
                ["", "open", "open sesame ", "Open sesame", "open sesame\0", "open sesame\0open sesame"]
            {
                assert!(!hash.matches(wrong.as_bytes()), "{wrong:?} {hash:?}");
            }
        }
    }

    #[test]
    fn unusable_hash_is_refused_without_being_shown() {
        let dear = ARGON2.replace("m=64", "m=1048576");
        let slow = ARGON2.replace("t=1", "t=900000");
        let cost = BCRYPT.replace("$05$", "$31$");
        for text in [
            "",
            "secret",
            "{SHA}0123456789",
            "$apr1$abcdefgh$abcdefghijklmnopqrstuv",
            "$6$salt$hash",
            "$2x$05$abcdefghijklmnopqrstuv",
            &BCRYPT[..59],
            &ARGON2[..20],
            "$argon2id$v=19$m=64,t=1,p=1",
            &dear,
            &slow,
            &cost,
        ] {
            let why = Hash::parse(text).unwrap_err();
            assert!(text.len() < 3 || !why.contains(text), "{why}");
            assert!(!why.contains('\n'), "{why}");
        }
    }
}
