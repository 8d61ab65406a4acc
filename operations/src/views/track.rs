//! Where an order is: what its customer may see through an unguessable link. Of the person it tells the first name
//! and the city; of the parcels what the carrier needs, since following a parcel is what the link is for.

use serde::Serialize;

use super::order::parcel;
use super::time;
use crate::amount;
use crate::apply::Operations;
use crate::error::{Doing, OperationsError};

/// What a customer sees of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackingView {
    /// Who sells.
    pub shop_name: String,
    /// The shop's number of the order.
    pub order_id: String,
    /// As in [`OrderView::status`](crate::OrderView::status).
    pub status: String,
    /// When it was placed.
    pub placed_at: Option<String>,
    /// When it was delivered.
    pub delivered_at: Option<String>,
    /// The first word of the customer's name.
    pub first_name: Option<String>,
    /// Where it is sent.
    pub city: Option<String>,
    /// What was ordered.
    pub lines: Vec<TrackingLine>,
    /// Its parcels.
    pub parcels: Vec<TrackingParcel>,
    /// What happened, by event time.
    pub steps: Vec<TrackingStep>,
}

/// One line of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackingLine {
    /// The product's name, or its SKU where it has none.
    pub name: String,
    /// Pieces.
    pub quantity: String,
}

/// One parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackingParcel {
    /// As in [`ParcelView::status`](crate::ParcelView::status).
    pub status: String,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// The carrier's page.
    pub tracking_url: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackingStep {
    /// When.
    pub time: String,
    /// What: placed, packed, shipped, …
    pub step: String,
}

impl Operations {
    /// The order under a tracking link. An unknown token and a mistyped one get the same answer.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn track(&self, token: &str) -> Result<Option<TrackingView>, OperationsError> {
        let found: Option<(String, String)> = sqlx::query_as("SELECT shop, order_id FROM orders WHERE token = ?")
            .bind(token)
            .fetch_optional(self.readers())
            .await
            .doing("look up a tracking link")?;
        let Some((shop, order_id)) = found else { return Ok(None) };
        let Some((work, _)) = self.one_order(&shop, &order_id).await? else { return Ok(None) };
        let Some(order) = work.orders.get(&order_id) else { return Ok(None) };
        let timeline = self.timeline(&shop, &order_id).await?;
        let row = &order.row;
        let city = row.shipping_address.as_ref().and_then(|json| {
            let address: serde_json::Value = serde_json::from_str(json).ok()?;
            address.get("city")?.as_str().map(str::to_owned)
        });
        Ok(Some(TrackingView {
            shop_name: work.shop.seller.clone(),
            order_id: order_id.clone(),
            status: order.status().to_owned(),
            placed_at: row.placed_at.map(time),
            delivered_at: row.delivered_at.map(time),
            first_name: row.customer_name.as_ref().and_then(|name| name.split_whitespace().next()).map(str::to_owned),
            city,
            lines: order
                .lines
                .iter()
                .map(|line| TrackingLine {
                    name: line.name.clone().unwrap_or_else(|| line.sku.clone()),
                    quantity: amount::text(line.quantity, 0),
                })
                .collect(),
            parcels: order
                .parcels
                .values()
                .map(parcel)
                .map(|view| TrackingParcel {
                    status: view.status,
                    carrier: view.carrier,
                    tracking_number: view.tracking_number,
                    tracking_url: view.tracking_url,
                })
                .collect(),
            steps: timeline
                .iter()
                .filter_map(|entry| {
                    let step = entry.kind.strip_prefix("order.")?.to_owned();
                    Some(TrackingStep { time: time(entry.event_time), step })
                })
                .collect(),
        }))
    }
}
