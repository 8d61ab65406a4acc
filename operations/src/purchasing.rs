//! Products, suppliers and purchase orders: what the reorder rule needs to know of them.

use sqlx::FromRow;

use crate::amount;
use crate::event::{Incoming, InventoryData, InventoryFact, kept, said};
use crate::told::Told;

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
    #[sqlx(try_from = "String")]
    pub(crate) told: Told,
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
    #[sqlx(try_from = "String")]
    pub(crate) told: Told,
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
    pub(crate) updated_at: i64,
    #[sqlx(try_from = "String")]
    pub(crate) told: Told,
    #[sqlx(skip)]
    pub(crate) dirty: bool,
}

impl Product {
    /// Each term is as the newest event that names it says. The fields' numbers are stored.
    pub(crate) fn take(&mut self, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let (told, at, by) = (&mut self.told, event.at, event.tie());
        told.newest(0, &mut self.name, kept(&data.name), at, &by);
        told.newest(1, &mut self.category, kept(&data.category), at, &by);
        told.newest(2, &mut self.currency, kept(&data.currency), at, &by);
        told.newest(3, &mut self.supplier, kept(&data.supplier), at, &by);
        told.newest(4, &mut self.unit_price, data.unit_price.map(|units| units.0), at, &by);
        told.newest(5, &mut self.unit_cost, data.unit_cost.map(|units| units.0), at, &by);
        told.newest(6, &mut self.lead_time_days, data.lead_time_days.map(|days| days.0), at, &by);
        told.newest(7, &mut self.min_order_qty, data.min_order_qty.map(|units| units.0), at, &by);
        told.newest(8, &mut self.pack_size, data.pack_size.map(|units| units.0), at, &by);
        told.newest(9, &mut self.reorder_point, data.reorder_point.map(|units| units.0), at, &by);
        self.updated_at = self.updated_at.max(at);
        self.dirty = true;
    }
}

impl Supplier {
    pub(crate) fn take(&mut self, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let (told, at, by) = (&mut self.told, event.at, event.tie());
        told.newest(0, &mut self.name, kept(&data.name), at, &by);
        told.newest(1, &mut self.lead_time_days, data.lead_time_days.map(|days| days.0), at, &by);
        told.newest(2, &mut self.min_order_qty, data.min_order_qty.map(|units| units.0), at, &by);
        self.updated_at = self.updated_at.max(at);
        self.dirty = true;
    }
}

impl Purchase {
    /// Takes a placement or a receipt. Pieces are on their way to where they were first ordered for.
    pub(crate) fn take(&mut self, fact: InventoryFact, location: &str, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let (told, at, by) = (&mut self.told, event.at, event.tie());
        let quantity = data.quantity.map_or(0, |units| units.0);
        if fact == InventoryFact::PurchasePlaced {
            self.placed = amount::add(self.placed, quantity);
            told.first(0, &mut self.location, Some(location.to_owned()), at, &by);
        } else {
            self.received = amount::add(self.received, quantity);
        }
        told.newest(1, &mut self.supplier, kept(&data.supplier), at, &by);
        let eta = said(&data.eta).and_then(|eta| mizan_events::EventTime::parse(eta).ok());
        told.newest(2, &mut self.eta, eta.map(mizan_events::EventTime::micros), at, &by);
        self.touch(at);
    }

    /// An event named it.
    pub(crate) fn touch(&mut self, at: i64) {
        self.updated_at = self.updated_at.max(at);
        self.dirty = true;
    }

    /// Pieces still on their way: a receipt beyond what was placed does not make it negative.
    pub(crate) fn open(&self, whole_cancelled: bool) -> i64 {
        if self.cancelled || whole_cancelled { 0 } else { amount::sub(self.placed, self.received).max(0) }
    }
}
