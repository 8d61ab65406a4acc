//! Card data never reaches the disk: numbers are cut to the first six and last four digits, secrets are dropped.
//!
//! Three rules, from strict to careful. A field whose name says that it holds a security code, PIN or track is
//! dropped whatever it holds. A field whose name says card number loses the middle of any 12 to 19 digits. In any other
//! text a run of 13 to 19 digits is cut when issuer range and Luhn agree. Identifier columns ([`Kind::Id`](crate::Kind))
//! are left out of the third rule: one random 16-digit order number in fifty would look like a card.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::card::is_card_number;

/// What stands in place of a dropped secret.
pub(crate) const DROPPED: &str = "[removed]";

/// What a field's name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// Security code, PIN or magnetic track, password or access token: never kept.
    Secret,
    /// A card number.
    CardNumber,
    /// Nothing.
    Other,
}

/// Reads a field's name as a person would: case, underscores and dashes do not matter.
pub(crate) fn context(name: &str) -> Context {
    if name.len() > 40 {
        return Context::Other;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "cvv"
        | "cvc"
        | "cvv2"
        | "cvc2"
        | "cid"
        | "csc"
        | "cav2"
        | "cvn"
        | "securitycode"
        | "cardsecuritycode"
        | "cardcvv"
        | "cardcvc"
        | "cvvcode"
        | "cvccode"
        | "verificationvalue"
        | "cardverificationvalue"
        | "pin"
        | "pinblock"
        | "cardpin"
        | "track"
        | "track1"
        | "track2"
        | "track3"
        | "trackdata"
        | "track1data"
        | "track2data"
        | "magstripe"
        | "fulltrack"
        | "password"
        | "accesstoken"
        | "refreshtoken"
        | "clientsecret"
        | "secrettoken" => Context::Secret,
        "pan"
        | "cardnumber"
        | "cardno"
        | "cardnum"
        | "ccnumber"
        | "ccnum"
        | "creditcard"
        | "creditcardnumber"
        | "debitcardnumber"
        | "primaryaccountnumber"
        | "accountnumberpan" => Context::CardNumber,
        _ => Context::Other,
    }
}

/// A run of digits, possibly parted by single separators.
pub(crate) struct Run {
    /// Byte range in the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The digits' values.
    pub(crate) digits: Vec<u8>,
    /// How many separators are between them, and whether all are dots.
    separators: usize,
    dots: usize,
}

impl Run {
    /// One dot and nothing else between the digits: an amount such as 695.00000000000000, not a card's groups.
    fn is_decimal(&self) -> bool {
        self.separators == 1 && self.dots == 1
    }
}

/// Runs of at least twelve digits. Arabic-Indic and Persian digits count; a single space, dash or dot may part two digits.
pub(crate) fn runs(text: &str) -> impl Iterator<Item = Run> {
    let mut found = Vec::new();
    if may_hold_run(text) {
        let mut current: Option<Run> = None;
        let mut separated: Option<char> = None;
        for (at, character) in text.char_indices() {
            if let Some(digit) = digit_value(character) {
                let run = current.get_or_insert_with(|| Run {
                    start: at,
                    end: at,
                    digits: Vec::new(),
                    separators: 0,
                    dots: 0,
                });
                if let Some(separator) = separated.take() {
                    run.separators += 1;
                    run.dots += usize::from(separator == '.');
                }
                run.digits.push(digit);
                run.end = at + character.len_utf8();
            } else if matches!(character, ' ' | '-' | '.' | '\u{a0}') && current.is_some() && separated.is_none() {
                separated = Some(character);
            } else if let Some(run) = current.take() {
                separated = None;
                found.push(run);
            }
        }
        found.extend(current);
        found.retain(|run| run.digits.len() >= 12);
    }
    found.into_iter()
}

/// A quick look that most texts do not pass: twelve digits, or bytes that begin digits of other scripts.
#[inline]
pub(crate) fn may_hold_run(text: &str) -> bool {
    text.len() >= 12 && holds_twelve(text.as_bytes())
}

fn holds_twelve(bytes: &[u8]) -> bool {
    let counts = |byte: &u8| u8::from(byte.is_ascii_digit() | matches!(byte, 0xd9 | 0xdb | 0xef));
    // Sums of bytes in pieces that cannot overflow one: the compiler makes vectors of them.
    let mut found = 0;
    for piece in bytes.chunks(240) {
        found += usize::from(piece.iter().map(counts).sum::<u8>());
    }
    found >= 12
}

fn digit_value(character: char) -> Option<u8> {
    let value = match character {
        '0'..='9' => u32::from(character) - u32::from('0'),
        '\u{660}'..='\u{669}' => u32::from(character) - 0x660,
        '\u{6f0}'..='\u{6f9}' => u32::from(character) - 0x6f0,
        '\u{ff10}'..='\u{ff19}' => u32::from(character) - 0xff10,
        _ => return None,
    };
    u8::try_from(value).ok()
}

/// Cuts every card number in a text; borrowed when there is none.
pub fn redact_text(text: &str) -> Cow<'_, str> {
    cut(text, |run| !run.is_decimal(), is_or_holds_card)
}

/// Cuts any 12 to 19 digits: for a field whose name says card number.
pub(crate) fn redact_card_field(text: &str) -> Cow<'_, str> {
    cut(text, |_| true, |digits| (12..=19).contains(&digits.len()).then_some(0..digits.len()))
}

/// The part of a run that is a card number: the whole run, or, where numbers stand side by side, a window of it.
fn is_or_holds_card(digits: &[u8]) -> Option<std::ops::Range<usize>> {
    if is_card_number(digits) {
        return Some(0..digits.len());
    }
    // "4242 4242 4242 4242 123": a card followed by other digits. Only runs longer than a card are searched,
    // since searching windows of every id would find a card in one of ten.
    if digits.len() > 19 {
        for start in 0..digits.len() - 12 {
            for length in [16, 15, 14, 13, 19, 18, 17] {
                if let Some(window) = digits.get(start..start + length)
                    && is_card_number(window)
                {
                    return Some(start..start + length);
                }
            }
        }
    }
    None
}

fn cut(
    text: &str,
    may_be_card: impl Fn(&Run) -> bool,
    find: impl Fn(&[u8]) -> Option<std::ops::Range<usize>>,
) -> Cow<'_, str> {
    let mut output: Option<String> = None;
    let mut copied = 0;
    for run in runs(text).filter(may_be_card) {
        let mut done = 0;
        let mut edits: Vec<std::ops::Range<usize>> = Vec::new();
        while let Some(found) = find(&run.digits[done..]) {
            edits.push(done + found.start..done + found.end);
            done += found.end;
        }
        if edits.is_empty() {
            continue;
        }
        let output = output.get_or_insert_with(String::new);
        output.push_str(&text[copied..run.start]);
        copied = run.start;
        let mut place = 0;
        for (at, character) in text[run.start..run.end].char_indices() {
            if digit_value(character).is_none() {
                continue;
            }
            if let Some(edit) = edits.iter().find(|edit| edit.contains(&place)) {
                let hidden = place >= edit.start + 6 && place + 4 < edit.end;
                output.push_str(&text[copied..run.start + at]);
                if hidden {
                    output.push('*');
                } else {
                    output.push(character);
                }
                copied = run.start + at + character.len_utf8();
            }
            place += 1;
        }
    }
    match output {
        Some(mut output) => {
            output.push_str(&text[copied..]);
            Cow::Owned(output)
        }
        None => Cow::Borrowed(text),
    }
}

/// Redacts a whole JSON value: names decide first, then the digits. Returns whether anything changed.
pub(crate) fn redact_value(value: &mut Json, name: &str) -> bool {
    match (context(name), &mut *value) {
        (_, Json::Object(fields)) => {
            // "card": {"number": …}: the bare name `number` means a card only inside one.
            let inside_card = matches!(name, "card" | "credit_card" | "creditCard" | "payment_card" | "source");
            let mut changed = false;
            for (field, inner) in fields.iter_mut() {
                changed |= redact_value(inner, if inside_card && field == "number" { "card_number" } else { field });
            }
            changed
        }
        (_, Json::Array(items)) => {
            items.iter_mut().map(|item| redact_value(item, name)).fold(false, std::ops::BitOr::bitor)
        }
        (_, Json::Null | Json::Bool(_)) => false,
        (Context::Secret, Json::String(text)) if text == DROPPED => false,
        (Context::Secret, _) => {
            *value = Json::String(DROPPED.to_owned());
            true
        }
        (context, Json::Number(number)) => replace_if_cut(&number.to_string(), context, value),
        (context, Json::String(text)) => {
            let text = std::mem::take(text);
            let changed = replace_if_cut(&text, context, value);
            if !changed {
                *value = Json::String(text);
            }
            changed
        }
    }
}

fn replace_if_cut(text: &str, context: Context, value: &mut Json) -> bool {
    let cut = match context {
        Context::CardNumber => redact_card_field(text),
        _ => redact_text(text),
    };
    match cut {
        Cow::Owned(cut) => {
            *value = Json::String(cut);
            true
        }
        Cow::Borrowed(_) => false,
    }
}

/// Redacts a body that is kept as it came: as JSON where it is JSON (also one value a line), else as plain text.
pub fn redact_json(body: &str) -> Cow<'_, str> {
    if let Ok(mut value) = serde_json::from_str::<Json>(body) {
        return if redact_value(&mut value, "") { Cow::Owned(value.to_string()) } else { Cow::Borrowed(body) };
    }
    match drop_named_secrets(body) {
        Cow::Owned(dropped) => Cow::Owned(redact_text(&dropped).into_owned()),
        Cow::Borrowed(body) => redact_text(body),
    }
}

/// In a text that only looks like JSON, drops what follows a name such as `"cvv":`.
fn drop_named_secrets(body: &str) -> Cow<'_, str> {
    let mut output: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(colon) = body[at..].find(':').map(|found| at + found) {
        at = colon + 1;
        let name = body[..colon].trim_end().trim_end_matches(['"', '\'']);
        let name_start =
            name.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').map_or(0, |before| before + 1);
        if !name.is_char_boundary(name_start) || context(&name[name_start..]) != Context::Secret {
            continue;
        }
        let rest = &body[at..];
        let value_start = at + rest.len() - rest.trim_start().len();
        let quoted = body[value_start..].starts_with(['"', '\'']);
        let skip = usize::from(quoted);
        let end = body[value_start + skip..]
            .find(|c: char| if quoted { c == '"' || c == '\'' } else { !c.is_ascii_alphanumeric() })
            .map_or(body.len(), |found| value_start + skip + found);
        let output = output.get_or_insert_with(String::new);
        output.push_str(&body[copied..value_start + skip]);
        output.push_str(DROPPED);
        copied = end;
        at = end.max(at);
    }
    match output {
        Some(mut output) => {
            output.push_str(&body[copied..]);
            Cow::Owned(output)
        }
        None => Cow::Borrowed(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_keeps_its_first_six_and_last_four_digits() {
        assert_eq!(redact_text("paid with 4242424242424242."), "paid with 424242******4242.");
        assert_eq!(redact_text("5555 5555-5555 4444"), "5555 55**-**** 4444");
        assert_eq!(redact_text("بطاقة ٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢ شكرا"), "بطاقة ٤٢٤٢٤٢******٤٢٤٢ شكرا");
        assert_eq!(redact_text("4242 4242 4242 4242 123 5555"), "4242 42** **** 4242 123 5555");
        assert_eq!(redact_text("4242424242424242,378282246310005"), "424242******4242,378282*****0005");
    }

    #[test]
    fn other_numbers_stay_as_they_are() {
        for text in [
            "+966 50 123 4567",
            "2026-03-01T10:04:07.250Z",
            "order 1234567890123456",
            "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        ] {
            assert_eq!(redact_text(text), text);
        }
    }

    #[test]
    fn names_decide_before_digits() {
        let body = r#"{"card":{"number":"1111222233334445","cvc":"123","exp":"12/29"},"CVV2":999,"nested":[{"card_number":4242424242424242}],"note":"ok"}"#;
        let redacted = redact_json(body);
        for secret in ["22223333", "123\"", "999", "42424242424"] {
            assert!(!redacted.contains(secret), "{secret} is still in {redacted}");
        }
        assert!(redacted.contains("111122******4445") && redacted.contains("12/29"));
    }

    #[test]
    fn a_broken_body_is_redacted_too() {
        let redacted = redact_json(r#"{"pan":"4242424242424242","cvv": "737", "pin":1234, "name":"#);
        assert_eq!(redacted, r#"{"pan":"424242******4242","cvv": "[removed]", "pin":[removed], "name":"#);
    }

    #[test]
    fn few_random_ids_look_like_cards() {
        // A linear congruential sequence stands in for ids; by issuer range and Luhn about 2 % of random 16-digit numbers match.
        let mut state = 7_u64;
        let mut hits = 0;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = format!("{:016}", state % 10_000_000_000_000_000);
            hits += usize::from(redact_text(&id) != id);
        }
        assert!((200..900).contains(&hits), "{hits} of 20,000");
    }
}
