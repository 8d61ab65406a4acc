//! A provider's webhook of any content, by the ready mappings: it gives events, or a reason, and never goes wrong inside.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use mizan_events::{Unknown, parse};
use mizan_ingest::connectors::{KINDS, envelope_of_sample};
use mizan_ingest::mapping::{MapError, Mapping};

use super::now;

static MAPPINGS: LazyLock<Vec<Mapping>> =
    LazyLock::new(|| KINDS.iter().map(|kind| kind.mapping().unwrap().for_source(kind.name, "default")).collect());

/// What some providers name in a header and not in the body.
const TOPICS: [&str; 6] =
    ["", "orders/create", "refunds/create", "fulfillments/update", "order.updated", "ORDER_UPDATED"];

pub(crate) fn run(data: &[u8]) {
    let [kind, topic, body @ ..] = data else { return };
    let kind = usize::from(*kind) % MAPPINGS.len();
    let mapping = &MAPPINGS[kind];
    // Senders of this kind write the events themselves.
    let is_ours = KINDS[kind].name != "standard";
    let mut headers = HeaderMap::new();
    let topic = TOPICS[usize::from(*topic) % TOPICS.len()];
    for name in ["x-shopify-topic", "x-wc-webhook-topic", "saleor-event"] {
        headers.insert(name, HeaderValue::from_static(topic));
    }
    let Ok(envelope) = envelope_of_sample(&headers, body, now()) else { return };
    // Half of a surrogate pair passes, which is JSON to the letter and has no text.
    assert!(serde_json::from_str::<&serde_json::value::RawValue>(&envelope).is_ok(), "{envelope}");
    match mapping.apply_json(&envelope) {
        Ok(events) => {
            for event in events {
                if let Err(error) = parse(&event, Unknown::Refuse, now()) {
                    assert!(!is_ours || !error.to_string().contains("not a field of"), "{error}: {event}");
                }
            }
        }
        Err(MapError::Internal(error)) => panic!("{error}"),
        Err(_) => {}
    }
}
