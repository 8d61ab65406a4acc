//! What an order holds of the stock, as a function of its facts. The ledger books the difference before and after an
//! event, so that no order of arrival books anything twice or not at all.

use std::collections::BTreeMap;

use super::facts::Order;
use crate::amount;

/// Order lines name no location.
pub(crate) const DEFAULT: &str = "default";

impl Order {
    /// Pieces out of stock on account of this order, by SKU and location.
    ///
    /// Lines take their quantity; a return gives its lines back; a cancellation, or a return without lines, gives back
    /// what is not back yet. Before the lines are known, what a till reported as sold for the order counts instead.
    pub(crate) fn taken(&self) -> BTreeMap<(String, String), i64> {
        let mut taken: BTreeMap<(String, String), i64> = BTreeMap::new();
        let mut take = |sku: &str, location: &str, quantity: i64| {
            let entry = taken.entry((sku.to_owned(), location.to_owned())).or_default();
            *entry = amount::add(*entry, quantity);
        };
        for line in &self.lines {
            take(&line.sku, DEFAULT, line.quantity);
        }
        for ((sku, location), moves) in &self.moves {
            take(sku, location, -moves.returned);
            if !self.is_placed() {
                take(sku, location, moves.sold);
            }
        }
        if self.row.cancelled_at.is_some() || self.row.returned_all {
            for quantity in taken.values_mut() {
                *quantity = (*quantity).min(0);
            }
        }
        taken
    }

    /// Pieces of a line that came back: returns fill the lines of their SKU from the top.
    pub(crate) fn returned_by_line(&self) -> Vec<i64> {
        let mut left: BTreeMap<&str, i64> = BTreeMap::new();
        for ((sku, _), moves) in &self.moves {
            let entry = left.entry(sku).or_default();
            *entry = amount::add(*entry, moves.returned);
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
