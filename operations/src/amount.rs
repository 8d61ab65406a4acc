//! Exact arithmetic over ten-thousandths: what the tables hold as INTEGER.
//!
//! Rounding happens once, where a price times a quantity or a tax rate becomes money, and is half away from zero: the
//! commercial rule that invoices are checked by. Sums stop at eighteen digits (99 trillion) instead of wrapping.

use mizan_events::{Currency, Decimal};

/// One piece, or one unit of money.
pub(crate) const ONE: i64 = 10_000;
const LIMIT: i64 = 999_999_999_999_999_999;

/// Decimals of a currency; four, the most we hold, where it is unknown.
pub(crate) fn exponent(currency: Option<&str>) -> u8 {
    currency.and_then(Currency::from_code).map_or(4, Currency::exponent)
}

pub(crate) fn add(a: i64, b: i64) -> i64 {
    a.saturating_add(b).clamp(-LIMIT, LIMIT)
}

pub(crate) fn sub(a: i64, b: i64) -> i64 {
    add(a, b.saturating_neg())
}

pub(crate) fn sum(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, add)
}

/// `numerator / denominator`, rounded half away from zero to a multiple of `step`.
fn divide(numerator: i128, denominator: i128, step: i128) -> i64 {
    let denominator = denominator * step;
    let (magnitude, sign) = (numerator.abs(), numerator.signum() * denominator.signum());
    let rounded = (2 * magnitude + denominator.abs()) / (2 * denominator.abs());
    i64::try_from(sign * rounded * step)
        .map_or(if sign < 0 { -LIMIT } else { LIMIT }, |units| units.clamp(-LIMIT, LIMIT))
}

fn minor_unit(exponent: u8) -> i128 {
    10_i128.pow(4_u32.saturating_sub(u32::from(exponent)))
}

/// Quantity times price, in the currency's minor units.
pub(crate) fn line_amount(quantity: i64, price: i64, exponent: u8) -> i64 {
    divide(i128::from(quantity) * i128::from(price), i128::from(ONE), minor_unit(exponent))
}

/// An amount in the currency's minor units.
pub(crate) fn rounded(amount: i64, exponent: u8) -> i64 {
    divide(i128::from(amount), 1, minor_unit(exponent))
}

/// A percentage on top of an amount.
pub(crate) fn tax_on(amount: i64, rate: i64, exponent: u8) -> i64 {
    divide(i128::from(amount) * i128::from(rate), 100 * i128::from(ONE), minor_unit(exponent))
}

/// The percentage that an amount already contains.
pub(crate) fn tax_inside(amount: i64, rate: i64, exponent: u8) -> i64 {
    let hundred = 100 * i128::from(ONE);
    if hundred + i128::from(rate) <= 0 {
        return 0;
    }
    divide(i128::from(amount) * i128::from(rate), hundred + i128::from(rate), minor_unit(exponent))
}

/// The share `part / whole` of an amount.
pub(crate) fn share(amount: i64, part: i64, whole: i64, exponent: u8) -> i64 {
    if whole == 0 {
        return 0;
    }
    divide(i128::from(amount) * i128::from(part), i128::from(whole), minor_unit(exponent))
}

/// Decimal text with at least this many places.
pub(crate) fn text(units: i64, places: u8) -> String {
    Decimal::from_units(units.clamp(-LIMIT, LIMIT)).unwrap_or_default().to_text(places)
}

/// Money as text, with the decimals of its currency.
pub(crate) fn money(units: i64, currency: Option<&str>) -> String {
    text(units, currency.and_then(Currency::from_code).map_or(0, Currency::exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_rounded_once_half_away_from_zero() {
        // 3 × 0.335 = 1.005 -> 1.01 in a currency with two places, 1.005 with three, 1 with none.
        assert_eq!(line_amount(3 * ONE, 3_350, 2), 10_100);
        assert_eq!(line_amount(3 * ONE, 3_350, 3), 10_050);
        assert_eq!(line_amount(3 * ONE, 3_350, 0), 10_000);
        assert_eq!(line_amount(3 * ONE, -3_350, 2), -10_100);
        // 1.2345 kg × 9.9999 = 12.34487655
        assert_eq!(line_amount(12_345, 99_999, 3), 123_450);
    }

    #[test]
    fn tax_inside_a_price_and_on_top_of_it_agree() {
        // 15 % on 100.00 is 15.00; 115.00 contains 15.00.
        assert_eq!(tax_on(1_000_000, 150_000, 2), 150_000);
        assert_eq!(tax_inside(1_150_000, 150_000, 2), 150_000);
        // 9.99 contains 1.303… -> 1.30
        assert_eq!(tax_inside(99_900, 150_000, 2), 13_000);
    }

    #[test]
    fn sums_stop_instead_of_wrapping() {
        assert_eq!(add(LIMIT, LIMIT), LIMIT);
        assert_eq!(sub(-LIMIT, LIMIT), -LIMIT);
        assert_eq!(line_amount(LIMIT, LIMIT, 2), LIMIT);
    }

    #[test]
    fn money_is_written_with_the_places_of_its_currency() {
        assert_eq!(money(125_000, Some("KWD")), "12.500");
        assert_eq!(money(125_000, Some("SAR")), "12.50");
        assert_eq!(money(120_000, Some("JPY")), "12");
    }
}
