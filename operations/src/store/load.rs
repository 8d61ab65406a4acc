//! Reading what a batch of events touches, a few statements a shop however large the batch.
//!
//! Where a table is found by another than its own key the index is named: without statistics SQLite takes a list of
//! values for a long one, and would rather read the whole shop.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use crate::error::{Doing, OperationsError};
use crate::event::{Fact, Incoming, InventoryFact, said};
use crate::order::{DEFAULT_LOCATION, Fact as StockFact, Line, Order, OrderRow, Parcel};
use crate::payment::{Amount, Payment, PaymentRow};
use crate::purchasing::{Product, Purchase, Supplier};
use crate::shop::ShopWork;
use crate::stock::{Alert, AlertKind, Stock, THIRTY_DAYS};

/// What the events of a batch name.
#[derive(Default)]
struct Named<'e> {
    orders: BTreeSet<&'e str>,
    /// Provider and id.
    payments: BTreeSet<(&'e str, &'e str)>,
    skus: BTreeSet<&'e str>,
    purchases: BTreeSet<&'e str>,
    suppliers: BTreeSet<&'e str>,
    /// Counts, by SKU and location, with the earliest time.
    counts: BTreeMap<(&'e str, &'e str), i64>,
    first_day: i64,
}

#[derive(FromRow)]
struct HistoryRow {
    order_id: String,
    event_time: i64,
    source: String,
    event_id: String,
    #[sqlx(rename = "type")]
    kind: String,
    place: i64,
    sku: String,
    location: String,
    quantity: i64,
}

fn named<'e>(work: &ShopWork, events: &[&'e Incoming<'e>]) -> Named<'e> {
    let mut named = Named { first_day: i64::MAX, ..Named::default() };
    for event in events {
        match &event.fact {
            Fact::Order(_, data) => {
                named.orders.extend(said(&data.order_id));
                named.skus.extend(data.lines.iter().flatten().map(|line| &*line.sku.0));
            }
            Fact::Payment(_, data) => {
                named.orders.extend(said(&data.order_id));
                named.payments.extend(said(&data.provider).zip(said(&data.payment_id)));
                continue;
            }
            Fact::Inventory(fact, data) => {
                named.orders.extend(said(&data.order_id));
                named.skus.extend(said(&data.sku));
                named.purchases.extend(said(&data.purchase_order_id));
                if *fact == InventoryFact::Supplier {
                    named.suppliers.extend(said(&data.supplier));
                }
                if let Some(sku) = said(&data.sku).filter(|_| *fact == InventoryFact::Counted) {
                    let place = (sku, said(&data.location).unwrap_or(DEFAULT_LOCATION));
                    let earliest = named.counts.entry(place).or_insert(event.at);
                    *earliest = event.at.min(*earliest);
                }
            }
            Fact::Other => continue,
        }
        named.first_day = named.first_day.min(work.shop.day(event.at));
    }
    named
}

fn list<T: AsRef<str> + Ord>(names: &BTreeSet<T>) -> String {
    serde_json::Value::from_iter(names.iter().map(|name| name.as_ref().to_owned())).to_string()
}

fn pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    serde_json::Value::from_iter(pairs.into_iter().map(|(provider, id)| serde_json::Value::from_iter([provider, id])))
        .to_string()
}

/// Reads everything that these events of one shop touch.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    events: &[&Incoming<'_>],
) -> Result<(), OperationsError> {
    let named = named(work, events);
    // Payments first: one may lead to an order that no event names.
    let mut orders: BTreeSet<String> = named.orders.iter().map(|order| (*order).to_owned()).collect();
    if !named.payments.is_empty() {
        let led: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT order_id FROM payments WHERE order_id IS NOT NULL AND (shop, provider, payment_id) IN (
                SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2))",
        )
        .bind(&work.name)
        .bind(pairs(named.payments.iter().copied()))
        .fetch_all(&mut *connection)
        .await
        .doing("read payments")?;
        orders.extend(led);
    }
    load_orders(connection, work, &orders).await?;
    load_payments(connection, work, &orders, &pairs(named.payments.iter().copied())).await?;
    load_purchases(connection, work, &named.purchases).await?;

    let mut skus: BTreeSet<String> = named.skus.iter().map(|sku| (*sku).to_owned()).collect();
    for order in work.orders.values() {
        skus.extend(order.lines.iter().map(|line| line.sku.clone()));
        skus.extend(order.history.values().flat_map(|fact| &fact.lines).map(|((sku, _), _)| sku.clone()));
    }
    skus.extend(work.purchases.values().map(|purchase| purchase.sku.clone()));
    if !named.suppliers.is_empty() {
        // Their terms are the terms of everything that they supply.
        let supplied: Vec<String> = sqlx::query_scalar(
            "SELECT sku FROM products WHERE shop = ? AND supplier IN (SELECT value FROM json_each(?))",
        )
        .bind(&work.name)
        .bind(list(&named.suppliers))
        .fetch_all(&mut *connection)
        .await
        .doing("read products")?;
        skus.extend(supplied);
    }
    load_shelf(connection, work, &skus, named.first_day).await?;
    load_moved(connection, work, &named.counts).await?;

    let numbers: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT series, year, last FROM invoice_numbers WHERE shop = ?")
            .bind(&work.name)
            .fetch_all(&mut *connection)
            .await
            .doing("read invoice numbers")?;
    work.numbers = numbers.into_iter().map(|(series, year, last)| ((series, year), last)).collect();
    Ok(())
}

/// Reads one order with its payments and parcels, to show it.
pub(crate) async fn load_order(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    order_id: &str,
) -> Result<(), OperationsError> {
    let orders = BTreeSet::from([order_id.to_owned()]);
    load_orders(connection, work, &orders).await?;
    load_payments(connection, work, &orders, "[]").await
}

async fn load_orders(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    orders: &BTreeSet<String>,
) -> Result<(), OperationsError> {
    if orders.is_empty() {
        return Ok(());
    }
    let ids = list(orders);
    let rows: Vec<OrderRow> = sqlx::query_as(
        "SELECT order_id, captured, refunded, paid_at, first_at, updated_at, rung, placed_at, packed_at, shipped_at,
            delivered_at, moving_at, failed_at, cancelled_at, returned_at, paid_told_at, returned_all, returned_total,
            content_at, content_by, told, currency, subtotal, discount, shipping, tax, total,
            payment_method, channel, checkout_id, cart_id, session_id, customer_id, customer_name, customer_email,
            customer_phone, customer_tax_id, language, shipping_address, billing_address
         FROM orders WHERE shop = ? AND order_id IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .doing("read orders")?;
    for row in rows {
        work.orders.insert(row.order_id.clone(), Order { row, seen: true, ..Order::default() });
    }
    let lines: Vec<Line> = sqlx::query_as(
        "SELECT order_id, place, line_id, sku, name, quantity, unit_price, discount, tax, tax_rate FROM order_lines
         WHERE shop = ? AND order_id IN (SELECT value FROM json_each(?)) ORDER BY order_id, place",
    )
    .bind(&work.name)
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .doing("read order lines")?;
    for line in lines {
        let order = order_of(&mut work.orders, &line.order_id);
        order.lines_stored = true;
        order.lines.push(line);
    }
    let history: Vec<HistoryRow> = sqlx::query_as(
        "SELECT order_id, event_time, source, event_id, type, place, sku, location, quantity FROM order_stock
         WHERE shop = ? AND order_id IN (SELECT value FROM json_each(?))
         ORDER BY order_id, event_time, source, event_id, place",
    )
    .bind(&work.name)
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .doing("read what orders take of the stock")?;
    for row in history {
        let Some(fact) = StockFact::named(&row.kind) else {
            return Err(OperationsError::Damaged { what: "a step of an order", value: row.kind });
        };
        let when = fact.when(row.event_time, &row.source, &row.event_id);
        let fact = order_of(&mut work.orders, &row.order_id).history.entry(when).or_insert(fact);
        // Place 0 says that the event has no lines.
        if row.place > 0 {
            fact.lines.push(((row.sku, row.location), row.quantity));
        }
    }
    let parcels: Vec<Parcel> = sqlx::query_as(
        "SELECT order_id, parcel_id, rung, moving_at, failed_at, shipped_at, delivered_at, carrier, tracking_number,
            tracking_url, told FROM parcels WHERE shop = ? AND order_id IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .doing("read parcels")?;
    for parcel in parcels {
        order_of(&mut work.orders, &parcel.order_id).parcels.insert(parcel.parcel_id.clone(), parcel);
    }
    let documents: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT order_id, number, kind, total FROM invoices INDEXED BY invoices_by_order
         WHERE shop = ? AND order_id IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .doing("read invoices")?;
    for (order_id, number, kind, total) in documents {
        let order = order_of(&mut work.orders, &order_id);
        if kind == crate::invoice::InvoiceKind::Invoice.name() {
            order.invoice = Some((number, total));
        } else {
            order.credited = crate::amount::add(order.credited, total);
        }
    }
    Ok(())
}

fn order_of<'o>(orders: &'o mut HashMap<String, Order>, order_id: &str) -> &'o mut Order {
    orders.entry(order_id.to_owned()).or_insert_with(|| Order::new(order_id))
}

async fn load_payments(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    orders: &BTreeSet<String>,
    payments: &str,
) -> Result<(), OperationsError> {
    let rows: Vec<PaymentRow> = sqlx::query_as(
        "SELECT provider, payment_id, order_id, method, currency, authorized, captured, refunded, fee, failures,
            first_at, updated_at, captured_at, voided_at, failed_at, decline_code, disputed_at, dispute_closed_at, told
         FROM payments INDEXED BY payments_by_order
         WHERE shop = ?1 AND order_id IN (SELECT value FROM json_each(?2))
         UNION
         SELECT provider, payment_id, order_id, method, currency, authorized, captured, refunded, fee, failures,
            first_at, updated_at, captured_at, voided_at, failed_at, decline_code, disputed_at, dispute_closed_at, told
         FROM payments WHERE (shop, provider, payment_id) IN (
            SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?3))
         ORDER BY provider, payment_id",
    )
    .bind(&work.name)
    .bind(list(orders))
    .bind(payments)
    .fetch_all(&mut *connection)
    .await
    .doing("read payments")?;
    let known = pairs(rows.iter().map(|row| (row.provider.as_str(), row.payment_id.as_str())));
    let none = rows.is_empty();
    for row in rows {
        let key = (row.provider.clone(), row.payment_id.clone());
        if let Some(order) = row.order_id.as_ref().and_then(|order_id| work.orders.get_mut(order_id)) {
            order.payments.push(key.clone());
        }
        work.payments.insert(key, Payment { row, ..Payment::default() });
    }
    if none {
        return Ok(());
    }
    let amounts: Vec<(String, String, String, String, i64, i64, String)> = sqlx::query_as(
        "SELECT provider, payment_id, kind, fact, amount, told_at, told_by FROM payment_amounts
         WHERE (shop, provider, payment_id) IN (SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2))",
    )
    .bind(&work.name)
    .bind(known)
    .fetch_all(&mut *connection)
    .await
    .doing("read payments")?;
    for (provider, payment_id, kind, fact, units, told_at, told_by) in amounts {
        if let Some(payment) = work.payments.get_mut(&(provider, payment_id)) {
            payment.amounts.insert((kind, fact), Amount { units, told_at, told_by });
        }
    }
    Ok(())
}

async fn load_purchases(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    ids: &BTreeSet<&str>,
) -> Result<(), OperationsError> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<Purchase> = sqlx::query_as(
        "SELECT purchase_order_id, sku, location, placed, received, cancelled, supplier, eta, updated_at, told
         FROM purchase_orders
         WHERE shop = ? AND purchase_order_id IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(list(ids))
    .fetch_all(&mut *connection)
    .await
    .doing("read purchase orders")?;
    for row in rows {
        work.purchases.insert((row.purchase_order_id.clone(), row.sku.clone()), row);
    }
    Ok(())
}

async fn load_shelf(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    skus: &BTreeSet<String>,
    first_day: i64,
) -> Result<(), OperationsError> {
    let suppliers: Vec<Supplier> = sqlx::query_as(
        "SELECT supplier, name, lead_time_days, min_order_qty, updated_at, told FROM suppliers WHERE shop = ?",
    )
    .bind(&work.name)
    .fetch_all(&mut *connection)
    .await
    .doing("read suppliers")?;
    for row in suppliers {
        work.shelf.suppliers.insert(row.supplier.clone(), row);
    }
    if skus.is_empty() {
        return Ok(());
    }
    let skus = list(skus);
    let products: Vec<Product> = sqlx::query_as(
        "SELECT sku, name, category, unit_price, unit_cost, currency, supplier, lead_time_days, min_order_qty,
            pack_size, reorder_point, updated_at, told
         FROM products WHERE shop = ? AND sku IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(&skus)
    .fetch_all(&mut *connection)
    .await
    .doing("read products")?;
    for row in products {
        work.shelf.products.insert(row.sku.clone(), row);
    }
    let stock: Vec<Stock> = sqlx::query_as(
        "SELECT sku, location, on_hand, reserved, incoming, reorder_point, updated_at, counted_at, counted_by FROM stock
         WHERE shop = ? AND sku IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(&skus)
    .fetch_all(&mut *connection)
    .await
    .doing("read stock")?;
    for row in stock {
        work.shelf.stock.insert((row.sku.clone(), row.location.clone()), row);
    }
    // Thirty days back from the events at hand, and from the latest day known of each stock: one more for the zone.
    let sold: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT d.sku, d.location, d.day, d.sold
         FROM stock s JOIN stock_sold d ON d.shop = s.shop AND d.sku = s.sku AND d.location = s.location
         WHERE s.shop = ?1 AND s.sku IN (SELECT value FROM json_each(?2))
            AND d.day >= min(?3, s.updated_at / 86400000000 - ?4 - 1)",
    )
    .bind(&work.name)
    .bind(&skus)
    .bind(first_day.saturating_sub(THIRTY_DAYS))
    .bind(THIRTY_DAYS)
    .fetch_all(&mut *connection)
    .await
    .doing("read demand")?;
    for (sku, location, day, sold) in sold {
        if let Some(stock) = work.shelf.stock.get_mut(&(sku, location)) {
            stock.sold.insert(day, sold);
        }
    }
    let alerts: Vec<Alert> = sqlx::query_as(
        "SELECT kind, sku, location, raised_position, raised_at, raised_by, closed_position, closed_at, available,
            incoming, reorder_point, sold_30_days, lead_time_days, suggested_quantity
         FROM alerts INDEXED BY alerts_open
         WHERE shop = ? AND closed_position IS NULL AND sku IN (SELECT value FROM json_each(?))",
    )
    .bind(&work.name)
    .bind(&skus)
    .fetch_all(&mut *connection)
    .await
    .doing("read alerts")?;
    for alert in alerts {
        let slot = AlertKind::ALL.iter().position(|kind| kind.name() == alert.kind);
        let stock = work.shelf.stock.get_mut(&(alert.sku.clone(), alert.location.clone()));
        if let (Some(slot), Some(stock)) = (slot, stock) {
            stock.alerts[slot] = Some(alert);
        }
    }
    Ok(())
}

/// Reads what moved after counts that come late: it moves on from them.
async fn load_moved(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    counts: &BTreeMap<(&str, &str), i64>,
) -> Result<(), OperationsError> {
    let late = counts.iter().filter(|((sku, location), at)| {
        let stock = work.shelf.stock.get(&((*sku).to_owned(), (*location).to_owned()));
        stock.is_some_and(|stock| stock.updated_at > **at)
    });
    let late: Vec<_> = late.map(|((sku, location), at)| serde_json::json!([sku, location, at])).collect();
    if late.is_empty() {
        return Ok(());
    }
    let moved: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT m.sku, m.location, m.event_time, sum(m.on_hand_change)
         FROM json_each(?2) late CROSS JOIN stock_movements m
         WHERE m.shop = ?1 AND m.sku = late.value ->> 0 AND m.location = late.value ->> 1
            AND m.event_time > late.value ->> 2
         GROUP BY m.sku, m.location, m.event_time",
    )
    .bind(&work.name)
    .bind(serde_json::Value::from(late).to_string())
    .fetch_all(&mut *connection)
    .await
    .doing("read what moved after a count")?;
    for (sku, location, at, change) in moved {
        if let Some(stock) = work.shelf.stock.get_mut(&(sku, location)) {
            stock.moved.insert(at, change);
        }
    }
    Ok(())
}
