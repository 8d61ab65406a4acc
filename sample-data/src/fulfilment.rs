//! What becomes of an order: captured, packed, carried, delivered, and sometimes cancelled, refused or sent back.

use crate::data::Data;
use crate::providers;
use crate::schedule::{DAY, HOUR, Instant, MINUTE, SECOND};
use crate::shop::{Action, Shop};

/// What happens to an order next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Capture,
    Cancel,
    Pack,
    Ship,
    OutForDelivery,
    Deliver,
    Return,
    Refund,
}

impl Shop {
    pub(crate) fn schedule_stage(&mut self, order: usize, stage: Stage, at: Instant) {
        self.schedule.at(at, Action::Order(order, stage));
    }

    /// Decides what the merchant and the customer do with a new order.
    pub(crate) fn accept(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        let regretted = if order.rate.is_none() { 45 } else { 25 };
        if order.random.chance(regretted) {
            let when = at + order.random.between(10 * MINUTE, 5 * HOUR);
            self.schedule_stage(number, Stage::Cancel, when);
        } else {
            let ready = at + order.random.between(30 * MINUTE, 5 * HOUR);
            let when = self.working(ready);
            self.schedule_stage(number, Stage::Pack, when);
        }
    }

    pub(crate) fn carry_on(&mut self, number: usize, stage: Stage, at: Instant) {
        match stage {
            Stage::Capture => self.capture(number, at),
            Stage::Cancel => self.cancel(number, at),
            Stage::Pack => self.pack(number, at),
            Stage::Ship => self.ship(number, at),
            Stage::OutForDelivery => self.out_for_delivery(number, at),
            Stage::Deliver => self.deliver(number, at),
            Stage::Return => self.take_back(number, at),
            Stage::Refund => self.refund(number, at),
        }
    }

    fn capture(&mut self, number: usize, at: Instant) {
        let market = self.config.market;
        let order = &mut self.orders[number];
        order.paid = true;
        let order = &self.orders[number];
        let total = order.quote.total;
        let fee = order.rate.map_or_else(|| providers::cash_fee(market), |rate| rate.fee(market, total));
        let mut data = self.payment_of(order, total);
        data.money("fee", fee);
        let paid = self.about_order(number);
        self.tell("payment.captured", &data.finish(), at);
        self.tell_at(at + 400, "order.paid", paid.finish());
    }

    fn cancel(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        let reason = ["customer changed their mind", "ordered twice", "address outside the delivery area"]
            [order.random.weighted([6, 3, 2].into_iter())];
        let (paid, online) = (order.paid, order.rate.is_some());
        let later = at + order.random.between(5 * MINUTE, 2 * HOUR);
        self.stockroom.put_back(self.orders[number].quote.lines.iter());
        let mut data = self.about_order(number);
        data.text("reason", reason);
        self.tell("order.cancelled", &data.finish(), at);
        if paid {
            self.orders[number].refund = self.orders[number].quote.total;
            self.schedule_stage(number, Stage::Refund, later);
        } else if online {
            let order = &self.orders[number];
            let mut data = self.payment_of(order, order.quote.total);
            data.text("reason", "order cancelled");
            self.tell_at(later, "payment.voided", data.finish());
        }
    }

    fn pack(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        let captured_now = order.rate.is_some_and(|rate| rate.captured_later);
        let collected = at + order.random.between(HOUR, 8 * HOUR);
        let data = self.about_parcel(number);
        self.tell("order.packed", &data.finish(), at);
        if captured_now {
            self.schedule_stage(number, Stage::Capture, at + 3 * SECOND);
        }
        let when = self.working(collected);
        self.schedule_stage(number, Stage::Ship, when);
    }

    fn ship(&mut self, number: usize, at: Instant) {
        let home = self.config.market.country();
        let order = &mut self.orders[number];
        let abroad = order.customer.country() != home;
        let (carrier, prefix) = match (abroad, order.random.below(10)) {
            (true, _) => ("aramex", "AX"),
            (false, 0..=5) => ("smsa", "SM"),
            (false, _) => ("spl", "SP"),
        };
        order.carrier = carrier;
        order.tracking_number = format!("{prefix}{:09}", order.random.below(1_000_000_000));
        let days = if abroad { order.random.between(3, 6) } else { order.random.between(1, 3) };
        let data = self.about_parcel(number);
        self.tell("order.shipped", &data.finish(), at);
        let when = self.morning_after(number, at, days);
        self.schedule_stage(number, Stage::OutForDelivery, when);
    }

    fn out_for_delivery(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        order.deliveries += 1;
        let when = at + order.random.between(2 * HOUR, 9 * HOUR);
        let data = self.about_parcel(number);
        self.tell("order.out_for_delivery", &data.finish(), at);
        self.schedule_stage(number, Stage::Deliver, when);
    }

    fn deliver(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        let cash = order.rate.is_none();
        let fails = if cash { 110 } else { 40 };
        if order.random.chance(fails) {
            return self.fail_to_deliver(number, at);
        }
        order.delivered = true;
        let comes_back = order.random.chance(60);
        let when = at + order.random.between(2 * DAY, 9 * DAY);
        let data = self.about_parcel(number);
        self.tell("order.delivered", &data.finish(), at);
        if cash {
            self.schedule_stage(number, Stage::Capture, at + SECOND);
        }
        if comes_back {
            self.schedule_stage(number, Stage::Return, when);
        }
    }

    fn fail_to_deliver(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        let reason = ["nobody at home", "customer does not answer", "customer refused the parcel"]
            [order.random.weighted([4, 3, 2].into_iter())];
        let once_more = order.deliveries < 2 && reason != "customer refused the parcel";
        let back = at + order.random.between(2 * DAY, 4 * DAY);
        let mut data = self.about_parcel(number);
        data.text("reason", reason);
        self.tell("order.delivery_failed", &data.finish(), at);
        if once_more {
            let when = self.morning_after(number, at, 1);
            self.schedule_stage(number, Stage::OutForDelivery, when);
        } else {
            self.schedule_stage(number, Stage::Return, back);
        }
    }

    /// Goods come back: the whole parcel when it was never taken, else often one line only.
    fn take_back(&mut self, number: usize, at: Instant) {
        let order = &mut self.orders[number];
        let all: Vec<usize> = (0..order.quote.lines.len()).collect();
        let (places, reason) = if !order.delivered {
            (all, "not delivered")
        } else {
            let one = order.random.chance(650);
            let reason = ["not as expected", "damaged on the way", "wrong product sent", "gift not liked"]
                [order.random.weighted([5, 3, 1, 2].into_iter())];
            (if one { vec![order.random.below(all.len() as u64) as usize] } else { all }, reason)
        };
        order.refund = match (order.paid, order.delivered) {
            (false, _) => 0,
            // Who never got the parcel gets the shipping back too.
            (true, false) => order.quote.total,
            (true, true) => order.worth(&places),
        };
        let when = at + order.random.between(3 * HOUR, 3 * DAY);
        let order = &self.orders[number];
        let owed = order.refund > 0;
        let data = order.returned(self.config.market, self.catalogue, &places, reason);
        self.stockroom.put_back(places.iter().map(|place| &order.quote.lines[*place]));
        self.tell("order.returned", &data, at);
        if owed {
            self.schedule_stage(number, Stage::Refund, when);
        }
    }

    fn refund(&mut self, number: usize, at: Instant) {
        let order = &self.orders[number];
        let mut data = self.payment_of(order, order.refund);
        data.text("refund_id", &format!("re-{}", order.id)).text("reason", "requested_by_customer");
        self.tell("payment.refunded", &data.finish(), at);
    }

    fn about_order(&self, number: usize) -> Data {
        let mut data = self.data();
        data.text("order_id", &self.orders[number].id);
        data
    }

    fn about_parcel(&self, number: usize) -> Data {
        let order = &self.orders[number];
        let mut data = self.about_order(number);
        data.text("parcel_id", &format!("{}-1", order.id)).known("carrier", order.carrier);
        if !order.tracking_number.is_empty() {
            data.text("tracking_number", &order.tracking_number)
                .text("tracking_url", &format!("https://track.{}.example/{}", order.carrier, order.tracking_number));
        }
        data
    }

    /// Between eight and eleven in the morning, some days later.
    fn morning_after(&mut self, number: usize, at: Instant, days: i64) -> Instant {
        let ahead = self.config.market.hours_ahead() * HOUR;
        let midnight = (at + ahead).div_euclid(DAY) * DAY - ahead;
        midnight + days * DAY + self.orders[number].random.between(8 * HOUR, 11 * HOUR)
    }
}
