//! Writing back what a batch changed, many rows a statement.

use sqlx::query_builder::Separated;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::error::{Doing, OperationsError};
use crate::hmac::tracking_token;
use crate::order::{Line, Order};
use crate::payment::Payment;
use crate::shop::ShopWork;
use crate::stock::{Alert, message};

/// Rows a statement: enough that parsing it costs little beside inserting them.
const ROWS: usize = 100;

type Tuple<'t> = Separated<'t, Sqlite, &'static str>;

/// Inserts rows; `after` says what happens to those that are there.
async fn insert<T>(
    connection: &mut SqliteConnection,
    into: &str,
    after: &str,
    rows: &[T],
    mut bind: impl FnMut(&mut Tuple<'_>, &T),
) -> Result<(), OperationsError> {
    for chunk in rows.chunks(ROWS) {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO ");
        query.push(into).push(' ');
        query.push_values(chunk, |mut tuple, row| bind(&mut tuple, row));
        query.push(' ').push(after);
        // Full chunks all have the same text and stay prepared; the rest would only push them out.
        let full = chunk.len() == ROWS;
        query.build().persistent(full).execute(&mut *connection).await.doing("write changes")?;
    }
    Ok(())
}

macro_rules! bind {
    ($tuple:ident, $($value:expr),+ $(,)?) => { $( $tuple.push_bind($value); )+ };
}

/// Writes what changed in one shop.
pub(crate) async fn save(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    secret: &[u8],
) -> Result<(), OperationsError> {
    save_orders(connection, work, secret).await?;
    save_payments(connection, work).await?;
    save_shelf(connection, work).await?;
    save_alerts(connection, work).await?;
    save_terms(connection, work).await?;
    save_documents(connection, work).await
}

async fn save_orders(connection: &mut SqliteConnection, work: &ShopWork, secret: &[u8]) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let dirty: Vec<&Order> = work.orders.values().filter(|order| order.dirty).collect();
    let seen: Vec<&Order> = dirty.iter().copied().filter(|order| order.seen).collect();
    insert(
        connection,
        "orders (shop, order_id, status, payment_status, ordered_at, paid_at, captured, refunded, token, first_at,
            updated_at, rung, placed_at, packed_at, shipped_at, delivered_at, moving_at, failed_at, cancelled_at,
            returned_at, paid_told_at, returned_all, returned_total, content_at, content_by, details_at, details_by,
            currency, subtotal, discount, shipping, tax, total, payment_method, channel, checkout_id, cart_id,
            session_id, customer_id, customer_name, customer_email, customer_phone, customer_tax_id, language,
            shipping_address, billing_address)",
        "ON CONFLICT (shop, order_id) DO UPDATE SET status = excluded.status,
            payment_status = excluded.payment_status, ordered_at = excluded.ordered_at, paid_at = excluded.paid_at,
            captured = excluded.captured, refunded = excluded.refunded, first_at = excluded.first_at,
            updated_at = excluded.updated_at, rung = excluded.rung, placed_at = excluded.placed_at,
            packed_at = excluded.packed_at, shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at,
            moving_at = excluded.moving_at, failed_at = excluded.failed_at, cancelled_at = excluded.cancelled_at,
            returned_at = excluded.returned_at, paid_told_at = excluded.paid_told_at,
            returned_all = excluded.returned_all, returned_total = excluded.returned_total,
            content_at = excluded.content_at, content_by = excluded.content_by, details_at = excluded.details_at,
            details_by = excluded.details_by, currency = excluded.currency, subtotal = excluded.subtotal,
            discount = excluded.discount, shipping = excluded.shipping, tax = excluded.tax, total = excluded.total,
            payment_method = excluded.payment_method, channel = excluded.channel, checkout_id = excluded.checkout_id,
            cart_id = excluded.cart_id, session_id = excluded.session_id, customer_id = excluded.customer_id,
            customer_name = excluded.customer_name, customer_email = excluded.customer_email,
            customer_phone = excluded.customer_phone, customer_tax_id = excluded.customer_tax_id,
            language = excluded.language, shipping_address = excluded.shipping_address,
            billing_address = excluded.billing_address",
        &seen,
        |tuple, order| {
            let row = &order.row;
            bind!(
                tuple,
                shop,
                &row.order_id,
                order.status(),
                order.payment_status(work.is_authorized(order)),
                row.placed_at.unwrap_or(row.first_at),
                row.paid_at,
                row.captured,
                row.refunded,
                tracking_token(secret, shop, &row.order_id),
                row.first_at,
                row.updated_at,
                row.rung,
                row.placed_at,
                row.packed_at,
                row.shipped_at,
                row.delivered_at,
                row.moving_at,
                row.failed_at,
                row.cancelled_at,
                row.returned_at,
                row.paid_told_at,
                row.returned_all,
                row.returned_total,
                row.content_at,
                &row.content_by,
                row.details_at,
                &row.details_by,
                &row.currency,
                row.subtotal,
                row.discount,
                row.shipping,
                row.tax,
                row.total,
                &row.payment_method,
                &row.channel,
                &row.checkout_id,
                &row.cart_id,
                &row.session_id,
                &row.customer_id,
                &row.customer_name,
                &row.customer_email,
                &row.customer_phone,
                &row.customer_tax_id,
                &row.language,
                &row.shipping_address,
                &row.billing_address,
            );
        },
    )
    .await?;

    for order in dirty.iter().filter(|order| order.lines_dirty && order.lines_stored) {
        sqlx::query("DELETE FROM order_lines WHERE shop = ? AND order_id = ?")
            .bind(shop)
            .bind(&order.row.order_id)
            .execute(&mut *connection)
            .await
            .doing("replace order lines")?;
    }
    let lines: Vec<&Line> = dirty.iter().filter(|order| order.lines_dirty).flat_map(|order| &order.lines).collect();
    insert(
        connection,
        "order_lines (shop, order_id, place, line_id, sku, name, quantity, unit_price, discount, tax, tax_rate)",
        "",
        &lines,
        |tuple, line| {
            bind!(
                tuple,
                shop,
                &line.order_id,
                line.place,
                &line.line_id,
                &line.sku,
                &line.name,
                line.quantity,
                line.unit_price,
                line.discount,
                line.tax,
                line.tax_rate,
            );
        },
    )
    .await?;

    let moves: Vec<_> =
        dirty.iter().flat_map(|order| order.moves.iter().map(|entry| (&order.row.order_id, entry))).collect();
    insert(
        connection,
        "order_moves (shop, order_id, sku, location, returned, sold)",
        "ON CONFLICT (shop, order_id, sku, location) DO UPDATE SET returned = excluded.returned, sold = excluded.sold",
        &moves,
        |tuple, (order_id, ((sku, location), moves))| {
            bind!(tuple, shop, *order_id, sku, location, moves.returned, moves.sold);
        },
    )
    .await?;

    let parcels: Vec<_> =
        dirty.iter().flat_map(|order| order.parcels.iter().map(|entry| (&order.row.order_id, entry))).collect();
    insert(
        connection,
        "parcels (shop, order_id, parcel_id, rung, moving_at, failed_at, shipped_at, delivered_at, carrier,
            tracking_number, tracking_url)",
        "ON CONFLICT (shop, order_id, parcel_id) DO UPDATE SET rung = excluded.rung, moving_at = excluded.moving_at,
            failed_at = excluded.failed_at, shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at,
            carrier = excluded.carrier, tracking_number = excluded.tracking_number,
            tracking_url = excluded.tracking_url",
        &parcels,
        |tuple, (order_id, (parcel_id, parcel))| {
            bind!(
                tuple,
                shop,
                *order_id,
                parcel_id,
                parcel.rung,
                parcel.moving_at,
                parcel.failed_at,
                parcel.shipped_at,
                parcel.delivered_at,
                &parcel.carrier,
                &parcel.tracking_number,
                &parcel.tracking_url,
            );
        },
    )
    .await?;

    insert(
        connection,
        "order_events (shop, order_id, position, event_time, type, source, event_id, parcel_id, carrier,
            tracking_number, reason, provider, method, amount, currency)",
        "",
        &work.timeline,
        |tuple, entry| {
            bind!(
                tuple,
                shop,
                &entry.order_id,
                entry.position,
                entry.event_time,
                entry.kind,
                &entry.source,
                &entry.event_id,
                &entry.parcel_id,
                &entry.carrier,
                &entry.tracking_number,
                &entry.reason,
                &entry.provider,
                &entry.method,
                entry.amount,
                &entry.currency,
            );
        },
    )
    .await
}

async fn save_payments(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let dirty: Vec<&Payment> = work.payments.values().filter(|payment| payment.dirty).collect();
    insert(
        connection,
        "payments (shop, provider, payment_id, order_id, status, method, currency, authorized, captured, refunded,
            fee, failures, first_at, updated_at, captured_at, voided_at, failed_at, decline_code, disputed_at,
            dispute_closed_at)",
        "ON CONFLICT (shop, provider, payment_id) DO UPDATE SET order_id = excluded.order_id,
            status = excluded.status, method = excluded.method, currency = excluded.currency,
            authorized = excluded.authorized, captured = excluded.captured, refunded = excluded.refunded,
            fee = excluded.fee, failures = excluded.failures, first_at = excluded.first_at,
            updated_at = excluded.updated_at, captured_at = excluded.captured_at, voided_at = excluded.voided_at,
            failed_at = excluded.failed_at, decline_code = excluded.decline_code,
            disputed_at = excluded.disputed_at, dispute_closed_at = excluded.dispute_closed_at",
        &dirty,
        |tuple, payment| {
            let row = &payment.row;
            bind!(
                tuple,
                shop,
                &row.provider,
                &row.payment_id,
                &row.order_id,
                row.status(),
                &row.method,
                &row.currency,
                row.authorized,
                row.captured,
                row.refunded,
                row.fee,
                row.failures,
                row.first_at,
                row.updated_at,
                row.captured_at,
                row.voided_at,
                row.failed_at,
                &row.decline_code,
                row.disputed_at,
                row.dispute_closed_at,
            );
        },
    )
    .await?;
    let amounts: Vec<_> =
        dirty.iter().flat_map(|payment| payment.fresh.iter().map(|amount| (&payment.row, amount))).collect();
    insert(
        connection,
        "payment_amounts (shop, provider, payment_id, kind, fact, amount)",
        "",
        &amounts,
        |tuple, (row, (kind, fact, amount))| {
            bind!(tuple, shop, &row.provider, &row.payment_id, kind, fact, *amount);
        },
    )
    .await
}

async fn save_shelf(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let dirty: Vec<_> = work.shelf.stock.values().filter(|stock| stock.dirty).collect();
    insert(
        connection,
        "stock (shop, sku, location, on_hand, reserved, incoming, reorder_point, state, updated_at)",
        "ON CONFLICT (shop, sku, location) DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved,
            incoming = excluded.incoming, reorder_point = excluded.reorder_point, state = excluded.state,
            updated_at = excluded.updated_at",
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
        "stock_movements (shop, sku, location, position, event_time, type, source, event_id, order_id,
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

async fn save_alerts(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
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

async fn save_terms(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    let shop = work.name.as_str();
    let products: Vec<_> = work.shelf.products.values().filter(|product| product.dirty).collect();
    insert(
        connection,
        "products (shop, sku, name, category, unit_price, unit_cost, currency, supplier, lead_time_days,
            min_order_qty, pack_size, reorder_point, updated_at)",
        "ON CONFLICT (shop, sku) DO UPDATE SET name = excluded.name, category = excluded.category,
            unit_price = excluded.unit_price, unit_cost = excluded.unit_cost, currency = excluded.currency,
            supplier = excluded.supplier, lead_time_days = excluded.lead_time_days,
            min_order_qty = excluded.min_order_qty, pack_size = excluded.pack_size,
            reorder_point = excluded.reorder_point, updated_at = excluded.updated_at",
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
            );
        },
    )
    .await?;
    let suppliers: Vec<_> = work.shelf.suppliers.values().filter(|supplier| supplier.dirty).collect();
    insert(
        connection,
        "suppliers (shop, supplier, name, lead_time_days, min_order_qty, updated_at)",
        "ON CONFLICT (shop, supplier) DO UPDATE SET name = excluded.name, lead_time_days = excluded.lead_time_days,
            min_order_qty = excluded.min_order_qty, updated_at = excluded.updated_at",
        &suppliers,
        |tuple, row| {
            bind!(tuple, shop, &row.supplier, &row.name, row.lead_time_days, row.min_order_qty, row.updated_at);
        },
    )
    .await?;
    let purchases: Vec<_> = work.purchases.values().filter(|purchase| purchase.dirty).collect();
    insert(
        connection,
        "purchase_orders (shop, purchase_order_id, sku, location, placed, received, cancelled, supplier, eta)",
        "ON CONFLICT (shop, purchase_order_id, sku) DO UPDATE SET location = excluded.location,
            placed = excluded.placed, received = excluded.received, cancelled = excluded.cancelled,
            supplier = excluded.supplier, eta = excluded.eta",
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
            );
        },
    )
    .await
}

async fn save_documents(connection: &mut SqliteConnection, work: &ShopWork) -> Result<(), OperationsError> {
    if work.documents.is_empty() {
        return Ok(());
    }
    let shop = work.name.as_str();
    let mut documents = Vec::with_capacity(work.documents.len());
    for issued in &work.documents {
        let text = serde_json::to_string(&issued.document)
            .map_err(|error| OperationsError::Damaged { what: "an invoice", value: error.to_string() })?;
        documents.push((issued, text));
    }
    insert(
        connection,
        "invoices (shop, number, kind, order_id, position, total, document)",
        "",
        &documents,
        |tuple, (issued, text)| {
            let document = &issued.document;
            bind!(
                tuple,
                shop,
                &document.number,
                document.kind.name(),
                &document.order_id,
                issued.position,
                issued.total,
                text,
            );
        },
    )
    .await?;
    let numbers: Vec<_> = work.numbers.iter().collect();
    insert(
        connection,
        "invoice_numbers (shop, series, year, last)",
        "ON CONFLICT (shop, series, year) DO UPDATE SET last = excluded.last",
        &numbers,
        |tuple, ((series, year), last)| {
            bind!(tuple, shop, series, *year, **last);
        },
    )
    .await
}
