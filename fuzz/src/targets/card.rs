//! Card data: no number of a great network survives in a text, JSON stays JSON, and what was cut stays as it is.
//!
//! What a card number is, is said here once more and by other means: groups of digits that nothing, one space or one dash
//! parts. Forms that are no card numbers for good reasons are left out.

use mizan_events::{redact_json, redact_text};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let cut = redact_text(text);
    assert_eq!(redact_text(&cut), cut, "cut twice: {text:?}");
    if let Some(card) = card_in(&cut) {
        panic!("{card} is left of {text:?}");
    }
    let json = redact_json(text);
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        let cut: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        each_text(&cut, &mut |text| assert_eq!(card_in(text), None, "{value}"));
        assert_eq!(redact_json(&json), json, "cut twice: {text:?}");
        // As the value of a security code nothing is kept.
        let secret = redact_json(&format!(r#"{{"cvv":{text}}}"#)).into_owned();
        let secret: serde_json::Value = serde_json::from_str(&secret).unwrap_or_default();
        each_scalar(&secret, &mut |value| {
            assert!(value.is_null() || value.is_boolean() || value == "[removed]", "{value}")
        });
    }
}

fn each_text(value: &serde_json::Value, check: &mut impl FnMut(&str)) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| each_text(item, check)),
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            check(name);
            // Names may say that something is an identifier, in which short numbers stay; the numbers sought here are long.
            each_text(value, check);
        }),
        other => check(&other.to_string()),
    }
}

fn each_scalar(value: &serde_json::Value, check: &mut impl FnMut(&serde_json::Value)) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| each_scalar(item, check)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| each_scalar(value, check)),
        other => check(other),
    }
}

/// A Visa, Mastercard or American Express number in a text.
fn card_in(text: &str) -> Option<String> {
    // Cut numbers, IBANs, amounts and parcels of UPS and YunExpress; and what escapes could stand for.
    let has_iban = text
        .as_bytes()
        .windows(4)
        .any(|four| four[..2].iter().all(u8::is_ascii_uppercase) && four[2..].iter().all(u8::is_ascii_digit));
    if has_iban || text.contains(['*', '%', '\\', '&', '.', '٫']) || text.contains("1Z") || text.contains("YT") {
        return None;
    }
    let bytes = text.as_bytes();
    let mut groups: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        if at > start {
            groups.push((start, at));
        } else {
            at += 1;
        }
    }
    for first in 0..groups.len() {
        let mut digits = String::new();
        for last in first..groups.len() {
            let is_next = last == first || {
                let between = &bytes[groups[last - 1].1..groups[last].0];
                between == b" " || between == b"-"
            };
            if !is_next {
                break;
            }
            digits.push_str(&text[groups[last].0..groups[last].1]);
            let of = &groups[first..=last];
            let lengths: Vec<usize> = of.iter().map(|(start, end)| end - start).collect();
            let values: Vec<u64> =
                of.iter().map(|(start, end)| text[*start..*end].parse().unwrap_or(u64::MAX)).collect();
            let sizes = of.len() > 3 && lengths.iter().all(|length| *length <= 3) && values.is_sorted_by(|a, b| a < b);
            if is_card(&digits) && !sizes && !lengths.ends_with(&[7, 7]) {
                return Some(digits);
            }
        }
    }
    None
}

fn is_card(digits: &str) -> bool {
    let two: u32 = digits.get(..2).and_then(|two| two.parse().ok()).unwrap_or(0);
    let of_network = match digits.len() {
        16 => (40..50).contains(&two) || (51..56).contains(&two),
        15 => two == 34 || two == 37,
        _ => false,
    };
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') << (place % 2);
            digit / 10 + digit % 10
        })
        .sum();
    of_network && sum.is_multiple_of(10)
}
