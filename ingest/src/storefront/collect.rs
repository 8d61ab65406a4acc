//! Requests of the beacon as the mapping is given them: one object an event.

use mizan_events::EventTime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{MESSAGES_MAX, Sender, corrected, raw};

/// What `/mizan.js` sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collected {
    /// A key of scope `collect`: a beacon that outlives its page can set no headers.
    pub key: String,
    /// By the browser's clock, in milliseconds since 1970.
    sent_at: i64,
    /// What all events of the request share.
    context: Box<RawValue>,
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    id: String,
    name: String,
    /// By the browser's clock, in milliseconds since 1970.
    at: i64,
    params: Option<Box<RawValue>>,
    /// What this event alone has, such as the address of its page.
    context: Option<Box<RawValue>>,
}

/// One input for the mapping an event.
pub(super) fn inputs(request: &Collected, sender: Sender<'_>, now: EventTime) -> Result<Vec<String>, String> {
    if request.events.len() > MESSAGES_MAX {
        return Err(format!("a request has at most {MESSAGES_MAX} events"));
    }
    let milliseconds = |at: i64| Some(EventTime::from_micros(at.saturating_mul(1_000)));
    let sender = serde_json::json!(sender);
    let input = |event: &Event| {
        let time = corrected(milliseconds(event.at), milliseconds(request.sent_at), now);
        let (id, name) = (serde_json::json!(event.id), serde_json::json!(event.name));
        let params = raw(event.params.as_deref());
        let context = raw(event.context.as_deref().or(Some(&request.context)));
        format!(
            r#"{{"sender":{sender},"time":"{time}","event":{{"id":{id},"name":{name},"params":{params}}},"context":{context}}}"#
        )
    };
    Ok(request.events.iter().map(input).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_dated_by_our_clock_and_keep_their_own_digits() {
        let now = EventTime::parse("2026-03-01T12:00:00Z").unwrap();
        let request: Collected = serde_json::from_str(
            r#"{"key":"k","sent_at":1700000010000,"context":{"session_id":"s"},
                "events":[{"id":"1","name":"view_item","at":1700000000000,"params":{"value":1.500}}]}"#,
        )
        .unwrap();
        let expected = r#"{"sender":{"only_visits":true,"shop":"default"},"time":"2026-03-01T11:59:50Z","event":{"id":"1","name":"view_item","params":{"value":1.500}},"context":{"session_id":"s"}}"#;
        assert_eq!(inputs(&request, Sender { shop: "default", only_visits: true }, now).unwrap(), [expected]);
    }
}
