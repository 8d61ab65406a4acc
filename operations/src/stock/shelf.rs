//! The stock of one shop, and the ledger of what moves it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use mizan_events::EventTime;
use sqlx::FromRow;

use super::alert::{Alert, AlertKind};
use super::reorder::{Outlook, THIRTY_DAYS};
use crate::amount;
use crate::event::Incoming;
use crate::purchasing::{Product, Supplier};
use crate::settings::Shop;

const COUNTED: &str = "inventory.counted";

/// Stock of one product at one location.
#[derive(Debug, Default, FromRow)]
pub(crate) struct Stock {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) incoming: i64,
    pub(crate) reorder_point: Option<i64>,
    /// Time of the latest event that names it.
    pub(crate) updated_at: i64,
    /// Time and event of the count that stands.
    pub(crate) counted_at: Option<i64>,
    pub(crate) counted_by: Option<String>,
    /// What moved on hand, by time: all of it after the earliest count of the batch.
    #[sqlx(skip)]
    pub(crate) moved: BTreeMap<i64, i64>,
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
    pub(crate) entry: i64,
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
#[derive(Debug)]
pub(crate) struct Shelf {
    shop: Arc<Shop>,
    /// By SKU and location.
    pub(crate) stock: BTreeMap<(String, String), Stock>,
    pub(crate) products: HashMap<String, Product>,
    pub(crate) suppliers: HashMap<String, Supplier>,
    pub(crate) movements: Vec<Movement>,
    /// Alerts that were closed.
    pub(crate) closed: Vec<Alert>,
    /// What the event at hand concerns, by SKU and location.
    concerned: BTreeSet<(String, String)>,
    /// Entries in the ledger with the event at hand.
    entries: i64,
}

/// The event that moves stock, with what the ledger says of it.
pub(crate) struct Cause<'e> {
    /// Of the event at hand.
    pub(crate) position: i64,
    pub(crate) at: i64,
    pub(crate) kind: &'static str,
    pub(crate) source: &'e str,
    pub(crate) event_id: &'e str,
    pub(crate) order_id: Option<&'e str>,
    pub(crate) purchase_order_id: Option<&'e str>,
    pub(crate) reason: Option<&'e str>,
}

impl Shelf {
    pub(crate) fn new(shop: Arc<Shop>) -> Shelf {
        Shelf {
            shop,
            stock: BTreeMap::new(),
            products: HashMap::new(),
            suppliers: HashMap::new(),
            movements: Vec::new(),
            closed: Vec::new(),
            concerned: BTreeSet::new(),
            entries: 0,
        }
    }

    /// Notes that an event of this time names a stock, whether it moves it or not.
    pub(crate) fn touch(&mut self, sku: &str, location: &str, at: i64) -> &mut Stock {
        let key = (sku.to_owned(), location.to_owned());
        self.concerned.insert(key.clone());
        let stock = self.stock.entry(key).or_insert_with(|| Stock {
            sku: sku.to_owned(),
            location: location.to_owned(),
            updated_at: at,
            ..Stock::default()
        });
        stock.updated_at = stock.updated_at.max(at);
        stock.dirty = true;
        stock
    }

    /// Books one change.
    pub(crate) fn book(&mut self, sku: &str, location: &str, change: Change, cause: &Cause<'_>) {
        let day = self.shop.day(cause.at);
        let stock = self.touch(sku, location, cause.at);
        if change.sale {
            let sold = stock.sold.entry(day).or_default();
            *sold = amount::sub(*sold, change.on_hand);
            stock.sold_dirty.insert(day);
        }
        let counted_at = stock.counted_at.filter(|counted_at| cause.at <= *counted_at);
        self.enter(sku, location, change, cause);
        if let Some(counted_at) = counted_at.filter(|_| change.on_hand != 0) {
            // Whoever counted found this in the number, so that the count's difference was another.
            let reason = format!("was in the count of {} already", time(counted_at));
            let against = Change { on_hand: -change.on_hand, ..Change::default() };
            self.enter(sku, location, against, &Cause { kind: COUNTED, reason: Some(&reason), ..*cause });
        }
    }

    /// Books a count: it sets what is there at its time, and what moved later moves on from it.
    pub(crate) fn count(&mut self, sku: &str, location: &str, counted: i64, cause: &Cause<'_>) {
        let by = format!("{}\u{1}{}", cause.source, cause.event_id);
        let stock = self.touch(sku, location, cause.at);
        let standing = stock.counted_at.filter(|at| (*at, stock.counted_by.as_deref()) > (cause.at, Some(by.as_str())));
        let (change, note) = if let Some(standing) = standing {
            (0, Some(format!("the later count of {} stands", time(standing))))
        } else {
            let since = amount::sum(stock.moved.range(cause.at.saturating_add(1)..).map(|(_, moved)| *moved));
            let change = amount::sub(amount::add(counted, since), stock.on_hand);
            stock.counted_at = Some(cause.at);
            stock.counted_by = Some(by);
            let sign = if since > 0 { "+" } else { "" };
            let since = (since != 0).then(|| format!("{sign}{} since", amount::text(since, 0)));
            (change, since.map(|since| format!("{} counted, {since}", amount::text(counted, 0))))
        };
        // The event's own reason first, then what it does not say.
        let reason: Vec<&str> = cause.reason.into_iter().chain(note.as_deref()).collect();
        let reason = (!reason.is_empty()).then(|| reason.join("; "));
        let change = Change { on_hand: change, ..Change::default() };
        self.enter(sku, location, change, &Cause { reason: reason.as_deref(), ..*cause });
    }

    /// Makes an entry in the ledger: what is there is always the sum of the entries.
    fn enter(&mut self, sku: &str, location: &str, change: Change, cause: &Cause<'_>) {
        self.entries += 1;
        let entry = self.entries;
        let stock = self.touch(sku, location, cause.at);
        stock.on_hand = amount::add(stock.on_hand, change.on_hand);
        stock.reserved = amount::add(stock.reserved, change.reserved);
        stock.incoming = amount::add(stock.incoming, change.incoming);
        let moved = stock.moved.entry(cause.at).or_default();
        *moved = amount::add(*moved, change.on_hand);
        let on_hand = stock.on_hand;
        self.movements.push(Movement {
            sku: sku.to_owned(),
            location: location.to_owned(),
            position: cause.position,
            entry,
            event_time: cause.at,
            kind: cause.kind,
            source: cause.source.to_owned(),
            event_id: cause.event_id.to_owned(),
            order_id: cause.order_id.map(str::to_owned),
            purchase_order_id: cause.purchase_order_id.map(str::to_owned),
            reason: cause.reason.map(str::to_owned),
            change,
            on_hand,
        });
    }

    /// Notes that the terms of a product changed: every stock of it is looked at.
    pub(crate) fn terms_changed(&mut self, sku: &str) {
        let from = (sku.to_owned(), String::new());
        for (key, stock) in self.stock.range_mut(from..).take_while(|((of, _), _)| of == sku) {
            stock.dirty = true;
            self.concerned.insert(key.clone());
        }
    }

    /// The same for everything that a supplier supplies.
    pub(crate) fn supplier_changed(&mut self, supplier: &str) {
        let supplied = self.products.values().filter(|product| product.supplier.as_deref() == Some(supplier));
        let skus: Vec<String> = supplied.map(|product| product.sku.clone()).collect();
        skus.iter().for_each(|sku| self.terms_changed(sku));
    }

    /// Looks at what the event concerned once all of it is booked, and raises and closes alerts.
    pub(crate) fn look(&mut self, event: &Incoming<'_>) {
        self.entries = 0;
        for key in std::mem::take(&mut self.concerned) {
            let product = self.products.get(&key.0);
            let supplier = product.and_then(|product| product.supplier.as_ref());
            let supplier = supplier.and_then(|supplier| self.suppliers.get(supplier));
            if let Some(stock) = self.stock.get_mut(&key) {
                // From the latest day that is known of this stock: an event of an older day must not look back from it.
                let day = self.shop.day(stock.updated_at);
                look(stock, product, supplier, event, day, &mut self.closed);
            }
        }
    }
}

fn time(micros: i64) -> String {
    EventTime::from_micros(micros).to_string()
}

/// Raises and closes alerts of one stock, with the event at hand.
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
                let suggested = alert.suggested_quantity;
                alert.follow(&outlook);
                alert.suggested_quantity = outlook.suggested.or(suggested);
                alert.closed_position = Some(event.position);
                alert.closed_at = Some(event.at);
                closed.push(alert);
            }
        }
    }
}
