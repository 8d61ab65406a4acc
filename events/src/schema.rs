//! Arrow schemas of the event tables, made from the column tables.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use crate::columns::{Column, Kind};
use crate::family::Family;
use crate::money::{PRECISION, SCALE};

/// Columns that every event table begins with: name, comment.
pub const ENVELOPE: [(&str, &str); 8] = [
    ("event_id", "The sender's id of the event, unique within source"),
    ("source", "Who sent the event"),
    ("type", "What happened, such as payment.captured"),
    ("shop", "Whose shop it happened in"),
    ("event_time", "When it happened, by the sender's clock"),
    ("received_at", "When Mizan received it"),
    ("event_date", "UTC date of event_time; the table is partitioned by it"),
    ("position", "Place in the log: the order of arrival"),
];

pub(crate) const EXTRA: (&str, &str) = ("extra", "Fields that no column takes, as one JSON object");

/// Data type of instants.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Data type of money and quantities.
pub(crate) fn decimal_type() -> DataType {
    DataType::Decimal128(PRECISION, i8::try_from(SCALE).unwrap_or(4))
}

/// The schema of a family's table. Every field carries its comment in the metadata; personal columns and those worth
/// statistics are marked there as well.
pub fn schema(family: Family) -> SchemaRef {
    static SCHEMAS: OnceLock<[SchemaRef; Family::COUNT]> = OnceLock::new();
    let schemas = SCHEMAS.get_or_init(|| Family::ALL.map(build));
    Arc::clone(&schemas[family.index()])
}

fn build(family: Family) -> SchemaRef {
    let mut fields: Vec<FieldRef> = ENVELOPE
        .iter()
        .map(|(name, comment)| {
            let data_type = match *name {
                "event_time" | "received_at" => time_type(),
                "event_date" => DataType::Date32,
                "position" => DataType::Int64,
                _ => DataType::Utf8,
            };
            let statistics = matches!(*name, "event_time" | "received_at" | "position");
            // Nullable as Delta's own readers see it; the validation is what keeps them filled.
            Arc::new(Field::new(*name, data_type, true).with_metadata(metadata(comment, false, statistics)))
        })
        .collect();
    fields.extend(data_fields(family.columns(), ""));
    fields.push(Arc::new(Field::new(EXTRA.0, DataType::Utf8, true).with_metadata(metadata(EXTRA.1, true, false))));
    let table = HashMap::from([("comment".to_owned(), family.comment().to_owned())]);
    Arc::new(Schema::new_with_metadata(fields, table))
}

fn data_fields(columns: &'static [Column], prefix: &str) -> Vec<FieldRef> {
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let name = format!("{prefix}{}", column.name);
        if let Kind::Flat(inner) = column.kind {
            fields.extend(data_fields(inner, &format!("{name}_")));
        } else {
            let metadata = metadata(column.comment, column.personal || holds_personal(column.kind), column.statistics);
            fields.push(Arc::new(Field::new(name, data_type(column.kind), true).with_metadata(metadata)));
        }
    }
    fields
}

fn holds_personal(kind: Kind) -> bool {
    match kind {
        Kind::Struct(inner) | Kind::List(inner) => {
            inner.iter().any(|column| column.personal || holds_personal(column.kind))
        }
        _ => false,
    }
}

/// The Arrow type of a column. A flat object has none of its own.
pub(crate) fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Id | Kind::Currency => DataType::Utf8,
        Kind::Amount | Kind::Price | Kind::Quantity => decimal_type(),
        Kind::Integer => DataType::Int64,
        Kind::Time => time_type(),
        Kind::Struct(inner) | Kind::Flat(inner) => DataType::Struct(Fields::from(data_fields(inner, ""))),
        Kind::List(inner) => DataType::List(element(inner)),
    }
}

/// The field of a list's items, named as Delta names it.
pub(crate) fn element(inner: &'static [Column]) -> FieldRef {
    Arc::new(Field::new("element", DataType::Struct(Fields::from(data_fields(inner, ""))), true))
}

fn metadata(comment: &str, personal: bool, statistics: bool) -> HashMap<String, String> {
    let mut metadata = HashMap::from([("comment".to_owned(), comment.to_owned())]);
    if personal {
        metadata.insert("personal".to_owned(), "true".to_owned());
    }
    if statistics {
        metadata.insert("statistics".to_owned(), "true".to_owned());
    }
    metadata
}
