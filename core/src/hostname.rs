//! The name that this machine was given.

/// What `hostname` prints. `None` where it has no name that is text, or Linux does not tell.
pub(crate) fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn hostname_is_what_uname_prints() {
        let output = std::process::Command::new("uname").arg("-n").output().unwrap();
        let name = String::from_utf8(output.stdout).unwrap();
        assert_eq!(hostname().as_deref(), Some(name.trim_end()));
    }
}
