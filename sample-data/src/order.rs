//! What an order costs, and how it is told. Every amount is whole minor units, so that sums agree by construction.
//!
//! Prices are before tax, as the events define them:
//! `total = Σ quantity × unit_price − Σ line discounts − order discount + shipping + tax`, where `tax` is the sum of the
//! lines' tax and the tax on shipping. The order's discount is shared out over the lines before their tax is reckoned.

use crate::catalogue::Product;
use crate::config::Market;
use crate::data::Data;
use crate::people::Customer;
use crate::providers::{Card, Rate};
use crate::random::Random;

/// Shipping at home, in halalas, and the cart from which it is free.
const SHIPPING: i64 = 2500;
const SHIPPING_ABROAD: i64 = 6500;
const FREE_FROM: i64 = 30_000;

/// One line with its amounts.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) product: usize,
    pub(crate) quantity: i64,
    pub(crate) unit_price: i64,
    pub(crate) discount: i64,
    /// Its part of the order's discount.
    pub(crate) share: i64,
    pub(crate) tax: i64,
}

/// An order's amounts.
#[derive(Clone)]
pub(crate) struct Quote {
    pub(crate) lines: Vec<Line>,
    pub(crate) subtotal: i64,
    pub(crate) discount: i64,
    pub(crate) shipping: i64,
    pub(crate) tax: i64,
    pub(crate) total: i64,
}

/// What takes something off the price.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reductions {
    /// Off each piece of oud and incense while a campaign runs.
    pub(crate) sale_percent: i64,
    /// Off the whole order, by coupon.
    pub(crate) coupon_percent: i64,
}

pub(crate) fn quote(
    market: Market,
    catalogue: &[Product],
    cart: &[(usize, i64)],
    abroad: bool,
    off: Reductions,
) -> Quote {
    let mut lines: Vec<Line> = cart
        .iter()
        .map(|(product, quantity)| {
            let unit_price = market.local(catalogue[*product].price);
            let on_sale = matches!(catalogue[*product].category, "oud" | "bakhoor");
            let discount = if on_sale { quantity * unit_price * off.sale_percent / 100 } else { 0 };
            Line { product: *product, quantity: *quantity, unit_price, discount, share: 0, tax: 0 }
        })
        .collect();
    let subtotal: i64 = lines.iter().map(|line| line.quantity * line.unit_price).sum();
    let goods: i64 = subtotal - lines.iter().map(|line| line.discount).sum::<i64>();
    let discount = goods * off.coupon_percent / 100;
    let mut unshared = discount;
    let last = lines.len().saturating_sub(1);
    for (place, line) in lines.iter_mut().enumerate() {
        let net = line.quantity * line.unit_price - line.discount;
        line.share = if place == last { unshared } else { net * off.coupon_percent / 100 };
        unshared -= line.share;
        line.tax = tax(market, net - line.share);
    }
    let shipping = match (abroad, goods - discount >= market.local(FREE_FROM)) {
        (true, _) => market.local(SHIPPING_ABROAD),
        (false, true) => 0,
        (false, false) => market.local(SHIPPING),
    };
    let tax = lines.iter().map(|line| line.tax).sum::<i64>() + tax(market, shipping);
    let total = goods - discount + shipping + tax;
    Quote { lines, subtotal, discount, shipping, tax, total }
}

/// Tax on an amount, rounded half up to the minor unit.
fn tax(market: Market, amount: i64) -> i64 {
    (amount * market.tax_percent() + 50) / 100
}

/// An order that was placed.
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) customer: Customer,
    pub(crate) language: &'static str,
    pub(crate) quote: Quote,
    pub(crate) method: &'static str,
    pub(crate) rate: Option<&'static Rate>,
    pub(crate) card: Option<Card>,
    pub(crate) payment_id: String,
    pub(crate) attempt_id: String,
    pub(crate) session_id: String,
    pub(crate) cart_id: String,
    pub(crate) checkout_id: String,
    pub(crate) paid: bool,
    pub(crate) delivered: bool,
    /// How often the carrier has rung the bell.
    pub(crate) deliveries: u32,
    pub(crate) carrier: &'static str,
    pub(crate) tracking_number: String,
    /// What came back, to be paid back.
    pub(crate) refund: i64,
    pub(crate) random: Random,
}

impl Order {
    pub(crate) fn provider(&self) -> &'static str {
        self.rate.map_or("cod", |rate| rate.provider)
    }

    /// The data of `order.placed`.
    pub(crate) fn placed(&self, market: Market, catalogue: &[Product]) -> String {
        let mut data = Data::new(market);
        data.text("order_id", &self.id).object("customer", |customer| self.customer.write(customer));
        data.list("lines", &self.quote.lines, |place, line, data| {
            self.write_line(place, line, line.discount, catalogue, data);
            data.quantity("tax_rate", market.tax_percent());
        });
        data.money("subtotal", self.quote.subtotal)
            .money("discount", self.quote.discount)
            .money("shipping", self.quote.shipping)
            .money("tax", self.quote.tax)
            .money("total", self.quote.total)
            .currency()
            .text("payment_method", self.method)
            .text("checkout_id", &self.checkout_id)
            .text("cart_id", &self.cart_id)
            .text("session_id", &self.session_id)
            .text("channel", "online")
            .object("shipping_address", |address| self.customer.write_address(address))
            .object("billing_address", |address| self.customer.write_address(address));
        data.finish()
    }

    /// The data of `order.returned` for some of the lines. A line's discount holds its part of the order's discount, so
    /// that quantity × price − discount is the value of the goods that came back.
    pub(crate) fn returned(&self, market: Market, catalogue: &[Product], places: &[usize], reason: &str) -> String {
        let mut data = Data::new(market);
        data.text("order_id", &self.id);
        data.list("lines", places, |_, place, data| {
            let line = &self.quote.lines[*place];
            self.write_line(*place, line, line.discount + line.share, catalogue, data);
        });
        if self.refund > 0 {
            data.money("total", self.refund);
        }
        data.currency().text("reason", reason);
        data.finish()
    }

    /// What some of the lines are worth: goods after discounts, and their tax.
    pub(crate) fn worth(&self, places: &[usize]) -> i64 {
        let worth = |line: &Line| line.quantity * line.unit_price - line.discount - line.share + line.tax;
        places.iter().map(|place| worth(&self.quote.lines[*place])).sum()
    }

    fn write_line(&self, place: usize, line: &Line, discount: i64, catalogue: &[Product], data: &mut Data) {
        let product = &catalogue[line.product];
        data.quantity("line_id", place as i64 + 1)
            .text("sku", product.sku)
            .text("name", product.name(self.language))
            .text("category", product.category)
            .quantity("quantity", line.quantity)
            .money("unit_price", line.unit_price)
            .money("discount", discount)
            .money("tax", line.tax);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::PRODUCTS;

    #[test]
    fn an_order_worked_by_hand_costs_what_it_should() {
        // 2 × 89.00 incense at 15 % off, 1 × 39.00 coffee, 10 % coupon: goods 178.00 − 26.70 + 39.00 = 190.30,
        // coupon 19.03 (15.13 on the incense, 3.90 on the coffee), shipping 25.00,
        // tax 15 % of 136.17 = 20.43, of 35.10 = 5.27 (5.265 up), of 25.00 = 3.75.
        let off = Reductions { sale_percent: 15, coupon_percent: 10 };
        let quote = quote(Market::Riyadh, &PRODUCTS, &[(3, 2), (0, 1)], false, off);
        assert_eq!((quote.subtotal, quote.discount, quote.shipping), (21_700, 1903, 2500));
        assert_eq!(quote.lines.iter().map(|line| line.tax).collect::<Vec<_>>(), [2043, 527]);
        assert_eq!((quote.tax, quote.total), (2945, 19_030 - 1903 + 2500 + 2945));
    }
}
