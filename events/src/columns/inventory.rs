//! Columns of `events.inventory`.

use super::{Column, Kind, column, sought};

/// Data of the family `inventory`.
pub static INVENTORY: &[Column] = &[
    sought("sku", Kind::Id, "The product"),
    column("location", Kind::Id, "Warehouse or shop; `default` where absent"),
    column(
        "quantity",
        Kind::Quantity,
        "Change of stock, below zero when it leaves; for reserved, released and purchase orders the pieces, above zero",
    ),
    column("on_hand", Kind::Quantity, "What a count found"),
    column("reason", Kind::Text, "Why stock was adjusted"),
    column("order_id", Kind::Id, "The order that moved it"),
    column("unit_cost", Kind::Price, "What one piece cost to buy"),
    column("currency", Kind::Currency, "ISO 4217 code of cost and price"),
    column("supplier", Kind::Id, "Who supplies it"),
    column("lead_time_days", Kind::Integer, "Days from order to receipt"),
    column("min_order_qty", Kind::Quantity, "Least that the supplier sells"),
    column("pack_size", Kind::Quantity, "Pieces in a pack; orders are multiples of it"),
    column("eta", Kind::Time, "When a purchase order is due"),
    column("name", Kind::Text, "Name of the product or supplier"),
    column("category", Kind::Text, "Category of the product"),
    column("unit_price", Kind::Price, "What one piece sells for"),
    column("purchase_order_id", Kind::Id, "The order placed with the supplier"),
    column("reorder_point", Kind::Quantity, "Order more when the position falls to this, where the shop has set it"),
];
