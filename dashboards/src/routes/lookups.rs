//! Lookups by number: orders, invoices, tracking, stock, what to reorder, alerts. All answer from live state.

use axum::Json;
use axum::extract::{Path, Query, State as Extract};
use axum::response::{IntoResponse, Response};
use mizan_operations::{
    AlertRow, Invoice, InvoiceQuery, OperationsError, OrderSummary, OrderView, ReorderRow, StockFilter, StockRow,
    TrackingView,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{MayRead, shop_of};
use crate::problem::Problem;
use crate::state::State;

const ROWS_DEFAULT: u32 = 100;
const ROWS_MAX: u32 = 10_000;

/// Which shop.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfShop {
    /// The shop; `default` where absent.
    shop: Option<String>,
}

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Rows {
    /// The shop; `default` where absent.
    shop: Option<String>,
    /// Most rows.
    limit: Option<u32>,
}

/// Which stock.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfStock {
    /// The shop; `default` where absent.
    shop: Option<String>,
    /// One product.
    sku: Option<String>,
    /// One location.
    location: Option<String>,
    /// Most rows.
    limit: Option<u32>,
}

/// The latest orders.
#[derive(Serialize, ToSchema)]
pub(crate) struct Orders {
    #[schema(value_type = Vec<serde_json::Value>)]
    orders: Vec<OrderSummary>,
}

/// Stock, what is out or low first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stock {
    #[schema(value_type = Vec<serde_json::Value>)]
    stock: Vec<StockRow>,
    /// Rows in all, also beyond the limit.
    total: u64,
}

/// What to reorder.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reorder {
    #[schema(value_type = Vec<serde_json::Value>)]
    reorder: Vec<ReorderRow>,
}

/// What needs doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alerts {
    #[schema(value_type = Vec<serde_json::Value>)]
    alerts: Vec<AlertRow>,
}

fn limit_of(asked: Option<u32>) -> u32 {
    asked.unwrap_or(ROWS_DEFAULT).clamp(1, ROWS_MAX)
}

fn hidden(error: OperationsError) -> Problem {
    Problem::hidden(&error)
}

/// The latest orders, newest first.
#[utoipa::path(get, path = "/v1/orders", tag = "orders", params(Rows), responses((status = 200, body = Orders)))]
pub(crate) async fn list_orders(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Query(asked): Query<Rows>,
) -> Result<Json<Orders>, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let orders = state.operations.orders(&shop, limit_of(asked.limit), None).await.map_err(hidden)?;
    Ok(Json(Orders { orders }))
}

/// An order with its lines, payments, parcels and timeline.
#[utoipa::path(
    get,
    path = "/v1/orders/{order_id}",
    tag = "orders",
    params(("order_id" = String, Path, description = "The shop's number of the order"), OfShop),
    responses(
        (status = 200, body = serde_json::Value),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_order(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Path(order_id): Path<String>,
    Query(asked): Query<OfShop>,
) -> Result<Json<OrderView>, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let order = state.operations.order(&shop, &order_id).await.map_err(hidden)?;
    order.map(Json).ok_or_else(|| Problem::not_found(format!("there is no order {order_id:?} in shop {shop:?}")))
}

/// The invoice of an order.
#[utoipa::path(
    get,
    path = "/v1/orders/{order_id}/invoice",
    tag = "invoices",
    params(("order_id" = String, Path, description = "The shop's number of the order"), OfShop),
    responses(
        (status = 200, body = serde_json::Value),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_order_invoice(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Path(order_id): Path<String>,
    Query(asked): Query<OfShop>,
) -> Result<Response, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let found =
        state.operations.invoice(InvoiceQuery::OfOrder { shop: &shop, order_id: &order_id }).await.map_err(hidden)?;
    invoice(found, || format!("order {order_id:?} of shop {shop:?} has no invoice; a paid order gets one"))
}

/// An invoice or credit note by its number.
#[utoipa::path(
    get,
    path = "/v1/invoices/{number}",
    tag = "invoices",
    params(("number" = String, Path, description = "Such as INV-2026-000001"), OfShop),
    responses(
        (status = 200, body = serde_json::Value),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_invoice(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Path(number): Path<String>,
    Query(asked): Query<OfShop>,
) -> Result<Response, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let found =
        state.operations.invoice(InvoiceQuery::Numbered { shop: &shop, number: &number }).await.map_err(hidden)?;
    invoice(found, || format!("there is no invoice {number:?} in shop {shop:?}"))
}

fn invoice(found: Option<Invoice>, missing: impl FnOnce() -> String) -> Result<Response, Problem> {
    match found {
        Some(invoice) => Ok(Json(invoice).into_response()),
        None => Err(Problem::not_found(missing())),
    }
}

/// Where an order is: what its customer may see, by the order's unguessable token. Needs no key.
#[utoipa::path(
    get,
    path = "/v1/track/{token}",
    tag = "orders",
    security(()),
    params(("token" = String, Path, description = "The order's tracking token")),
    responses(
        (status = 200, body = serde_json::Value),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_tracking(
    Extract(state): Extract<State>,
    Path(token): Path<String>,
) -> Result<Json<TrackingView>, Problem> {
    let view = state.operations.track(&token).await.map_err(hidden)?;
    view.map(Json).ok_or_else(|| Problem::not_found("there is no order under this link"))
}

/// Live stock, what is out or low first.
#[utoipa::path(get, path = "/v1/stock", tag = "stock", params(OfStock), responses((status = 200, body = Stock)))]
pub(crate) async fn get_stock(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Query(asked): Query<OfStock>,
) -> Result<Json<Stock>, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let filter = StockFilter { shop, sku: asked.sku, location: asked.location, limit: limit_of(asked.limit) };
    let (stock, total) = state.operations.stock(&filter).await.map_err(hidden)?;
    Ok(Json(Stock { stock, total }))
}

/// What to reorder, and why.
#[utoipa::path(get, path = "/v1/reorder", tag = "stock", params(OfShop), responses((status = 200, body = Reorder)))]
pub(crate) async fn get_reorder(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Query(asked): Query<OfShop>,
) -> Result<Json<Reorder>, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let reorder = state.operations.reorder(&shop).await.map_err(hidden)?;
    Ok(Json(Reorder { reorder }))
}

/// Open alerts, newest first.
#[utoipa::path(get, path = "/v1/alerts", tag = "alerts", params(Rows), responses((status = 200, body = Alerts)))]
pub(crate) async fn get_alerts(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Query(asked): Query<Rows>,
) -> Result<Json<Alerts>, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let alerts = state.operations.alerts(&shop, limit_of(asked.limit)).await.map_err(hidden)?;
    Ok(Json(Alerts { alerts }))
}
