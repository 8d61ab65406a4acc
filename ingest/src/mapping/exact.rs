//! Arithmetic that keeps decimals decimal: `0.1 + 0.2` is `0.3`, a price times a quantity is the price they print.

use jaq_core::ops::Math;
use jaq_json::Num;

/// More places than any money or rate has; a quotient that needs more is not exact in practice.
const PLACES_MAX: u32 = 18;

/// `coefficient / 10^places`.
#[derive(Clone, Copy)]
struct Exact {
    coefficient: i128,
    places: u32,
}

/// The exact result of `l op r` when both sides are exact numbers and the result is a decimal of reasonable size.
///
/// `None` leaves the operation to the interpreter (which goes through floating point, and whose result is
/// then refused if it is emitted).
pub(super) fn calculate(op: Math, l: &Num, r: &Num) -> Option<Num> {
    let integers = matches!((l, r), (Num::Int(_), Num::Int(_)));
    if integers && op != Math::Div {
        // The interpreter's own integers are exact already.
        return None;
    }
    let (l, r) = (Exact::of(l)?, Exact::of(r)?);
    let result = match op {
        Math::Add => l.add(r),
        Math::Sub => l.add(Exact { coefficient: r.coefficient.checked_neg()?, places: r.places }),
        Math::Mul => l.multiply(r),
        Math::Div => l.divide(r),
        Math::Rem => None,
    }?;
    Some(result.into_num())
}

impl Exact {
    fn of(number: &Num) -> Option<Self> {
        match number {
            Num::Int(i) => Some(Self { coefficient: i128::try_from(*i).ok()?, places: 0 }),
            Num::Dec(text) => Self::parse(text),
            Num::BigInt(_) | Num::Float(_) => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let places = u32::try_from(fraction.len()).ok()?;
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if places > PLACES_MAX || digits.is_empty() || !plain(digits) || !plain(fraction) {
            return None;
        }
        let coefficient = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { coefficient, places })
    }

    fn widened(self, places: u32) -> Option<i128> {
        let factor = 10_i128.checked_pow(places.checked_sub(self.places)?)?;
        self.coefficient.checked_mul(factor)
    }

    fn add(self, other: Self) -> Option<Self> {
        let places = self.places.max(other.places);
        let coefficient = self.widened(places)?.checked_add(other.widened(places)?)?;
        Some(Self { coefficient, places })
    }

    fn multiply(self, other: Self) -> Option<Self> {
        let keep = self.places.max(other.places);
        let product =
            Self { coefficient: self.coefficient.checked_mul(other.coefficient)?, places: self.places + other.places };
        let product = product.trimmed(keep);
        (product.places <= PLACES_MAX).then_some(product)
    }

    fn divide(self, other: Self) -> Option<Self> {
        if other.coefficient == 0 {
            return None;
        }
        // Both as integers over the same power of ten; then long division until nothing remains.
        let places = self.places.max(other.places);
        let (mut dividend, divisor) = (self.widened(places)?, other.widened(places)?);
        let mut coefficient = dividend / divisor;
        dividend %= divisor;
        let mut places = 0;
        while dividend != 0 {
            if places == PLACES_MAX {
                return None;
            }
            dividend = dividend.checked_mul(10)?;
            coefficient = coefficient.checked_mul(10)?.checked_add(dividend / divisor)?;
            dividend %= divisor;
            places += 1;
        }
        Some(Self { coefficient, places })
    }

    /// Without trailing zeros beyond `keep` places, so that a product shows no more places than its factors had.
    fn trimmed(mut self, keep: u32) -> Self {
        while self.places > keep && self.coefficient % 10 == 0 {
            self.coefficient /= 10;
            self.places -= 1;
        }
        self
    }

    fn into_num(self) -> Num {
        if self.places == 0 {
            return Num::from_integral(self.coefficient);
        }
        let width = self.places as usize + 1;
        let digits = format!("{:0>width$}", self.coefficient.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.places as usize);
        let sign = if self.coefficient < 0 { "-" } else { "" };
        Num::Dec(format!("{sign}{whole}.{fraction}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Num {
        Num::from_str_radix(text, 10).unwrap_or_else(|| Num::Dec(text.to_owned().into()))
    }

    #[test]
    fn sums_products_and_quotients_are_what_a_hand_calculation_gives() {
        for (l, op, r, expected) in [
            ("0.1", Math::Add, "0.2", "0.3"),
            ("1.10", Math::Add, "2", "3.10"),
            ("10", Math::Sub, "0.01", "9.99"),
            ("-0.05", Math::Sub, "-0.1", "0.05"),
            ("2.55", Math::Mul, "6", "15.30"),
            ("0.005", Math::Mul, "-3", "-0.015"),
            ("100.00", Math::Mul, "0.15", "15.00"),
            ("10", Math::Div, "4", "2.5"),
            ("15.30", Math::Div, "6", "2.55"),
            ("-1", Math::Div, "8", "-0.125"),
            ("10", Math::Div, "5", "2"),
        ] {
            let result = calculate(op, &number(l), &number(r)).unwrap();
            assert_eq!(result.to_string(), expected, "{l} {} {r}", op.as_str());
        }
    }

    #[test]
    fn what_has_no_exact_decimal_is_left_to_the_interpreter() {
        for (l, op, r) in [
            ("1", Math::Div, "3"),
            ("1.5", Math::Div, "0"),
            ("1e3", Math::Add, "1"),
            ("99999999999999999999.999999999999999999", Math::Mul, "99999999999999999999.9"),
        ] {
            assert!(calculate(op, &number(l), &number(r)).is_none(), "{l} {r}");
        }
    }
}
