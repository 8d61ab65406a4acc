//! Products, suppliers and purchase orders: what the reorder rule needs to know of them.

use sqlx::FromRow;

use crate::amount;
use crate::event::{Incoming, InventoryData, kept};
use crate::order::merge;

/// A product.
#[derive(Clone, Debug, Default, FromRow)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) name: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) unit_price: Option<i64>,
    pub(crate) unit_cost: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) supplier: Option<String>,
    pub(crate) lead_time_days: Option<i64>,
    pub(crate) min_order_qty: Option<i64>,
    pub(crate) pack_size: Option<i64>,
    pub(crate) reorder_point: Option<i64>,
    pub(crate) updated_at: i64,
    #[sqlx(skip)]
    pub(crate) dirty: bool,
}

/// Who supplies products.
#[derive(Clone, Debug, Default, FromRow)]
pub(crate) struct Supplier {
    pub(crate) supplier: String,
    pub(crate) name: Option<String>,
    pub(crate) lead_time_days: Option<i64>,
    pub(crate) min_order_qty: Option<i64>,
    pub(crate) updated_at: i64,
    #[sqlx(skip)]
    pub(crate) dirty: bool,
}

/// One product of a purchase order. With an empty SKU: the whole purchase order was cancelled.
#[derive(Clone, Debug, Default, FromRow)]
pub(crate) struct Purchase {
    pub(crate) purchase_order_id: String,
    pub(crate) sku: String,
    pub(crate) location: Option<String>,
    pub(crate) placed: i64,
    pub(crate) received: i64,
    pub(crate) cancelled: bool,
    pub(crate) supplier: Option<String>,
    pub(crate) eta: Option<i64>,
    #[sqlx(skip)]
    pub(crate) dirty: bool,
}

fn number(known: &mut Option<i64>, told: Option<i64>, newer: bool) {
    if told.is_some() && (newer || known.is_none()) {
        *known = told;
    }
}

impl Product {
    pub(crate) fn take(&mut self, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let newer = self.updated_at <= event.at;
        merge(&mut self.name, kept(&data.name), newer);
        merge(&mut self.category, kept(&data.category), newer);
        merge(&mut self.currency, kept(&data.currency), newer);
        merge(&mut self.supplier, kept(&data.supplier), newer);
        number(&mut self.unit_price, data.unit_price.map(|units| units.0), newer);
        number(&mut self.unit_cost, data.unit_cost.map(|units| units.0), newer);
        number(&mut self.lead_time_days, data.lead_time_days.map(|days| days.0), newer);
        number(&mut self.min_order_qty, data.min_order_qty.map(|units| units.0), newer);
        number(&mut self.pack_size, data.pack_size.map(|units| units.0), newer);
        number(&mut self.reorder_point, data.reorder_point.map(|units| units.0), newer);
        self.updated_at = self.updated_at.max(event.at);
        self.dirty = true;
    }
}

impl Supplier {
    pub(crate) fn take(&mut self, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let newer = self.updated_at <= event.at;
        merge(&mut self.name, kept(&data.name), newer);
        number(&mut self.lead_time_days, data.lead_time_days.map(|days| days.0), newer);
        number(&mut self.min_order_qty, data.min_order_qty.map(|units| units.0), newer);
        self.updated_at = self.updated_at.max(event.at);
        self.dirty = true;
    }
}

impl Purchase {
    /// Pieces still on their way: a receipt beyond what was placed does not make it negative.
    pub(crate) fn open(&self, whole_cancelled: bool) -> i64 {
        if self.cancelled || whole_cancelled { 0 } else { amount::sub(self.placed, self.received).max(0) }
    }
}
