//! From one line of CloudEvents JSON to an [`Event`], every fault found and named.
//!
//! Strings stay borrowed from the text, numbers are read from their own text, and a fault in one field does not stop
//! the reading of the others, so that a sender sees all of them at once.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::columns::{Column, Kind};
use crate::error::{EventError, Problem, shown};
use crate::event::Event;
use crate::family::{EventType, Family};
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
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| EventError::NotJson(error.to_string()))?;
    let mut reading = Reading { unknown, family: None, problems: Vec::new(), extra: Vec::new(), redacted: false };

    let mut envelope = Envelope::default();
    for (name, value) in fields.0 {
        match &*name {
            "specversion" => envelope.specversion = Some(value),
            "id" => envelope.id = Some(value),
            "source" => envelope.source = Some(value),
            "type" => envelope.event_type = Some(value),
            "time" => envelope.time = Some(value),
            "shop" => envelope.shop = Some(value),
            "data" => envelope.data = Some(value),
            "datacontenttype" => envelope.content_type = Some(value),
            _ => reading.keep_extra(format!("envelope.{name}"), &name, value),
        }
    }
    reading.check_constants(&envelope);
    let id = reading.required_text("id", envelope.id);
    let source = reading.required_text("source", envelope.source);
    let shop = match envelope.shop {
        Some(_) => reading.required_text("shop", envelope.shop),
        None => Some(Cow::Borrowed("default")),
    };
    let event_type = reading.event_type(envelope.event_type);
    let time = reading.time_of(envelope.time);
    let row = event_type.map(|event_type| {
        reading.family = Some(event_type.family);
        reading.data(envelope.data, event_type)
    });

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

#[derive(Default)]
struct Envelope<'a> {
    specversion: Option<&'a str>,
    id: Option<&'a str>,
    source: Option<&'a str>,
    event_type: Option<&'a str>,
    time: Option<&'a str>,
    shop: Option<&'a str>,
    data: Option<&'a str>,
    content_type: Option<&'a str>,
}

/// Names and values of one JSON object, the values as their own text.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Cow<'de, str>, &'de str)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(Name(name)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    fields.push((name, value.get()));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object).map(Fields)
    }
}

struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(name))
            }
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(name.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Name)
    }
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

/// A JSON scalar by its own text.
enum Scalar<'a> {
    Null,
    Text(Cow<'a, str>),
    Number(&'a str),
    Other,
}

fn scalar(json: &str) -> Scalar<'_> {
    match json.as_bytes() {
        [b'"', inner @ .., b'"'] => {
            if inner.contains(&b'\\') {
                // The text was accepted as JSON a moment ago, so that it reads as a string again.
                serde_json::from_str::<String>(json).map_or(Scalar::Other, |text| Scalar::Text(Cow::Owned(text)))
            } else {
                Scalar::Text(Cow::Borrowed(&json[1..json.len() - 1]))
            }
        }
        [b'n', ..] => Scalar::Null,
        [b'-' | b'0'..=b'9', ..] => Scalar::Number(json),
        _ => Scalar::Other,
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
    fn check_constants(&mut self, envelope: &Envelope<'a>) {
        match envelope.specversion.map(scalar) {
            Some(Scalar::Text(version)) if version == "1.0" => {}
            None => self.missing("specversion", "; it is \"1.0\" (CloudEvents)"),
            Some(_) => self.problems.push(Problem::Rule {
                field: "specversion".to_owned(),
                value: shown(envelope.specversion.unwrap_or_default()),
                rule: "is not \"1.0\", the version of CloudEvents that is read here".to_owned(),
            }),
        }
        if let Some(Scalar::Text(content_type)) = envelope.content_type.map(scalar)
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
            Context::Other => shown(json),
            _ => "the value".to_owned(),
        };
        self.problems.push(Problem::WrongType { field, expected, found });
    }

    fn required_text(&mut self, name: &str, json: Option<&'a str>) -> Option<Cow<'a, str>> {
        let text = match json.map(scalar) {
            None | Some(Scalar::Null) => {
                self.missing(name, "");
                return None;
            }
            Some(Scalar::Text(text)) => text,
            Some(Scalar::Number(number)) => Cow::Borrowed(number),
            Some(Scalar::Other) => {
                self.wrong_type(&Path::Root(name), "text", json.unwrap_or_default());
                return None;
            }
        };
        let rule = if text.is_empty() {
            "must not be empty"
        } else if text.len() > LONGEST_ID {
            "is longer than 255 bytes"
        } else if text.chars().any(char::is_control) {
            "holds a control character"
        } else {
            return Some(text);
        };
        self.problems.push(Problem::Rule { field: name.to_owned(), value: shown(&text), rule: rule.to_owned() });
        None
    }

    fn event_type(&mut self, json: Option<&'a str>) -> Option<&'static EventType> {
        let name = self.required_text("type", json)?;
        let found = EventType::from_name(&name);
        if found.is_none() {
            let rule = match nearest(&name, EventType::all().iter().map(|known| known.name)) {
                Some(known) => format!("is not a type of event; did you mean {known}?"),
                None => {
                    "is not a type of event; types begin with storefront., order., payment., inventory. or product."
                        .to_owned()
                }
            };
            self.problems.push(Problem::Rule { field: "type".to_owned(), value: shown(&name), rule });
        }
        found
    }

    fn time_of(&mut self, json: Option<&'a str>) -> Option<EventTime> {
        match self.value(&Path::Root("time"), Kind::Time, "time", json.unwrap_or("null")) {
            Value::Time(time) => Some(time),
            _ => {
                if !self.problems.iter().any(|problem| problem.field() == "time") {
                    self.missing("time", "; give it as RFC 3339 with zone, such as 2026-03-01T10:04:07.250Z");
                }
                None
            }
        }
    }

    fn data(&mut self, json: Option<&'a str>, event_type: &'static EventType) -> Row<'a> {
        let columns = event_type.family.columns();
        match json {
            Some(json) if json.starts_with('{') => self.row(&Path::Root("data"), "", columns, json),
            Some(json) => {
                self.wrong_type(&Path::Root("data"), "an object", json);
                empty_row(columns)
            }
            None => empty_row(columns),
        }
    }

    /// `known_as` is the path of the object among the data, empty at the top: unknown fields are kept under it.
    fn row(&mut self, path: &Path<'_>, known_as: &str, columns: &'static [Column], json: &'a str) -> Row<'a> {
        let mut row = empty_row(columns);
        let Ok(fields) = serde_json::from_str::<Fields<'a>>(json) else {
            self.wrong_type(path, "an object", json);
            return row;
        };
        // Senders write their fields in one order, mostly ours: try the next column before searching.
        let mut expected = 0;
        for (name, value) in fields.0 {
            let index = match columns.get(expected) {
                Some(column) if column.name == name => Some(expected),
                _ => columns.iter().position(|column| column.name == name),
            };
            match index {
                Some(index) => {
                    expected = index + 1;
                    let column = &columns[index];
                    row[index] = self.value(&Path::Field(path, column.name), column.kind, column.name, value);
                }
                None => {
                    let extra = if known_as.is_empty() { name.to_string() } else { format!("{known_as}.{name}") };
                    if self.unknown == Unknown::Refuse {
                        self.problems.push(Problem::Unknown {
                            field: format!("{path}.{name}"),
                            family: self.family.map_or("events", Family::table),
                            nearest: nearest(&name, columns.iter().map(|column| column.name)),
                        });
                    } else {
                        self.keep_extra(extra, &name, value);
                    }
                }
            }
        }
        row
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

    fn value(&mut self, path: &Path<'_>, kind: Kind, name: &str, json: &'a str) -> Value<'a> {
        match kind {
            Kind::Struct(columns) | Kind::Flat(columns) => match json.as_bytes() {
                [b'{', ..] => Value::Row(self.row(path, name, columns, json)),
                [b'n', ..] => Value::Null,
                _ => {
                    self.wrong_type(path, "an object", json);
                    Value::Null
                }
            },
            Kind::List(columns) => self.rows(path, name, columns, json),
            _ => self.scalar_value(path, kind, json),
        }
    }

    fn rows(&mut self, path: &Path<'_>, name: &str, columns: &'static [Column], json: &'a str) -> Value<'a> {
        if json.starts_with('n') {
            return Value::Null;
        }
        let Ok(items) = serde_json::from_str::<Vec<&'a RawValue>>(json) else {
            self.wrong_type(path, "a list of objects", json);
            return Value::Null;
        };
        let mut rows = Vec::with_capacity(items.len());
        for (place, item) in items.into_iter().enumerate() {
            let path = Path::Item(path, place);
            if item.get().starts_with('{') {
                rows.push(self.row(&path, &format!("{name}[{place}]"), columns, item.get()));
            } else {
                self.wrong_type(&path, "an object", item.get());
            }
        }
        Value::Rows(rows)
    }

    fn scalar_value(&mut self, path: &Path<'_>, kind: Kind, json: &'a str) -> Value<'a> {
        match (scalar(json), kind) {
            (Scalar::Null, _) => Value::Null,
            (Scalar::Text(text), Kind::Text) => Value::Text(self.redact(text)),
            (Scalar::Text(text), Kind::Id | Kind::Currency) => {
                // "" says nothing, and as an id it would join with every other "".
                if text.is_empty() { Value::Null } else { Value::Text(text) }
            }
            (Scalar::Number(number), Kind::Text) => Value::Text(self.redact(Cow::Borrowed(number))),
            (Scalar::Number(number), Kind::Id) => Value::Text(Cow::Borrowed(number)),
            (Scalar::Text(text), Kind::Amount | Kind::Price | Kind::Quantity) => self.decimal(path, &text),
            (Scalar::Number(number), Kind::Amount | Kind::Price | Kind::Quantity) => self.decimal(path, number),
            (Scalar::Number(number), Kind::Integer) => match number.parse() {
                Ok(integer) => Value::Integer(integer),
                Err(_) => self.refuse(path, "a whole number", json),
            },
            (Scalar::Text(text), Kind::Integer) => match text.parse() {
                Ok(integer) => Value::Integer(integer),
                Err(_) => self.refuse(path, "a whole number", json),
            },
            (Scalar::Text(text), Kind::Time) => match EventTime::parse(&text) {
                Ok(time) => Value::Time(time),
                Err(rule) => {
                    self.problems.push(Problem::Time { field: path.to_string(), value: shown(&text), rule });
                    Value::Null
                }
            },
            (_, Kind::Time) => self.refuse(path, "an RFC 3339 time in quotes", json),
            (_, Kind::Amount | Kind::Price | Kind::Quantity) => self.refuse(path, "a decimal number", json),
            (_, Kind::Integer) => self.refuse(path, "a whole number", json),
            (_, Kind::Currency) => self.refuse(path, "an ISO 4217 currency code", json),
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
