//! The stock of one shop, and the ledger of what moves it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::FromRow;

use super::alert::{Alert, AlertKind};
use super::reorder::{Outlook, THIRTY_DAYS};
use crate::amount;
use crate::event::Incoming;
use crate::purchasing::{Product, Supplier};

/// Stock of one product at one location.
#[derive(Debug, Default, FromRow)]
pub(crate) struct Stock {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) incoming: i64,
    pub(crate) reorder_point: Option<i64>,
    pub(crate) updated_at: i64,
    /// Pieces sold by shop day.
    #[sqlx(skip)]
    pub(crate) sold: BTreeMap<i64, i64>,
    #[sqlx(skip)]
    pub(crate) sold_dirty: BTreeSet<i64>,
    /// Open alerts, one a kind.
    #[sqlx(skip)]
    pub(crate) alerts: [Option<Alert>; 3],
    #[sqlx(skip)]
    pub(crate) dirty: bool,
}

impl Stock {
    pub(crate) fn available(&self) -> i64 {
        amount::sub(self.on_hand, self.reserved)
    }

    /// 0 out, 1 low, 2 ok: the order in which a person wants to see them.
    pub(crate) fn state(&self) -> i64 {
        if self.available() <= 0 {
            0
        } else if self.reorder_point.is_some_and(|point| self.available() <= point) {
            1
        } else {
            2
        }
    }

    fn sold_in_thirty_days(&self, day: i64) -> i64 {
        amount::sum(self.sold.range(day - THIRTY_DAYS + 1..=day).map(|(_, sold)| *sold))
    }
}

/// One change of stock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) incoming: i64,
    /// Whether it is demand: sold, or a sale undone.
    pub(crate) sale: bool,
}

/// One row of the ledger.
#[derive(Debug)]
pub(crate) struct Movement {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) position: i64,
    pub(crate) event_time: i64,
    pub(crate) kind: &'static str,
    pub(crate) source: String,
    pub(crate) event_id: String,
    pub(crate) order_id: Option<String>,
    pub(crate) purchase_order_id: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) change: Change,
    pub(crate) on_hand: i64,
}

/// Stock, products and suppliers of one shop.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// By SKU and location.
    pub(crate) stock: BTreeMap<(String, String), Stock>,
    pub(crate) products: HashMap<String, Product>,
    pub(crate) suppliers: HashMap<String, Supplier>,
    pub(crate) movements: Vec<Movement>,
    /// Alerts that were closed.
    pub(crate) closed: Vec<Alert>,
}

/// The event that moves stock, with what the ledger says of it.
pub(crate) struct Cause<'e> {
    pub(crate) event: &'e Incoming<'e>,
    pub(crate) day: i64,
    pub(crate) order_id: Option<&'e str>,
    pub(crate) purchase_order_id: Option<&'e str>,
    pub(crate) reason: Option<&'e str>,
}

impl Shelf {
    /// Pieces on hand.
    pub(crate) fn on_hand(&self, sku: &str, location: &str) -> i64 {
        self.stock.get(&(sku.to_owned(), location.to_owned())).map_or(0, |stock| stock.on_hand)
    }

    /// Books one change and looks at what follows from it.
    pub(crate) fn book(&mut self, sku: &str, location: &str, change: Change, cause: &Cause<'_>) {
        let event = cause.event;
        let stock = self.stock.entry((sku.to_owned(), location.to_owned())).or_insert_with(|| Stock {
            sku: sku.to_owned(),
            location: location.to_owned(),
            updated_at: event.at,
            ..Stock::default()
        });
        stock.on_hand = amount::add(stock.on_hand, change.on_hand);
        stock.reserved = amount::add(stock.reserved, change.reserved);
        stock.incoming = amount::add(stock.incoming, change.incoming);
        stock.updated_at = stock.updated_at.max(event.at);
        stock.dirty = true;
        if change.sale {
            let sold = stock.sold.entry(cause.day).or_default();
            *sold = amount::sub(*sold, change.on_hand);
            stock.sold_dirty.insert(cause.day);
        }
        self.movements.push(Movement {
            sku: sku.to_owned(),
            location: location.to_owned(),
            position: event.position,
            event_time: event.at,
            kind: event.kind,
            source: event.source.to_string(),
            event_id: event.id.to_string(),
            order_id: cause.order_id.map(str::to_owned),
            purchase_order_id: cause.purchase_order_id.map(str::to_owned),
            reason: cause.reason.map(str::to_owned),
            change,
            on_hand: stock.on_hand,
        });
        let product = self.products.get(sku);
        look(stock, product, supplier_of(product, &self.suppliers), event, cause.day, &mut self.closed);
    }

    /// Looks again at every location of a product whose terms changed.
    pub(crate) fn look_again(&mut self, sku: &str, event: &Incoming<'_>, day: i64) {
        let product = self.products.get(sku);
        let supplier = supplier_of(product, &self.suppliers);
        let from = (sku.to_owned(), String::new());
        for (_, stock) in self.stock.range_mut(from..).take_while(|((of, _), _)| of == sku) {
            stock.dirty = true;
            look(stock, product, supplier, event, day, &mut self.closed);
        }
    }
}

fn supplier_of<'s>(product: Option<&Product>, suppliers: &'s HashMap<String, Supplier>) -> Option<&'s Supplier> {
    product.and_then(|product| product.supplier.as_ref()).and_then(|supplier| suppliers.get(supplier))
}

/// Raises and closes alerts as of the event's time.
fn look(
    stock: &mut Stock,
    product: Option<&Product>,
    supplier: Option<&Supplier>,
    event: &Incoming<'_>,
    day: i64,
    closed: &mut Vec<Alert>,
) {
    let sold = stock.sold_in_thirty_days(day);
    let outlook = Outlook::new(stock.available(), stock.incoming, sold, product, supplier);
    stock.reorder_point = outlook.reorder_point;
    for (slot, kind) in stock.alerts.iter_mut().zip(AlertKind::ALL) {
        match (slot.take(), kind.is_due(&outlook)) {
            (None, false) => {}
            (None, true) => {
                let mut alert = Alert {
                    kind: kind.name().to_owned(),
                    sku: stock.sku.clone(),
                    location: stock.location.clone(),
                    raised_position: event.position,
                    raised_at: event.at,
                    raised_by: event.identity(),
                    ..Alert::default()
                };
                alert.follow(&outlook);
                *slot = Some(alert);
            }
            (Some(mut alert), true) => {
                alert.follow(&outlook);
                *slot = Some(alert);
            }
            (Some(mut alert), false) => {
                alert.follow(&outlook);
                alert.closed_position = Some(event.position);
                alert.closed_at = Some(event.at);
                closed.push(alert);
            }
        }
    }
}
