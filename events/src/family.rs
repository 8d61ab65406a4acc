//! The families of events and the types in each.

use std::fmt;
use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::columns::{self, Column, place_in};

/// Which table an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// What visitors do in the shop.
    Storefront,
    /// What becomes of orders.
    Order,
    /// What becomes of payments.
    Payment,
    /// What moves stock, and what is known of products, suppliers and purchase orders.
    Inventory,
    /// Webhooks as they came, before a connector made events of them.
    Webhook,
}

impl Family {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All of them.
    pub const ALL: [Family; Family::COUNT] =
        [Family::Storefront, Family::Order, Family::Payment, Family::Inventory, Family::Webhook];

    /// The table's name in the schema `events`.
    pub fn table(self) -> &'static str {
        match self {
            Family::Storefront => "storefront",
            Family::Order => "orders",
            Family::Payment => "payments",
            Family::Inventory => "inventory",
            Family::Webhook => "webhooks",
        }
    }

    /// The family of a table name.
    pub fn from_table(table: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.table() == table)
    }

    /// A number that stays the same for ever: it is written into the log beside each event.
    pub fn tag(self) -> u8 {
        match self {
            Family::Storefront => 1,
            Family::Order => 2,
            Family::Payment => 3,
            Family::Inventory => 4,
            Family::Webhook => 5,
        }
    }

    /// Its place in [`Family::ALL`], for arrays over all families.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The family with this number.
    pub fn from_tag(tag: u8) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.tag() == tag)
    }

    /// What the table holds, as analysts see it in SQL.
    pub fn comment(self) -> &'static str {
        match self {
            Family::Storefront => "What visitors did in the shop: one row an event, as it came",
            Family::Order => "What became of orders: one row an event, as it came",
            Family::Payment => "What became of payments: one row an event, as it came",
            Family::Inventory => {
                "Stock movements, products, suppliers and purchase orders: one row an event, as it came"
            }
            Family::Webhook => "Webhooks of providers, as they came: one row a delivery, repeats left out",
        }
    }

    /// The columns of the family's data.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Family::Storefront => columns::STOREFRONT,
            Family::Order => columns::ORDER,
            Family::Payment => columns::PAYMENT,
            Family::Inventory => columns::INVENTORY,
            Family::Webhook => columns::WEBHOOK,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table())
    }
}

/// One type of event: its name, its family, and what its data must carry.
#[derive(Debug, PartialEq, Eq)]
pub struct EventType {
    /// As on the wire, such as `payment.captured`.
    pub name: &'static str,
    /// The table it goes to.
    pub family: Family,
    /// Fields without which the event says nothing; `a|b` means one of them.
    pub required: &'static [&'static str],
    /// The same as places among the family's columns.
    pub(crate) required_places: &'static [&'static [usize]],
}

impl EventType {
    /// The type with this name.
    pub fn from_name(name: &str) -> Option<&'static EventType> {
        static BY_NAME: LazyLock<HashMap<&str, &EventType>> =
            LazyLock::new(|| TYPES.iter().map(|known| (known.name, known)).collect());
        BY_NAME.get(name).copied()
    }

    /// Every type.
    pub fn all() -> &'static [EventType] {
        TYPES
    }
}

macro_rules! types {
    ($($family:ident: $($name:literal [$($field:literal $(| $other:literal)*),*]),+;)+) => {
        &[$($(EventType {
            name: $name,
            family: Family::$family,
            required: &[$(concat!($field $(, "|", $other)*)),*],
            required_places: &[$(&[
                place_in(Family::$family.columns(), $field) $(, place_in(Family::$family.columns(), $other))*
            ]),*],
        }),+),+]
    };
}

static TYPES: &[EventType] = types! {
    Storefront:
        "storefront.page_view" ["session_id" | "visitor_id"],
        "storefront.view_item" ["session_id" | "visitor_id", "sku" | "items"],
        "storefront.add_to_cart" ["session_id" | "visitor_id", "sku" | "items"],
        "storefront.view_item_list" ["session_id" | "visitor_id"],
        "storefront.select_item" ["session_id" | "visitor_id", "sku" | "items"],
        "storefront.search" ["session_id" | "visitor_id"],
        "storefront.add_to_wishlist" ["session_id" | "visitor_id", "sku" | "items"],
        "storefront.view_promotion" ["session_id" | "visitor_id"],
        "storefront.select_promotion" ["session_id" | "visitor_id"],
        "storefront.apply_coupon" ["session_id" | "visitor_id", "coupon"],
        "storefront.deny_coupon" ["session_id" | "visitor_id", "coupon"],
        "storefront.remove_coupon" ["session_id" | "visitor_id", "coupon"],
        "storefront.remove_from_cart" ["session_id" | "visitor_id", "sku" | "items"],
        "storefront.view_cart" ["session_id" | "visitor_id"],
        "storefront.begin_checkout" ["session_id" | "visitor_id"],
        "storefront.add_shipping_info" ["session_id" | "visitor_id"],
        "storefront.add_payment_info" ["session_id" | "visitor_id"],
        "storefront.purchase" ["session_id" | "visitor_id", "order_id"];
    Order:
        "order.placed" ["order_id", "currency", "lines"],
        "order.edited" ["order_id", "currency", "lines"],
        "order.paid" ["order_id"],
        "order.cancelled" ["order_id"],
        "order.packed" ["order_id"],
        "order.shipped" ["order_id"],
        "order.out_for_delivery" ["order_id"],
        "order.delivered" ["order_id"],
        "order.delivery_failed" ["order_id"],
        "order.returned" ["order_id"];
    Payment:
        "payment.initiated" ["payment_id", "provider", "amount", "currency"],
        "payment.authorized" ["payment_id", "provider", "amount", "currency"],
        "payment.captured" ["payment_id", "provider", "amount", "currency"],
        "payment.failed" ["payment_id", "provider"],
        "payment.voided" ["payment_id", "provider"],
        "payment.refunded" ["payment_id", "provider", "amount", "currency"],
        "payment.disputed" ["payment_id", "provider", "amount", "currency"],
        "payment.dispute_closed" ["payment_id", "provider"],
        "payment.fee" ["payment_id", "provider", "fee", "currency"],
        "payment.settled" ["provider", "payout_id" | "payment_id", "amount", "currency"];
    Inventory:
        "inventory.received" ["sku", "quantity"],
        "inventory.sold" ["sku", "quantity"],
        "inventory.returned" ["sku", "quantity"],
        "inventory.adjusted" ["sku", "quantity"],
        "inventory.counted" ["sku", "on_hand"],
        "inventory.reserved" ["sku", "quantity"],
        "inventory.released" ["sku", "quantity"],
        "inventory.transferred" ["sku", "location", "quantity"],
        "product.upserted" ["sku"],
        "supplier.upserted" ["supplier"],
        "purchase_order.placed" ["purchase_order_id", "sku", "quantity"],
        "purchase_order.received" ["purchase_order_id", "sku", "quantity"],
        "purchase_order.cancelled" ["purchase_order_id"];
    Webhook:
        "webhook.received" ["connector", "body"];
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_the_place_among_all() {
        assert!(Family::ALL.into_iter().enumerate().all(|(place, family)| family.index() == place));
    }

    #[test]
    fn every_required_field_is_a_column_of_its_family() {
        for event_type in EventType::all() {
            for field in event_type.required.iter().flat_map(|field| field.split('|')) {
                assert!(
                    event_type.family.columns().iter().any(|column| column.name == field),
                    "{} requires {field}, which {} does not have",
                    event_type.name,
                    event_type.family
                );
            }
        }
    }
}
