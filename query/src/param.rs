//! Values bound to `$1`, `$2` … : they reach the plan as typed values and never as text of the statement.

use datafusion::common::ScalarValue;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use crate::QueryError;

/// One bound value. From JSON: text, number, `true`/`false` or `null`; a number is taken by its own
/// digits, never through a float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// A decimal number in its own digits, such as `12.500`.
    Decimal(String),
    /// A text; compared with a date or a time it is read as one.
    Text(String),
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        from_json(raw.get()).map_err(D::Error::custom)
    }
}

fn from_json(text: &str) -> Result<Param, String> {
    match text.as_bytes().first() {
        Some(b'n') => Ok(Param::Null),
        Some(b't') => Ok(Param::Bool(true)),
        Some(b'f') => Ok(Param::Bool(false)),
        Some(b'"') => serde_json::from_str(text).map(Param::Text).map_err(|error| error.to_string()),
        Some(b'-' | b'0'..=b'9') => Ok(match text.parse() {
            Ok(whole) => Param::Int(whole),
            Err(_) => Param::Decimal(text.to_owned()),
        }),
        _ => Err("a parameter is a text, a number, true, false or null, not a list or an object".into()),
    }
}

impl Param {
    /// The value that the plan gets; `number` is the placeholder's, for the error.
    pub(crate) fn to_scalar(&self, number: usize) -> Result<ScalarValue, QueryError> {
        Ok(match self {
            Self::Null => ScalarValue::Null,
            Self::Bool(value) => ScalarValue::Boolean(Some(*value)),
            Self::Int(value) => ScalarValue::Int64(Some(*value)),
            Self::Text(value) => ScalarValue::Utf8(Some(value.clone())),
            Self::Decimal(text) => decimal(text).ok_or_else(|| QueryError::Parameters {
                message: format!(
                    "parameter ${number}: '{text}' is not a decimal of at most 38 digits: write it like 12.500, without an exponent"
                ),
            })?,
        })
    }
}

fn decimal(text: &str) -> Option<ScalarValue> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let joined = format!("{whole}{fraction}");
    let significant = joined.trim_start_matches('0').len();
    let precision = significant.max(fraction.len()).max(1);
    if precision > 38 {
        return None;
    }
    let units: i128 = joined.parse().ok()?;
    let scale = i8::try_from(fraction.len()).ok()?;
    let value = if negative { -units } else { units };
    Some(ScalarValue::Decimal128(Some(value), u8::try_from(precision).ok()?, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_values_keep_their_own_digits() {
        let params: Vec<Param> =
            serde_json::from_str(r#"[null, true, -7, 12.500, 0.1, 9223372036854775808, "سلة \"x\""]"#).unwrap();
        assert_eq!(
            params,
            [
                Param::Null,
                Param::Bool(true),
                Param::Int(-7),
                Param::Decimal("12.500".into()),
                Param::Decimal("0.1".into()),
                Param::Decimal("9223372036854775808".into()),
                Param::Text("سلة \"x\"".into()),
            ]
        );
        assert!(serde_json::from_str::<Vec<Param>>("[[1]]").is_err());
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let scalar = |text: &str| Param::Decimal(text.into()).to_scalar(1);
        assert_eq!(scalar("12.500").unwrap(), ScalarValue::Decimal128(Some(12_500), 5, 3));
        assert_eq!(scalar("-0.05").unwrap(), ScalarValue::Decimal128(Some(-5), 2, 2));
        for bad in ["1e5", "", ".", "1.2.3", "0x1", &"9".repeat(39)] {
            assert!(scalar(bad).is_err(), "{bad}");
        }
        assert!(scalar("1e5").unwrap_err().to_string().starts_with("parameter $1: '1e5'"));
    }
}
