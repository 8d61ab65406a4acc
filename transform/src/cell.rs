//! One field of a reference table: its text read as what its column says, exactly or not at all.

use chrono::{Datelike, NaiveDate};

/// Digits after the point of a decimal column.
pub(crate) const SCALE: i8 = 10;
const SCALE_DIGITS: usize = 10;
/// Digits before the point.
const WHOLE_DIGITS: usize = 18;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Decimal,
    Integer,
    Date,
    Boolean,
}

impl Kind {
    pub(crate) const NAMES: [&str; 5] = ["text", "decimal", "integer", "date", "boolean"];

    pub(crate) fn parse(name: &str) -> Option<Kind> {
        let kinds = [Kind::Text, Kind::Decimal, Kind::Integer, Kind::Date, Kind::Boolean];
        Kind::NAMES.iter().position(|known| *known == name).map(|place| kinds[place])
    }
}

/// A value. An empty field is NULL whatever the column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Null,
    Text(String),
    /// In units of the last place.
    Decimal(i128),
    Integer(i64),
    /// Days since 1970.
    Date(i32),
    Boolean(bool),
}

impl Cell {
    /// Reads a field; the error goes on after the field's text: `"x" is no date`.
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<Cell, String> {
        if text.is_empty() {
            return Ok(Cell::Null);
        }
        match kind {
            Kind::Text => Ok(Cell::Text(text.to_owned())),
            Kind::Decimal => decimal(text).map(Cell::Decimal),
            Kind::Integer => {
                text.parse().map(Cell::Integer).map_err(|_| "is no whole number such as 42 (at most 18 digits)".into())
            }
            Kind::Date => date(text).map(Cell::Date).ok_or_else(|| "is no date such as 2026-03-01".to_owned()),
            Kind::Boolean => match text {
                "true" => Ok(Cell::Boolean(true)),
                "false" => Ok(Cell::Boolean(false)),
                _ => Err("is neither true nor false".to_owned()),
            },
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Cell::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn decimal(&self) -> Option<i128> {
        if let Cell::Decimal(units) = self { Some(*units) } else { None }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        if let Cell::Integer(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn date(&self) -> Option<i32> {
        if let Cell::Date(days) = self { Some(*days) } else { None }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        if let Cell::Boolean(truth) = self { Some(*truth) } else { None }
    }
}

fn decimal(text: &str) -> Result<i128, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return Err("is no plain decimal number such as 12.500".to_owned());
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if fraction.len() > SCALE_DIGITS {
        return Err(format!("has more than {SCALE_DIGITS} decimals"));
    }
    if whole.len() > WHOLE_DIGITS {
        return Err(format!("has more than {WHOLE_DIGITS} digits before the point"));
    }
    let units = format!("{whole}{fraction:0<SCALE_DIGITS$}").parse::<i128>().map_err(|error| error.to_string())?;
    Ok(if text.starts_with('-') { -units } else { units })
}

fn date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)?;
    Some(date.num_days_from_ce() - NaiveDate::default().num_days_from_ce())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(Cell::parse(Kind::Decimal, "0.0000188"), Ok(Cell::Decimal(188_000)));
        assert_eq!(Cell::parse(Kind::Decimal, "-3.750"), Ok(Cell::Decimal(-37_500_000_000)));
        assert_eq!(Cell::parse(Kind::Decimal, "1"), Cell::parse(Kind::Decimal, "01.00"));
        for wrong in ["1e3", "1,5", ".5", "5.", "+1", " 1", "٣", "0.00000000001", "1234567890123456789"] {
            assert!(Cell::parse(Kind::Decimal, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_other_kinds_are_as_strict() {
        assert_eq!(Cell::parse(Kind::Date, "1970-01-02"), Ok(Cell::Date(1)));
        assert_eq!(Cell::parse(Kind::Text, ""), Ok(Cell::Null));
        for (kind, wrong) in [
            (Kind::Date, "2026-02-29"),
            (Kind::Date, "2026-3-1"),
            (Kind::Boolean, "yes"),
            (Kind::Integer, "1.0"),
            (Kind::Integer, "99999999999999999999"),
        ] {
            assert!(Cell::parse(kind, wrong).is_err(), "{wrong}");
        }
    }
}
