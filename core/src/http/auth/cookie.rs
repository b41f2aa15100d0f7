//! The cookie by which a browser that was admitted before is recognized.
//!
//! It admits nothing. A browser that has it gets an account of its own for failed attempts, so that others behind the
//! same address cannot use that up. It is derived from the credential that was right, for this run of the server.

use hyper::header::{COOKIE, HeaderMap, HeaderValue};

const NAME: &str = "eyelet";

/// The value of a request's cookie.
pub(super) fn of(headers: &HeaderMap) -> Option<u128> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == NAME)?;
    u128::from_str_radix(value, 16).ok()
}

/// The header that gives it to a browser.
pub(super) fn set(client: u128) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{NAME}={client:032x}; HttpOnly; SameSite=Strict")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_that_was_set_is_read_back() {
        let given = set(0xabc).unwrap();
        let given = given.to_str().unwrap().split(';').next().unwrap();
        let read = |cookies: &[&str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(COOKIE, cookie.parse().unwrap());
            }
            of(&headers)
        };
        assert_eq!(read(&[given]), Some(0xabc));
        assert_eq!(read(&["a=b; c", &format!("d=e;{given}; f=g")]), Some(0xabc));
        for other in ["", "eyelet", "eyelet=", "eyelet=x", "xeyelet=1", &format!("eyelet=1{:032x}", 0)] {
            assert_eq!(read(&[other]), None, "{other}");
        }
    }
}
