//! Samples of every connector: what a provider sends, and the events worked out by hand beside it.
//!
//! `tests/connectors/KIND/NAME.json` holds `about`, `headers`, `body`, and `events` (an empty list where the delivery
//! tells nothing to a shop's books) or `rejected` (a part of the reason).
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use mizan_events::{EventTime, Unknown, parse};
use mizan_ingest::connectors::{KINDS, Kind, envelope_of_sample};
use mizan_ingest::mapping::Mapping;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    about: String,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    body: Box<RawValue>,
    events: Option<Vec<Value>>,
    rejected: Option<String>,
}

fn samples(kind: &str) -> Vec<PathBuf> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connectors").join(kind))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The events of a sample as JSON, checked as strictly as at the gate; or why there are none.
fn map(kind: &Kind, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Value>, String> {
    let now = EventTime::now();
    let envelope = envelope_of_sample(headers, body, now).map_err(|error| error.to_string())?;
    let mapping = kind.mapping().unwrap().for_source("sample", "default");
    mapping.apply_json(&envelope).map_err(|error| error.to_string()).and_then(checked)
}

fn checked(events: Vec<String>) -> Result<Vec<Value>, String> {
    for event in &events {
        parse(event, Unknown::Refuse, EventTime::now()).map_err(|error| format!("{error} in {event}"))?;
    }
    Ok(events.iter().map(|event| plain(&serde_json::from_str(event).unwrap())).collect())
}

fn agrees(found: &Result<Vec<Value>, String>, events: &Option<Vec<Value>>, rejected: &Option<String>) -> bool {
    match (found, events, rejected) {
        (Ok(found), Some(expected), None) => *found == expected.iter().map(plain).collect::<Vec<_>>(),
        (Err(reason), None, Some(expected)) => reason.contains(expected.as_str()),
        _ => false,
    }
}

/// The same without what is null, without what the connector adds, and with one way to write an instant.
fn plain(event: &Value) -> Value {
    let mut event = without_null(event);
    let fields = event.as_object_mut().unwrap();
    for name in ["specversion", "source", "shop"] {
        fields.remove(name);
    }
    let time: jiff::Timestamp = fields["time"].as_str().unwrap().parse().unwrap();
    fields.insert("time".to_owned(), Value::String(time.to_string()));
    event
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(name, value)| (name.clone(), without_null(value)));
            // An object of nothing says nothing.
            Value::Object(kept.filter(|(_, value)| value.as_object().is_none_or(|fields| !fields.is_empty())).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_null).collect()),
        other => other.clone(),
    }
}

#[test]
fn every_sample_gives_the_events_that_stand_beside_it() {
    let mut wrong = Vec::new();
    for kind in KINDS {
        let paths = samples(kind.name);
        assert!(!paths.is_empty(), "{} has no samples", kind.name);
        for path in paths {
            let text = std::fs::read_to_string(&path).unwrap();
            let sample: Sample =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let headers: HeaderMap = sample
                .headers
                .iter()
                .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
                .collect();
            let found = map(kind, &headers, sample.body.get().as_bytes());
            if !agrees(&found, &sample.events, &sample.rejected) {
                wrong.push(format!("{} ({}): {found:#?}", path.display(), sample.about));
            }
        }
    }
    assert!(wrong.is_empty(), "{} samples are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Visit {
    about: String,
    input: Box<RawValue>,
    events: Option<Vec<Value>>,
    rejected: Option<String>,
}

/// `tests/storefront/ROAD/NAME.json`: a message of Segment's SDKs or of the beacon, with its events.
#[test]
fn every_visit_gives_the_events_that_stand_beside_it() {
    let mut wrong = Vec::new();
    for (road, program) in [
        ("segment", include_str!("../src/storefront/segment.jq")),
        ("collect", include_str!("../src/storefront/collect.jq")),
    ] {
        let mapping = Mapping::parse(road, program).unwrap();
        let paths = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/storefront").join(road));
        assert!(!paths.is_empty(), "{road} has no samples");
        for path in paths {
            let text = std::fs::read_to_string(&path).unwrap();
            let sample: Visit =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let found = mapping.apply_json(sample.input.get()).map_err(|error| error.to_string()).and_then(checked);
            if !agrees(&found, &sample.events, &sample.rejected) {
                wrong.push(format!("{} ({}): {found:#?}", path.display(), sample.about));
            }
        }
    }
    assert!(wrong.is_empty(), "{} samples are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Payloads that the providers' own libraries publish, where they lie beside the repository.
#[test]
fn every_published_payload_maps_or_is_rejected_with_a_reason() {
    let payloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/webhooks/payloads");
    if !payloads.is_dir() {
        println!("passed over: {} is not here", payloads.display());
        return;
    }
    let (mut mapped, mut silent, mut rejected) = (0, 0, 0);
    for (folder, kind) in [
        ("adyen-java", "adyen"),
        ("adyen-node", "adyen"),
        ("adyen-python", "adyen"),
        ("dj-stripe", "stripe"),
        ("stripe-dotnet", "stripe"),
        ("../fixtures3.json", "stripe"),
        ("shopify_python_api", "shopify"),
    ] {
        let kind = Kind::from_name(kind).unwrap();
        for path in json_files(&payloads.join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
            // Stripe's fixtures are many objects in one file.
            let objects = value["resources"].as_object().map(|found| found.values().cloned().collect());
            let objects: Vec<Value> = objects.unwrap_or_else(|| vec![value]);
            for (headers, body) in objects.into_iter().flat_map(|object| deliveries(kind.name, &path, object)) {
                match map(kind, &headers, body.to_string().as_bytes()) {
                    Ok(events) if events.is_empty() => silent += 1,
                    Ok(_) => mapped += 1,
                    Err(reason) => {
                        rejected += 1;
                        let ours = ["could not be run", "too many steps", "took too long"];
                        assert!(!ours.iter().any(|fault| reason.contains(fault)), "{}: {reason}", path.display());
                    }
                }
            }
        }
    }
    println!("{mapped} mapped, {silent} known and silent, {rejected} rejected with a reason");
    assert!(mapped >= 30, "only {mapped} of the published payloads are mapped");
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut found = Vec::new();
    for path in files(folder) {
        if path.is_dir() {
            found.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found
}

/// A published object as the webhook that its provider would send it in.
fn deliveries(kind: &str, path: &Path, value: Value) -> Vec<(HeaderMap, Value)> {
    let none = HeaderMap::new();
    match (kind, value["object"].as_str()) {
        ("stripe", Some(object)) if object != "event" => {
            let types: &[&str] = match object {
                "charge" => &["charge.succeeded", "charge.failed", "charge.captured", "charge.refunded"],
                "payment_intent" => &["payment_intent.created", "payment_intent.payment_failed"],
                "refund" => &["refund.created"],
                "dispute" => &["charge.dispute.created", "charge.dispute.closed"],
                "payout" => &["payout.paid"],
                "checkout.session" => &["checkout.session.completed", "checkout.session.expired"],
                "invoice" => &["invoice.paid"],
                _ => &["customer.created"],
            };
            let event = |kind: &&str| {
                let event = serde_json::json!({
                    "id": "evt_1", "object": "event", "type": kind, "created": 1_772_359_447, "data": {"object": value}
                });
                (none.clone(), event)
            };
            types.iter().map(event).collect()
        }
        ("shopify", _) => {
            let name = path.file_stem().unwrap().to_string_lossy();
            let (topic, root) = match name.trim_end_matches('s') {
                "order" => ("orders/create", "order"),
                "refund" => ("refunds/create", "refund"),
                "fulfillment" => ("fulfillments/create", "fulfillment"),
                "transaction" => ("order_transactions/create", "transaction"),
                "product" => ("products/update", "product"),
                "checkout" => ("checkouts/create", "checkout"),
                "dispute" => ("disputes/create", "dispute"),
                "cart" => ("carts/create", "cart"),
                _ => ("shop/update", ""),
            };
            let mut headers = HeaderMap::new();
            headers.insert("x-shopify-topic", HeaderValue::from_static(topic));
            vec![(headers, value.get(root).cloned().unwrap_or(value))]
        }
        _ => vec![(none, value)],
    }
}
