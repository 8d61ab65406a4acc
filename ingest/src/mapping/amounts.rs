//! Amounts in a mapping: decimal text, never through floating point.

use jaq_core::Error;
use jaq_json::{Num, Val};
use mizan_events::Currency;

use super::emit;
use super::natives::string;

/// A string or number as plain decimal text.
pub(super) fn money(value: &Val) -> Result<Val, Error<Val>> {
    let text = match value {
        Val::TStr(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
        Val::Num(Num::Float(number)) => {
            return Err(Error::str(format_args!(
                "money: {number} was computed in floating point, which loses cents; add, subtract and multiply decimals, or round first"
            )));
        }
        Val::Num(number) => number.to_string(),
        other => {
            return Err(Error::str(format_args!("money: expected text or a number, found {}", emit::kind(other))));
        }
    };
    plain_decimal(&text).map(Val::from).ok_or_else(|| {
        Error::str(format_args!(
            "money: `{}` is not a plain decimal such as 1234.50 (no exponent, no thousands separators, no currency sign)",
            emit::excerpt(&text)
        ))
    })
}

fn plain_decimal(text: &str) -> Option<String> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", text),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    if number.starts_with('.') {
        return Some(format!("{sign}0{number}"));
    }
    (!whole.is_empty()).then(|| text.to_owned())
}

/// An amount in minor units (cents, fils, halalas) as decimal text of the currency; null stays null.
pub(super) fn from_minor(value: &Val, currency: &Val) -> Result<Val, Error<Val>> {
    if matches!(value, Val::Null) {
        return Ok(Val::Null);
    }
    let exponent = exponent(currency, "from_minor")?;
    let text = match value {
        // A whole number that was printed as a decimal is whole all the same; a text with a point is no number of fils.
        Val::Num(number) => whole(&number.to_string()),
        Val::TStr(_) => string(value, "from_minor")?.trim().to_owned(),
        other => return Err(Error::str(format_args!("from_minor needs a whole number, found {}", emit::kind(other)))),
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let shown = emit::excerpt(&text);
        return Err(Error::str(format_args!("from_minor: `{shown}` is not a whole number of minor units")));
    }
    Ok(Val::from(format!("{sign}{}", with_point(digits, exponent))))
}

/// A number of minor units as text with so many decimals.
fn with_point(digits: &str, exponent: usize) -> String {
    let padded = format!("{digits:0>width$}", width = exponent + 1);
    let (whole, fraction) = padded.split_at(padded.len() - exponent);
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction}")
}

fn whole(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole.to_owned(),
        _ => number.to_owned(),
    }
}

/// A decimal with more places than the currency has, rounded half away from zero: some providers print binary
/// fractions, and prices with tax taken out of them. Null stays null.
pub(super) fn rounded(value: &Val, currency: &Val) -> Result<Val, Error<Val>> {
    if matches!(value, Val::Null) {
        return Ok(Val::Null);
    }
    let exponent = exponent(currency, "money")?;
    let text = match value {
        // Printed from binary floating point by the provider; its digits are what it said.
        Val::Num(number) => number.to_string(),
        other => string(other, "money")?.trim().to_owned(),
    };
    let plain = plain_decimal(&text);
    let rounded = plain.as_deref().and_then(|text| round(text, exponent));
    rounded.map(Val::from).ok_or_else(|| {
        Error::str(format_args!("money: `{}` is not a plain decimal such as 1234.50", emit::excerpt(&text)))
    })
}

fn round(text: &str, exponent: usize) -> Option<String> {
    let (sign, number) = text.strip_prefix('-').map_or(("", text), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let kept = fraction.get(..exponent.min(fraction.len()))?;
    let digits: i128 = format!("{whole}{kept:0<exponent$}").parse().ok()?;
    let up = fraction.as_bytes().get(exponent).is_some_and(|digit| *digit >= b'5');
    let digits = digits.checked_add(i128::from(up))?;
    let sign = if digits == 0 { "" } else { sign };
    Some(format!("{sign}{}", with_point(&digits.to_string(), exponent)))
}

fn exponent(currency: &Val, who: &str) -> Result<usize, Error<Val>> {
    let code = string(currency, who)?;
    let known = Currency::from_code(&code.to_ascii_uppercase());
    known.map(|currency| usize::from(currency.exponent())).ok_or_else(|| {
        Error::str(format_args!("{who}: `{}` is not a currency of ISO 4217 such as SAR", emit::excerpt(code)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: fn(&Val, &Val) -> Result<Val, Error<Val>>, value: Val, currency: &str) -> String {
        match f(&value, &Val::from(currency.to_owned())) {
            Ok(value) => emit::text(&value, 100).unwrap(),
            Err(error) => emit::text(&error.into_val(), 1000).unwrap(),
        }
    }

    #[test]
    fn minor_units_become_amounts_by_the_currency() {
        let number = |n: isize| Val::from(n);
        assert_eq!(of(from_minor, number(1999), "SAR"), r#""19.99""#);
        assert_eq!(of(from_minor, number(5), "kwd"), r#""0.005""#);
        assert_eq!(of(from_minor, number(-1050), "BHD"), r#""-1.050""#);
        assert_eq!(of(from_minor, number(500), "JPY"), r#""500""#);
        assert_eq!(of(from_minor, Val::from("2500".to_owned()), "EUR"), r#""25.00""#);
        for text in ["25.5", "25.00", "", "2 500"] {
            assert!(of(from_minor, Val::from(text.to_owned()), "EUR").contains("not a whole number"), "{text}");
        }
        assert!(of(from_minor, number(1), "RIYAL").contains("not a currency"));
    }

    #[test]
    fn binary_fractions_are_rounded_to_the_currency() {
        let text = |text: &str| Val::from(text.to_owned());
        assert_eq!(of(rounded, text("19.990000000000002"), "SAR"), r#""19.99""#);
        assert_eq!(of(rounded, text("0.0049999"), "SAR"), r#""0.00""#);
        assert_eq!(of(rounded, text("-0.005"), "SAR"), r#""-0.01""#);
        assert_eq!(of(rounded, text("-0.001"), "SAR"), r#""0.00""#);
        assert_eq!(of(rounded, text("9.9995"), "KWD"), r#""10.000""#);
        assert_eq!(of(rounded, text("12"), "KWD"), r#""12.000""#);
        assert_eq!(of(rounded, text("99.5"), "JPY"), r#""100""#);
        assert!(of(rounded, text("1,000"), "SAR").contains("not a plain decimal"));
    }
}
