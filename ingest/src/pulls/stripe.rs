//! Stripe: its events of the last thirty days as they were sent, and before that what its objects tell.
//!
//! Lists come newest first, a hundred at a time, and go on after the last id. Events are the webhooks themselves. Objects
//! carry what no webhook does, the fee on a charge: the balance transaction is asked for whole, and its time is that at
//! which the money was taken. The payment intent says whether a charge was a hold first.

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::client::Client;
use super::error::PullError;
use super::object::{Object, unreadable};
use super::provider::{Ask, Page, Place};
use crate::connectors::Pulled;

/// Events first: they know the times best.
pub(super) const OBJECTS: &[&str] =
    &["events", "order events", "charges", "refunds", "disputes", "payouts", "checkout sessions"];

/// Stripe lists events for so long.
const EVENTS_KEPT_S: i64 = 30 * 86_400;

/// The events that tell of money; more than twenty names cannot be asked for at once. payment_intent.created is left
/// out: some shops make one for every visit to the checkout, and leave out its webhook.
const EVENTS: &[&str] = &[
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payout.failed",
    "payout.paid",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// The events that tell of orders.
const ORDER_EVENTS: &[&str] = &["checkout.session.completed", "checkout.session.expired", "invoice.paid"];

#[derive(Deserialize)]
struct List {
    data: Vec<Box<RawValue>>,
    has_more: bool,
}

pub(super) async fn page(client: &Client, objects: &str, ask: &Ask<'_>) -> Result<Page, PullError> {
    let (path, expand): (&str, &[&str]) = match objects {
        "events" | "order events" => ("/v1/events", &[]),
        "charges" => ("/v1/charges", &["data.balance_transaction", "data.payment_intent"]),
        "refunds" => ("/v1/refunds", &["data.balance_transaction"]),
        "disputes" => ("/v1/disputes", &[]),
        "payouts" => ("/v1/payouts", &[]),
        _ => ("/v1/checkout/sessions", &[]),
    };
    let types = match objects {
        "events" => EVENTS,
        "order events" => ORDER_EVENTS,
        _ => &[],
    };
    let seconds = |micros: i64| micros.div_euclid(1_000_000);
    let mut since = ask.since.map(|since| seconds(since.micros()));
    // The second in which the pull began counts.
    let until = seconds(ask.until.unwrap_or(ask.started).micros() + 999_999);
    if !types.is_empty() {
        let oldest = seconds(ask.started.micros()) - EVENTS_KEPT_S;
        if until <= oldest {
            return Ok(Page::default());
        }
        since = since.map(|since| since.max(oldest));
    }
    let mut query = vec![("limit", "100".to_owned()), ("created[lt]", until.to_string())];
    query.extend(since.map(|since| ("created[gte]", since.to_string())));
    query.extend(expand.iter().map(|field| ("expand[]", (*field).to_owned())));
    query.extend(types.iter().map(|name| ("types[]", (*name).to_owned())));
    query.extend(ask.at.map(|place| ("starting_after", place.saved.clone())));
    let answer = client.get(path, &query).await?;
    let list: List = serde_json::from_str(&answer.body).map_err(|error| unreadable(path, &error))?;

    let mut page = Page { objects: list.data.len() as u64, ..Page::default() };
    let mut last = None;
    for json in &list.data {
        let object = Object::parse(json, path)?;
        last = object.text("id");
        match objects {
            "events" | "order events" => page.pulled.push(Pulled { body: json.get().to_owned(), ..Pulled::default() }),
            "charges" => charge(object, &mut page.pulled),
            "refunds" => refund(&object, &mut page.pulled),
            "disputes" => dispute(&object, &mut page.pulled),
            "payouts" => payout(&object, &mut page.pulled),
            _ => session(&object, &mut page.pulled),
        }
    }
    if list.has_more {
        let last = last.ok_or_else(|| unreadable(path, &"it says that there is more, and names no last object"))?;
        page.next = Some(Place { saved: last, live: None });
    }
    Ok(page)
}

/// The event that Stripe would have sent of an object.
#[derive(Serialize)]
struct Event<'a> {
    object: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    created: i64,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    object: Box<RawValue>,
    previous_attributes: serde_json::Value,
}

fn event(event_type: &str, created: i64, object: &Object) -> Pulled {
    event_after(event_type, created, object, serde_json::Value::Null)
}

fn event_after(event_type: &str, created: i64, object: &Object, before: serde_json::Value) -> Pulled {
    let object = RawValue::from_string(object.to_json()).unwrap_or_else(|_| RawValue::NULL.to_owned());
    let data = Data { object, previous_attributes: before };
    let event = Event { object: "event", event_type, created, data };
    Pulled { body: serde_json::to_string(&event).unwrap_or_default(), ..Pulled::default() }
}

/// A charge says how it ended. One that was a hold at first tells two things: held, then taken or let go.
fn charge(charge: Object, pulled: &mut Vec<Pulled>) {
    let created = charge.unix("created").unwrap_or_default();
    let booked = charge.value["balance_transaction"]["created"].as_i64().unwrap_or(created);
    let is_captured = charge.value["captured"] != false;
    match charge.text("status").as_deref() {
        Some("succeeded") => {
            if is_captured && charge.value["payment_intent"]["capture_method"] != "manual" {
                pulled.push(event("charge.succeeded", booked, &charge));
                return;
            }
            let mut held = charge.clone();
            held.set("captured", false);
            held.set("amount_captured", 0);
            held.set("amount_refunded", 0);
            held.set("balance_transaction", ());
            pulled.push(event("charge.succeeded", created, &held));
            let canceled = charge.value["payment_intent"]["canceled_at"].as_i64().unwrap_or(created);
            if is_captured {
                // Where it was taken in parts, this tells their sum under the name of the last one.
                pulled.push(event_after("charge.captured", booked, &charge, json!({"amount_captured": 0})));
            } else if charge.value["payment_intent"]["cancellation_reason"] == "automatic" {
                pulled.push(event("charge.expired", canceled, &charge));
            } else if charge.value["refunded"] == true {
                let let_go = charge.value["refunds"]["data"][0]["created"].as_i64().unwrap_or(canceled);
                pulled.push(event("charge.refunded", let_go, &charge));
            }
        }
        // A status that is not known is rejected by its name.
        status => pulled.push(event(&format!("charge.{}", status.unwrap_or("?")), created, &charge)),
    }
}

fn refund(refund: &Object, pulled: &mut Vec<Pulled>) {
    let created = refund.unix("created").unwrap_or_default();
    let has_failed = matches!(refund.text("status").as_deref(), Some("failed" | "canceled"));
    pulled.push(event(if has_failed { "refund.failed" } else { "refund.created" }, created, refund));
}

/// A dispute does not say when it ended; the last booking on it is the nearest.
fn dispute(dispute: &Object, pulled: &mut Vec<Pulled>) {
    let created = dispute.unix("created").unwrap_or_default();
    pulled.push(event("charge.dispute.created", created, dispute));
    if matches!(dispute.text("status").as_deref(), Some("won" | "lost" | "warning_closed" | "prevented")) {
        let bookings = dispute.value["balance_transactions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ended = bookings.iter().filter_map(|booking| booking["created"].as_i64()).fold(created, i64::max);
        pulled.push(event("charge.dispute.closed", ended, dispute));
    }
}

/// One that is under way tells nothing yet.
fn payout(payout: &Object, pulled: &mut Vec<Pulled>) {
    let arrival = payout.unix("arrival_date").or(payout.unix("created")).unwrap_or_default();
    match payout.text("status").as_deref() {
        Some("paid") => pulled.push(event("payout.paid", arrival, payout)),
        Some("failed") => pulled.push(event("payout.failed", arrival, payout)),
        _ => {}
    }
}

/// Which order a payment is for.
fn session(session: &Object, pulled: &mut Vec<Pulled>) {
    let created = session.unix("created").unwrap_or_default();
    match session.text("status").as_deref() {
        Some("complete") => pulled.push(event("checkout.session.completed", created, session)),
        Some("expired") => pulled.push(event("checkout.session.expired", created, session)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
