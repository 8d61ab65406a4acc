//! Exact decimals with four places, and amounts that cannot lose their currency.

use std::fmt;

use crate::currency::Currency;

/// Digits after the point in every decimal column.
pub(crate) const SCALE: u8 = 4;
/// Digits in all of a decimal column, as in `Decimal128(18,4)`.
pub(crate) const PRECISION: u8 = 18;
const UNIT: i64 = 10_000;
const LIMIT: i64 = 1_000_000_000_000_000_000;

/// A decimal with four places and at most eighteen digits: the `Decimal128(18,4)` of the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i64);

/// Why a text is not a decimal that the tables can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not of the form `-?digits[.digits]`.
    #[error("is not a plain decimal number such as 12.500 (no exponent, no thousands separator)")]
    Malformed,
    /// A digit other than 0 after the fourth place.
    #[error("has more than four decimals")]
    TooPrecise,
    /// More than fourteen digits before the point.
    #[error("has more than fourteen digits before the point")]
    TooLarge,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal(0);

    /// From a count of ten-thousandths; `None` beyond eighteen digits.
    pub fn from_units(units: i64) -> Option<Decimal> {
        (-LIMIT < units && units < LIMIT).then_some(Decimal(units))
    }

    /// As a count of ten-thousandths.
    pub fn units(self) -> i64 {
        self.0
    }

    /// Reads plain decimal text: an optional minus, digits, and digits after a point.
    pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
        if let Some(units) = common(text.as_bytes()) {
            return Ok(Decimal(units));
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::Malformed);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > usize::from(PRECISION - SCALE) {
            return Err(DecimalError::TooLarge);
        }
        let mut units: i64 = 0;
        for digit in whole.bytes() {
            units = units * 10 + i64::from(digit - b'0');
        }
        let fraction = fraction.trim_end_matches('0').as_bytes();
        if fraction.len() > usize::from(SCALE) {
            return Err(DecimalError::TooPrecise);
        }
        for place in 0..usize::from(SCALE) {
            units = units * 10 + fraction.get(place).map_or(0, |digit| i64::from(digit - b'0'));
        }
        Ok(Decimal(if negative { -units } else { units }))
    }

    /// The sum, unless it needs more than eighteen digits.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        self.0.checked_add(other.0).and_then(Decimal::from_units)
    }

    /// The difference, unless it needs more than eighteen digits.
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.0.checked_sub(other.0).and_then(Decimal::from_units)
    }

    /// The product, rounded half to even at the fourth place, unless it needs more than eighteen digits.
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        let product = i128::from(self.0) * i128::from(other.0);
        let unit = i128::from(UNIT);
        let (quotient, rest) = (product.div_euclid(unit), product.rem_euclid(unit));
        let up = rest * 2 > unit || (rest * 2 == unit && quotient % 2 != 0);
        Decimal::from_units(i64::try_from(quotient + i128::from(up)).ok()?)
    }

    /// Whether it can be paid in a currency with this many decimals.
    pub fn fits_exponent(self, exponent: u8) -> bool {
        let finest = 10_i64.pow(u32::from(SCALE.saturating_sub(exponent)));
        self.0 % finest == 0
    }

    /// Text with at least `places` decimals, and more only where there are digits.
    pub fn to_text(self, places: u8) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / UNIT.unsigned_abs(), magnitude % UNIT.unsigned_abs());
        let digits = format!("{fraction:04}");
        let kept = digits.trim_end_matches('0').len().max(usize::from(places.min(SCALE)));
        if kept == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", &digits[..kept]) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(0))
    }
}

/// The units of a text of at most fourteen digits and point with no more than four decimals, in one pass: nearly every
/// amount is one. None for any other, right or wrong.
fn common(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if digits.len() > usize::from(PRECISION - SCALE) {
        return None;
    }
    let mut units: i64 = 0;
    let mut point = None;
    for (place, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => units = units * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && place > 0 => point = Some(place),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |point| digits.len() - point - 1);
    if digits.is_empty() || decimals > usize::from(SCALE) || point.is_some() && decimals == 0 {
        return None;
    }
    let units = units * [UNIT, 1_000, 100, 10, 1][decimals];
    Some(if negative { -units } else { units })
}

/// An amount in a currency, exact to the currency's minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// `None` when the amount is finer than the currency's minor unit.
    pub fn new(amount: Decimal, currency: Currency) -> Option<Money> {
        amount.fits_exponent(currency.exponent()).then_some(Money { amount, currency })
    }

    /// How much.
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// Of what.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts in one currency; `None` across currencies or beyond eighteen digits.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Money::new(self.amount.checked_add(other.amount)?, self.currency)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount.to_text(self.currency.exponent()), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_decimals_are_read_exactly() {
        for (text, units) in [("12.500", 125_000), ("-0.35", -3_500), ("0", 0), ("007.1", 71_000), ("0.00010000", 1)] {
            assert_eq!(Decimal::parse(text).unwrap().units(), units, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused_with_its_reason() {
        for text in ["", "-", ".5", "5.", "1e3", "1,000", "+1", " 1", "١٢", "1.2.3", "NaN"] {
            assert_eq!(Decimal::parse(text), Err(DecimalError::Malformed), "{text}");
        }
        assert_eq!(Decimal::parse("1.00001"), Err(DecimalError::TooPrecise));
        assert_eq!(Decimal::parse("100000000000000"), Err(DecimalError::TooLarge));
        assert!(Decimal::parse("99999999999999.9999").is_ok());
    }

    #[test]
    fn products_round_half_to_even_at_the_fourth_place() {
        let product =
            |a: &str, b: &str| Decimal::parse(a).unwrap().checked_mul(Decimal::parse(b).unwrap()).unwrap().to_string();
        assert_eq!(product("3", "12.5"), "37.5");
        assert_eq!(product("0.0001", "0.5"), "0");
        assert_eq!(product("0.0003", "0.5"), "0.0002");
        assert_eq!(product("-0.0001", "0.5"), "0");
        assert_eq!(product("-0.0003", "0.5"), "-0.0002");
    }

    #[test]
    fn money_keeps_to_the_minor_unit_of_its_currency() {
        let amount = Decimal::parse("12.345").unwrap();
        assert_eq!(Money::new(amount, Currency::from_code("KWD").unwrap()).unwrap().to_string(), "12.345 KWD");
        assert!(Money::new(amount, Currency::from_code("SAR").unwrap()).is_none());
        assert!(Money::new(Decimal::parse("0.5").unwrap(), Currency::from_code("JPY").unwrap()).is_none());
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same_number(units in -LIMIT + 1..LIMIT, places in 0u8..=4) {
            let decimal = Decimal::from_units(units).unwrap();
            prop_assert_eq!(Decimal::parse(&decimal.to_text(places)).unwrap(), decimal);
        }

        #[test]
        fn products_agree_with_rust_decimal(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000) {
            let independent = (rust_decimal::Decimal::new(a, 4) * rust_decimal::Decimal::new(b, 4)).round_dp(4);
            let ours = Decimal::from_units(a).unwrap().checked_mul(Decimal::from_units(b).unwrap()).unwrap();
            prop_assert_eq!(rust_decimal::Decimal::new(ours.units(), 4), independent);
        }
    }
}
