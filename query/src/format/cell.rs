//! One column of a batch as text or as JSON.

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::QueryError;

/// The values of one column, ready to be written.
pub(super) struct Cells<'a> {
    array: &'a dyn Array,
    shape: Shape<'a>,
}

enum Shape<'a> {
    /// A number that every JSON reader keeps exactly, or a boolean.
    Bare(ArrayFormatter<'a>),
    /// A number where it is one; not-a-number and the infinities are texts.
    Float(ArrayFormatter<'a>),
    /// Anything else that is one value.
    Text(ArrayFormatter<'a>),
    /// Offsets into the items.
    List(Vec<usize>, Box<Cells<'a>>),
    /// Names as JSON texts, and their values.
    Struct(Vec<(String, Cells<'a>)>),
    /// Offsets, keys and values.
    Map(Vec<usize>, Box<Cells<'a>>, Box<Cells<'a>>),
}

impl<'a> Cells<'a> {
    pub(super) fn new(array: &'a ArrayRef) -> Result<Self, QueryError> {
        Self::of(array.as_ref()).map_err(|error| QueryError::internal(format!("a column cannot be written: {error}")))
    }

    fn of(array: &'a dyn Array) -> Result<Self, ArrowError> {
        // Defaults give RFC 3339 times, ISO dates and exact decimals.
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(false);
        let one = || ArrayFormatter::try_new(array, &OPTIONS);
        let shape = match leaf(array.data_type()) {
            DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Shape::Bare(one()?),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Shape::Float(one()?),
            DataType::List(_) => list::<i32>(array)?,
            DataType::LargeList(_) => list::<i64>(array)?,
            DataType::FixedSizeList(_, size) => {
                let values = Self::of(array.as_fixed_size_list().values().as_ref())?;
                let size = usize::try_from(*size).unwrap_or(0);
                Shape::List((0..=array.len()).map(|row| row * size).collect(), Box::new(values))
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let members = fields
                    .iter()
                    .zip(columns)
                    .map(|(field, column)| Ok((quoted(field.name()), Self::of(column.as_ref())?)));
                Shape::Struct(members.collect::<Result<_, ArrowError>>()?)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let offsets = map.value_offsets().iter().map(|offset| offset.unsigned_abs() as usize).collect();
                Shape::Map(
                    offsets,
                    Box::new(Self::of(map.keys().as_ref())?),
                    Box::new(Self::of(map.values().as_ref())?),
                )
            }
            _ => Shape::Text(one()?),
        };
        Ok(Self { array, shape })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || *self.array.data_type() == DataType::Null
    }

    /// As plain text; nested values as JSON. The row must not be NULL.
    pub(super) fn text(&self, row: usize, out: &mut String) -> Result<(), QueryError> {
        match &self.shape {
            Shape::Bare(values) | Shape::Float(values) | Shape::Text(values) => write_value(values, row, out),
            _ => self.json(row, out),
        }
    }

    /// As JSON, `null` included.
    pub(super) fn json(&self, row: usize, out: &mut String) -> Result<(), QueryError> {
        if self.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        match &self.shape {
            Shape::Bare(values) => write_value(values, row, out)?,
            Shape::Float(values) => {
                let start = out.len();
                write_value(values, row, out)?;
                let is_number = out[start..].trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit());
                if !is_number {
                    out.insert(start, '"');
                    out.push('"');
                }
            }
            Shape::Text(values) => {
                let mut text = String::new();
                write_value(values, row, &mut text)?;
                quote(&text, out);
            }
            Shape::List(offsets, items) => {
                out.push('[');
                for (nth, item) in (offsets[row]..offsets[row + 1]).enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    items.json(item, out)?;
                }
                out.push(']');
            }
            Shape::Struct(members) => {
                out.push('{');
                for (nth, (name, values)) in members.iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    out.push(':');
                    values.json(row, out)?;
                }
                out.push('}');
            }
            Shape::Map(offsets, keys, values) => {
                out.push('{');
                for (nth, entry) in (offsets[row]..offsets[row + 1]).enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    let mut key = String::new();
                    keys.text(entry, &mut key)?;
                    quote(&key, out);
                    out.push(':');
                    values.json(entry, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}

fn list<O: OffsetSizeTrait>(array: &dyn Array) -> Result<Shape<'_>, ArrowError> {
    let list = array.as_list::<O>();
    let offsets = list.value_offsets().iter().map(|offset| offset.as_usize()).collect();
    Ok(Shape::List(offsets, Box::new(Cells::of(list.values().as_ref())?)))
}

/// The type of the values themselves, behind a dictionary.
pub(super) fn leaf(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, value) => leaf(value),
        other => other,
    }
}

fn write_value(values: &ArrayFormatter<'_>, row: usize, out: &mut String) -> Result<(), QueryError> {
    values.value(row).write(out).map_err(|error| QueryError::internal(format!("a value cannot be written: {error}")))
}

/// A text between quotes, as JSON has it.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(text, &mut out);
    out
}
