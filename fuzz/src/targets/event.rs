//! One event: what is read can be written and read again to the same, and into columns and back.

use mizan_events::{BatchBuilder, Parser, Unknown, export, parse};

use super::now;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let strict = parse(text, Unknown::Refuse, now());
    let event = match parse(text, Unknown::Keep, now()) {
        Ok(event) => event,
        Err(error) => {
            assert!(strict.is_err(), "only the strict reader takes it");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // A parser that has read something else before reads the same.
    let before = r#"{"specversion":"1.0","id":"b","source":"s","type":"order.paid","time":"2026-03-01T00:00:00Z","data":{"total":"1","currency":"SAR","order_id":"1","x":1}}"#;
    let mut parser = Parser::new(Unknown::Keep, now());
    let other = parser.parse(before).unwrap();
    parser.reuse(other);
    let written = event.to_json();
    assert_eq!(parser.parse(text).unwrap().to_json(), written);

    let again = parse(&written, Unknown::Keep, now()).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert!(!again.redacted, "what was cut is cut again: {written}");
    assert_eq!(again.to_json(), written);
    assert_eq!(again.identity(), event.identity());

    let mut builder = BatchBuilder::new(event.family());
    builder.append(&event, 1, now());
    assert_eq!(export(&builder.finish(), 0).unwrap(), written);
}
