//! A webhook as its mapping sees it: one JSON object of headers and body.
//!
//! ```json
//! {"connector":"my-shop","kind":"shopify","received_at":"2026-03-01T10:04:07Z","digest":"5f0c…","headers":{"x-shopify-topic":"orders/create"},"body":{…}}
//! ```
//!
//! A body that is JSON stands there as it came, numbers with their own digits; a form is an object of texts; anything
//! else is a text. `digest` names the body, for senders that give a delivery no id of its own.

use http::{HeaderMap, header};
use mizan_events::{EventTime, redact_json};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::signature::Secret;

/// Headers that tell nothing about the event, or that must not be kept.
const DROPPED: [&str; 9] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "user-agent",
];

/// Ends of the names of headers that say what a body is about: the same body under two topics is two deliveries.
const TOPICS: [&str; 2] = ["topic", "-event"];

/// A webhook, proven and clean: no secrets, no card data.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<'a> {
    connector: &'a str,
    kind: &'a str,
    received_at: String,
    pub(super) digest: String,
    pub(super) headers: BTreeMap<&'a str, &'a str>,
    body: Box<RawValue>,
    /// The body as text, for the table of raw webhooks.
    #[serde(skip)]
    pub(super) text: String,
}

/// Why a body cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not UTF-8 (byte {0})")]
pub struct NotText(pub usize);

impl<'a> Envelope<'a> {
    pub(super) fn new(
        connector: &'a str,
        kind: &'a str,
        headers: &'a HeaderMap,
        body: &[u8],
        received_at: EventTime,
        secrets: &[Secret],
    ) -> Result<Envelope<'a>, NotText> {
        let text = std::str::from_utf8(body).map_err(|error| NotText(error.valid_up_to()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        // Some senders prove themselves by a secret in the body: it must not be kept.
        let text = secrets.iter().fold(Cow::Borrowed(text), |text, secret| Cow::Owned(secret.cut_from(&text)));
        let text = redact_json(&text).into_owned();
        let digest = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = headers.iter().filter(|(name, _)| !DROPPED.contains(&name.as_str()) && !proves(name.as_str()));
        let headers: BTreeMap<&str, &str> =
            kept.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let is_form = headers
            .get(header::CONTENT_TYPE.as_str())
            .is_some_and(|content_type| content_type.starts_with("application/x-www-form-urlencoded"));
        let body = match RawValue::from_string(text.clone()) {
            Ok(json) => json,
            Err(_) if is_form => raw(&form(&text)),
            Err(_) => raw(&text),
        };
        Ok(Envelope { connector, kind, received_at: received_at.to_string(), digest, headers, body, text })
    }

    /// Names the delivery: the same body under the same topic again is the same one.
    pub(super) fn id(&self) -> String {
        let topics = self.headers.iter().filter(|(name, _)| TOPICS.iter().any(|end| name.ends_with(end)));
        topics.fold(self.digest.clone(), |id, (_, topic)| format!("{id}/{topic}"))
    }

    /// The object, as text.
    pub(super) fn to_json(&self) -> String {
        // Texts and valid JSON always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether a header exists to prove the sender: of no use later, and sometimes a secret.
fn proves(name: &str) -> bool {
    ["signature", "hmac", "token", "secret", "hashstring", "api-key"].iter().any(|word| name.contains(word))
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn form(text: &str) -> BTreeMap<Cow<'_, str>, Cow<'_, str>> {
    form_urlencoded::parse(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn envelope(headers: &[(&'static str, &'static str)], body: &str, secrets: &[&str]) -> serde_json::Value {
        let map: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(secret)).collect();
        let received_at = EventTime::from_micros(1_700_000_000_000_000);
        let envelope = Envelope::new("mine", "custom", &map, body.as_bytes(), received_at, &secrets).unwrap();
        serde_json::from_str(&envelope.to_json()).unwrap()
    }

    #[test]
    fn a_body_is_what_it_is_and_numbers_keep_their_digits() {
        let map = HeaderMap::new();
        let at = EventTime::from_micros(0);
        let json = Envelope::new("m", "k", &map, br#"{"total": 10.50}"#, at, &[]).unwrap().to_json();
        assert!(json.contains(r#""body":{"total": 10.50}"#), "{json}");
        let form = envelope(&[("content-type", "application/x-www-form-urlencoded")], "a=1&b=%D8%B3", &[]);
        assert_eq!(form["body"], serde_json::json!({"a": "1", "b": "س"}));
        assert_eq!(envelope(&[], "hello", &[])["body"], "hello");
        assert_eq!(Envelope::new("m", "k", &map, b"\xff", at, &[]).unwrap_err(), NotText(0));
    }

    #[test]
    fn what_proves_the_sender_and_what_belongs_to_a_card_is_not_kept() {
        let shown = envelope(
            &[("authorization", "Basic x"), ("x-shopify-hmac-sha256", "x"), ("x-shopify-topic", "orders/create")],
            r#"{"note":"my s3cret","access_token":"ya29.x","number":"4111111111111111","id":7}"#,
            &["s3cret"],
        );
        assert_eq!(shown["headers"], serde_json::json!({"x-shopify-topic": "orders/create"}));
        assert_eq!(shown["body"]["note"], "my [secret]");
        assert_eq!(shown["body"]["access_token"], "[removed]");
        assert!(!shown.to_string().contains("4111111111111111"), "{shown}");
    }
}
