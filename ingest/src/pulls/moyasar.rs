//! Moyasar: payments that changed, and settlements.
//!
//! Lists come newest first, forty at a time, by the number of the page. While a pull runs, payments can only come into
//! its list (those that change meanwhile), so later pages move down and are read twice, and nothing is passed by.
//! A payment tells its present state and the times of what happened to it; what has no time of its own is told at its
//! last change if it is the present state, else at its beginning.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::Client;
use super::error::PullError;
use super::object::{Object, unreadable};
use super::provider::{Ask, Page, Place};
use crate::connectors::Pulled;

pub(super) const OBJECTS: &[&str] = &["payments", "settlements"];

#[derive(Deserialize)]
struct List {
    #[serde(alias = "settlements")]
    payments: Vec<Box<RawValue>>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    next_page: Option<u64>,
}

pub(super) async fn page(client: &Client, objects: &str, ask: &Ask<'_>) -> Result<Page, PullError> {
    let path = if objects == "payments" { "/v1/payments" } else { "/v1/settlements" };
    let number = ask.at.map_or_else(|| "1".to_owned(), |place| place.saved.clone());
    let mut query = vec![("page", number)];
    if objects == "payments" {
        query.extend(ask.since.map(|since| ("updated[gt]", since.to_string())));
        query.extend(ask.until.map(|until| ("updated[lt]", until.to_string())));
    }
    let answer = client.get(path, &query).await?;
    let list: List = serde_json::from_str(&answer.body).map_err(|error| unreadable(path, &error))?;
    let mut page = Page::default();
    let mut next = list.meta.next_page;
    for json in &list.payments {
        let object = Object::parse(json, path)?;
        page.objects += 1;
        if objects == "payments" {
            payment(&object, &mut page.pulled);
            continue;
        }
        let created = object.time("created_at");
        // Newest first: the rest is older still.
        if created.zip(ask.since).is_some_and(|(created, since)| created < since) {
            next = None;
        } else if created.zip(ask.until).is_none_or(|(created, until)| created < until) {
            page.pulled.push(event("balance_transferred", object.text("created_at"), &object));
        }
    }
    page.next = next.map(|number| Place { saved: number.to_string(), live: None });
    Ok(page)
}

/// The webhook that Moyasar would have sent of a payment.
fn event(event_type: &str, at: Option<String>, object: &Object) -> Pulled {
    let (event_type, at) = (json!(event_type), json!(at));
    let body = format!(r#"{{"type":{event_type},"created_at":{at},"data":{}}}"#, object.to_json());
    Pulled { body, ..Pulled::default() }
}

fn payment(payment: &Object, pulled: &mut Vec<Pulled>) {
    let created = || payment.text("created_at");
    let changed = || payment.text("updated_at").or_else(created);
    let was_held = payment.has("captured_at") || payment.value["captured"].as_i64().is_some_and(|units| units > 0);
    let mut tell = |event_type: &str, at: Option<String>| pulled.push(event(event_type, at, payment));
    match payment.text("status").as_deref() {
        // Not decided, or a card that was only checked.
        Some("initiated" | "verified") => {}
        Some("captured") => {
            tell("payment_authorized", created());
            tell("payment_captured", changed());
        }
        Some("refunded") => {
            if was_held {
                tell("payment_authorized", created());
                tell("payment_captured", created());
            } else {
                tell("payment_paid", created());
            }
            tell("payment_refunded", changed());
        }
        Some("voided") => {
            if was_held {
                tell("payment_authorized", created());
                tell("payment_captured", created());
            }
            tell("payment_voided", changed());
        }
        // paid, authorized, failed, abandoned, canceled, expired; one that is not known is rejected by its name.
        status => tell(&format!("payment_{}", status.unwrap_or("without_status")), changed()),
    }
}
