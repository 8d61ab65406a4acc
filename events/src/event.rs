//! One event, checked.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::columns::{Column, Kind};
use crate::family::{EventType, Family};
use crate::identity::{Identity, identity};
use crate::time::EventTime;
use crate::value::{Row, Value};

/// An event that [`parse`](crate::parse) found valid. Card data in it is already cut.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The sender's id, unique within the source.
    pub id: Cow<'a, str>,
    /// Who sent it.
    pub source: Cow<'a, str>,
    /// What happened.
    pub event_type: &'static EventType,
    /// Whose shop.
    pub shop: Cow<'a, str>,
    /// When it happened, by the sender's clock.
    pub time: EventTime,
    /// The data, in the order of the family's columns.
    pub row: Row<'a>,
    /// Fields that no column takes: path and JSON text.
    pub extra: Vec<(String, Cow<'a, str>)>,
    /// Whether the text it was read from must not be kept as it came, because card data was cut.
    pub redacted: bool,
}

impl Event<'_> {
    /// The table it goes to.
    pub fn family(&self) -> Family {
        self.event_type.family
    }

    /// Source and id, folded.
    pub fn identity(&self) -> Identity {
        identity(&self.source, &self.id)
    }

    /// The value of a data column; `Null` for a name that is none.
    pub fn get(&self, name: &str) -> &Value<'_> {
        static NULL: Value<'static> = Value::Null;
        self.family().columns().iter().position(|column| column.name == name).map_or(&NULL, |index| &self.row[index])
    }

    /// The unknown fields as one JSON object, if there are any.
    pub fn extra_json(&self) -> Option<String> {
        if self.extra.is_empty() {
            return None;
        }
        let mut json = String::from("{");
        for (path, value) in &self.extra {
            separate(&mut json);
            write_text(&mut json, path);
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        Some(json)
    }

    /// The event as one line of CloudEvents JSON; [`parse`](crate::parse) reads it back to the same event.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(512);
        json.push_str(r#"{"specversion":"1.0","id":"#);
        write_text(&mut json, &self.id);
        json.push_str(r#","source":"#);
        write_text(&mut json, &self.source);
        json.push_str(r#","type":"#);
        write_text(&mut json, self.event_type.name);
        let _ = write!(json, r#","time":"{}","shop":"#, self.time);
        write_text(&mut json, &self.shop);
        json.push_str(r#","data":{"#);
        write_fields(&mut json, self.family().columns(), &self.row);
        for (path, value) in &self.extra {
            separate(&mut json);
            write_text(&mut json, path);
            json.push(':');
            json.push_str(value);
        }
        json.push_str("}}");
        json
    }
}

fn write_fields(json: &mut String, columns: &'static [Column], row: &Row<'_>) {
    for (column, value) in columns.iter().zip(row) {
        // An object that is spread over columns of the table is nothing when they are empty.
        let is_empty = |row: &Row<'_>| row.iter().all(Value::is_null);
        if value.is_null() || matches!((column.kind, value), (Kind::Flat(_), Value::Row(row)) if is_empty(row)) {
            continue;
        }
        separate(json);
        write_text(json, column.name);
        json.push(':');
        write_value(json, column.kind, value);
    }
}

fn write_value(json: &mut String, kind: Kind, value: &Value<'_>) {
    match (value, kind) {
        (Value::Text(text), _) => write_text(json, text),
        (Value::Decimal(decimal), _) => {
            let _ = write!(json, "\"{decimal}\"");
        }
        (Value::Integer(integer), _) => {
            let _ = write!(json, "{integer}");
        }
        (Value::Time(time), _) => {
            let _ = write!(json, "\"{time}\"");
        }
        (Value::Row(row), Kind::Struct(columns) | Kind::Flat(columns)) => {
            json.push('{');
            write_fields(json, columns, row);
            json.push('}');
        }
        (Value::Rows(rows), Kind::List(columns)) => {
            json.push('[');
            for row in rows {
                separate(json);
                json.push('{');
                write_fields(json, columns, row);
                json.push('}');
            }
            json.push(']');
        }
        _ => json.push_str("null"),
    }
}

/// A comma, unless it is the first in its object or list.
pub(crate) fn separate(json: &mut String) {
    if !json.ends_with(['{', '[']) {
        json.push(',');
    }
}

pub(crate) fn write_text(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}
