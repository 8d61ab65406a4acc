//! Writing back what a batch changed, many rows a statement.

use sqlx::query_builder::Separated;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::error::{Doing, OperationsError};
use crate::hmac::tracking_token;
use crate::order::{DEFAULT_LOCATION, Line, Order};
use crate::payment::Payment;
use crate::shop::ShopWork;

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

// Below the macro, which it uses.
mod shelf;

/// Writes what changed in one shop.
pub(crate) async fn save(
    connection: &mut SqliteConnection,
    work: &mut ShopWork,
    secret: &[u8],
) -> Result<(), OperationsError> {
    save_orders(connection, work, secret).await?;
    save_payments(connection, work).await?;
    shelf::save_stock(connection, work).await?;
    shelf::save_alerts(connection, work).await?;
    shelf::save_terms(connection, work).await?;
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
            returned_at, paid_told_at, returned_all, returned_total, content_at, content_by, told,
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
            content_at = excluded.content_at, content_by = excluded.content_by, told = excluded.told,
            currency = excluded.currency, subtotal = excluded.subtotal,
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
                row.told.text(),
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

    let mut history = Vec::new();
    for order in &dirty {
        for when in &order.fresh_history {
            let Some(fact) = order.history.get(when) else { continue };
            let lines = fact.lines.iter().enumerate().map(|(line, of)| (line + 1, Some(of)));
            // An event without lines is a row too.
            let none = fact.lines.is_empty().then_some((0, None));
            history.extend(lines.chain(none).map(|(line, of)| (&order.row.order_id, when, fact.kind, line, of)));
        }
    }
    insert(
        connection,
        "order_stock (shop, order_id, event_time, source, event_id, place, type, sku, location, quantity)",
        "",
        &history,
        |tuple, (order_id, when, kind, line, of)| {
            let (sku, location, quantity) = match of {
                Some(((sku, location), quantity)) => (sku.as_str(), location.as_str(), *quantity),
                None => ("", DEFAULT_LOCATION, 0),
            };
            let line = i64::try_from(*line).unwrap_or(i64::MAX);
            bind!(tuple, shop, *order_id, when.at, &when.source, &when.event_id, line, *kind, sku, location, quantity);
        },
    )
    .await?;

    let parcels: Vec<_> =
        dirty.iter().flat_map(|order| order.parcels.iter().map(|entry| (&order.row.order_id, entry))).collect();
    insert(
        connection,
        "parcels (shop, order_id, parcel_id, rung, moving_at, failed_at, shipped_at, delivered_at, carrier,
            tracking_number, tracking_url, told)",
        "ON CONFLICT (shop, order_id, parcel_id) DO UPDATE SET rung = excluded.rung, moving_at = excluded.moving_at,
            failed_at = excluded.failed_at, shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at,
            carrier = excluded.carrier, tracking_number = excluded.tracking_number,
            tracking_url = excluded.tracking_url, told = excluded.told",
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
                parcel.told.text(),
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
            dispute_closed_at, told)",
        "ON CONFLICT (shop, provider, payment_id) DO UPDATE SET order_id = excluded.order_id,
            status = excluded.status, method = excluded.method, currency = excluded.currency,
            authorized = excluded.authorized, captured = excluded.captured, refunded = excluded.refunded,
            fee = excluded.fee, failures = excluded.failures, first_at = excluded.first_at,
            updated_at = excluded.updated_at, captured_at = excluded.captured_at, voided_at = excluded.voided_at,
            failed_at = excluded.failed_at, decline_code = excluded.decline_code,
            disputed_at = excluded.disputed_at, dispute_closed_at = excluded.dispute_closed_at,
            told = excluded.told",
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
                row.told.text(),
            );
        },
    )
    .await?;
    let mut amounts = Vec::new();
    for payment in &dirty {
        let fresh = payment.fresh.iter().filter_map(|key| Some((key, payment.amounts.get(key)?)));
        amounts.extend(fresh.map(|(key, amount)| (&payment.row, key, amount)));
    }
    insert(
        connection,
        "payment_amounts (shop, provider, payment_id, kind, fact, amount, told_at, told_by)",
        "ON CONFLICT (shop, provider, payment_id, kind, fact) DO UPDATE SET amount = excluded.amount,
            told_at = excluded.told_at, told_by = excluded.told_by",
        &amounts,
        |tuple, (row, (kind, fact), amount)| {
            let (units, told_at, told_by) = (amount.units, amount.told_at, &amount.told_by);
            bind!(tuple, shop, &row.provider, &row.payment_id, kind, fact, units, told_at, told_by);
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
