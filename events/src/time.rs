//! Instants: always with a zone when they come in, UTC microseconds inside.

use std::fmt;

use jiff::Timestamp;

/// An instant, as UTC microseconds since 1970. It cannot be made from a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

/// Why a text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// A date and time without offset.
    #[error("has no time zone; add Z or an offset such as +03:00")]
    NoZone,
    /// Anything else.
    #[error("is not an RFC 3339 time such as 2026-03-01T10:04:07.250Z")]
    Malformed,
}

impl EventTime {
    /// From UTC microseconds since 1970.
    pub const fn from_micros(micros: i64) -> EventTime {
        EventTime(micros)
    }

    /// UTC microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment.
    pub fn now() -> EventTime {
        EventTime(Timestamp::now().as_microsecond())
    }

    /// Days since 1970 of the UTC date: the partition.
    pub fn utc_days(self) -> i32 {
        i32::try_from(self.0.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
    }

    /// Reads RFC 3339 text, which must carry a zone.
    pub fn parse(text: &str) -> Result<EventTime, TimeError> {
        if let Some(micros) = parse_utc(text.as_bytes()) {
            return Ok(EventTime(micros));
        }
        match text.parse::<Timestamp>() {
            Ok(timestamp) => Ok(EventTime(timestamp.as_microsecond())),
            Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => Err(TimeError::NoZone),
            Err(_) => Err(TimeError::Malformed),
        }
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

/// The common form `2026-03-01T10:04:07[.250]Z`, by hand because millions of lines an import pass here.
fn parse_utc(text: &[u8]) -> Option<i64> {
    if text.len() < 20 || text.len() > 27 || text[text.len() - 1] != b'Z' {
        return None;
    }
    if text[4] != b'-' || text[7] != b'-' || text[10] != b'T' || text[13] != b':' || text[16] != b':' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let date =
        jiff::civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = &text[19..text.len() - 1];
    let mut micros = 0;
    if let Some((point, digits)) = fraction.split_first() {
        if *point != b'.' || digits.is_empty() {
            return None;
        }
        for place in 0..6 {
            let digit = digits.get(place).copied().unwrap_or(b'0');
            micros = micros * 10 + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
    }
    Some(((days_from_1970(date) * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micros)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that leap days come last.
fn days_from_1970(date: jiff::civil::Date) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_without_zone_is_refused() {
        assert_eq!(EventTime::parse("2026-03-01T10:04:07"), Err(TimeError::NoZone));
        assert_eq!(EventTime::parse("2026-03-01 10:04"), Err(TimeError::NoZone));
        assert_eq!(EventTime::parse("yesterday"), Err(TimeError::Malformed));
        assert_eq!(EventTime::parse("2026-02-30T10:00:00Z"), Err(TimeError::Malformed));
    }

    #[test]
    fn offsets_become_utc() {
        let riyadh = EventTime::parse("2026-03-01T13:04:07.250+03:00").unwrap();
        assert_eq!(riyadh, EventTime::parse("2026-03-01T10:04:07.25Z").unwrap());
        assert_eq!(riyadh.to_string(), "2026-03-01T10:04:07.25Z");
    }

    #[test]
    fn the_partition_is_the_utc_date_also_before_1970() {
        assert_eq!(EventTime::from_micros(-1).utc_days(), -1);
        assert_eq!(EventTime::parse("2026-03-01T23:59:59.999999Z").unwrap().utc_days(), 20_513);
    }

    proptest! {
        #[test]
        fn the_quick_path_agrees_with_the_library(seconds in -2_000_000_000i64..4_000_000_000, micros in 0i64..1_000_000) {
            let timestamp = Timestamp::from_microsecond(seconds * 1_000_000 + micros).unwrap();
            let text = timestamp.to_string();
            prop_assert_eq!(parse_utc(text.as_bytes()), Some(timestamp.as_microsecond()));
        }
    }
}
