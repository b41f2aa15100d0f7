//! A time as people write it.

use std::{fmt, time::Duration};

/// A second in UTC, for texts and for names of files. It displays as `2026-11-26T12:40:05Z`.
///
/// ```
/// use eyelet_core::feed::Utc;
/// use std::time::Duration;
/// let time = Utc::from_unix(Duration::from_secs(1_795_696_805));
/// assert_eq!(time.to_string(), "2026-11-26T12:40:05Z");
/// assert_eq!(format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second), "12:40:05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Utc {
    /// 1970 and later.
    pub year: u64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59; a leap second is the second before it.
    pub second: u8,
}

impl Utc {
    /// Of a time since 1970-01-01 UTC, such as [`Label::captured_at`](super::Label::captured_at).
    pub fn from_unix(time: Duration) -> Self {
        let (days, seconds) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
        // In years that begin in March, so that a leap day is the last one, since 0000-03-01.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Self {
            year: 400 * era + year + next,
            month: month as u8,
            day: day as u8,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
        }
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_one_another_in_the_gregorian_calendar() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..200_000_u64 {
            let got = Utc::from_unix(Duration::from_secs(days * 86_400 + 86_399));
            assert_eq!((got.year, got.month, got.day), (year, month, day), "{days}");
            assert_eq!((got.hour, got.minute, got.second), (23, 59, 59));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > last {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
        // No time is too far away.
        assert!(Utc::from_unix(Duration::MAX).year > 500_000_000_000);
    }
}
