//! The text of a cell.

use calamine::{DataRef, ExcelDateTime};
use jiff::civil;

/// From here on a spreadsheet's number has lost whole units.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
/// Digits that a spreadsheet keeps of a number, and shows at most.
const DIGITS: usize = 15;
/// The first day that a spreadsheet has no number for any more, 10000-01-01.
const DAYS_END: f64 = 2_958_466.0;
const DAY_MS: f64 = 86_400_000.0;

/// The text of a cell as a mapping gets it; what cannot be taken, with the reason.
pub(super) fn of(value: &DataRef<'_>) -> Result<String, (String, String)> {
    match value {
        DataRef::Empty => Ok(String::new()),
        DataRef::String(text) | DataRef::DurationIso(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Bool(value) => Ok(value.to_string()),
        DataRef::Int(value) => Ok(value.to_string()),
        DataRef::Float(value) => number(*value),
        DataRef::DateTime(value) => date(value),
        DataRef::DateTimeIso(text) => Ok(iso(text)),
        DataRef::Error(error) => Err((error.to_string(), format!("holds the error {error}"))),
    }
}

/// Where a cell stands, as people say it: `C7`.
pub(super) fn place(row: u32, column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    format!("cell {}{}", letters.iter().rev().collect::<String>(), u64::from(row) + 1)
}

/// The shortest decimal that is this number, in the digits that a spreadsheet shows.
fn number(value: f64) -> Result<String, (String, String)> {
    if !value.is_finite() {
        return Err((value.to_string(), "holds no number".to_owned()));
    }
    if value == 0.0 {
        return Ok("0".to_owned());
    }
    let text = value.to_string();
    if value.fract() == 0.0 {
        if value.abs() >= WHOLE_MAX {
            let reason =
                format!("holds {text}, more digits than a spreadsheet keeps of a number; make the column text");
            return Err((text, reason));
        }
        return Ok(text);
    }
    let digits = text.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if digits <= DIGITS {
        return Ok(text);
    }
    // What was computed, as 0.1 + 0.2: the digits beyond are those of the binary fraction, which nobody wrote or saw.
    let rounded: f64 = format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value);
    Ok(rounded.to_string())
}

/// A point in time as it is shown, in the zone of whoever wrote it; without a day, the time alone.
fn date(value: &ExcelDateTime) -> Result<String, (String, String)> {
    let days = value.as_f64();
    let raw = || days.to_string();
    if value.is_duration() {
        if !(0.0..DAYS_END).contains(&days) {
            return Err((raw(), "holds a length of time below zero or out of bounds".to_owned()));
        }
        // In bounds, so that the cast is exact.
        let ms = (days * DAY_MS).round() as u64;
        let (seconds, ms) = (ms / 1000, ms % 1000);
        return Ok(format!("{:02}:{:02}:{:02}{}", seconds / 3600, seconds / 60 % 60, seconds % 60, fraction(ms)));
    }
    if !(0.0..DAYS_END).contains(&days) {
        return Err((raw(), "holds a day that no calendar of a spreadsheet has".to_owned()));
    }
    let (year, month, day, hour, minute, second, ms) = value.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}:{second:02}{}", fraction(u64::from(ms)));
    if days < 1.0 {
        return Ok(time);
    }
    Ok(format!("{year:04}-{month:02}-{day:02} {time}"))
}

/// Thousandths of a second where there are any: a clock's second has none.
fn fraction(ms: u64) -> String {
    if ms == 0 { String::new() } else { format!(".{ms:03}") }
}

/// A point in time that the file holds as text.
fn iso(text: &str) -> String {
    match text.parse::<civil::DateTime>() {
        Ok(time) => format!("{} {}", time.date(), time.time()),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_have_the_digits_that_were_written() {
        for (value, expected) in [
            (19.99, "19.99"),
            (541_909.0, "541909"),
            (0.1 + 0.2, "0.3"),
            (19.99 * 3.0, "59.97"),
            (-0.0, "0"),
            (-2.5, "-2.5"),
            (1e-7, "0.0000001"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (123_456_789.012_345, "123456789.012345"),
        ] {
            assert_eq!(number(value), Ok(expected.to_owned()));
        }
        let (text, reason) = number(12_345_678_901_234_567.0).unwrap_err();
        assert!(text.starts_with("1234567890123456") && reason.contains("make the column text"), "{reason}");
    }

    #[test]
    fn days_and_times_are_as_a_person_sees_them() {
        // The numbers of days are Excel's own: =VALUE("2010-12-01 08:26") and so on.
        let at = |days, kind, is_1904| date(&ExcelDateTime::new(days, kind, is_1904));
        for (days, expected) in [
            (40_513.351_388_888_89, "2010-12-01 08:26:00"),
            (40_513.0, "2010-12-01 00:00:00"),
            (45_351.999_988_425_93, "2024-02-29 23:59:59"),
            (0.75, "18:00:00"),
            (45_943.541, "2025-10-13 12:59:02.400"),
        ] {
            assert_eq!(at(days, ExcelDateTimeType::DateTime, false), Ok(expected.to_owned()));
        }
        assert_eq!(at(39_051.5, ExcelDateTimeType::DateTime, true), Ok("2010-12-01 12:00:00".to_owned()));
        assert_eq!(at(1.104_166_666_666_666_7, ExcelDateTimeType::TimeDelta, false), Ok("26:30:00".to_owned()));
        assert!(at(-1.0, ExcelDateTimeType::DateTime, false).is_err());
        assert_eq!(iso("2010-12-01T08:26:00"), "2010-12-01 08:26:00");
        assert_eq!(iso("2010-12-01"), "2010-12-01 00:00:00");
    }

    #[test]
    fn places_are_named_as_the_program_names_them() {
        for (column, expected) in [(0, "cell A1"), (25, "cell Z1"), (26, "cell AA1"), (16_383, "cell XFD1")] {
            assert_eq!(place(0, column), expected);
        }
    }
}
