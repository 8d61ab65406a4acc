//! Card data never reaches the disk: numbers are cut to the first six and last four digits, secrets are dropped.
//!
//! Three rules, from strict to careful. A field whose name says that it holds a security code, PIN or track is
//! dropped whatever it holds. A field whose name says card number loses the middle of any 12 digits or more. In any other
//! text a number of 13 to 19 digits is cut when issuer range and Luhn agree, however its groups are parted; in identifiers
//! ([`Kind::Id`](crate::Kind), and unknown fields that are named like one) only from 15 digits on, since order numbers and
//! barcodes of 13 and 14 digits would be cut by the thousand.

use std::borrow::Cow;

mod broken;
mod find;
mod json;
mod names;
mod numbers;

pub(crate) use json::redact_value;
pub(crate) use names::{Context, context};
pub(crate) use numbers::may_hold_card;

use find::Surroundings;
use numbers::{Reading, Run, may_hold_digits, runs};

/// What stands in place of a dropped secret.
pub(crate) const DROPPED: &str = "[removed]";

/// Cuts every card number in a text; borrowed when there is none.
pub fn redact_text(text: &str) -> Cow<'_, str> {
    in_field(text, Context::Other)
}

/// The same for the value of a field whose name says this much.
pub(crate) fn in_field(text: &str, known: Context) -> Cow<'_, str> {
    let mut cut = Cow::Borrowed(text);
    let least = if known == Context::CardNumber { 12 } else { 13 };
    if !may_hold_digits(text, least) {
        return cut;
    }
    for reading in Reading::of(text) {
        let cut_more = match known {
            // Any digits at all.
            Context::CardNumber => cut_from(&cut, *reading, |_, run| std::iter::once(0..run.digits.len()).collect()),
            _ => cut_from(&cut, *reading, |text, run| Surroundings::new(text, known == Context::Identifier).cards(run)),
        };
        if let Some(cut_more) = cut_more {
            cut = Cow::Owned(cut_more);
        }
    }
    cut
}

/// Hides the middle of the numbers that are found in a text; none when none is.
fn cut_from(text: &str, reading: Reading, find: impl Fn(&str, &Run) -> Vec<std::ops::Range<usize>>) -> Option<String> {
    let mut output: Option<String> = None;
    let mut copied = 0;
    for run in runs(text, reading) {
        let numbers = find(text, &run);
        if numbers.is_empty() {
            continue;
        }
        let output = output.get_or_insert_with(String::new);
        let mut hidden = vec![false; run.digits.len()];
        numbers.iter().for_each(|number| hidden[number.start + 6..number.end - 4].fill(true));
        for (digit, _) in run.digits.iter().zip(hidden).filter(|(_, hidden)| *hidden) {
            let digit = &digit.bytes;
            output.push_str(&text[copied..digit.start]);
            output.push('*');
            copied = digit.end;
        }
    }
    output.map(|output| output + &text[copied..])
}

/// Whether a text holds a card number.
pub(crate) fn holds_card(text: &str, known: Context) -> bool {
    matches!(in_field(text, known), Cow::Owned(_))
}

/// Redacts a body that is kept as it came: as JSON where it is JSON (also one value a line), else as plain text.
pub fn redact_json(body: &str) -> Cow<'_, str> {
    if let Some(redacted) = redact_value(body, "") {
        return redacted;
    }
    let is_lines = body.trim_end().contains('\n') && body.lines().any(|line| redact_value(line, "").is_some());
    if !is_lines {
        return redact_broken(body);
    }
    let mut output = String::with_capacity(body.len());
    for line in body.split_inclusive('\n') {
        output.push_str(&redact_value(line, "").unwrap_or_else(|| redact_broken(line)));
    }
    if output == body { Cow::Borrowed(body) } else { Cow::Owned(output) }
}

fn redact_broken(body: &str) -> Cow<'_, str> {
    match broken::drop_named_secrets(body) {
        Cow::Owned(dropped) => Cow::Owned(redact_text(&dropped).into_owned()),
        Cow::Borrowed(body) => redact_text(body),
    }
}

#[cfg(test)]
mod tests;
