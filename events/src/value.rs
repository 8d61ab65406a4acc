//! Values of a row as they are read: borrowed from the text where possible.

use std::borrow::Cow;

use crate::money::Decimal;
use crate::time::EventTime;

/// One value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// Absent.
    #[default]
    Null,
    /// Text, identifier or currency code.
    Text(Cow<'a, str>),
    /// Amount, price or quantity.
    Decimal(Decimal),
    /// Whole number.
    Integer(i64),
    /// Instant.
    Time(EventTime),
    /// Nested object.
    Row(Row<'a>),
    /// List of objects.
    Rows(Vec<Row<'a>>),
}

/// Values in the order of the columns of a family or of a nested object.
pub type Row<'a> = Vec<Value<'a>>;

impl Value<'_> {
    /// Whether there is none.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The decimal, if it is one.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Value::Decimal(decimal) => Some(*decimal),
            _ => None,
        }
    }
}
