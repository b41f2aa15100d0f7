//! The `Host` header: every request names one host.

use hyper::{HeaderMap, Version, header::HOST};

/// Whether a request names one host, as RFC 9112 (3.2) requires: with two, a proxy may use one and its server the other.
/// Which host it is does not matter here.
pub(super) fn check(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version >= Version::HTTP_11 => Err("the Host header is missing\n"),
        (Some(_), Some(_)) => Err("there is more than one Host header\n"),
        (Some(host), None) if !host.as_bytes().iter().all(|&byte| may_be_in_host(byte)) => {
            Err("the Host header is invalid\n")
        }
        _ => Ok(()),
    }
}

/// The characters of RFC 3986's `host [ ":" port ]`.
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn request_without_exactly_one_valid_host_is_rejected() {
        let check = |version, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_str(host).unwrap());
            }
            super::check(version, &headers)
        };
        for good in ["", "cam", "cam:8000", "[fe80::1%25eth0]:8000", "192.168.0.7", "my_cam.local."] {
            assert_eq!(check(Version::HTTP_11, &[good]), Ok(()), "{good}");
        }
        for bad in ["a/b", "user@cam", "a b", "a?b", "a#b", "<cam>", "\"cam\"", "a\\b", "a^b", "a\tb"] {
            assert!(check(Version::HTTP_11, &[bad]).is_err(), "{bad}");
        }
        assert!(check(Version::HTTP_11, &[]).is_err());
        assert_eq!(check(Version::HTTP_10, &[]), Ok(()));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(check(version, &["cam", "cam"]).is_err(), "{version:?}");
        }
    }
}
