//! Shelves, suppliers and purchase orders. Stock is what orders really took, so that the ledger of events adds up.
//!
//! The merchant looks at the shelves every morning and orders in time, except for products that nobody watches: those
//! run low and out, which is what a stock report is for.

use crate::catalogue::SUPPLIERS;
use crate::data::Data;
use crate::order::Line;
use crate::random::Random;
use crate::schedule::{DAY, HOUR, Instant, MINUTE};
use crate::shop::{Action, Shop};

pub(crate) struct Stockroom {
    /// Pieces on hand of each product; below zero when more was sold than there was.
    pub(crate) on_hand: Vec<i64>,
    incoming: Vec<i64>,
    purchase_orders: Vec<PurchaseOrder>,
}

struct PurchaseOrder {
    id: String,
    product: usize,
    quantity: i64,
}

impl Stockroom {
    pub(crate) fn new(products: usize) -> Stockroom {
        Stockroom { on_hand: vec![0; products], incoming: vec![0; products], purchase_orders: Vec::new() }
    }

    pub(crate) fn take(&mut self, lines: &[Line]) {
        for line in lines {
            self.on_hand[line.product] -= line.quantity;
        }
    }

    pub(crate) fn put_back<'a>(&mut self, lines: impl Iterator<Item = &'a Line>) {
        for line in lines {
            self.on_hand[line.product] += line.quantity;
        }
    }
}

impl Shop {
    /// The first morning: suppliers, products, and what is on the shelves.
    pub(crate) fn stock_up(&mut self, at: Instant) {
        for supplier in &SUPPLIERS {
            let mut data = self.data();
            data.text("supplier", supplier.id)
                .text("name", supplier.name)
                .whole("lead_time_days", supplier.lead_time_days);
            self.tell("supplier.upserted", &data.finish(), at);
        }
        let mut random = Random::of(self.key, 2, 0);
        for (place, product) in self.catalogue.iter().enumerate() {
            let supplier = &SUPPLIERS[product.supplier];
            let market = self.config.market;
            let mut data = self.data();
            data.text("sku", product.sku)
                .text("name", &format!("{} · {}", product.arabic, product.english))
                .text("category", product.category)
                .money("unit_price", market.local(product.price))
                .money("unit_cost", market.local(product.cost))
                .currency()
                .text("supplier", supplier.id)
                .whole("lead_time_days", supplier.lead_time_days)
                .quantity("min_order_qty", product.min_order)
                .quantity("pack_size", product.pack_size);
            self.tell("product.upserted", &data.finish(), at);

            let days = if product.neglected() { random.between(9, 16) } else { random.between(24, 40) };
            let pieces = packs(self.daily(place, 0, days), product.pack_size, product.pack_size);
            self.stockroom.on_hand[place] = pieces;
            let mut data = self.data();
            data.text("sku", product.sku)
                .quantity("quantity", pieces)
                .text("reason", "opening stock")
                .money("unit_cost", market.local(product.cost))
                .currency()
                .text("supplier", supplier.id);
            self.tell("inventory.received", &data.finish(), at);
        }
    }

    /// The merchant's morning round: what to order, what to count, what is broken.
    pub(crate) fn go_through_shelves(&mut self, day: i64, at: Instant) {
        let mut random = Random::of(self.key, 3, day.unsigned_abs());
        for place in 0..self.catalogue.len() {
            let when = at + random.between(0, 90) * MINUTE;
            self.reorder(place, day, when, &mut random);
            if day > 0 && (day + 7 * place as i64) % 30 == 0 {
                self.count(place, at, &mut random);
            } else if random.chance(12) && self.stockroom.on_hand[place] > 3 {
                self.write_off(place, at, &mut random);
            }
        }
    }

    fn reorder(&mut self, place: usize, day: i64, when: Instant, random: &mut Random) {
        let product = &self.catalogue[place];
        let supplier = &SUPPLIERS[product.supplier];
        let watched_days = supplier.lead_time_days + supplier.late_days + 7;
        let cover = if product.neglected() { supplier.lead_time_days / 3 } else { watched_days };
        let position = self.stockroom.on_hand[place] + self.stockroom.incoming[place];
        if position > self.daily(place, day, cover) {
            return;
        }
        let wanted = self.daily(place, day, cover + random.between(18, 28)) - position;
        let quantity = packs(wanted, product.pack_size, product.min_order);
        let order = self.stockroom.purchase_orders.len();
        let id = format!("PO-{}", 1001 + order);
        self.stockroom.incoming[place] += quantity;
        self.stockroom.purchase_orders.push(PurchaseOrder { id, product: place, quantity });
        let cancelled = random.chance(20);
        let days = supplier.lead_time_days + random.between(-1, supplier.late_days);
        let arrives = when + if cancelled { DAY } else { days.max(1) * DAY } + random.between(0, 5) * HOUR;

        let eta = jiff::Timestamp::from_millisecond(when + supplier.lead_time_days * DAY).unwrap_or_default();
        let mut data = self.purchase(order, quantity);
        data.text("eta", &eta.to_string());
        self.tell_at(when, "purchase_order.placed", data.finish());
        self.schedule.at(arrives, Action::Supply { order, cancelled });
    }

    /// A purchase order arrives, one time in twenty not in full, or the supplier calls it off.
    pub(crate) fn supply(&mut self, order: usize, cancelled: bool, at: Instant) {
        let (place, ordered) = {
            let order = &self.stockroom.purchase_orders[order];
            (order.product, order.quantity)
        };
        let mut random = Random::of(self.key, 4, order as u64);
        let missing = if random.chance(50) { ordered / 10 } else { 0 };
        let arrived = if cancelled { 0 } else { ordered - missing };
        self.stockroom.incoming[place] -= ordered;
        if arrived > 0 {
            self.stockroom.on_hand[place] += arrived;
            let data = self.purchase(order, arrived);
            self.tell("purchase_order.received", &data.finish(), at);
        }
        if arrived < ordered {
            let mut data = self.data();
            data.text("purchase_order_id", &self.stockroom.purchase_orders[order].id)
                .text("sku", self.catalogue[place].sku)
                .quantity("quantity", ordered - arrived)
                .text("reason", "supplier has no more");
            self.tell("purchase_order.cancelled", &data.finish(), at);
        }
    }

    fn count(&mut self, place: usize, at: Instant, random: &mut Random) {
        let off = match random.below(10) {
            0..=5 => 0,
            6..=8 => -random.between(1, 2),
            _ => 1,
        };
        let found = (self.stockroom.on_hand[place] + off).max(0);
        self.stockroom.on_hand[place] = found;
        let mut data = self.data();
        data.text("sku", self.catalogue[place].sku).quantity("on_hand", found).text("reason", "monthly count");
        self.tell("inventory.counted", &data.finish(), at);
    }

    fn write_off(&mut self, place: usize, at: Instant, random: &mut Random) {
        let pieces = random.between(1, 2);
        let reason = ["damaged in the stockroom", "tester for the showroom", "past its date"][random.below(3) as usize];
        self.stockroom.on_hand[place] -= pieces;
        let mut data = self.data();
        data.text("sku", self.catalogue[place].sku).quantity("quantity", -pieces).text("reason", reason);
        self.tell("inventory.adjusted", &data.finish(), at);
    }

    fn purchase(&self, order: usize, quantity: i64) -> Data {
        let order = &self.stockroom.purchase_orders[order];
        let product = &self.catalogue[order.product];
        let mut data = self.data();
        data.text("purchase_order_id", &order.id)
            .text("sku", product.sku)
            .quantity("quantity", quantity)
            .money("unit_cost", self.config.market.local(product.cost))
            .currency()
            .text("supplier", SUPPLIERS[product.supplier].id);
        data
    }

    /// Pieces of a product that sell in some days, as the merchant has learnt to expect.
    fn daily(&self, place: usize, day: i64, days: i64) -> i64 {
        // 26 orders in a thousand visits, 2.6 pieces an order, shared by popularity; in millionths of a piece.
        let visits = i64::from(self.config.sessions_per_day);
        let grown = visits * (1000 + i64::from(self.config.growth_per_mille) * day) / 1000;
        let pieces = grown * 26 * 2600 * i64::from(self.config.willingness_percent) / 100;
        let all: u64 = self.catalogue.iter().map(|product| product.popularity).sum();
        let share = |amount: i64| amount * self.catalogue[place].popularity as i64 / all.max(1) as i64;
        share(pieces * days).div_euclid(1_000_000) + 1
    }

    pub(crate) fn data(&self) -> Data {
        Data::new(self.config.market)
    }
}

/// At least `least`, rounded up to whole packs.
fn packs(pieces: i64, pack_size: i64, least: i64) -> i64 {
    (pieces.max(least) + pack_size - 1) / pack_size * pack_size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_to_suppliers_are_whole_packs_and_at_least_the_minimum() {
        assert_eq!(packs(13, 6, 12), 18);
        assert_eq!(packs(3, 6, 12), 12);
        assert_eq!(packs(24, 12, 12), 24);
    }
}
