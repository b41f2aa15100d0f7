//! The validity period of a certificate. rustls checks that of peers, but does not give out that of our own.

use std::time::Duration;

/// The two times of a certificate in DER, since 1970-01-01 UTC (0 where it is before that).
pub(super) fn of(certificate: &[u8]) -> Option<(Duration, Duration)> {
    // RFC 5280, 4.1: Certificate { TBSCertificate { [0] version, serial, algorithm, issuer, validity { from, to } ..
    let (SEQUENCE, certificate, _) = element(certificate)? else { return None };
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    if let (VERSION, _, after) = element(rest)? {
        rest = after;
    }
    for _ in ["serial", "algorithm", "issuer"] {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, validity, _) = element(rest)? else { return None };
    let (from, text, rest) = element(validity)?;
    let (to, end, _) = element(rest)?;
    Some((time(from, text)?, time(to, end)?))
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The first element: its tag, what is in it, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, short], rest) = der.split_first_chunk()?;
    let (len, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short - 0x80))?;
            (digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(len)?;
    Some((tag, inside, after))
}

/// `YYMMDDhhmmssZ` of the years 1950 to 2049, or `YYYYMMDDhhmmssZ`.
fn time(tag: u8, text: &[u8]) -> Option<Duration> {
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year: i64 = digits[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let two = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day) = (two(0)?, two(2)?);
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + two(4)?) * 60 + two(6)?) * 60 + two(8)?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_parsed() {
        for (tag, text, seconds) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "500101000000Z", Some(0)),
            (UTC_TIME, "000229120000Z", Some(951_825_600)),
            (GENERALIZED_TIME, "20380119031408Z", Some(1 << 31)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "20380119031408Z", None),
            (UTC_TIME, "7001010000+0Z", None),
            (UTC_TIME, "700101000000", None),
        ] {
            assert_eq!(time(tag, text.as_bytes()).map(|t| t.as_secs()), seconds, "{text}");
        }
    }

    proptest! {
        #[cfg(not(target_arch = "riscv64"))]
        #[test]
        fn validity_of_a_generated_certificate_is_read(from in 1..4_000_000_000_u32, length in 1..4_000_000_000_u32) {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::default();
            let start = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(from.into());
            params.not_before = start.into();
            params.not_after = (start + Duration::from_secs(length.into())).into();
            let certificate = params.self_signed(&key).unwrap();
            let (from, length) = (u64::from(from), u64::from(length));
            let read = of(certificate.der()).map(|(a, b)| (a.as_secs(), b.as_secs()));
            prop_assert_eq!(read, Some((from, from + length)));
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = of(&bytes);
        }
    }
}
