//! Writing back stock with its ledger, alerts, and what products are bought on.

use sqlx::sqlite::SqliteConnection;

use super::insert;
use crate::error::OperationsError;
use crate::shop::ShopWork;
use crate::stock::{Alert, message};

pub(super) async fn save_stock(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let dirty: Vec<_> = work.shelf.stock.values().filter(|stock| stock.dirty).collect();
    insert(
        connection,
        "stock (shop, sku, location, on_hand, reserved, incoming, reorder_point, state, updated_at,
            counted_at, counted_by)",
        "ON CONFLICT (shop, sku, location) DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved,
            incoming = excluded.incoming, reorder_point = excluded.reorder_point, state = excluded.state,
            updated_at = excluded.updated_at, counted_at = excluded.counted_at, counted_by = excluded.counted_by",
        &dirty,
        |tuple, stock| {
            bind!(
                tuple,
                shop,
                &stock.sku,
                &stock.location,
                stock.on_hand,
                stock.reserved,
                stock.incoming,
                stock.reorder_point,
                stock.state(),
                stock.updated_at,
                stock.counted_at,
                &stock.counted_by,
            );
        },
    )
    .await?;
    let sold: Vec<_> = dirty
        .iter()
        .flat_map(|stock| stock.sold_dirty.iter().map(|day| (*stock, *day, stock.sold.get(day).copied().unwrap_or(0))))
        .collect();
    insert(
        connection,
        "stock_sold (shop, sku, location, day, sold)",
        "ON CONFLICT (shop, sku, location, day) DO UPDATE SET sold = excluded.sold",
        &sold,
        |tuple, (stock, day, sold)| {
            bind!(tuple, shop, &stock.sku, &stock.location, *day, *sold);
        },
    )
    .await?;
    insert(
        connection,
        "stock_movements (shop, sku, location, position, entry, event_time, type, source, event_id, order_id,
            purchase_order_id, reason, on_hand_change, reserved_change, incoming_change, on_hand)",
        "",
        &work.shelf.movements,
        |tuple, row| {
            bind!(
                tuple,
                shop,
                &row.sku,
                &row.location,
                row.position,
                row.entry,
                row.event_time,
                row.kind,
                &row.source,
                &row.event_id,
                &row.order_id,
                &row.purchase_order_id,
                &row.reason,
                row.change.on_hand,
                row.change.reserved,
                row.change.incoming,
                row.on_hand,
            );
        },
    )
    .await
}

pub(super) async fn save_alerts(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let open = work.shelf.stock.values().flat_map(|stock| stock.alerts.iter().flatten());
    let dirty: Vec<&Alert> = open.chain(&work.shelf.closed).filter(|alert| alert.dirty).collect();
    insert(
        connection,
        "alerts (shop, kind, sku, location, raised_position, raised_at, raised_by, closed_position, closed_at,
            message, available, incoming, reorder_point, sold_30_days, lead_time_days, suggested_quantity)",
        "ON CONFLICT (shop, kind, sku, location, raised_position) DO UPDATE SET
            closed_position = excluded.closed_position, closed_at = excluded.closed_at, message = excluded.message,
            available = excluded.available, incoming = excluded.incoming, reorder_point = excluded.reorder_point,
            sold_30_days = excluded.sold_30_days, lead_time_days = excluded.lead_time_days,
            suggested_quantity = excluded.suggested_quantity",
        &dirty,
        |tuple, alert| {
            bind!(
                tuple,
                shop,
                &alert.kind,
                &alert.sku,
                &alert.location,
                alert.raised_position,
                alert.raised_at,
                &alert.raised_by,
                alert.closed_position,
                alert.closed_at,
                message(alert),
                alert.available,
                alert.incoming,
                alert.reorder_point,
                alert.sold_30_days,
                alert.lead_time_days,
                alert.suggested_quantity,
            );
        },
    )
    .await
}

pub(super) async fn save_terms(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let products: Vec<_> = work.shelf.products.values().filter(|product| product.dirty).collect();
    insert(
        connection,
        "products (shop, sku, name, category, unit_price, unit_cost, currency, supplier, lead_time_days,
            min_order_qty, pack_size, reorder_point, updated_at, told)",
        "ON CONFLICT (shop, sku) DO UPDATE SET name = excluded.name, category = excluded.category,
            unit_price = excluded.unit_price, unit_cost = excluded.unit_cost, currency = excluded.currency,
            supplier = excluded.supplier, lead_time_days = excluded.lead_time_days,
            min_order_qty = excluded.min_order_qty, pack_size = excluded.pack_size,
            reorder_point = excluded.reorder_point, updated_at = excluded.updated_at, told = excluded.told",
        &products,
        |tuple, row| {
            bind!(
                tuple,
                shop,
                &row.sku,
                &row.name,
                &row.category,
                row.unit_price,
                row.unit_cost,
                &row.currency,
                &row.supplier,
                row.lead_time_days,
                row.min_order_qty,
                row.pack_size,
                row.reorder_point,
                row.updated_at,
                row.told.text(),
            );
        },
    )
    .await?;
    let suppliers: Vec<_> = work.shelf.suppliers.values().filter(|supplier| supplier.dirty).collect();
    insert(
        connection,
        "suppliers (shop, supplier, name, lead_time_days, min_order_qty, updated_at, told)",
        "ON CONFLICT (shop, supplier) DO UPDATE SET name = excluded.name, lead_time_days = excluded.lead_time_days,
            min_order_qty = excluded.min_order_qty, updated_at = excluded.updated_at, told = excluded.told",
        &suppliers,
        |tuple, row| {
            let told = row.told.text();
            bind!(tuple, shop, &row.supplier, &row.name, row.lead_time_days, row.min_order_qty, row.updated_at, told);
        },
    )
    .await?;
    let purchases: Vec<_> = work.purchases.values().filter(|purchase| purchase.dirty).collect();
    insert(
        connection,
        "purchase_orders (shop, purchase_order_id, sku, location, placed, received, cancelled, supplier, eta,
            updated_at, told)",
        "ON CONFLICT (shop, purchase_order_id, sku) DO UPDATE SET location = excluded.location,
            placed = excluded.placed, received = excluded.received, cancelled = excluded.cancelled,
            supplier = excluded.supplier, eta = excluded.eta, updated_at = excluded.updated_at, told = excluded.told",
        &purchases,
        |tuple, row| {
            bind!(
                tuple,
                shop,
                &row.purchase_order_id,
                &row.sku,
                &row.location,
                row.placed,
                row.received,
                row.cancelled,
                &row.supplier,
                row.eta,
                row.updated_at,
                row.told.text(),
            );
        },
    )
    .await
}
