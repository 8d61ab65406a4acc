//! Stock, its ledger, what to reorder, and alerts.

use serde::Serialize;
use sqlx::FromRow;

use super::time;
use crate::amount;
use crate::apply::Operations;
use crate::error::{Doing, OperationsError};
use crate::stock::demand_text;

/// Which stock.
#[derive(Clone, Debug, Default)]
pub struct StockFilter {
    /// The shop.
    pub shop: String,
    /// One product.
    pub sku: Option<String>,
    /// One location.
    pub location: Option<String>,
    /// Most rows.
    pub limit: u32,
}

/// How much there is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StockState {
    /// Nothing available.
    Out,
    /// Available is at or below the reorder point.
    Low,
    /// Neither.
    Ok,
}

/// Stock of one product at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StockRow {
    /// The product.
    pub sku: String,
    /// Its name.
    pub name: Option<String>,
    /// Where.
    pub location: String,
    /// Pieces there.
    pub on_hand: String,
    /// Of them, set aside.
    pub reserved: String,
    /// On hand less reserved; below zero when oversold.
    pub available: String,
    /// On open purchase orders.
    pub incoming: String,
    /// Out, low or ok.
    pub state: StockState,
    /// Order more at or below this; absent without demand and without one set.
    pub reorder_point: Option<String>,
    /// Time of the latest event about it.
    pub updated_at: String,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovementRow {
    /// Place in the log of the event with which it was booked.
    pub position: i64,
    /// When it happened.
    pub time: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who told it.
    pub source: String,
    /// The event's id there.
    pub event_id: String,
    /// The product.
    pub sku: String,
    /// Where.
    pub location: String,
    /// The order it was for.
    pub order_id: Option<String>,
    /// The purchase order it was for.
    pub purchase_order_id: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Change of pieces on hand.
    pub change: String,
    /// Change of pieces set aside.
    pub reserved_change: String,
    /// Change of pieces on open purchase orders.
    pub incoming_change: String,
    /// Pieces on hand after it.
    pub on_hand: String,
}

/// A product to reorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReorderRow {
    /// The product.
    pub sku: String,
    /// Its name.
    pub name: Option<String>,
    /// Where.
    pub location: String,
    /// On hand less reserved.
    pub available: String,
    /// On open purchase orders.
    pub incoming: String,
    /// Available and incoming.
    pub position: String,
    /// At or below this it is due.
    pub reorder_point: Option<String>,
    /// Pieces sold a day, over thirty days.
    pub demand_per_day: String,
    /// Days from order to receipt.
    pub lead_time_days: i64,
    /// How many to order.
    pub suggested_quantity: Option<String>,
    /// Who supplies it.
    pub supplier: Option<String>,
    /// The supplier's name.
    pub supplier_name: Option<String>,
    /// All of it in words.
    pub reason: String,
    /// When it fell due.
    pub since: String,
}

/// An open alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertRow {
    /// Names it for ever.
    pub id: String,
    /// stock_out, oversold or reorder.
    pub kind: String,
    /// The product, by name where it has one, and the location where it is not the default one.
    pub subject: String,
    /// The product.
    pub sku: String,
    /// Where.
    pub location: String,
    /// What is the matter, in words.
    pub message: String,
    /// When it was raised.
    pub raised_at: String,
    /// Always `open`: what is over is not listed.
    pub state: String,
    /// How many to order, where that is the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_quantity: Option<String>,
}

#[derive(FromRow)]
struct StockRead {
    sku: String,
    name: Option<String>,
    location: String,
    on_hand: i64,
    reserved: i64,
    incoming: i64,
    state: i64,
    reorder_point: Option<i64>,
    updated_at: i64,
}

#[derive(FromRow)]
struct MovementRead {
    position: i64,
    event_time: i64,
    #[sqlx(rename = "type")]
    kind: String,
    source: String,
    event_id: String,
    sku: String,
    location: String,
    order_id: Option<String>,
    purchase_order_id: Option<String>,
    reason: Option<String>,
    on_hand_change: i64,
    reserved_change: i64,
    incoming_change: i64,
    on_hand: i64,
}

#[derive(FromRow)]
struct AlertRead {
    kind: String,
    sku: String,
    name: Option<String>,
    location: String,
    raised_position: i64,
    raised_at: i64,
    message: String,
    available: i64,
    incoming: i64,
    reorder_point: Option<i64>,
    sold_30_days: i64,
    lead_time_days: i64,
    suggested_quantity: Option<i64>,
    supplier: Option<String>,
    supplier_name: Option<String>,
}

const NO_LIMIT: i64 = -1;

macro_rules! stock_queries {
    ($where:literal) => {
        (
            concat!(
                "SELECT s.sku, p.name, s.location, s.on_hand, s.reserved, s.incoming, s.state, s.reorder_point,
                    s.updated_at FROM stock s LEFT JOIN products p ON p.shop = s.shop AND p.sku = s.sku WHERE ",
                $where,
                " ORDER BY s.state, s.sku, s.location LIMIT ?4"
            ),
            concat!("SELECT count(*) FROM stock s WHERE ", $where),
        )
    };
}

const STOCK_OF_SKU: (&str, &str) = stock_queries!("s.shop = ?1 AND s.sku = ?2 AND (?3 IS NULL OR s.location = ?3)");
const STOCK_OF_SHOP: (&str, &str) = stock_queries!("s.shop = ?1 AND ?2 IS NULL AND (?3 IS NULL OR s.location = ?3)");

impl Operations {
    /// Stock, what is out or low first, and how many rows there are beyond the limit too.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn stock(&self, filter: &StockFilter) -> Result<(Vec<StockRow>, u64), OperationsError> {
        // One product is found by its key; without one, rows come in the order that a person wants to see them in.
        let (select, count) = if filter.sku.is_some() { STOCK_OF_SKU } else { STOCK_OF_SHOP };
        let rows: Vec<StockRead> = sqlx::query_as(select)
            .bind(&filter.shop)
            .bind(&filter.sku)
            .bind(&filter.location)
            .bind(filter.limit)
            .fetch_all(self.readers())
            .await
            .doing("look up stock")?;
        let total: i64 = sqlx::query_scalar(count)
            .bind(&filter.shop)
            .bind(&filter.sku)
            .bind(&filter.location)
            .fetch_one(self.readers())
            .await
            .doing("look up stock")?;
        Ok((rows.into_iter().map(stock_row).collect(), u64::try_from(total).unwrap_or(0)))
    }

    /// The ledger of a product, latest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn movements(&self, shop: &str, sku: &str, limit: u32) -> Result<Vec<MovementRow>, OperationsError> {
        let rows: Vec<MovementRead> = sqlx::query_as(
            "SELECT position, event_time, type, source, event_id, sku, location, order_id, purchase_order_id, reason,
                on_hand_change, reserved_change, incoming_change, on_hand
             FROM stock_movements WHERE shop = ? AND sku = ? ORDER BY position DESC, location, entry DESC
             LIMIT ?",
        )
        .bind(shop)
        .bind(sku)
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .doing("look up stock movements")?;
        Ok(rows.into_iter().map(movement_row).collect())
    }

    /// What to reorder and why, longest due first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn reorder(&self, shop: &str) -> Result<Vec<ReorderRow>, OperationsError> {
        let mut rows: Vec<AlertRead> =
            self.open_alerts(shop, NO_LIMIT).await?.into_iter().filter(|row| row.kind == "reorder").collect();
        rows.reverse();
        Ok(rows.into_iter().map(reorder_row).collect())
    }

    /// Open alerts, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn alerts(&self, shop: &str, limit: u32) -> Result<Vec<AlertRow>, OperationsError> {
        Ok(self.open_alerts(shop, i64::from(limit)).await?.into_iter().map(alert_row).collect())
    }

    async fn open_alerts(&self, shop: &str, limit: i64) -> Result<Vec<AlertRead>, OperationsError> {
        sqlx::query_as(
            "SELECT a.kind, a.sku, p.name, a.location, a.raised_position, a.raised_at, a.message, a.available,
                a.incoming, a.reorder_point, a.sold_30_days, a.lead_time_days, a.suggested_quantity, p.supplier,
                s.name AS supplier_name
             FROM alerts a LEFT JOIN products p ON p.shop = a.shop AND p.sku = a.sku
                LEFT JOIN suppliers s ON s.shop = a.shop AND s.supplier = p.supplier
             WHERE a.shop = ? AND a.closed_position IS NULL
             ORDER BY a.raised_position DESC, a.sku, a.location, a.kind LIMIT ?",
        )
        .bind(shop)
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .doing("look up alerts")
    }
}

fn stock_row(row: StockRead) -> StockRow {
    StockRow {
        sku: row.sku,
        name: row.name,
        location: row.location,
        on_hand: amount::text(row.on_hand, 0),
        reserved: amount::text(row.reserved, 0),
        available: amount::text(amount::sub(row.on_hand, row.reserved), 0),
        incoming: amount::text(row.incoming, 0),
        state: match row.state {
            0 => StockState::Out,
            1 => StockState::Low,
            _ => StockState::Ok,
        },
        reorder_point: row.reorder_point.map(|point| amount::text(point, 0)),
        updated_at: time(row.updated_at),
    }
}

fn movement_row(row: MovementRead) -> MovementRow {
    MovementRow {
        position: row.position,
        time: time(row.event_time),
        kind: row.kind,
        source: row.source,
        event_id: row.event_id,
        sku: row.sku,
        location: row.location,
        order_id: row.order_id,
        purchase_order_id: row.purchase_order_id,
        reason: row.reason,
        change: amount::text(row.on_hand_change, 0),
        reserved_change: amount::text(row.reserved_change, 0),
        incoming_change: amount::text(row.incoming_change, 0),
        on_hand: amount::text(row.on_hand, 0),
    }
}

fn reorder_row(row: AlertRead) -> ReorderRow {
    ReorderRow {
        sku: row.sku,
        name: row.name,
        location: row.location,
        available: amount::text(row.available, 0),
        incoming: amount::text(row.incoming, 0),
        position: amount::text(amount::add(row.available, row.incoming), 0),
        reorder_point: row.reorder_point.map(|point| amount::text(point, 0)),
        demand_per_day: demand_text(row.sold_30_days),
        lead_time_days: row.lead_time_days,
        suggested_quantity: row.suggested_quantity.map(|quantity| amount::text(quantity, 0)),
        supplier: row.supplier,
        supplier_name: row.supplier_name,
        reason: row.message,
        since: time(row.raised_at),
    }
}

fn alert_row(row: AlertRead) -> AlertRow {
    let product = row.name.as_deref().unwrap_or(&row.sku);
    let subject = if row.location == crate::order::DEFAULT_LOCATION {
        product.to_owned()
    } else {
        format!("{product} ({})", row.location)
    };
    AlertRow {
        id: format!("{}-{}-{}-{}", row.kind, row.raised_position, row.location, row.sku),
        kind: row.kind,
        subject,
        sku: row.sku,
        location: row.location,
        message: row.message,
        raised_at: time(row.raised_at),
        state: "open".to_owned(),
        suggested_quantity: row.suggested_quantity.map(|quantity| amount::text(quantity, 0)),
    }
}
