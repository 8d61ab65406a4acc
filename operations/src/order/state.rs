//! Status and payment status, as a function of the facts: whatever order they came in, the answer is the same, and
//! further facts never take an order back down the ladder.

use super::facts::Order;
use crate::amount;
use crate::event::OrderFact;

/// The ladder, lowest first. Rung 0 is an order of which only payments or the like are known yet.
pub(crate) const RUNGS: [&str; 6] = ["unknown", "placed", "packed", "shipped", "out_for_delivery", "delivered"];
const DELIVERED: i64 = 5;

pub(crate) fn rung_of(fact: OrderFact) -> Option<i64> {
    match fact {
        OrderFact::Placed | OrderFact::Edited => Some(1),
        OrderFact::Packed => Some(2),
        OrderFact::Shipped => Some(3),
        OrderFact::OutForDelivery => Some(4),
        OrderFact::Delivered => Some(DELIVERED),
        OrderFact::Paid | OrderFact::Cancelled | OrderFact::DeliveryFailed | OrderFact::Returned => None,
    }
}

/// The status of something on the ladder: a failed delivery stands until the parcel moves again.
pub(crate) fn status_text(rung: i64, moving_at: Option<i64>, failed_at: Option<i64>) -> &'static str {
    let failed = failed_at.is_some_and(|failed| moving_at.is_none_or(|moving| moving <= failed));
    if failed && rung < DELIVERED {
        return "delivery_failed";
    }
    usize::try_from(rung).ok().and_then(|rung| RUNGS.get(rung)).copied().unwrap_or(RUNGS[0])
}

/// What the payments of an order come to, in the order's currency.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paid {
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) captured_at: Option<i64>,
    pub(crate) authorized: bool,
}

impl Order {
    /// A return outranks a cancellation, which outranks the ladder.
    pub(crate) fn status(&self) -> &'static str {
        let row = &self.row;
        if row.returned_at.is_some() {
            "returned"
        } else if row.cancelled_at.is_some() {
            "cancelled"
        } else {
            status_text(row.rung, row.moving_at, row.failed_at)
        }
    }

    /// Takes over what its payments come to.
    pub(crate) fn settle(&mut self, paid: Paid) {
        let row = &mut self.row;
        row.captured = paid.captured;
        row.refunded = paid.refunded;
        let captured_enough =
            paid.captured > 0 && row.total.is_some_and(|total| row.content_at.is_some() && paid.captured >= total);
        let captured_at = paid.captured_at.filter(|_| captured_enough);
        row.paid_at = match (row.paid_told_at, captured_at) {
            (Some(told), Some(captured)) => Some(told.min(captured)),
            (told, captured) => told.or(captured),
        };
    }

    /// What was given back: refunds and returns tell of the same money, so the larger sum counts, up to the total.
    pub(crate) fn given_back(&self) -> i64 {
        let row = &self.row;
        let total = row.total.unwrap_or(0).max(0);
        // A return of everything that names no amount gives everything back.
        let told = amount::rounded(row.returned_total, amount::exponent(row.currency.as_deref()));
        let returned = if row.returned_all && row.returned_total == 0 { total } else { told };
        let given = row.refunded.max(returned);
        if self.is_placed() { given.min(total) } else { given }
    }

    pub(crate) fn payment_status(&self, authorized: bool) -> &'static str {
        let row = &self.row;
        let paid = row.paid_at.is_some();
        let taken = if paid { row.total.unwrap_or(row.captured) } else { row.captured };
        let given = if paid { self.given_back() } else { row.refunded };
        if (paid || row.captured > 0) && given > 0 {
            if given >= taken { "refunded" } else { "partially_refunded" }
        } else if paid {
            "paid"
        } else if row.payment_method.as_deref() == Some("cod") {
            "cod_pending"
        } else if authorized || row.captured > 0 {
            // Part of the money is there, or its total is not known yet.
            "authorized"
        } else {
            "unpaid"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_delivery_stands_until_the_parcel_moves_again() {
        assert_eq!(status_text(3, Some(10), Some(20)), "delivery_failed");
        assert_eq!(status_text(4, Some(30), Some(20)), "out_for_delivery");
        assert_eq!(status_text(5, Some(10), Some(20)), "delivered");
        assert_eq!(status_text(2, None, Some(20)), "delivery_failed");
        assert_eq!(status_text(3, None, None), "shipped");
    }
}
