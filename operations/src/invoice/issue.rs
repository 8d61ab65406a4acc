//! Issuing: a number, and the document that carries it, from what is known of the order at that moment.

use std::collections::BTreeMap;

use mizan_events::EventTime;

use super::document::{Invoice, InvoiceKind, InvoiceLine, Party, Totals};
use crate::amount;
use crate::event::{LineData, kept};
use crate::order::{Line, Order, line_amounts, order_amounts};
use crate::settings::Shop;

/// Last number given out, by series and year.
pub(crate) type Numbers = BTreeMap<(String, i64), i64>;

/// A document to be stored.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) document: Invoice,
    pub(crate) total: i64,
    pub(crate) position: i64,
}

/// When and by what a document is issued.
pub(crate) struct Issue<'i> {
    pub(crate) shop_name: &'i str,
    pub(crate) shop: &'i Shop,
    /// The moment it is dated to.
    pub(crate) at: i64,
    pub(crate) position: i64,
}

impl Issue<'_> {
    fn number(&self, series: &str, numbers: &mut Numbers) -> String {
        let year = i64::from(self.shop.date(self.at).year());
        let last = numbers.entry((series.to_owned(), year)).or_default();
        *last += 1;
        format!("{series}-{year}-{last:06}")
    }

    fn document(&self, kind: InvoiceKind, number: String, order: &Order) -> Invoice {
        let row = &order.row;
        let address = row.billing_address.as_ref().or(row.shipping_address.as_ref());
        Invoice {
            kind,
            number,
            shop: self.shop_name.to_owned(),
            order_id: row.order_id.clone(),
            credits: None,
            reason: None,
            issue_date: self.shop.date(self.at).to_string(),
            issued_at: EventTime::from_micros(self.at).to_string(),
            currency: row.currency.clone(),
            prices_include_tax: self.shop.prices_include_tax,
            seller: Party {
                name: Some(self.shop.seller.clone()),
                tax_id: self.shop.tax_id.clone(),
                address: self.shop.address.clone().map(serde_json::Value::String),
                ..Party::default()
            },
            buyer: Party {
                name: row.customer_name.clone(),
                tax_id: row.customer_tax_id.clone(),
                customer_id: row.customer_id.clone(),
                email: row.customer_email.clone(),
                phone: row.customer_phone.clone(),
                address: address.and_then(|json| serde_json::from_str(json).ok()),
            },
            lines: Vec::new(),
            totals: Totals {
                lines: String::new(),
                discount: String::new(),
                shipping: String::new(),
                tax: String::new(),
                adjustment: None,
                total: String::new(),
            },
        }
    }
}

/// The invoice of an order that is paid and whose lines are known.
pub(crate) fn invoice(order: &Order, issue: &Issue<'_>, numbers: &mut Numbers) -> Issued {
    let currency = order.row.currency.as_deref();
    let money = |units: i64| amount::money(units, currency);
    let amounts = order_amounts(&order.row, &order.lines, issue.shop.prices_include_tax);
    let mut document = issue.document(InvoiceKind::Invoice, issue.number("INV", numbers), order);
    document.lines = order.lines.iter().map(|line| invoice_line(line, currency, issue.shop)).collect();
    document.totals = Totals {
        lines: money(amounts.lines),
        discount: money(amounts.discount),
        shipping: money(amounts.shipping),
        tax: money(amounts.tax),
        adjustment: (amounts.adjustment != 0).then(|| money(amounts.adjustment)),
        total: money(amounts.total),
    };
    Issued { document, total: amounts.total, position: issue.position }
}

fn invoice_line(line: &Line, currency: Option<&str>, shop: &Shop) -> InvoiceLine {
    let money = |units: i64| amount::money(units, currency);
    let amounts = line_amounts(line, amount::exponent(currency), shop.prices_include_tax);
    let tax_told = line.tax.is_some() || line.tax_rate.is_some();
    InvoiceLine {
        line_id: line.line_id.clone(),
        sku: line.sku.clone(),
        name: line.name.clone(),
        quantity: amount::text(line.quantity, 0),
        unit_price: Some(money(line.unit_price)),
        discount: (line.discount != 0).then(|| money(line.discount)),
        tax_rate: line.tax_rate.map(|rate| amount::text(rate, 0)),
        net: (tax_told || !shop.prices_include_tax).then(|| money(amounts.net)),
        tax: tax_told.then(|| money(amounts.tax)),
        total: money(amounts.gross),
    }
}

/// A credit note over an amount, naming the invoice. Its tax is the invoice's, in proportion.
pub(crate) fn credit_note(
    order: &Order,
    credits: (&str, i64),
    credit: i64,
    lines: &[LineData<'_>],
    reason: Option<String>,
    issue: &Issue<'_>,
    numbers: &mut Numbers,
) -> Issued {
    let currency = order.row.currency.as_deref();
    let money = |units: i64| amount::money(units, currency);
    let (number, invoiced) = credits;
    let places = amount::exponent(currency);
    let of_order = order_amounts(&order.row, &order.lines, issue.shop.prices_include_tax);
    let tax = amount::share(of_order.tax, credit, invoiced, places);
    let mut document = issue.document(InvoiceKind::CreditNote, issue.number("CRN", numbers), order);
    document.credits = Some(number.to_owned());
    document.reason = reason;
    document.lines =
        lines.iter().enumerate().map(|(place, line)| returned_line(place, line, order, currency)).collect();
    document.totals = Totals {
        lines: money(amount::sub(credit, tax)),
        discount: money(0),
        shipping: money(0),
        tax: money(tax),
        adjustment: None,
        total: money(credit),
    };
    Issued { document, total: credit, position: issue.position }
}

fn returned_line(place: usize, line: &LineData<'_>, order: &Order, currency: Option<&str>) -> InvoiceLine {
    let money = |units: i64| amount::money(units, currency);
    let sold = order
        .lines
        .iter()
        .find(|sold| sold.sku == line.sku.0 && line.line_id.as_ref().is_none_or(|line_id| sold.line_id == line_id.0));
    let price = line.unit_price.map(|price| price.0).or(sold.map(|sold| sold.unit_price));
    let discount = line.discount.map_or(0, |discount| discount.0);
    let gross = price.map_or(0, |price| amount::line_amount(line.quantity.0, price, amount::exponent(currency)));
    let tax = line.tax.map(|tax| tax.0);
    let net = amount::sub(gross, discount);
    InvoiceLine {
        line_id: kept(&line.line_id)
            .or(sold.map(|sold| sold.line_id.clone()))
            .unwrap_or_else(|| (place + 1).to_string()),
        sku: line.sku.0.to_string(),
        name: kept(&line.name).or(sold.and_then(|sold| sold.name.clone())),
        quantity: amount::text(line.quantity.0, 0),
        unit_price: price.map(money),
        discount: (discount != 0).then(|| money(discount)),
        tax_rate: line.tax_rate.map(|rate| amount::text(rate.0, 0)),
        net: None,
        tax: tax.map(money),
        total: money(amount::add(net, tax.unwrap_or(0))),
    }
}
