//! The reorder rule.
//!
//! Demand is what was sold in the thirty shop days up to the latest day that is known of the stock, a thirtieth of it
//! a day. The reorder point is what the shop set for the product, else demand over the lead time and half as much
//! again, in whole pieces;
//! without either there is none, and the rule is silent. The lead time is the product's, else its supplier's, else
//! seven days. Stock is to be reordered when its position (on hand and incoming, less reserved) is at or below the
//! point. What is suggested brings the position to the point and one lead time of demand above it, at least what the
//! supplier sells, in whole packs.

use crate::amount::{self, ONE};
use crate::purchasing::{Product, Supplier};

/// Days over which demand is averaged.
pub(crate) const THIRTY_DAYS: i64 = 30;
const LEAD_TIME_DEFAULT: i64 = 7;

/// What the rule sees of one product at one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outlook {
    pub(crate) available: i64,
    pub(crate) incoming: i64,
    pub(crate) reorder_point: Option<i64>,
    /// Pieces sold in thirty days.
    pub(crate) sold: i64,
    pub(crate) lead_time_days: i64,
    pub(crate) suggested: Option<i64>,
}

/// `units × factor / divisor`, up to the next whole piece.
fn whole_pieces(units: i64, factor: i64, divisor: i64) -> i64 {
    let piece = i128::from(divisor) * i128::from(ONE);
    let pieces = (i128::from(units) * i128::from(factor) + piece - 1).div_euclid(piece);
    i64::try_from(pieces).unwrap_or(i64::MAX).saturating_mul(ONE)
}

impl Outlook {
    pub(crate) fn new(
        available: i64,
        incoming: i64,
        sold: i64,
        product: Option<&Product>,
        supplier: Option<&Supplier>,
    ) -> Outlook {
        let lead_time_days = product
            .and_then(|product| product.lead_time_days)
            .or(supplier.and_then(|supplier| supplier.lead_time_days))
            .unwrap_or(LEAD_TIME_DEFAULT)
            .clamp(0, 3_650);
        let set = product.and_then(|product| product.reorder_point);
        let sold = sold.max(0);
        // sold / 30 × lead time × 1.5, as sold × lead time × 3 / 60.
        let reorder_point = set.or((sold > 0).then(|| whole_pieces(sold, lead_time_days * 3, 2 * THIRTY_DAYS)));
        let mut outlook = Outlook { available, incoming, reorder_point, sold, lead_time_days, suggested: None };
        if let Some(point) = reorder_point.filter(|_| outlook.is_due()) {
            let cover = whole_pieces(sold, lead_time_days, THIRTY_DAYS);
            let least = product
                .and_then(|product| product.min_order_qty)
                .or(supplier.and_then(|supplier| supplier.min_order_qty))
                .unwrap_or(0);
            let needed = amount::add(amount::sub(point, outlook.position()), cover).max(least).max(ONE);
            let pack = product.and_then(|product| product.pack_size).filter(|pack| *pack > 0).unwrap_or(ONE);
            let packs = (i128::from(needed) + i128::from(pack) - 1) / i128::from(pack);
            outlook.suggested = i64::try_from(packs * i128::from(pack)).ok();
        }
        outlook
    }

    pub(crate) fn position(&self) -> i64 {
        amount::add(self.available, self.incoming)
    }

    /// At the point is due: a position equal to it lasts exactly until the delivery comes.
    pub(crate) fn is_due(&self) -> bool {
        self.reorder_point.is_some_and(|point| self.position() <= point)
    }
}

/// Pieces sold a day, to one place.
pub(crate) fn demand_text(sold: i64) -> String {
    let tenths = (i128::from(sold) * 10 + i128::from(ONE) * i128::from(THIRTY_DAYS) / 2)
        / (i128::from(ONE) * i128::from(THIRTY_DAYS));
    if tenths % 10 == 0 { format!("{}", tenths / 10) } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_is_demand_over_the_lead_time_and_half_as_much_again() {
        // 372 sold in 30 days are 12.4 a day; over 7 days 86.8, and half as much again 130.2: 131 pieces.
        let product = Product { pack_size: Some(12 * ONE), ..Product::default() };
        let outlook = Outlook::new(9 * ONE, 0, 372 * ONE, Some(&product), None);
        assert_eq!(demand_text(outlook.sold), "12.4");
        assert_eq!(outlook.reorder_point, Some(131 * ONE));
        // 131 − 9 + 87 for the lead time = 209, in packs of twelve 216.
        assert_eq!(outlook.suggested, Some(216 * ONE));
    }

    #[test]
    fn the_boundary_is_due_and_one_above_is_not() {
        let product = Product { reorder_point: Some(10 * ONE), min_order_qty: Some(24 * ONE), ..Product::default() };
        let at = |available: i64, incoming: i64| Outlook::new(available, incoming, 0, Some(&product), None);
        assert!(at(10 * ONE, 0).is_due());
        assert!(!at(11 * ONE, 0).is_due());
        assert!(!at(2 * ONE, 9 * ONE).is_due(), "an open purchase order covers it");
        assert_eq!(at(10 * ONE, 0).suggested, Some(24 * ONE));
        assert_eq!(at(11 * ONE, 0).suggested, None);
    }

    #[test]
    fn without_demand_and_without_a_set_point_the_rule_is_silent() {
        let outlook = Outlook::new(-5 * ONE, 0, 0, None, None);
        assert_eq!((outlook.reorder_point, outlook.is_due(), outlook.lead_time_days), (None, false, 7));
        assert_eq!(Outlook::new(0, 0, -ONE, None, None).reorder_point, None);
    }

    #[test]
    fn the_products_lead_time_comes_before_the_suppliers() {
        let supplier = Supplier { lead_time_days: Some(20), ..Supplier::default() };
        let product = Product { lead_time_days: Some(3), ..Product::default() };
        assert_eq!(Outlook::new(0, 0, ONE, Some(&product), Some(&supplier)).lead_time_days, 3);
        assert_eq!(Outlook::new(0, 0, ONE, None, Some(&supplier)).lead_time_days, 20);
    }
}
