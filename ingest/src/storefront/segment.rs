//! Requests of Segment's SDKs as the mapping is given them: one object a message.

use mizan_events::EventTime;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{MESSAGES_MAX, Sender, corrected, raw};

/// The calls that carry one message.
const CALLS: [&str; 6] = ["track", "page", "screen", "identify", "group", "alias"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
    sent_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(rename = "type")]
    kind: Option<String>,
    original_timestamp: Option<String>,
    timestamp: Option<String>,
    sent_at: Option<String>,
}

/// One input for the mapping a message.
pub(super) fn inputs(call: &str, body: &[u8], sender: Sender<'_>, now: EventTime) -> Result<Vec<String>, String> {
    if CALLS.contains(&call) {
        let message: &RawValue =
            serde_json::from_slice(body).map_err(|error| format!("the body is no message: {error}"))?;
        return Ok(vec![input(Some(call), message, None, sender, now)?]);
    }
    let batch: Batch<'_> =
        serde_json::from_slice(body).map_err(|error| format!("the body is no batch of messages: {error}"))?;
    if batch.batch.len() > MESSAGES_MAX {
        return Err(format!("a batch has at most {MESSAGES_MAX} messages"));
    }
    batch.batch.into_iter().map(|message| input(None, message, batch.sent_at.as_deref(), sender, now)).collect()
}

fn input(
    call: Option<&str>,
    message: &RawValue,
    sent_at: Option<&str>,
    sender: Sender<'_>,
    now: EventTime,
) -> Result<String, String> {
    let head: Message =
        serde_json::from_str(message.get()).map_err(|error| format!("a message cannot be read: {error}"))?;
    let time = |text: Option<&str>| text.and_then(|text| EventTime::parse(text).ok());
    let happened = time(head.original_timestamp.as_deref()).or_else(|| time(head.timestamp.as_deref()));
    let sent = time(head.sent_at.as_deref()).or_else(|| time(sent_at));
    let time = corrected(happened, sent, now).to_string();
    let (sender, call) = (json!(sender), json!(call.or(head.kind.as_deref())));
    Ok(format!(r#"{{"sender":{sender},"call":{call},"time":"{time}","message":{}}}"#, raw(Some(message))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: Sender<'_> = Sender { shop: "default", only_visits: true };
    const HEAD: &str = r#"{"sender":{"only_visits":true,"shop":"default"},"call":"#;

    #[test]
    fn each_message_of_a_batch_is_dated_by_our_clock() {
        let now = EventTime::parse("2026-03-01T12:00:00Z").unwrap();
        let body = br#"{"sentAt":"2026-02-28T10:00:00Z","batch":[
            {"type":"track","event":"A","originalTimestamp":"2026-02-28T09:59:00Z","properties":{"price":19.990}},
            {"type":"page"}]}"#;
        let inputs = inputs("batch", body, SENDER, now).unwrap();
        assert!(inputs[0].starts_with(&format!(r#"{HEAD}"track","time":"2026-03-01T11:59:00"#)), "{}", inputs[0]);
        assert!(inputs[0].contains(r#""price":19.990"#), "{}", inputs[0]);
        assert!(inputs[1].starts_with(&format!(r#"{HEAD}"page","time":"2026-03-01T12:00:00"#)), "{}", inputs[1]);
    }

    #[test]
    fn a_body_of_another_shape_is_told() {
        let now = EventTime::now();
        assert!(inputs("batch", b"[]", SENDER, now).unwrap_err().contains("no batch"));
        assert!(inputs("track", b"{", SENDER, now).unwrap_err().contains("no message"));
    }
}
