//! From one line of CloudEvents JSON to an [`Event`], every fault found and named.
//!
//! Strings stay borrowed from the text, numbers are read from their own text, and a fault in one field does not stop
//! the reading of the others, so that a sender sees all of them at once.

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;

use crate::columns::{Column, Kind};
use crate::error::{EventError, Problem, shown};
use crate::event::Event;
use crate::family::{EventType, Family};
use crate::json::{JsonError, Reader, Token};
use crate::money::Decimal;
use crate::redact::{Context, context, redact_text, redact_value};
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
    let mut reading = Reading::new(unknown);
    let envelope = match reading.envelope(text, true) {
        // `type` or `data` came again after the data was read: the last of each counts.
        Ok(None) => {
            reading = Reading::new(unknown);
            reading.envelope(text, false)
        }
        read => read,
    };
    let envelope = envelope.map_err(|error| not_json(text, error))?.unwrap_or_default();

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
    let time = reading.time_of(&envelope.time);
    reading.problems.extend(of_data);
    let row = match (event_type, envelope.row) {
        (Some(_), Some(row)) => Some(row),
        (Some(event_type), None) => {
            let row = reading.late_data(&envelope.data, event_type).map_err(|error| not_json(text, error))?;
            Some(row)
        }
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
fn not_json(text: &str, error: JsonError) -> EventError {
    EventError::NotJson(match (serde_json::from_str::<IgnoredAny>(text), error) {
        (Err(error), _) => error.to_string(),
        (Ok(_), JsonError::TooDeep) => "it is nested more than 127 levels deep".to_owned(),
        (Ok(_), JsonError::Malformed) => "it is another kind of JSON value".to_owned(),
    })
}

/// A value with its own text.
struct Given<'a> {
    token: Token<'a>,
    json: &'a str,
}

#[derive(Default)]
struct Envelope<'a> {
    specversion: Option<Given<'a>>,
    id: Option<Given<'a>>,
    source: Option<Given<'a>>,
    event_type: Option<Given<'a>>,
    /// The type, if `event_type` names one.
    known_type: Option<&'static EventType>,
    time: Option<Given<'a>>,
    shop: Option<Given<'a>>,
    content_type: Option<Given<'a>>,
    data: Option<Given<'a>>,
    /// The data, where the type stood before it.
    row: Option<Row<'a>>,
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

struct Reading<'a> {
    unknown: Unknown,
    family: Option<Family>,
    problems: Vec<Problem>,
    extra: Vec<(String, Cow<'a, str>)>,
    redacted: bool,
}

impl<'a> Reading<'a> {
    fn new(unknown: Unknown) -> Reading<'a> {
        Reading { unknown, family: None, problems: Vec::new(), extra: Vec::new(), redacted: false }
    }

    /// Reads the envelope, and with `in_place` the data on the way where the type is known by then. None when that
    /// turns out to have been too early.
    fn envelope(&mut self, text: &'a str, in_place: bool) -> Result<Option<Envelope<'a>>, JsonError> {
        let mut envelope = Envelope::default();
        let mut too_early = false;
        let mut reader = Reader::new(text);
        reader.peek()?;
        reader.object(|reader, name| {
            let start = reader.at();
            if &*name == "data"
                && in_place
                && let Some(event_type) = envelope.known_type
                && envelope.row.is_none()
                && reader.peek()? == b'{'
            {
                self.family = Some(event_type.family);
                envelope.row = Some(self.row(reader, &Path::Root("data"), event_type.family.columns())?);
                return Ok(());
            }
            let token = reader.value()?;
            let given = Some(Given { token, json: reader.since(start) });
            match &*name {
                "specversion" => envelope.specversion = given,
                "id" => envelope.id = given,
                "source" => envelope.source = given,
                "type" => {
                    too_early |= envelope.row.is_some();
                    envelope.known_type = match &given {
                        Some(Given { token: Token::Text(name), .. }) => EventType::from_name(name),
                        _ => None,
                    };
                    envelope.event_type = given;
                }
                "time" => envelope.time = given,
                "shop" => envelope.shop = given,
                "data" => {
                    too_early |= envelope.row.is_some();
                    envelope.data = given;
                }
                "datacontenttype" => envelope.content_type = given,
                _ => self.keep_extra(format!("envelope.{name}"), &name, reader.since(start)),
            }
            Ok(())
        })?;
        reader.end()?;
        Ok((!too_early).then_some(envelope))
    }

    fn check_constants(&mut self, envelope: &Envelope<'a>) {
        match &envelope.specversion {
            Some(Given { token: Token::Text(version), .. }) if version == "1.0" => {}
            None => self.missing("specversion", "; it is \"1.0\" (CloudEvents)"),
            Some(Given { json, .. }) => self.problems.push(Problem::Rule {
                field: "specversion".to_owned(),
                value: shown(json),
                rule: "is not \"1.0\", the version of CloudEvents that is read here".to_owned(),
            }),
        }
        if let Some(Given { token: Token::Text(content_type), .. }) = &envelope.content_type
            && !content_type.starts_with("application/json")
        {
            let rule = "is not application/json".to_owned();
            self.problems.push(Problem::Rule {
                field: "datacontenttype".to_owned(),
                value: shown(content_type),
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
            Context::Other => shown(json),
            _ => "the value".to_owned(),
        };
        self.problems.push(Problem::WrongType { field, expected, found });
    }

    fn required_text(&mut self, name: &str, given: &Option<Given<'a>>) -> Option<Cow<'a, str>> {
        let text = match given {
            None | Some(Given { token: Token::Null, .. }) => {
                self.missing(name, "");
                return None;
            }
            Some(Given { token: Token::Text(text), .. }) => text.clone(),
            Some(Given { token: Token::Number(number), .. }) => Cow::Borrowed(*number),
            Some(Given { token: Token::Other, json }) => {
                self.wrong_type(&Path::Root(name), "text", json);
                return None;
            }
        };
        let rule = if text.is_empty() {
            "must not be empty"
        } else if text.len() > LONGEST_ID {
            "is longer than 255 bytes"
        } else if holds_control(&text) {
            "holds a control character"
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

    fn time_of(&mut self, given: &Option<Given<'a>>) -> Option<EventTime> {
        let value = match given {
            Some(given) => self.scalar_value(&Path::Root("time"), Kind::Time, given),
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
    fn late_data(
        &mut self,
        given: &Option<Given<'a>>,
        event_type: &'static EventType,
    ) -> Result<Row<'a>, JsonError> {
        self.family = Some(event_type.family);
        let columns = event_type.family.columns();
        match given {
            Some(Given { json, .. }) if json.starts_with('{') => {
                self.row(&mut Reader::new(json), &Path::Root("data"), columns)
            }
            Some(Given { json, .. }) => {
                self.wrong_type(&Path::Root("data"), "an object", json);
                Ok(empty_row(columns))
            }
            None => Ok(empty_row(columns)),
        }
    }

    fn row(
        &mut self,
        reader: &mut Reader<'a>,
        path: &Path<'_>,
        columns: &'static [Column],
    ) -> Result<Row<'a>, JsonError> {
        let mut row = empty_row(columns);
        // Senders write their fields in one order, mostly ours: look ahead before searching from the start.
        let mut expected = 0;
        reader.object(|reader, name| {
            let (before, ahead) = columns.split_at(expected);
            let place = match ahead.iter().position(|column| column.name == name) {
                Some(place) => Some(expected + place),
                None => before.iter().position(|column| column.name == name),
            };
            if let Some(place) = place {
                expected = place + 1;
                let column = &columns[place];
                row[place] = self.value(reader, &Path::Field(path, column.name), column.kind)?;
                return Ok(());
            }
            let start = reader.at();
            reader.skip()?;
            if self.unknown == Unknown::Refuse {
                self.problems.push(Problem::Unknown {
                    field: format!("{path}.{name}"),
                    family: self.family.map_or("events", Family::table),
                    nearest: nearest(&name, columns.iter().map(|column| column.name)),
                });
            } else {
                let known_as = format!("{path}.{name}");
                let known_as = known_as.strip_prefix("data.").unwrap_or(&known_as).to_owned();
                self.keep_extra(known_as, &name, reader.since(start));
            }
            Ok(())
        })?;
        Ok(row)
    }

    fn keep_extra(&mut self, path: String, name: &str, json: &'a str) {
        let kept = match serde_json::from_str::<serde_json::Value>(json) {
            Ok(mut value) => {
                if redact_value(&mut value, name) {
                    self.redacted = true;
                    Cow::Owned(value.to_string())
                } else {
                    Cow::Borrowed(json)
                }
            }
            Err(_) => return self.wrong_type(&Path::Root(&path), "JSON", json),
        };
        self.extra.push((path, kept));
    }

    fn value(&mut self, reader: &mut Reader<'a>, path: &Path<'_>, kind: Kind) -> Result<Value<'a>, JsonError> {
        match (kind, reader.peek()?) {
            (Kind::Struct(columns) | Kind::Flat(columns), b'{') => Ok(Value::Row(self.row(reader, path, columns)?)),
            (Kind::List(columns), b'[') => self.rows(reader, path, columns),
            _ => {
                let start = reader.at();
                let token = reader.value()?;
                Ok(self.scalar_value(path, kind, &Given { token, json: reader.since(start) }))
            }
        }
    }

    fn rows(
        &mut self,
        reader: &mut Reader<'a>,
        path: &Path<'_>,
        columns: &'static [Column],
    ) -> Result<Value<'a>, JsonError> {
        let mut rows = Vec::new();
        let mut place = 0;
        reader.list(|reader| {
            let path = Path::Item(path, place);
            place += 1;
            if reader.peek()? == b'{' {
                rows.push(self.row(reader, &path, columns)?);
            } else {
                let start = reader.at();
                reader.skip()?;
                self.wrong_type(&path, "an object", reader.since(start));
            }
            Ok(())
        })?;
        Ok(Value::Rows(rows))
    }

    fn scalar_value(&mut self, path: &Path<'_>, kind: Kind, given: &Given<'a>) -> Value<'a> {
        let json = given.json;
        match (&given.token, kind) {
            (Token::Null, _) => Value::Null,
            (Token::Text(text), Kind::Text) => Value::Text(self.redact(text.clone())),
            (Token::Text(text), Kind::Id | Kind::Currency) => {
                // "" says nothing, and as an id it would join with every other "".
                if text.is_empty() { Value::Null } else { Value::Text(text.clone()) }
            }
            (Token::Number(number), Kind::Text) => Value::Text(self.redact(Cow::Borrowed(*number))),
            (Token::Number(number), Kind::Id) => Value::Text(Cow::Borrowed(*number)),
            (Token::Text(text), Kind::Amount | Kind::Price | Kind::Quantity) => self.decimal(path, text),
            (Token::Number(number), Kind::Amount | Kind::Price | Kind::Quantity) => self.decimal(path, number),
            (Token::Number(number), Kind::Integer) => match number.parse() {
                Ok(integer) => Value::Integer(integer),
                Err(_) => self.refuse(path, "a whole number", json),
            },
            (Token::Text(text), Kind::Integer) => match text.parse() {
                Ok(integer) => Value::Integer(integer),
                Err(_) => self.refuse(path, "a whole number", json),
            },
            (Token::Text(text), Kind::Time) => match EventTime::parse(text) {
                Ok(time) => Value::Time(time),
                Err(rule) => {
                    self.problems.push(Problem::Time { field: path.to_string(), value: shown(text), rule });
                    Value::Null
                }
            },
            (_, Kind::Time) => self.refuse(path, "an RFC 3339 time in quotes", json),
            (_, Kind::Amount | Kind::Price | Kind::Quantity) => self.refuse(path, "a decimal number", json),
            (_, Kind::Integer) => self.refuse(path, "a whole number", json),
            (_, Kind::Currency) => self.refuse(path, "an ISO 4217 currency code", json),
            (_, Kind::Struct(_) | Kind::Flat(_)) => self.refuse(path, "an object", json),
            (_, Kind::List(_)) => self.refuse(path, "a list of objects", json),
            _ => self.refuse(path, "text", json),
        }
    }

    fn refuse(&mut self, path: &Path<'_>, expected: &'static str, json: &str) -> Value<'a> {
        self.wrong_type(path, expected, json);
        Value::Null
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
    fn redact(&mut self, text: Cow<'a, str>) -> Cow<'a, str> {
        match redact_text(&text) {
            Cow::Owned(cut) => {
                self.redacted = true;
                Cow::Owned(cut)
            }
            Cow::Borrowed(_) => text,
        }
    }
}

fn holds_control(text: &str) -> bool {
    // Beyond ASCII the control characters are U+0080 to U+009F, whose first byte is 0xc2.
    text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) && text.chars().any(char::is_control)
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
