//! Orders as the merchant sees them.

use mizan_events::EventTime;
use serde::Serialize;
use sqlx::FromRow;

use super::time;
use crate::amount;
use crate::apply::Operations;
use crate::error::{Doing, OperationsError};
use crate::order::{line_amounts, status_text};
use crate::shop::ShopWork;
use crate::store;

/// An order, whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrderView {
    /// The shop.
    pub shop: String,
    /// The shop's number of it.
    pub order_id: String,
    /// unknown, placed, packed, shipped, out_for_delivery, delivered, delivery_failed, cancelled or returned.
    pub status: String,
    /// unpaid, cod_pending, authorized, paid, partially_refunded or refunded.
    pub payment_status: String,
    /// When it was placed; absent while only later events are known.
    pub placed_at: Option<String>,
    /// When it became paid.
    pub paid_at: Option<String>,
    /// When it was delivered.
    pub delivered_at: Option<String>,
    /// Time of the latest event about it.
    pub updated_at: String,
    /// ISO 4217 code of every amount.
    pub currency: Option<String>,
    /// Lines before order discount, shipping and tax, as the sender says.
    pub subtotal: Option<String>,
    /// Discount on the order as a whole.
    pub discount: Option<String>,
    /// Shipping.
    pub shipping: Option<String>,
    /// Tax.
    pub tax: Option<String>,
    /// What the customer pays.
    pub total: Option<String>,
    /// What payments took.
    pub captured: String,
    /// What payments gave back.
    pub refunded: String,
    /// How the customer chose to pay.
    pub payment_method: Option<String>,
    /// Where it was sold.
    pub channel: Option<String>,
    /// The customer's number.
    pub customer_id: Option<String>,
    /// Name.
    pub customer_name: Option<String>,
    /// E-mail address.
    pub customer_email: Option<String>,
    /// Telephone number.
    pub customer_phone: Option<String>,
    /// Where it is sent, as the order gave it.
    pub shipping_address: Option<serde_json::Value>,
    /// Whom the invoice is for.
    pub billing_address: Option<serde_json::Value>,
    /// What was ordered.
    pub lines: Vec<LineView>,
    /// Its payments.
    pub payments: Vec<PaymentView>,
    /// Its parcels.
    pub parcels: Vec<ParcelView>,
    /// Everything told about it, by event time.
    pub timeline: Vec<TimelineEntry>,
    /// Number of its invoice.
    pub invoice_number: Option<String>,
    /// Numbers of its credit notes.
    pub credit_notes: Vec<String>,
    /// The unguessable name in its tracking link.
    pub tracking_token: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineView {
    /// The line.
    pub line_id: String,
    /// The product.
    pub sku: String,
    /// Its name as sold.
    pub name: Option<String>,
    /// Pieces.
    pub quantity: String,
    /// Of them, pieces that came back.
    pub returned_quantity: String,
    /// Price of one piece.
    pub unit_price: String,
    /// Discount on the line.
    pub discount: String,
    /// Tax on the line.
    pub tax: String,
    /// What the line costs, with tax.
    pub total: String,
}

/// One payment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentView {
    /// The payment.
    pub payment_id: String,
    /// Who takes the money.
    pub provider: String,
    /// pending, authorized, captured, failed, voided, partially_refunded, refunded or disputed.
    pub status: String,
    /// card, cod, …
    pub method: Option<String>,
    /// ISO 4217 code of its amounts.
    pub currency: Option<String>,
    /// Held.
    pub authorized: String,
    /// Taken.
    pub captured: String,
    /// Given back.
    pub refunded: String,
    /// What the provider keeps.
    pub fee: String,
    /// Tries that failed.
    pub failures: i64,
    /// Why the latest failed.
    pub decline_code: Option<String>,
    /// Time of the latest event about it.
    pub updated_at: String,
}

/// One parcel of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParcelView {
    /// Its name; empty where nobody named it.
    pub parcel_id: String,
    /// packed, shipped, out_for_delivery, delivered or delivery_failed.
    pub status: String,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// The carrier's page.
    pub tracking_url: Option<String>,
    /// When it was shipped.
    pub shipped_at: Option<String>,
    /// When it was delivered.
    pub delivered_at: Option<String>,
}

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When it happened.
    pub time: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's place in the log.
    pub position: i64,
    /// Who told it.
    pub source: String,
    /// The event's id there.
    pub event_id: String,
    /// The parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parcel_id: Option<String>,
    /// Who carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who takes the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderSummary {
    /// The shop's number of it.
    pub order_id: String,
    /// When it was placed, or first heard of.
    pub placed_at: String,
    /// As in [`OrderView::status`].
    pub status: String,
    /// As in [`OrderView::payment_status`].
    pub payment_status: String,
    /// What the customer pays.
    pub total: Option<String>,
    /// ISO 4217 code of the total.
    pub currency: Option<String>,
    /// Who ordered.
    pub customer_name: Option<String>,
    /// To go on from this order.
    #[serde(skip)]
    pub cursor: OrderCursor,
}

/// A place in the list of orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCursor {
    /// When the last order of the page before was placed.
    pub placed_at: EventTime,
    /// Its number.
    pub order_id: String,
}

#[derive(FromRow)]
struct SummaryRow {
    order_id: String,
    ordered_at: i64,
    status: String,
    payment_status: String,
    total: Option<i64>,
    currency: Option<String>,
    customer_name: Option<String>,
}

#[derive(FromRow)]
pub(super) struct EventRow {
    position: i64,
    pub(super) event_time: i64,
    #[sqlx(rename = "type")]
    pub(super) kind: String,
    source: String,
    event_id: String,
    parcel_id: Option<String>,
    carrier: Option<String>,
    tracking_number: Option<String>,
    reason: Option<String>,
    provider: Option<String>,
    method: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
}

impl Operations {
    /// An order with everything that belongs to it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn order(&self, shop: &str, order_id: &str) -> Result<Option<OrderView>, OperationsError> {
        let Some((work, token)) = self.one_order(shop, order_id).await? else { return Ok(None) };
        let timeline = self.timeline(shop, order_id).await?;
        let credit_notes: Vec<String> = sqlx::query_scalar(
            "SELECT number FROM invoices INDEXED BY invoices_by_order
             WHERE shop = ? AND order_id = ? AND kind = 'credit_note' ORDER BY number",
        )
        .bind(shop)
        .bind(order_id)
        .fetch_all(self.readers())
        .await
        .doing("look up an order")?;
        let Some(order) = work.orders.get(order_id) else { return Ok(None) };
        let row = &order.row;
        // Until the order itself is told, its payments name the currency.
        let payments = payments(&work, order_id);
        let currency = row.currency.clone().or_else(|| payments.iter().find_map(|payment| payment.currency.clone()));
        let money = |units: i64| amount::money(units, currency.as_deref());
        let object = |json: &Option<String>| json.as_ref().and_then(|json| serde_json::from_str(json).ok());
        Ok(Some(OrderView {
            shop: shop.to_owned(),
            order_id: row.order_id.clone(),
            status: order.status().to_owned(),
            payment_status: order.payment_status(work.is_authorized(order)).to_owned(),
            placed_at: row.placed_at.map(time),
            paid_at: row.paid_at.map(time),
            delivered_at: row.delivered_at.map(time),
            updated_at: time(row.updated_at),
            currency: currency.clone(),
            subtotal: row.subtotal.map(money),
            discount: row.discount.map(money),
            shipping: row.shipping.map(money),
            tax: row.tax.map(money),
            total: row.total.map(money),
            captured: money(row.captured),
            refunded: money(row.refunded),
            payment_method: row.payment_method.clone(),
            channel: row.channel.clone(),
            customer_id: row.customer_id.clone(),
            customer_name: row.customer_name.clone(),
            customer_email: row.customer_email.clone(),
            customer_phone: row.customer_phone.clone(),
            shipping_address: object(&row.shipping_address),
            billing_address: object(&row.billing_address),
            lines: lines(&work, order_id),
            payments,
            parcels: order.parcels.values().map(parcel).collect(),
            timeline: timeline.into_iter().map(entry).collect(),
            invoice_number: order.invoice.as_ref().map(|(number, _)| number.clone()),
            credit_notes,
            tracking_token: token,
        }))
    }

    /// An order as it is in memory while events are applied, and its token.
    pub(super) async fn one_order(
        &self,
        shop: &str,
        order_id: &str,
    ) -> Result<Option<(ShopWork, String)>, OperationsError> {
        let mut transaction = self.readers().begin().await.doing("look up an order")?;
        let token: Option<String> = sqlx::query_scalar("SELECT token FROM orders WHERE shop = ? AND order_id = ?")
            .bind(shop)
            .bind(order_id)
            .fetch_optional(&mut *transaction)
            .await
            .doing("look up an order")?;
        let Some(token) = token else { return Ok(None) };
        let mut work = ShopWork::new(shop, self.settings().shop(shop), None);
        store::load_order(&mut transaction, &mut work, order_id).await?;
        Ok(Some((work, token)))
    }

    pub(super) async fn timeline(&self, shop: &str, order_id: &str) -> Result<Vec<EventRow>, OperationsError> {
        sqlx::query_as(
            "SELECT position, event_time, type, source, event_id, parcel_id, carrier, tracking_number, reason,
                provider, method, amount, currency
             FROM order_events WHERE shop = ? AND order_id = ? ORDER BY event_time, source, event_id",
        )
        .bind(shop)
        .bind(order_id)
        .fetch_all(self.readers())
        .await
        .doing("look up an order's timeline")
    }

    /// The latest orders, newest first; `before` goes on after an earlier page.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn orders(
        &self,
        shop: &str,
        limit: u32,
        before: Option<&OrderCursor>,
    ) -> Result<Vec<OrderSummary>, OperationsError> {
        let (at, order_id) =
            before.map_or((i64::MAX, ""), |cursor| (cursor.placed_at.micros(), cursor.order_id.as_str()));
        let rows: Vec<SummaryRow> = sqlx::query_as(
            "SELECT order_id, ordered_at, status, payment_status, total, currency, customer_name
             FROM orders WHERE shop = ? AND (ordered_at, order_id) < (?, ?)
             ORDER BY ordered_at DESC, order_id DESC LIMIT ?",
        )
        .bind(shop)
        .bind(at)
        .bind(order_id)
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .doing("list orders")?;
        Ok(rows.into_iter().map(summary).collect())
    }
}

fn summary(row: SummaryRow) -> OrderSummary {
    OrderSummary {
        placed_at: time(row.ordered_at),
        total: row.total.map(|total| amount::money(total, row.currency.as_deref())),
        cursor: OrderCursor { placed_at: EventTime::from_micros(row.ordered_at), order_id: row.order_id.clone() },
        order_id: row.order_id,
        status: row.status,
        payment_status: row.payment_status,
        currency: row.currency,
        customer_name: row.customer_name,
    }
}

fn lines(work: &ShopWork, order_id: &str) -> Vec<LineView> {
    let Some(order) = work.orders.get(order_id) else { return Vec::new() };
    let currency = order.row.currency.as_deref();
    let view = |(line, returned): (&crate::order::Line, i64)| {
        let amounts = line_amounts(line, amount::exponent(currency), work.shop.prices_include_tax);
        LineView {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: amount::text(line.quantity, 0),
            returned_quantity: amount::text(returned, 0),
            unit_price: amount::money(line.unit_price, currency),
            discount: amount::money(line.discount, currency),
            tax: amount::money(amounts.tax, currency),
            total: amount::money(amounts.gross, currency),
        }
    };
    order.lines.iter().zip(order.returned_by_line()).map(view).collect()
}

fn payments(work: &ShopWork, order_id: &str) -> Vec<PaymentView> {
    let Some(order) = work.orders.get(order_id) else { return Vec::new() };
    let rows = order.payments.iter().filter_map(|key| work.payments.get(key)).map(|payment| &payment.row);
    rows.map(|row| {
        let money = |units: i64| amount::money(units, row.currency.as_deref());
        PaymentView {
            payment_id: row.payment_id.clone(),
            provider: row.provider.clone(),
            status: row.status().to_owned(),
            method: row.method.clone(),
            currency: row.currency.clone(),
            authorized: money(row.authorized),
            captured: money(row.captured),
            refunded: money(row.refunded),
            fee: money(row.fee),
            failures: row.failures,
            decline_code: row.decline_code.clone(),
            updated_at: time(row.updated_at),
        }
    })
    .collect()
}

pub(super) fn parcel(parcel: &crate::order::Parcel) -> ParcelView {
    ParcelView {
        parcel_id: parcel.parcel_id.clone(),
        status: status_text(parcel.rung, parcel.moving_at, parcel.failed_at).to_owned(),
        carrier: parcel.carrier.clone(),
        tracking_number: parcel.tracking_number.clone(),
        tracking_url: parcel.tracking_url.clone(),
        shipped_at: parcel.shipped_at.map(time),
        delivered_at: parcel.delivered_at.map(time),
    }
}

fn entry(row: EventRow) -> TimelineEntry {
    TimelineEntry {
        time: time(row.event_time),
        amount: row.amount.map(|units| amount::money(units, row.currency.as_deref())),
        kind: row.kind,
        position: row.position,
        source: row.source,
        event_id: row.event_id,
        parcel_id: row.parcel_id,
        carrier: row.carrier,
        tracking_number: row.tracking_number,
        reason: row.reason,
        provider: row.provider,
        method: row.method,
        currency: row.currency,
    }
}
