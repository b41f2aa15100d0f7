//! The names of a spool's files: a number and a role.

use std::fmt;

/// Twenty digits hold any `u64`, so that names sort as numbers do.
const DIGITS: usize = 20;

/// No run gets this far. Above it there would be no numbers left for further pictures.
const LAST: u64 = u64::MAX / 2;

/// The role of a file in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Waiting,
    Unfinished,
    Refused,
    Damaged,
}

const SUFFIXES: [(Role, &str); 4] = [
    (Role::Waiting, ".jpg"),
    (Role::Unfinished, ".part"),
    (Role::Refused, ".refused.jpg"),
    (Role::Damaged, ".damaged.jpg"),
];

/// The name of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) number: u64,
    pub(super) role: Role,
}

impl Name {
    pub(super) fn new(number: u64, role: Role) -> Self {
        Self { number, role }
    }

    /// `None` for a file that is not ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, suffix) = text.split_at_checked(DIGITS)?;
        let (role, _) = SUFFIXES.into_iter().find(|(_, known)| *known == suffix)?;
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| number.parse().ok()).flatten().filter(|number| *number <= LAST)?;
        Some(Self { number, role })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix =
            SUFFIXES.into_iter().find(|(role, _)| *role == self.role).map_or("", |(_, suffix)| suffix);
        write!(f, "{:0DIGITS$}{suffix}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_are_read_back_and_sort(a in 0..=LAST, b in 0..=LAST, role in 0..4usize) {
            let role = SUFFIXES[role].0;
            let [first, second] = [a, b].map(|number| Name::new(number, role));
            prop_assert_eq!(Name::parse(&first.to_string()), Some(first));
            prop_assert_eq!(first.to_string().cmp(&second.to_string()), a.cmp(&b));
        }

        #[test]
        fn other_file_names_are_ignored(text in "\\PC*") {
            prop_assert!(Name::parse(&text).is_none_or(|name| name.to_string() == text));
        }
    }

    #[test]
    fn other_files_are_not_names_of_pictures() {
        for other in [
            "lock",
            "1.jpg",
            "+0000000000000000042.jpg",
            "00000000000000000042.jpeg",
            "99999999999999999999.jpg",
            "18446744073709551615.jpg",
            "0000000000000000004é.jpg",
            "00000000000000000042",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
