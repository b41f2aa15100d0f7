//! The file of users: lines of `user:hash`, as `htpasswd -B` writes them.

use super::hash::Hash;
use crate::net::secret_file;
use eyelet_hal::{Error, ErrorKind, Result};
use std::{collections::HashSet, path::Path};

/// One line of the file.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) hash: Hash,
}

/// The users of a file.
///
/// # Errors
/// If it cannot be read, and for the first line that is wrong; no error shows a hash.
pub(super) fn read(path: &Path) -> Result<Vec<User>> {
    let text = secret_file::read(path)?;
    parse(&text).map_err(|why| {
        let what = format!("cannot use {}: {why}", path.display());
        Error::new(ErrorKind::InvalidInput, what).with_remedy("write it with: htpasswd -B FILE USER")
    })
}

fn parse(text: &str) -> std::result::Result<Vec<User>, String> {
    let mut users = Vec::new();
    let mut names = HashSet::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let user = user(line).map_err(|why| format!("line {number}: {why}"))?;
        if !names.insert(user.name.clone()) {
            return Err(format!("line {number}: the user is there twice"));
        }
        users.push(user);
    }
    if users.is_empty() {
        return Err("no user is in it".to_owned());
    }
    Ok(users)
}

fn user(line: &str) -> std::result::Result<User, String> {
    let (name, rest) = line.split_once(':').ok_or("no colon between user and hash")?;
    if name.is_empty() {
        return Err("no user before the colon".to_owned());
    }
    // Some programs keep a comment behind one more colon.
    let hash = Hash::parse(rest.split(':').next().unwrap_or(rest).trim_end())?;
    Ok(User { name: name.to_owned(), hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[cfg(feature = "passwords")]
    const HASH: &str = "$2y$04$eaDPVypQQwI7LqH6IqUwZ.3oBGCC76URiH6CiX/sHjfUY/OmU0irK";

    #[cfg(feature = "passwords")]
    #[test]
    fn users_are_read_from_lines() {
        let text = format!("# a comment\n\n ann:{HASH}\r\nbob:{HASH}:a comment\n");
        let names: Vec<_> = parse(&text).unwrap().into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["ann", "bob"]);
    }

    #[cfg(feature = "passwords")]
    #[test]
    fn error_names_its_line() {
        for (text, why) in [
            ("", "no user is in it"),
            ("# nobody\n", "no user is in it"),
            ("\nann\n", "line 2: no colon between user and hash"),
            (":x", "line 1: no user before the colon"),
            ("ann:secret", "line 1: the password is not hashed with bcrypt or argon2"),
            ("ann:$apr1$x$y", "line 1: MD5 is too quick to guess"),
            (&format!("ann:{HASH}\nann:{HASH}"), "line 2: the user is there twice"),
        ] {
            assert_eq!(parse(text).unwrap_err(), why);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_in_one_line(text in "[\\PC\n]{0,80}") {
            if let Err(why) = parse(&text) {
                prop_assert!(!why.contains('\n'));
            }
        }
    }
}
