//! From the choice of a payment method to an order, or to a declined card and an abandoned checkout.

use crate::data::Data;
use crate::fulfilment::Stage;
use crate::order::Order;
use crate::people::Customer;
use crate::providers::{self, Card, Rate};
use crate::random::Random;
use crate::schedule::{Instant, MINUTE, SECOND};
use crate::shop::Shop;
use crate::visit::{Step, Visit};

/// A payment that is being made.
pub(crate) struct Payment {
    pub(crate) id: String,
    rate: &'static Rate,
    card: Option<Card>,
}

impl Shop {
    pub(crate) fn choose_payment(&mut self, mut visit: Box<Visit>, at: Instant) {
        let visitor = &self.visitors[visit.visitor];
        let at_home = visitor.country == self.config.market.country();
        let method = providers::choose_method(self.config.market, at_home, &mut visit.random);
        let Some(checkout) = &mut visit.checkout else { return };
        checkout.method = method;
        let total = checkout.quote.total;
        let mut data = self.storefront(&visit, "/checkout/payment");
        data.text("payment_method", method).money("value", total).currency();
        self.tell("storefront.add_payment_info", &data.finish(), at);
        if !visit.random.chance(930) {
            return self.leave(visit, at);
        }
        let when = at + visit.random.between(10 * SECOND, 60 * SECOND);
        let cash = method == "cod";
        if !self.check_stock(&mut visit, at) {
            return self.leave(visit, at);
        }
        self.then(visit, if cash { Step::Place } else { Step::Pay }, when);
    }

    /// Takes out of the cart what has sold out since, nine times in ten; the tenth is sold all the same, and oversold.
    fn check_stock(&mut self, visit: &mut Visit, at: Instant) -> bool {
        let lines = visit.cart.as_ref().map(|cart| cart.lines.clone()).unwrap_or_default();
        let short: Vec<_> = lines
            .into_iter()
            .filter(|(product, quantity)| self.stockroom.on_hand[*product] < *quantity && visit.random.chance(900))
            .collect();
        for (product, quantity) in &short {
            let data = self.about(visit, *product, *quantity);
            self.tell("storefront.remove_from_cart", &data, at);
        }
        if let Some(cart) = &mut visit.cart {
            cart.lines.retain(|line| !short.contains(line));
            if cart.lines.is_empty() {
                visit.cart = None;
                return false;
            }
        }
        if !short.is_empty()
            && let Some(quote) = self.requote(visit, at)
            && let Some(checkout) = &mut visit.checkout
        {
            checkout.quote = quote;
        }
        true
    }

    /// One attempt to take the money online.
    pub(crate) fn pay(&mut self, mut visit: Box<Visit>, at: Instant) {
        let market = self.config.market;
        let country = self.visitors[visit.visitor].country;
        let Visit { checkout: Some(checkout), random, .. } = &mut *visit else { return };
        checkout.attempts += 1;
        let attempt = checkout.attempts;
        if checkout.payment.is_none() {
            let rate = providers::route(market, checkout.method, random);
            let card = providers::card(checkout.method, country, random);
            // A payment is one checkout's with one provider; its attempts share it.
            let id = format!("pay-{}-{attempt}", checkout.id.trim_start_matches("k-"));
            checkout.payment = Some(Payment { id, rate, card });
        }
        let Some(payment) = &checkout.payment else { return };
        let approved = payment.rate.approved;
        let mut data = self.data();
        write_payment(&mut data, payment, &checkout.id, attempt);
        data.money("amount", checkout.quote.total).currency();
        self.tell("payment.initiated", &data.finish(), at);

        let answered = at + random.between(4 * SECOND, 45 * SECOND);
        if random.chance(20) {
            // Walked away from the bank's page: nothing more is ever heard of the attempt.
            return self.leave(visit, at);
        }
        // Who was declined once is declined more easily again.
        if random.chance(approved.saturating_sub(u64::from(attempt - 1) * 120)) {
            return self.then(visit, Step::Approved, answered);
        }
        self.declined(visit, attempt, answered);
    }

    fn declined(&mut self, mut visit: Box<Visit>, attempt: u32, at: Instant) {
        let home = self.config.market.country() == self.visitors[visit.visitor].country;
        let Visit { checkout: Some(checkout), random, .. } = &mut *visit else { return };
        let Some(payment) = &checkout.payment else { return };
        let decline = providers::decline(random);
        let mut data = self.data();
        write_payment(&mut data, payment, &checkout.id, attempt);
        data.money("amount", checkout.quote.total).currency().object("decline", |data| {
            data.text("code", decline.code)
                .text("network_code", decline.network)
                .known("advice_code", decline.advice)
                .text("message", decline.message);
        });
        if payment.card.is_some() {
            data.text("three_ds", if decline.code == "authentication_failed" { "failed" } else { "authenticated" });
        }
        self.tell_at(at, "payment.failed", data.finish());
        let again = at + random.between(20 * SECOND, 3 * MINUTE);
        match random.below(100) {
            // The same card once more, another way to pay, cash instead, or nothing.
            0..=27 if attempt < 3 => self.then(visit, Step::Pay, again),
            28..=47 if attempt < 3 => {
                checkout.payment = None;
                let method = providers::choose_method(self.config.market, home, random);
                checkout.method = method;
                self.then(visit, if method == "cod" { Step::Place } else { Step::Pay }, again);
            }
            _ => self.leave(visit, at),
        }
    }

    pub(crate) fn approved(&mut self, visit: Box<Visit>, at: Instant) {
        let Some(checkout) = &visit.checkout else { return };
        let Some(payment) = &checkout.payment else { return };
        let mut data = self.data();
        write_payment(&mut data, payment, &checkout.id, checkout.attempts);
        data.money("amount", checkout.quote.total).currency();
        if payment.card.is_some() {
            data.text("three_ds", "authenticated");
        }
        self.tell("payment.authorized", &data.finish(), at);
        self.then(visit, Step::Place, at + 300);
    }

    /// The order is placed, and takes its stock.
    pub(crate) fn place(&mut self, mut visit: Box<Visit>, at: Instant) {
        let (Some(cart), Some(checkout)) = (visit.cart.take(), visit.checkout.take()) else { return };
        let customer = self.customer_of(&mut visit);
        let number = self.orders.len();
        let id = (10_001 + number).to_string();
        let (payment_id, rate, card) = match checkout.payment {
            Some(payment) => (payment.id, Some(payment.rate), payment.card),
            None => (format!("cod-{id}"), None, None),
        };
        let order = Order {
            attempt_id: format!("{payment_id}-a{}", if rate.is_some() { checkout.attempts } else { 1 }),
            id,
            customer,
            language: self.visitors[visit.visitor].language,
            quote: checkout.quote,
            method: checkout.method,
            rate,
            card,
            payment_id,
            session_id: visit.session_id.clone(),
            cart_id: cart.id.clone(),
            checkout_id: checkout.id,
            paid: false,
            delivered: false,
            deliveries: 0,
            carrier: "",
            tracking_number: String::new(),
            refund: 0,
            random: Random::of(self.key, 6, number as u64),
        };
        self.visitors[visit.visitor].cart = None;
        self.stockroom.take(&order.quote.lines);
        let placed = order.placed(self.config.market, self.catalogue);
        self.tell("order.placed", &placed, at);

        let mut data = self.storefront(&visit, "/checkout/thanks");
        data.text("cart_id", &order.cart_id)
            .text("checkout_id", &order.checkout_id)
            .text("order_id", &order.id)
            .text("payment_method", order.method)
            .money("shipping", order.quote.shipping)
            .money("value", order.quote.total)
            .currency();
        self.items(&mut data, &visit, &cart.lines);
        self.tell_at(at + 700, "storefront.purchase", data.finish());

        match order.rate {
            None => {
                let data = self.payment_of(&order, order.quote.total);
                self.tell_at(at + 200, "payment.initiated", data.finish());
            }
            Some(rate) if !rate.captured_later => self.schedule_stage(number, Stage::Capture, at + 2 * SECOND),
            Some(_) => {}
        }
        self.orders.push(order);
        self.accept(number, at);
    }

    fn customer_of(&mut self, visit: &mut Visit) -> Customer {
        let number = match self.visitors[visit.visitor].customer {
            Some(number) => number,
            None => {
                let number = self.customers.len();
                let visitor = &self.visitors[visit.visitor];
                self.customers.push(Customer::new(self.key, number, visitor, &mut visit.random));
                self.visitors[visit.visitor].customer = Some(number);
                number
            }
        };
        self.customers[number].clone()
    }

    /// The data of a payment event of an order, up to the amount.
    pub(crate) fn payment_of(&self, order: &Order, amount: i64) -> Data {
        let mut data = self.data();
        data.text("payment_id", &order.payment_id)
            .text("attempt_id", &order.attempt_id)
            .text("order_id", &order.id)
            .text("checkout_id", &order.checkout_id)
            .text("provider", order.provider())
            .text("method", order.method);
        write_card(&mut data, order.card.as_ref());
        data.money("amount", amount).currency();
        data
    }
}

/// The name of one attempt of a payment.
fn write_payment(data: &mut Data, payment: &Payment, checkout_id: &str, attempt: u32) {
    data.text("payment_id", &payment.id)
        .text("attempt_id", &format!("{}-a{attempt}", payment.id))
        .text("checkout_id", checkout_id)
        .text("provider", payment.rate.provider)
        .text("method", payment.rate.method);
    write_card(data, payment.card.as_ref());
}

fn write_card(data: &mut Data, card: Option<&Card>) {
    if let Some(card) = card {
        data.object("card", |data| {
            data.text("brand", card.brand)
                .text("country", card.country)
                .text("funding", card.funding)
                .text("bin", card.bin)
                .text("last4", &card.last4);
        });
    }
}
