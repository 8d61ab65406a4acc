//! Amounts of an order and its lines, exact to the currency's minor unit, rounded once per line.

use super::facts::{Line, OrderRow};
use crate::amount;

/// One line in money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineAmounts {
    /// Without tax, after the line's discount.
    pub(crate) net: i64,
    pub(crate) tax: i64,
    /// With tax.
    pub(crate) gross: i64,
}

/// A whole order in money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OrderAmounts {
    /// Lines without tax.
    pub(crate) lines: i64,
    /// Discount on the order as a whole.
    pub(crate) discount: i64,
    pub(crate) shipping: i64,
    pub(crate) tax: i64,
    /// What the sender's total differs by from the sum of the parts; zero in a shop that adds up.
    pub(crate) adjustment: i64,
    pub(crate) total: i64,
}

/// A line's tax is what the sender says, else what its rate gives, else nothing.
pub(crate) fn line_amounts(line: &Line, places: u8, prices_include_tax: bool) -> LineAmounts {
    let price = amount::sub(amount::line_amount(line.quantity, line.unit_price, places), line.discount);
    let rate = line.tax_rate.unwrap_or(0);
    if prices_include_tax {
        let tax = line.tax.unwrap_or_else(|| amount::tax_inside(price, rate, places));
        LineAmounts { net: amount::sub(price, tax), tax, gross: price }
    } else {
        let tax = line.tax.unwrap_or_else(|| amount::tax_on(price, rate, places));
        LineAmounts { net: price, tax, gross: amount::add(price, tax) }
    }
}

/// The order's total is what the sender says, else the sum of its parts.
pub(crate) fn order_amounts(row: &OrderRow, lines: &[Line], prices_include_tax: bool) -> OrderAmounts {
    let places = amount::exponent(row.currency.as_deref());
    let priced: Vec<LineAmounts> = lines.iter().map(|line| line_amounts(line, places, prices_include_tax)).collect();
    let line_tax = amount::sum(priced.iter().map(|line| line.tax));
    let tax = row.tax.unwrap_or(line_tax);
    // Tax beyond the lines' own is on shipping and the like. Where prices include tax and the lines name none, the
    // order's tax is inside the lines.
    let net = if prices_include_tax {
        let gross = amount::sum(priced.iter().map(|line| line.gross));
        let inside = if line_tax == 0 { tax } else { line_tax };
        amount::sub(gross, inside)
    } else {
        amount::sum(priced.iter().map(|line| line.net))
    };
    let (discount, shipping) = (row.discount.unwrap_or(0), row.shipping.unwrap_or(0));
    let parts = amount::add(amount::add(amount::sub(net, discount), shipping), tax);
    let total = row.total.unwrap_or(parts);
    OrderAmounts { lines: net, discount, shipping, tax, adjustment: amount::sub(total, parts), total }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: i64, unit_price: i64, tax_rate: Option<i64>) -> Line {
        Line {
            order_id: "1".to_owned(),
            place: 1,
            line_id: "1".to_owned(),
            sku: "a".to_owned(),
            name: None,
            quantity,
            unit_price,
            discount: 0,
            tax: None,
            tax_rate,
        }
    }

    #[test]
    fn tax_on_top_is_added_and_tax_inside_is_taken_out() {
        // 2 × 49.99 = 99.98; 15 % on top 15.00 (14.997), inside 13.04 (13.0408…).
        let line = line(20_000, 499_900, Some(150_000));
        let on_top = LineAmounts { net: 999_800, tax: 150_000, gross: 1_149_800 };
        let inside = LineAmounts { net: 869_400, tax: 130_400, gross: 999_800 };
        assert_eq!(line_amounts(&line, 2, false), on_top);
        assert_eq!(line_amounts(&line, 2, true), inside);
    }

    #[test]
    fn three_decimals_stay_three_decimals() {
        // 3 × 4.125 KWD = 12.375, 5 % = 0.61875 -> 0.619
        let row = OrderRow { currency: Some("KWD".to_owned()), ..OrderRow::default() };
        let amounts = order_amounts(&row, &[line(30_000, 41_250, Some(50_000))], false);
        assert_eq!((amounts.lines, amounts.tax, amounts.total), (123_750, 6_190, 129_940));
    }

    #[test]
    fn a_senders_total_stands_and_the_difference_is_shown() {
        let row = OrderRow {
            currency: Some("SAR".to_owned()),
            shipping: Some(250_000),
            discount: Some(100_000),
            total: Some(1_150_100),
            ..OrderRow::default()
        };
        // 100.00 − 10.00 + 25.00 = 115.00; told 115.01
        let amounts = order_amounts(&row, &[line(10_000, 1_000_000, None)], false);
        assert_eq!((amounts.total, amounts.adjustment), (1_150_100, 100));
    }
}
