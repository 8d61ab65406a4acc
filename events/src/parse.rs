//! From one line of CloudEvents JSON to an [`Event`], every fault found and named.
//!
//! Strings stay borrowed from the text, numbers are read from their own text, and a fault in one field does not stop
//! the reading of the others, so that a sender sees all of them at once.

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;

use crate::columns::{Column, Kind, find};
use crate::error::{EventError, Problem, shown};
use crate::event::Event;
use crate::family::{EventType, Family};
use crate::json::{DEPTH_MAX, Reader, Token, TokenKind};
use crate::money::Decimal;
use crate::redact::{Context, context, holds_card, in_field, may_hold_card, redact_text, redact_value};
use crate::time::EventTime;
use crate::validate::validate;
use crate::value::{Row, Value};

/// What to do with a data field that no column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Keep it in the column `extra`: senders may be ahead of us.
    Keep,
    /// Refuse the event: in a mapping, an unknown field is a slip of the pen.
    Refuse,
}

/// Longest id, source or shop.
const LONGEST_ID: usize = 255;

/// Reads and checks one event.
///
/// # Errors
/// [`EventError::NotJson`] when there is no JSON object, else [`EventError::Invalid`] with every problem found.
pub fn parse(text: &str, unknown: Unknown, now: EventTime) -> Result<Event<'_>, EventError> {
    Parser::new(unknown, now).parse(text)
}

/// Reads and checks event after event, and uses the memory of one for the next.
pub struct Parser<'a> {
    unknown: Unknown,
    now: EventTime,
    /// NULL in every place.
    spare: Row<'a>,
    /// The columns of the last event's fields, as they came: a sender writes them in the same order each time.
    order: Vec<usize>,
}

impl<'a> Parser<'a> {
    /// For events that came at this moment.
    pub fn new(unknown: Unknown, now: EventTime) -> Parser<'a> {
        Parser { unknown, now, spare: Row::new(), order: Vec::new() }
    }

    /// Reads and checks one event.
    ///
    /// # Errors
    /// As for [`parse`].
    pub fn parse(&mut self, text: &'a str) -> Result<Event<'a>, EventError> {
        let mut reading = Reading::new(self.unknown, std::mem::take(&mut self.spare), &mut self.order);
        let mut envelope = Envelope::default();
        let mut read = reading.envelope(text, &mut envelope, true);
        if envelope.too_early {
            (reading, envelope) = (Reading::new(self.unknown, Row::new(), &mut self.order), Envelope::default());
            read = reading.envelope(text, &mut envelope, false);
        }
        match read {
            Some(()) => checked(text, reading, envelope, self.now),
            None => Err(not_json(text)),
        }
    }

    /// Takes an event back that is done with.
    pub fn reuse(&mut self, event: Event<'a>) {
        self.spare = event.row;
        for value in &mut self.spare {
            if !value.is_null() {
                *value = Value::Null;
            }
        }
    }
}

fn checked<'a>(
    text: &'a str,
    mut reading: Reading<'a, '_>,
    envelope: Envelope<'a>,
    now: EventTime,
) -> Result<Event<'a>, EventError> {
    // The envelope's faults are told before the data's.
    let of_data = std::mem::take(&mut reading.problems);
    reading.check_constants(&envelope);
    let id = reading.required_text("id", &envelope.id);
    let source = reading.required_text("source", &envelope.source);
    let shop = match envelope.shop {
        Some(_) => reading.required_text("shop", &envelope.shop),
        None => Some(Cow::Borrowed("default")),
    };
    let event_type = reading.event_type(&envelope);
    let time = reading.time_of(envelope.time);
    reading.problems.extend(of_data);
    let row = match (event_type, envelope.row) {
        (Some(event_type), None) => Some(reading.late_data(envelope.data, event_type).ok_or_else(|| not_json(text))?),
        (Some(_), row) => row,
        (None, _) => None,
    };

    let (Some(id), Some(source), Some(shop), Some(event_type), Some(time), Some(row)) =
        (id, source, shop, event_type, time, row)
    else {
        return Err(EventError::Invalid(reading.problems));
    };
    let event = Event { id, source, event_type, shop, time, row, extra: reading.extra, redacted: reading.redacted };
    let mut problems = reading.problems;
    validate(&event, now, &mut problems);
    if problems.is_empty() { Ok(event) } else { Err(EventError::Invalid(problems)) }
}

/// Why a text is not an object in JSON: serde_json tells the place.
#[cold]
fn not_json(text: &str) -> EventError {
    EventError::NotJson(match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => error.to_string(),
        Ok(_) if text.trim_ascii_start().starts_with('{') => format!("it is nested more than {DEPTH_MAX} levels deep"),
        Ok(_) => "it is another kind of JSON value".to_owned(),
    })
}

#[derive(Default)]
struct Envelope<'a> {
    specversion: Option<Token<'a>>,
    id: Option<Token<'a>>,
    source: Option<Token<'a>>,
    event_type: Option<Token<'a>>,
    /// The type, if `event_type` names one.
    known_type: Option<&'static EventType>,
    time: Option<Token<'a>>,
    shop: Option<Token<'a>>,
    content_type: Option<Token<'a>>,
    data: Option<Token<'a>>,
    /// The data, where the type stood before it.
    row: Option<Row<'a>>,
    /// `type` or `data` came again after the data was read: the last of each counts.
    too_early: bool,
}

/// Where a value stands, spelled out only when something is wrong with it.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root(&'p str),
    Field(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, place) => write!(f, "{parent}[{place}]"),
        }
    }
}

struct Reading<'a, 'p> {
    unknown: Unknown,
    family: Option<Family>,
    problems: Vec<Problem>,
    extra: Vec<(String, Cow<'a, str>)>,
    redacted: bool,
    spare: Row<'a>,
    order: &'p mut Vec<usize>,
}

impl<'a, 'p> Reading<'a, 'p> {
    fn new(unknown: Unknown, spare: Row<'a>, order: &'p mut Vec<usize>) -> Reading<'a, 'p> {
        Reading { unknown, family: None, problems: Vec::new(), extra: Vec::new(), redacted: false, spare, order }
    }

    /// Reads the envelope, and with `in_place` the data on the way where the type is known by then.
    fn envelope(&mut self, text: &'a str, envelope: &mut Envelope<'a>, in_place: bool) -> Option<()> {
        let mut reader = Reader::new(text);
        reader.object(|reader, name| {
            if name == "data"
                && in_place
                && let Some(event_type) = envelope.known_type
                && envelope.row.is_none()
                && reader.peek()? == b'{'
            {
                self.family = Some(event_type.family);
                envelope.row = Some(self.row(reader, &Path::Root("data"), event_type.family.columns())?);
                return Some(());
            }
            let token = reader.token()?;
            // Patterns of bytes are told apart byte by byte, those of text by a call each.
            match name.as_bytes() {
                b"specversion" => envelope.specversion = Some(token),
                b"id" => envelope.id = Some(token),
                b"source" => envelope.source = Some(token),
                b"type" => {
                    envelope.too_early |= envelope.row.is_some();
                    envelope.known_type = token.text().and_then(|name| EventType::from_name(&name));
                    envelope.event_type = Some(token);
                }
                b"time" => envelope.time = Some(token),
                b"shop" => envelope.shop = Some(token),
                b"data" => {
                    envelope.too_early |= envelope.row.is_some();
                    envelope.data = Some(token);
                }
                b"datacontenttype" => envelope.content_type = Some(token),
                _ => self.keep_extra(format!("envelope.{name}"), name, token.json),
            }
            Some(())
        })?;
        reader.end()
    }

    fn check_constants(&mut self, envelope: &Envelope<'a>) {
        match envelope.specversion {
            Some(Token { json: r#""1.0""#, .. }) => {}
            None => self.missing("specversion", "; it is \"1.0\" (CloudEvents)"),
            Some(Token { json, .. }) => self.problems.push(Problem::Rule {
                field: "specversion".to_owned(),
                value: shown(json),
                rule: "is not \"1.0\", the version of CloudEvents that is read here".to_owned(),
            }),
        }
        if let Some(content_type) = envelope.content_type.and_then(Token::text)
            && !content_type.starts_with("application/json")
        {
            let rule = "is not application/json".to_owned();
            self.problems.push(Problem::Rule {
                field: "datacontenttype".to_owned(),
                value: shown(&content_type),
                rule,
            });
        }
    }

    fn missing(&mut self, field: &str, hint: &str) {
        self.problems.push(Problem::Missing { field: field.to_owned(), hint: hint.to_owned() });
    }

    fn wrong_type(&mut self, path: &Path<'_>, expected: &'static str, json: &str) {
        let field = path.to_string();
        // A value of the wrong type may be anything, so that its digits are not shown when the name says card.
        let found = match context(field.rsplit('.').next().unwrap_or(&field)) {
            Context::Other | Context::Identifier => shown(json),
            _ => "the value".to_owned(),
        };
        self.problems.push(Problem::WrongType { field, expected, found });
    }

    fn required_text(&mut self, name: &str, token: &Option<Token<'a>>) -> Option<Cow<'a, str>> {
        let text = match token {
            None | Some(Token { kind: TokenKind::Null, .. }) => {
                self.missing(name, "");
                return None;
            }
            Some(Token { kind: TokenKind::Number, json }) => Cow::Borrowed(*json),
            Some(token) => match token.text() {
                Some(text) => text,
                None => {
                    self.wrong_type(&Path::Root(name), "text", token.json);
                    return None;
                }
            },
        };
        let rule = if text.is_empty() {
            "must not be empty"
        } else if text.len() > LONGEST_ID {
            "is longer than 255 bytes"
        } else if holds_control(&text) {
            "holds a control character"
        } else if holds_card(&text, Context::Identifier) {
            // Cut, two of them could be one.
            "looks like a card number; use another, such as a UUID"
        } else {
            return Some(text);
        };
        self.problems.push(Problem::Rule { field: name.to_owned(), value: shown(&text), rule: rule.to_owned() });
        None
    }

    fn event_type(&mut self, envelope: &Envelope<'a>) -> Option<&'static EventType> {
        if envelope.known_type.is_some() {
            return envelope.known_type;
        }
        let name = self.required_text("type", &envelope.event_type)?;
        let rule = match nearest(&name, EventType::all().iter().map(|known| known.name)) {
            Some(known) => format!("is not a type of event; did you mean {known}?"),
            None => "is not a type of event; types begin with storefront., order., payment., inventory. or product."
                .to_owned(),
        };
        self.problems.push(Problem::Rule { field: "type".to_owned(), value: shown(&name), rule });
        None
    }

    fn time_of(&mut self, token: Option<Token<'a>>) -> Option<EventTime> {
        let value = match token {
            Some(token) => self.scalar_value(&Path::Root("time"), Kind::Time, token),
            None => Value::Null,
        };
        match value {
            Value::Time(time) => Some(time),
            _ => {
                if !self.problems.iter().any(|problem| problem.field() == "time") {
                    self.missing("time", "; give it as RFC 3339 with zone, such as 2026-03-01T10:04:07.250Z");
                }
                None
            }
        }
    }

    /// The data of an event whose type stood behind it, or which is no object.
    fn late_data(&mut self, token: Option<Token<'a>>, event_type: &'static EventType) -> Option<Row<'a>> {
        self.family = Some(event_type.family);
        let columns = event_type.family.columns();
        match token {
            Some(Token { json, .. }) if json.starts_with('{') => {
                self.row(&mut Reader::new(json), &Path::Root("data"), columns)
            }
            Some(Token { json, .. }) => {
                self.wrong_type(&Path::Root("data"), "an object", json);
                Some(empty_row(columns))
            }
            None => Some(empty_row(columns)),
        }
    }

    fn row(&mut self, reader: &mut Reader<'a>, path: &Path<'_>, columns: &'static [Column]) -> Option<Row<'a>> {
        let mut row = std::mem::take(&mut self.spare);
        row.resize(columns.len(), Value::Null);
        // Lines within an order have an order of their own, which is not worth remembering.
        let is_data = matches!(path, Path::Root(_));
        let mut order = if is_data { std::mem::take(self.order) } else { Vec::new() };
        let (mut field, mut expected) = (0, 0);
        reader.object_foreseen(|reader, name| {
            let place = match name {
                None => match order.get(field) {
                    Some(place)
                        if columns
                            .get(*place)
                            .is_some_and(|column| reader.named(column.name.len(), |name| column.is_named(name))) =>
                    {
                        Some(*place)
                    }
                    _ => return Some(false),
                },
                Some(name) => find(columns, name, expected),
            };
            if let Some(place) = place {
                if order.get(field) != Some(&place) {
                    order.truncate(field);
                    order.push(place);
                }
                field += 1;
                expected = place + 1;
                let column = &columns[place];
                self.value(reader, &Path::Field(path, column.name), column.kind, &mut row[place])?;
                return Some(true);
            }
            let name = name.unwrap_or_default();
            let start = reader.at();
            reader.skip()?;
            if self.unknown == Unknown::Refuse {
                self.problems.push(Problem::Unknown {
                    field: redact_text(&format!("{path}.{name}")).into_owned(),
                    family: self.family.map_or("events", Family::table),
                    nearest: nearest(name, columns.iter().map(|column| column.name)),
                });
            } else {
                let known_as = format!("{path}.{name}");
                let known_as = known_as.strip_prefix("data.").unwrap_or(&known_as).to_owned();
                self.keep_extra(known_as, name, reader.since(start));
            }
            Some(true)
        })?;
        if is_data {
            *self.order = order;
        }
        Some(row)
    }

    fn keep_extra(&mut self, path: String, name: &str, json: &'a str) {
        let Some(kept) = redact_value(json, name) else { return self.wrong_type(&Path::Root(&path), "JSON", json) };
        let cut = redact_text(&path);
        self.redacted |= matches!(kept, Cow::Owned(_)) || matches!(cut, Cow::Owned(_));
        let path = cut.into_owned();
        self.extra.push((path, kept));
    }

    fn value(&mut self, reader: &mut Reader<'a>, path: &Path<'_>, kind: Kind, into: &mut Value<'a>) -> Option<()> {
        // Most values are plain strings. They are put where they belong without a stop on the way.
        if let Some(text) = reader.plain() {
            let value = match kind {
                Kind::Id | Kind::Currency if text.is_empty() => Value::Null,
                Kind::Currency => Value::Text(Cow::Borrowed(text)),
                Kind::Text | Kind::Id if !may_hold_card(text) => Value::Text(Cow::Borrowed(text)),
                Kind::Amount | Kind::Price | Kind::Quantity if let Ok(decimal) = Decimal::parse(text) => {
                    Value::Decimal(decimal)
                }
                _ => self.text_value(path, kind, Cow::Borrowed(text)),
            };
            // What is replaced is dropped only where a field comes twice.
            if into.is_null() {
                std::mem::forget(std::mem::replace(into, value));
            } else {
                *into = value;
            }
            return Some(());
        }
        *into = match (kind, reader.peek()?) {
            (Kind::Struct(columns) | Kind::Flat(columns), b'{') => Value::Row(self.row(reader, path, columns)?),
            (Kind::List(columns), b'[') => Value::Rows(self.rows(reader, path, columns)?),
            _ => {
                let token = reader.value()?;
                self.scalar_value(path, kind, token)
            }
        };
        Some(())
    }

    fn rows(&mut self, reader: &mut Reader<'a>, path: &Path<'_>, columns: &'static [Column]) -> Option<Vec<Row<'a>>> {
        let mut rows = Vec::new();
        let mut place = 0;
        reader.list(|reader| {
            let path = Path::Item(path, place);
            place += 1;
            if reader.peek()? == b'{' {
                rows.push(self.row(reader, &path, columns)?);
            } else {
                let token = reader.value()?;
                self.wrong_type(&path, "an object", token.json);
            }
            Some(())
        })?;
        Some(rows)
    }

    fn scalar_value(&mut self, path: &Path<'_>, kind: Kind, token: Token<'a>) -> Value<'a> {
        let expected = match (token.kind, kind) {
            (TokenKind::Null, _) => return Value::Null,
            (TokenKind::Plain | TokenKind::Escaped, _) => {
                if let Some(text) = token.text() {
                    return self.text_value(path, kind, text);
                }
                expected(kind)
            }
            (TokenKind::Number, Kind::Text | Kind::Id) => {
                return Value::Text(self.redact(path, kind, Cow::Borrowed(token.json)));
            }
            (TokenKind::Number, Kind::Amount | Kind::Price | Kind::Quantity) => return self.decimal(path, token.json),
            (TokenKind::Number, Kind::Integer) => return self.integer(path, token.json),
            _ => expected(kind),
        };
        self.wrong_type(path, expected, token.json);
        Value::Null
    }

    fn text_value(&mut self, path: &Path<'_>, kind: Kind, text: Cow<'a, str>) -> Value<'a> {
        match kind {
            // "" says nothing, and as an id it would join with every other "".
            Kind::Id | Kind::Currency if text.is_empty() => Value::Null,
            Kind::Text | Kind::Id => Value::Text(self.redact(path, kind, text)),
            Kind::Currency => Value::Text(text),
            Kind::Amount | Kind::Price | Kind::Quantity => self.decimal(path, &text),
            Kind::Integer => self.integer(path, &text),
            Kind::Time => match EventTime::parse(&text) {
                Ok(time) => Value::Time(time),
                Err(rule) => {
                    self.problems.push(Problem::Time { field: path.to_string(), value: shown(&text), rule });
                    Value::Null
                }
            },
            Kind::Struct(_) | Kind::Flat(_) | Kind::List(_) => {
                self.wrong_type(path, expected(kind), &text);
                Value::Null
            }
        }
    }

    fn integer(&mut self, path: &Path<'_>, text: &str) -> Value<'a> {
        match text.parse() {
            Ok(integer) if !holds_card(text, Context::Identifier) => Value::Integer(integer),
            _ => {
                self.wrong_type(path, expected(Kind::Integer), text);
                Value::Null
            }
        }
    }

    fn decimal(&mut self, path: &Path<'_>, text: &str) -> Value<'a> {
        match Decimal::parse(text) {
            Ok(decimal) => Value::Decimal(decimal),
            Err(rule) => {
                self.problems.push(Problem::Decimal { field: path.to_string(), value: shown(text), rule });
                Value::Null
            }
        }
    }

    /// Known columns have no names that speak of cards, so that only the digits decide.
    fn redact(&mut self, path: &Path<'_>, kind: Kind, text: Cow<'a, str>) -> Cow<'a, str> {
        let known = match (kind, path) {
            (Kind::Id, _) => Context::Identifier,
            (_, Path::Field(_, name) | Path::Root(name)) => context(name),
            (_, Path::Item(..)) => Context::Other,
        };
        match in_field(&text, known) {
            Cow::Owned(cut) => {
                self.redacted = true;
                Cow::Owned(cut)
            }
            Cow::Borrowed(_) => text,
        }
    }
}

/// What a value should have been.
fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Id => "text",
        Kind::Amount | Kind::Price | Kind::Quantity => "a decimal number",
        Kind::Integer => "a whole number",
        Kind::Currency => "an ISO 4217 currency code",
        Kind::Time => "an RFC 3339 time in quotes",
        Kind::Struct(_) | Kind::Flat(_) => "an object",
        Kind::List(_) => "a list of objects",
    }
}

fn holds_control(text: &str) -> bool {
    // Without a way out on the way, which the compiler makes vectors of. Beyond ASCII the control characters are U+0080 to
    // U+009F, whose first byte is 0xc2.
    let suspect = text.bytes().fold(false, |any, byte| any | (byte < 0x20) | (byte == 0x7f) | (byte == 0xc2));
    suspect && text.chars().any(char::is_control)
}

fn empty_row<'a>(columns: &'static [Column]) -> Row<'a> {
    vec![Value::Null; columns.len()]
}

/// The known name that a mistaken one most looks like, if any looks like it.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= candidate.len().max(name.len()))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
