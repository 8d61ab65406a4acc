//! What an order is told, kept so that the order of arrival does not matter: earliest and latest times, sums, and
//! contents of the newest version.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::history::{DEFAULT, Fact, Place, When};
use super::{money, state};
use crate::amount;
use crate::event::{Incoming, LineData, OrderData, OrderFact, kept, said};
use crate::settings::Shop;
use crate::told::Told;

/// The currency as `order.placed` and `order.edited` tell it, among the fields that [`Told`] numbers.
const CURRENCY_OF_LINES: u32 = 14;

/// One order, with everything that belongs to it.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) row: OrderRow,
    pub(crate) lines: Vec<Line>,
    /// What its events say about stock, in the order of time.
    pub(crate) history: BTreeMap<When, Fact>,
    /// Of them, those that are not stored yet.
    pub(crate) fresh_history: Vec<When>,
    pub(crate) parcels: BTreeMap<String, Parcel>,
    /// Provider and id of the payments that name it.
    pub(crate) payments: Vec<(String, String)>,
    /// Number and total of its invoice.
    pub(crate) invoice: Option<(String, i64)>,
    /// Sum of its credit notes.
    pub(crate) credited: i64,
    /// An order or payment event named it; a till's report of a sale alone makes no order.
    pub(crate) seen: bool,
    pub(crate) dirty: bool,
    /// Lines must be written again, over this many stored ones.
    pub(crate) lines_dirty: bool,
    pub(crate) lines_stored: bool,
}

/// The order's own columns.
#[derive(Clone, Debug, Default, FromRow)]
pub(crate) struct OrderRow {
    pub(crate) order_id: String,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) paid_at: Option<i64>,
    pub(crate) first_at: i64,
    pub(crate) updated_at: i64,
    /// Highest step of the ladder reached.
    pub(crate) rung: i64,
    pub(crate) placed_at: Option<i64>,
    pub(crate) packed_at: Option<i64>,
    pub(crate) shipped_at: Option<i64>,
    pub(crate) delivered_at: Option<i64>,
    /// Latest time that it was on its way.
    pub(crate) moving_at: Option<i64>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) cancelled_at: Option<i64>,
    pub(crate) returned_at: Option<i64>,
    pub(crate) paid_told_at: Option<i64>,
    /// A return without lines: everything came back.
    pub(crate) returned_all: bool,
    /// Sum of what returns say is paid back.
    pub(crate) returned_total: i64,
    /// Time and identity of the event whose lines and totals stand.
    pub(crate) content_at: Option<i64>,
    pub(crate) content_by: Option<String>,
    /// Who told customer, addresses and the rest.
    #[sqlx(try_from = "String")]
    pub(crate) told: Told,
    pub(crate) currency: Option<String>,
    pub(crate) subtotal: Option<i64>,
    pub(crate) discount: Option<i64>,
    pub(crate) shipping: Option<i64>,
    pub(crate) tax: Option<i64>,
    pub(crate) total: Option<i64>,
    pub(crate) payment_method: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) checkout_id: Option<String>,
    pub(crate) cart_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) customer_id: Option<String>,
    pub(crate) customer_name: Option<String>,
    pub(crate) customer_email: Option<String>,
    pub(crate) customer_phone: Option<String>,
    pub(crate) customer_tax_id: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) shipping_address: Option<String>,
    pub(crate) billing_address: Option<String>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Line {
    pub(crate) order_id: String,
    pub(crate) place: i64,
    pub(crate) line_id: String,
    pub(crate) sku: String,
    pub(crate) name: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) unit_price: i64,
    pub(crate) discount: i64,
    pub(crate) tax: Option<i64>,
    pub(crate) tax_rate: Option<i64>,
}

/// One parcel of an order; the one without id stands for parcels that nobody named.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Parcel {
    pub(crate) order_id: String,
    pub(crate) parcel_id: String,
    pub(crate) rung: i64,
    pub(crate) moving_at: Option<i64>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) shipped_at: Option<i64>,
    pub(crate) delivered_at: Option<i64>,
    pub(crate) carrier: Option<String>,
    pub(crate) tracking_number: Option<String>,
    pub(crate) tracking_url: Option<String>,
    /// Who told carrier, number and page.
    #[sqlx(try_from = "String")]
    pub(crate) told: Told,
}

/// One entry of a timeline.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) order_id: String,
    pub(crate) position: i64,
    pub(crate) event_time: i64,
    pub(crate) kind: &'static str,
    pub(crate) source: String,
    pub(crate) event_id: String,
    pub(crate) parcel_id: Option<String>,
    pub(crate) carrier: Option<String>,
    pub(crate) tracking_number: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
}

pub(crate) fn earliest(known: &mut Option<i64>, at: i64) {
    *known = Some(known.map_or(at, |known| known.min(at)));
}

pub(crate) fn latest(known: &mut Option<i64>, at: i64) {
    *known = Some(known.map_or(at, |known| known.max(at)));
}

impl Order {
    pub(crate) fn new(order_id: &str) -> Order {
        Order { row: OrderRow { order_id: order_id.to_owned(), ..OrderRow::default() }, ..Order::default() }
    }

    /// An event named it.
    pub(crate) fn touch(&mut self, at: i64) {
        self.row.first_at = if self.seen { self.row.first_at.min(at) } else { at };
        self.row.updated_at = if self.seen { self.row.updated_at.max(at) } else { at };
        self.seen = true;
        self.dirty = true;
    }

    /// Whether its lines are known.
    pub(crate) fn is_placed(&self) -> bool {
        self.row.content_at.is_some()
    }

    /// Whether there is nothing left to wait for before an invoice.
    pub(crate) fn is_billable(&self) -> bool {
        self.is_placed() && self.row.paid_at.is_some()
    }

    /// Takes one order event into the facts.
    pub(crate) fn take(&mut self, fact: OrderFact, data: &OrderData<'_>, event: &Incoming<'_>, shop: &Shop) {
        let at = event.at;
        self.touch(at);
        self.take_details(fact, data, event);
        if let Some(rung) = state::rung_of(fact) {
            self.row.rung = self.row.rung.max(rung);
        }
        match fact {
            OrderFact::Placed => earliest(&mut self.row.placed_at, at),
            OrderFact::Edited => {}
            OrderFact::Paid => earliest(&mut self.row.paid_told_at, at),
            OrderFact::Cancelled => earliest(&mut self.row.cancelled_at, at),
            OrderFact::Packed => earliest(&mut self.row.packed_at, at),
            OrderFact::Shipped => earliest(&mut self.row.shipped_at, at),
            OrderFact::OutForDelivery => {}
            OrderFact::Delivered => earliest(&mut self.row.delivered_at, at),
            OrderFact::DeliveryFailed => latest(&mut self.row.failed_at, at),
            OrderFact::Returned => self.take_return(data, at),
        }
        if matches!(fact, OrderFact::Shipped | OrderFact::OutForDelivery | OrderFact::Delivered) {
            latest(&mut self.row.moving_at, at);
        }
        if matches!(fact, OrderFact::Placed | OrderFact::Edited) {
            self.take_content(fact, data, event, shop);
        }
        self.take_parcel(fact, data, event);
        let place = |line: &LineData<'_>| ((line.sku.0.to_string(), DEFAULT.to_owned()), line.quantity.0);
        let lines: Vec<(Place, i64)> = match fact {
            OrderFact::Placed | OrderFact::Edited | OrderFact::Returned => {
                data.lines.iter().flatten().map(place).collect()
            }
            _ => Vec::new(),
        };
        self.take_stock(event, lines);
    }

    /// Lines and totals stand or fall together: the newest version has both.
    fn take_content(&mut self, fact: OrderFact, data: &OrderData<'_>, event: &Incoming<'_>, shop: &Shop) {
        let by = version(fact, event);
        if !is_newer(self.row.content_at, self.row.content_by.as_deref(), event.at, &by) {
            return;
        }
        self.row.content_at = Some(event.at);
        self.row.content_by = Some(by);
        self.lines = data
            .lines
            .iter()
            .flatten()
            .enumerate()
            .map(|(place, line)| line_of(&self.row.order_id, place, line))
            .collect();
        self.lines_dirty = true;
        let units = |units: Option<crate::event::Units>| units.map(|units| units.0);
        self.row.subtotal = units(data.subtotal);
        self.row.discount = units(data.discount);
        self.row.shipping = units(data.shipping);
        self.row.tax = units(data.tax);
        self.row.total = units(data.total);
        if self.row.total.is_none() {
            self.row.total = Some(money::order_amounts(&self.row, &self.lines, shop.prices_include_tax).total);
        }
    }

    /// Each detail is as the newest event that names it says. The fields' numbers are stored.
    fn take_details(&mut self, fact: OrderFact, data: &OrderData<'_>, event: &Incoming<'_>) {
        let (at, by) = (event.at, version(fact, event));
        let row = &mut self.row;
        let told = &mut row.told;
        if let Some(customer) = &data.customer {
            told.newest(0, &mut row.customer_id, kept(&customer.id), at, &by);
            told.newest(1, &mut row.customer_name, kept(&customer.name), at, &by);
            told.newest(2, &mut row.customer_email, kept(&customer.email), at, &by);
            told.newest(3, &mut row.customer_phone, kept(&customer.phone), at, &by);
            told.newest(4, &mut row.customer_tax_id, kept(&customer.tax_id), at, &by);
            told.newest(5, &mut row.language, kept(&customer.language), at, &by);
        }
        let object = |json: Option<&serde_json::value::RawValue>| {
            json.map(|json| json.get().to_owned()).filter(|json| json.starts_with('{'))
        };
        told.newest(6, &mut row.shipping_address, object(data.shipping_address), at, &by);
        told.newest(7, &mut row.billing_address, object(data.billing_address), at, &by);
        told.newest(8, &mut row.payment_method, kept(&data.payment_method), at, &by);
        told.newest(9, &mut row.channel, kept(&data.channel), at, &by);
        told.newest(10, &mut row.checkout_id, kept(&data.checkout_id), at, &by);
        told.newest(11, &mut row.cart_id, kept(&data.cart_id), at, &by);
        told.newest(12, &mut row.session_id, kept(&data.session_id), at, &by);
        // The currency is that of the lines; a return or the like names it only while they do not.
        let (mut unheard, currency) = (None, kept(&data.currency));
        let lines = matches!(fact, OrderFact::Placed | OrderFact::Edited);
        let known = if lines || !told.knows(CURRENCY_OF_LINES) { &mut row.currency } else { &mut unheard };
        told.newest(if lines { CURRENCY_OF_LINES } else { 13 }, known, currency, at, &by);
    }

    fn take_return(&mut self, data: &OrderData<'_>, at: i64) {
        latest(&mut self.row.returned_at, at);
        let lines = data.lines.as_deref().unwrap_or_default();
        self.row.returned_all |= lines.is_empty();
        // Exact here and rounded when it is read: the currency may become known later.
        let paid_back = data.total.map_or_else(
            || {
                amount::sum(lines.iter().map(|line| {
                    let gross = line.unit_price.map_or(0, |price| amount::line_amount(line.quantity.0, price.0, 4));
                    let gross = amount::sub(gross, line.discount.map_or(0, |discount| discount.0));
                    amount::add(gross, line.tax.map_or(0, |tax| tax.0))
                }))
            },
            |total| total.0,
        );
        self.row.returned_total = amount::add(self.row.returned_total, paid_back);
    }

    fn take_parcel(&mut self, fact: OrderFact, data: &OrderData<'_>, event: &Incoming<'_>) {
        let on_the_way = matches!(
            fact,
            OrderFact::Shipped | OrderFact::OutForDelivery | OrderFact::Delivered | OrderFact::DeliveryFailed
        );
        let named = said(&data.parcel_id).or(said(&data.tracking_number));
        if !on_the_way && (fact != OrderFact::Packed || named.is_none()) {
            return;
        }
        let parcel = self.parcels.entry(named.unwrap_or_default().to_owned()).or_default();
        let (told, at, by) = (&mut parcel.told, event.at, event.tie());
        told.newest(0, &mut parcel.carrier, kept(&data.carrier), at, &by);
        told.newest(1, &mut parcel.tracking_number, kept(&data.tracking_number), at, &by);
        told.newest(2, &mut parcel.tracking_url, kept(&data.tracking_url), at, &by);
        parcel.rung = parcel.rung.max(state::rung_of(fact).unwrap_or(0));
        match fact {
            OrderFact::DeliveryFailed => latest(&mut parcel.failed_at, event.at),
            OrderFact::Packed => {}
            _ => latest(&mut parcel.moving_at, event.at),
        }
        match fact {
            OrderFact::Shipped => earliest(&mut parcel.shipped_at, event.at),
            OrderFact::Delivered => earliest(&mut parcel.delivered_at, event.at),
            _ => {}
        }
    }
}

/// Which of two events with the same time stands: an edit over the order it edits, then by identity.
fn version(fact: OrderFact, event: &Incoming<'_>) -> String {
    format!("{}{}", if fact == OrderFact::Edited { 1 } else { 0 }, event.tie())
}

fn is_newer(known_at: Option<i64>, known_by: Option<&str>, at: i64, by: &str) -> bool {
    known_at.is_none_or(|known_at| (known_at, known_by.unwrap_or_default()) <= (at, by))
}

fn line_of(order_id: &str, place: usize, line: &LineData<'_>) -> Line {
    let place = i64::try_from(place + 1).unwrap_or(i64::MAX);
    Line {
        order_id: order_id.to_owned(),
        place,
        line_id: kept(&line.line_id).unwrap_or_else(|| place.to_string()),
        sku: line.sku.0.to_string(),
        name: kept(&line.name),
        quantity: line.quantity.0,
        unit_price: line.unit_price.map_or(0, |price| price.0),
        discount: line.discount.map_or(0, |discount| discount.0),
        tax: line.tax.map(|tax| tax.0),
        tax_rate: line.tax_rate.map(|rate| rate.0),
    }
}
