//! From a row of an event table back to the event it came from, so that live state can be rebuilt from the lake.

use std::fmt::Write as _;

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

use crate::columns::{Column, Kind};
use crate::event::{separate, write_text};
use crate::family::EventType;
use crate::money::Decimal;
use crate::schema::{EXTRA, schema};
use crate::time::EventTime;

/// Why a row is not an event.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The batch does not have the columns of an event table.
    #[error("column {0} is missing or of another type")]
    Column(String),
    /// The type column names no known type.
    #[error("type {0:?} is not a type of event")]
    Type(String),
    /// Columns could not be brought to the family's types.
    #[error("rows cannot be read as events: {0}")]
    Arrow(#[from] ArrowError),
}

/// One line of CloudEvents JSON for a row of an event table.
///
/// # Errors
/// When the batch is not of an event table.
pub fn export(batch: &RecordBatch, row: usize) -> Result<String, ExportError> {
    let type_name = text(batch, "type", row)?;
    let event_type = EventType::from_name(&type_name).ok_or_else(|| ExportError::Type(type_name.clone()))?;
    let mut json = String::with_capacity(512);
    json.push_str(r#"{"specversion":"1.0","id":"#);
    write_text(&mut json, &text(batch, "event_id", row)?);
    json.push_str(r#","source":"#);
    write_text(&mut json, &text(batch, "source", row)?);
    json.push_str(r#","type":"#);
    write_text(&mut json, event_type.name);
    let time = batch
        .column_by_name("event_time")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| ExportError::Column("event_time".to_owned()))?;
    let _ = write!(json, r#","time":"{}","shop":"#, EventTime::from_micros(time.value(row)));
    write_text(&mut json, &text(batch, "shop", row)?);
    json.push_str(r#","data":{"#);
    // Views and dictionaries of other readers are brought back to the schema that the table was declared with.
    let expected = schema(event_type.family);
    let by_name = |name: &str| {
        let column = batch.column_by_name(name).ok_or_else(|| ExportError::Column(name.to_owned()))?;
        let field = expected.field_with_name(name)?;
        let one = column.slice(row, 1);
        Ok::<_, ExportError>(if one.data_type() == field.data_type() {
            one
        } else {
            arrow::compute::cast(&one, field.data_type())?
        })
    };
    write_columns(&mut json, event_type.family.columns(), "", &by_name)?;
    let extra = by_name(EXTRA.0)?;
    if extra.is_valid(0)
        && let Some(fields) =
            extra.as_string::<i32>().value(0).strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
    {
        separate(&mut json);
        json.push_str(fields);
    }
    json.push_str("}}");
    Ok(json)
}

type Lookup<'a> = dyn Fn(&str) -> Result<arrow::array::ArrayRef, ExportError> + 'a;

fn text(batch: &RecordBatch, name: &str, row: usize) -> Result<String, ExportError> {
    let column = batch.column_by_name(name).ok_or_else(|| ExportError::Column(name.to_owned()))?;
    let one = arrow::compute::cast(&column.slice(row, 1), &arrow::datatypes::DataType::Utf8)?;
    Ok(one.as_string::<i32>().value(0).to_owned())
}

fn write_columns(
    json: &mut String,
    columns: &'static [Column],
    prefix: &str,
    by_name: &Lookup<'_>,
) -> Result<(), ExportError> {
    for column in columns {
        let name = format!("{prefix}{}", column.name);
        if let Kind::Flat(inner) = column.kind {
            let mut object = String::from("{");
            write_columns(&mut object, inner, &format!("{name}_"), by_name)?;
            if object.len() > 1 {
                separate(json);
                write_text(json, column.name);
                let _ = write!(json, ":{object}}}");
            }
            continue;
        }
        let array = by_name(&name)?;
        write_field(json, column, array.as_ref(), 0);
    }
    Ok(())
}

fn write_field(json: &mut String, column: &Column, array: &dyn Array, row: usize) {
    if array.is_null(row) {
        return;
    }
    separate(json);
    write_text(json, column.name);
    json.push(':');
    match column.kind {
        Kind::Text | Kind::Id | Kind::Currency => write_text(json, array.as_string::<i32>().value(row)),
        Kind::Amount | Kind::Price | Kind::Quantity => {
            let units = i64::try_from(array.as_primitive::<Decimal128Type>().value(row)).unwrap_or_default();
            let _ = write!(json, "\"{}\"", Decimal::from_units(units).unwrap_or_default());
        }
        Kind::Integer => {
            let _ = write!(json, "{}", array.as_primitive::<Int64Type>().value(row));
        }
        Kind::Time => {
            let _ = write!(
                json,
                "\"{}\"",
                EventTime::from_micros(array.as_primitive::<TimestampMicrosecondType>().value(row))
            );
        }
        Kind::Struct(inner) | Kind::Flat(inner) => write_object(json, inner, array.as_struct(), row),
        Kind::List(inner) => {
            let items = array.as_list::<i32>().value(row);
            json.push('[');
            for item in 0..items.len() {
                separate(json);
                write_object(json, inner, items.as_struct(), item);
            }
            json.push(']');
        }
    }
}

fn write_object(json: &mut String, columns: &'static [Column], array: &StructArray, row: usize) {
    json.push('{');
    for column in columns {
        if let Some(inner) = array.column_by_name(column.name) {
            write_field(json, column, inner.as_ref(), row);
        }
    }
    json.push('}');
}
