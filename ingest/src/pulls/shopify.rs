//! Shopify, by the REST API, whose objects are those of the webhooks.
//!
//! Orders that changed, oldest change first; an order brings its refunds and parcels along, its transactions and the
//! way of each parcel are asked for one by one. Within a pull a list goes on by the token in the `Link` header. Tokens
//! die, so what is kept for a later pull is the time of the last change that was read.

use http::{HeaderMap, header};
use mizan_events::EventTime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Client;
use super::error::PullError;
use super::object::{Object, topic, unreadable};
use super::provider::{Ask, Page, Place};
use crate::connectors::Pulled;

pub(super) const OBJECTS: &[&str] = &["orders", "products", "disputes"];

/// A version that has gone is answered as the oldest that has not.
const ROOT: &str = "/admin/api/2026-01";
const TOPIC: &str = "x-shopify-topic";
/// Of an order more than one request is made: a cut pull repeats no more than this many.
const PAGE: &str = "50";

/// All answers here are an object of one list.
#[derive(Deserialize)]
struct List {
    #[serde(
        alias = "orders",
        alias = "products",
        alias = "disputes",
        alias = "transactions",
        alias = "fulfillment_events"
    )]
    list: Vec<Box<RawValue>>,
}

pub(super) async fn page(client: &Client, objects: &str, ask: &Ask<'_>) -> Result<Page, PullError> {
    let path = match objects {
        "disputes" => format!("{ROOT}/shopify_payments/disputes.json"),
        _ => format!("{ROOT}/{objects}.json"),
    };
    let mut query = vec![("limit", PAGE.to_owned())];
    // A token stands for all the rest, and may not stand beside it.
    if let Some(token) = ask.at.and_then(|place| place.live.clone()) {
        query.push(("page_info", token));
    } else if objects != "disputes" {
        let kept = ask.at.map(|place| place.saved.clone()).filter(|saved| !saved.is_empty());
        query.extend(kept.or_else(|| ask.since.map(|since| since.to_string())).map(|from| ("updated_at_min", from)));
        query.extend(ask.until.map(|until| ("updated_at_max", until.to_string())));
        query.push(("order", "updated_at asc".to_owned()));
        if objects == "orders" {
            query.push(("status", "any".to_owned()));
        }
    }
    let answer = client.get(&path, &query).await?;
    let list = list(&path, &answer.body)?;
    let mut page = Page { objects: list.len() as u64, ..Page::default() };
    let mut saved = ask.at.map(|place| place.saved.clone()).unwrap_or_default();
    for json in &list {
        let object = Object::parse(json, &path)?;
        saved = object.text("updated_at").unwrap_or(saved);
        match objects {
            "orders" => order(client, object, &mut page.pulled).await?,
            "products" => page.pulled.push(topic(TOPIC, "products/update", json.get().to_owned())),
            _ => page.pulled.push(topic(TOPIC, "disputes/update", json.get().to_owned())),
        }
    }
    page.next = next_token(&answer.headers).map(|token| Place { saved, live: Some(token) });
    Ok(page)
}

fn list(path: &str, body: &str) -> Result<Vec<Box<RawValue>>, PullError> {
    let list: List = serde_json::from_str(body).map_err(|error| unreadable(path, &error))?;
    Ok(list.list)
}

/// An order's whole story, in the order in which Shopify would have told it.
async fn order(client: &Client, order: Object, pulled: &mut Vec<Pulled>) -> Result<(), PullError> {
    let id = order.text("id").unwrap_or_default();
    let path = format!("{ROOT}/orders/{id}/transactions.json");
    let transactions = list(&path, &client.get(&path, &[]).await?.body)?;

    pulled.push(topic(TOPIC, "orders/create", order.to_json()));
    let mut paid_at = None;
    for json in &transactions {
        let transaction = Object::parse(json, &path)?;
        let takes_money = matches!(transaction.text("kind").as_deref(), Some("sale" | "capture"));
        if takes_money && transaction.text("status").as_deref() == Some("success") {
            paid_at = paid_at.max(transaction.time("processed_at").or_else(|| transaction.time("created_at")));
        }
        pulled.push(topic(TOPIC, "order_transactions/create", json.get().to_owned()));
    }
    if matches!(order.text("financial_status").as_deref(), Some("paid" | "partially_refunded" | "refunded")) {
        // The mapping takes the time of the change that the webhook tells: here, when the last money came.
        let paid_at = paid_at.or_else(|| order.time("processed_at")).or_else(|| order.time("created_at"));
        let mut paid = order.clone();
        if let Some(paid_at) = paid_at {
            paid.set("updated_at", with_offset(paid_at));
        }
        pulled.push(topic(TOPIC, "orders/paid", paid.to_json()));
    }
    for json in order.list("fulfillments") {
        let parcel = Object::parse(&json, "fulfillments")?;
        pulled.push(topic(TOPIC, "fulfillments/create", json.get().to_owned()));
        if parcel.has("shipment_status") {
            let parcel_id = parcel.text("id").unwrap_or_default();
            let path = format!("{ROOT}/orders/{id}/fulfillments/{parcel_id}/events.json");
            for json in list(&path, &client.get(&path, &[]).await?.body)? {
                pulled.push(topic(TOPIC, "fulfillment_events/create", json.get().to_owned()));
            }
        }
    }
    for json in order.list("refunds") {
        pulled.push(topic(TOPIC, "refunds/create", json.get().to_owned()));
    }
    if order.has("cancelled_at") {
        pulled.push(topic(TOPIC, "orders/cancelled", order.to_json()));
    } else if order.time("updated_at") != order.time("created_at") {
        pulled.push(topic(TOPIC, "orders/updated", order.to_json()));
    }
    Ok(())
}

fn with_offset(time: EventTime) -> String {
    time.to_string().replace('Z', "+00:00")
}

/// The token of the next page: `<https://…?page_info=TOKEN&limit=50>; rel="next"`. The address beside it is not used, so
/// that the key goes nowhere but where the settings say.
fn next_token(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links
        .flat_map(|links| links.split(','))
        .find(|link| link.split(';').skip(1).any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next")))?;
    let address = next.split('>').next()?.trim().trim_start_matches('<');
    let url = url::Url::parse(address).ok()?;
    url.query_pairs().find(|(name, _)| name == "page_info").map(|(_, token)| token.into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_token_of_the_next_page_is_found_beside_that_of_the_last() {
        let mut headers = HeaderMap::new();
        assert_eq!(next_token(&headers), None);
        let previous =
            "<https://a.myshopify.com/admin/api/2026-01/orders.json?limit=50&page_info=aaa>; rel=\"previous\"";
        headers.insert(header::LINK, HeaderValue::from_static(previous));
        assert_eq!(next_token(&headers), None);
        let both = format!("{previous}, {}", previous.replace("aaa", "b%3Db").replace("previous", "next"));
        headers.insert(header::LINK, HeaderValue::from_str(&both).unwrap());
        assert_eq!(next_token(&headers).as_deref(), Some("b=b"));
    }
}
