//! Card data in JSON: names decide first, then the digits. What is not cut stays as it was written, to the byte.

use std::borrow::Cow;

use super::names::{Context, context, is_card};
use super::{DROPPED, in_field};
use crate::json::{Reader, TokenKind};

/// How many times JSON may stand as a text within JSON and is still looked into.
const NESTED_MAX: usize = 4;

/// Redacts one JSON value that stands under this name; none where the text is not JSON.
pub(crate) fn redact_value<'t>(text: &'t str, name: &str) -> Option<Cow<'t, str>> {
    redact(text, name, NESTED_MAX)
}

fn redact<'t>(text: &'t str, name: &str, nested: usize) -> Option<Cow<'t, str>> {
    let mut walk = Walk { text, output: String::new(), copied: 0, nested };
    let mut reader = Reader::new(text);
    reader.peek()?;
    walk.value(&mut reader, name, context(name))?;
    reader.end()?;
    if walk.copied == 0 {
        return Some(Cow::Borrowed(text));
    }
    walk.output.push_str(&text[walk.copied..]);
    Some(Cow::Owned(walk.output))
}

struct Walk<'t> {
    text: &'t str,
    output: String,
    /// Up to where the text is in the output.
    copied: usize,
    /// How many levels of JSON in texts may still follow.
    nested: usize,
}

impl<'t> Walk<'t> {
    fn value(&mut self, reader: &mut Reader<'t>, name: &str, known: Context) -> Option<()> {
        match reader.peek()? {
            b'{' => self.object(reader, name, known),
            b'[' => reader.list(|reader| self.value(reader, name, known)),
            _ => self.scalar(reader, known),
        }
    }

    fn object(&mut self, reader: &mut Reader<'t>, name: &str, known: Context) -> Option<()> {
        let inside_card = is_card(name);
        let mut name_at = 0;
        reader.object_foreseen(|reader, field| {
            let Some(field) = field else {
                name_at = reader.at();
                return Some(false);
            };
            if let Cow::Owned(cut) = in_field(field, Context::Other) {
                let name = self.text[name_at..reader.at()].trim_end_matches([' ', '\n', '\r', '\t', ':']);
                self.replace(name_at, name_at + name.len(), &quoted(&cut));
            }
            let known = match context(field) {
                _ if known == Context::Code => Context::Code,
                _ if inside_card && field == "number" => Context::CardNumber,
                own => own,
            };
            self.value(reader, field, known)?;
            Some(true)
        })
    }

    fn scalar(&mut self, reader: &mut Reader<'t>, known: Context) -> Option<()> {
        let start = reader.at();
        let token = reader.token()?;
        let text = match token.kind {
            TokenKind::Null | TokenKind::Other => return Some(()),
            TokenKind::Number => Cow::Borrowed(token.json),
            // Half of a surrogate pair is no text, and this no JSON.
            TokenKind::Plain | TokenKind::Escaped => token.text()?,
        };
        if matches!(known, Context::Code | Context::Secret) {
            if text != DROPPED {
                self.replace(start, reader.at(), &quoted(DROPPED));
            }
            return Some(());
        }
        let cut = match token.kind {
            TokenKind::Number => in_field(&text, known),
            _ => self.inner(&text).unwrap_or_else(|| in_field(&text, known)),
        };
        if let Cow::Owned(cut) = cut {
            self.replace(start, reader.at(), &quoted(&cut));
        }
        Some(())
    }

    /// A text that is itself JSON.
    fn inner<'i>(&self, text: &'i str) -> Option<Cow<'i, str>> {
        if self.nested == 0 || !text.trim_start().starts_with(['{', '[']) {
            return None;
        }
        redact(text, "", self.nested - 1)
    }

    fn replace(&mut self, start: usize, end: usize, with: &str) {
        self.output.push_str(&self.text[self.copied..start]);
        self.output.push_str(with);
        self.copied = end;
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
