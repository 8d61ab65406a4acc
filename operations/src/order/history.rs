//! What an order holds of the stock, step by step in the order of time, as a function of its facts. The ledger books
//! the difference before and after an event, so that no order of arrival books anything twice or not at all, nor on
//! another day.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Order;
use crate::amount;
use crate::event::{Incoming, InventoryFact, OrderFact};

/// Order lines name no location.
pub(crate) const DEFAULT: &str = "default";

/// SKU and location.
pub(crate) type Place = (String, String);

/// Which event, in the order of time. At the same time an edit comes after what it edits; else identity decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When {
    pub(crate) at: i64,
    edit: bool,
    pub(crate) source: String,
    pub(crate) event_id: String,
}

/// What an event says about the stock that an order holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// These are the lines now.
    Lines,
    /// All of it stays.
    Cancelled,
    /// These come back; without lines, all of it.
    Returned,
    /// A till took it, which counts until the order's own lines are told.
    Sold,
}

/// One such event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) kind: &'static str,
    pub(crate) step: Step,
    pub(crate) lines: Vec<(Place, i64)>,
}

impl Fact {
    /// A fact without lines yet; nothing when events of this type say nothing about stock.
    pub(crate) fn named(kind: &str) -> Option<Fact> {
        let (step, kind) = match OrderFact::from_name(kind) {
            Some((OrderFact::Placed | OrderFact::Edited, kind)) => (Step::Lines, kind),
            Some((OrderFact::Cancelled, kind)) => (Step::Cancelled, kind),
            Some((OrderFact::Returned, kind)) => (Step::Returned, kind),
            Some(_) => return None,
            None => match InventoryFact::from_name(kind)? {
                (InventoryFact::Sold, kind) => (Step::Sold, kind),
                _ => return None,
            },
        };
        Some(Fact { kind, step, lines: Vec::new() })
    }

    /// Whether what it takes is demand, or demand undone. What comes back had been wanted.
    pub(crate) fn is_demand(&self) -> bool {
        self.step != Step::Returned
    }

    pub(crate) fn when(&self, at: i64, source: &str, event_id: &str) -> When {
        let edit = self.kind == "order.edited";
        When { at, edit, source: source.to_owned(), event_id: event_id.to_owned() }
    }
}

/// Change of stock on hand by each event at each place. An event that changes nothing is in it with zero.
pub(crate) type Postings = BTreeMap<(When, Place), i64>;

/// What is held after the facts taken so far.
#[derive(Default)]
struct Held {
    lines: BTreeMap<Place, i64>,
    other: BTreeMap<Place, i64>,
    sold: BTreeMap<Place, i64>,
    is_placed: bool,
    all_back: bool,
    /// Every place named so far.
    places: BTreeSet<Place>,
}

impl Held {
    /// Lines take their quantity; a return gives its lines back; a cancellation, or a return without lines, gives
    /// back what is not back yet.
    fn take(&mut self, fact: &Fact) {
        let to = match fact.step {
            Step::Lines => {
                self.is_placed = true;
                self.lines.clear();
                &mut self.lines
            }
            Step::Cancelled => {
                self.all_back = true;
                return;
            }
            Step::Returned => {
                self.all_back |= fact.lines.is_empty();
                &mut self.other
            }
            Step::Sold => &mut self.sold,
        };
        for (place, quantity) in &fact.lines {
            let quantity = if fact.step == Step::Returned { -quantity } else { *quantity };
            let sum = to.entry(place.clone()).or_default();
            *sum = amount::add(*sum, quantity);
            self.places.insert(place.clone());
        }
    }

    fn at(&self, place: &Place) -> i64 {
        let of = |sums: &BTreeMap<Place, i64>| sums.get(place).copied().unwrap_or(0);
        let sold = if self.is_placed { 0 } else { of(&self.sold) };
        let held = amount::sum([of(&self.lines), of(&self.other), sold].into_iter());
        if self.all_back { held.min(0) } else { held }
    }
}

impl Order {
    /// Takes what an event says about stock.
    pub(crate) fn take_stock(&mut self, event: &Incoming<'_>, lines: Vec<(Place, i64)>) {
        let Some(fact) = Fact::named(event.kind) else { return };
        let when = fact.when(event.at, &event.source, &event.id);
        self.fresh_history.push(when.clone());
        self.history.insert(when, Fact { lines, ..fact });
        self.dirty = true;
    }

    /// What the order takes from stock and gives back, each at its time.
    pub(crate) fn postings(&self) -> Postings {
        let mut postings = Postings::new();
        let (mut held, mut before) = (Held::default(), BTreeMap::<Place, i64>::new());
        for (when, fact) in &self.history {
            held.take(fact);
            for place in &held.places {
                let after = held.at(place);
                let before = before.entry(place.clone()).or_default();
                postings.insert((when.clone(), place.clone()), amount::sub(*before, after));
                *before = after;
            }
        }
        postings
    }

    /// Pieces of a line that came back: returns fill the lines of their SKU from the top.
    pub(crate) fn returned_by_line(&self) -> Vec<i64> {
        let mut left: BTreeMap<&str, i64> = BTreeMap::new();
        let returns = self.history.values().filter(|fact| fact.step == Step::Returned);
        for ((sku, _), quantity) in returns.flat_map(|fact| &fact.lines) {
            let entry = left.entry(sku).or_default();
            *entry = amount::add(*entry, *quantity);
        }
        let mut back = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let left = left.entry(&line.sku).or_default();
            let came = if self.row.returned_all { line.quantity } else { (*left).min(line.quantity).max(0) };
            *left -= came;
            back.push(came);
        }
        back
    }
}
