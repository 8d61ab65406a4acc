//! Secrets in a text that has fields and is not JSON: broken JSON, a form, XML.

use std::borrow::Cow;

use super::DROPPED;
use super::names::{Context, context};

/// What may close a name before its `:`, `=` or `>`, and open a value behind it.
const QUOTES: [char; 4] = ['"', '\'', '\\', ']'];

/// Drops what follows a name such as `"cvv":`, `card[cvv]=` or `<cvv>`.
pub(super) fn drop_named_secrets(body: &str) -> Cow<'_, str> {
    let mut output: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(sign) = body[at..].find([':', '=', '>']).map(|found| at + found) {
        at = sign + 1;
        let Some(name) = name_before(&body[..sign]) else { continue };
        if !matches!(context(name), Context::Code | Context::Secret) {
            continue;
        }
        let rest = &body[at..];
        let value_start = at + rest.len() - rest.trim_start().len();
        let opened = body[value_start..].trim_start_matches(QUOTES);
        let quoted = opened.len() < body.len() - value_start;
        let value_start = body.len() - opened.len();
        let length = opened.find(|c: char| if quoted { matches!(c, '"' | '\'' | '\\') } else { !is_of_value(c) });
        let end = length.map_or(body.len(), |length| value_start + length);
        if body[value_start..end] == *DROPPED || end == value_start || body[value_start..].starts_with(DROPPED) {
            continue;
        }
        let output = output.get_or_insert_with(String::new);
        output.push_str(&body[copied..value_start]);
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

/// Codes may hold digits of any script, and come percent-encoded.
fn is_of_value(character: char) -> bool {
    character.is_alphanumeric() || character == '%'
}

/// The name that a text ends with; none for the end of an XML element.
fn name_before(text: &str) -> Option<&str> {
    let mut text = text.trim_end();
    loop {
        let shorter = text.trim_end_matches(QUOTES);
        let shorter = ["%5D", "%5d", "%22"].iter().fold(shorter, |text, end| text.strip_suffix(end).unwrap_or(text));
        if shorter.len() == text.len() {
            break;
        }
        text = shorter;
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = &text[text.trim_end_matches(is_of_name).len()..];
    let before = &text[..text.len() - name.len()];
    let encoded = before.ends_with('%').then(|| name.get(2..)).flatten();
    (!before.ends_with('/')).then_some(encoded.unwrap_or(name))
}
