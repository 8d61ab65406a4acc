//! From events to Arrow: one builder a column, filled row by row.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, ListArray, RecordBatch, StringBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Fields};

use crate::columns::{Column, Kind};
use crate::event::Event;
use crate::family::Family;
use crate::schema::{data_type, decimal_type, element, schema};
use crate::time::EventTime;
use crate::value::{Row, Value};

/// Collects events of one family into a batch under the family's schema.
pub struct BatchBuilder {
    family: Family,
    event_id: StringBuilder,
    source: StringBuilder,
    event_type: StringBuilder,
    shop: StringBuilder,
    event_time: TimestampMicrosecondBuilder,
    received_at: TimestampMicrosecondBuilder,
    event_date: Date32Builder,
    position: Int64Builder,
    data: RowBuilder,
    extra: StringBuilder,
    rows: usize,
}

impl BatchBuilder {
    /// An empty batch of a family.
    pub fn new(family: Family) -> BatchBuilder {
        BatchBuilder {
            family,
            event_id: StringBuilder::new(),
            source: StringBuilder::new(),
            event_type: StringBuilder::new(),
            shop: StringBuilder::new(),
            event_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            received_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            event_date: Date32Builder::new(),
            position: Int64Builder::new(),
            data: RowBuilder::new(family.columns()),
            extra: StringBuilder::new(),
            rows: 0,
        }
    }

    /// Adds an event of this family with its place in the log.
    pub fn append(&mut self, event: &Event<'_>, position: u64, received_at: EventTime) {
        debug_assert_eq!(event.family(), self.family);
        self.event_id.append_value(&event.id);
        self.source.append_value(&event.source);
        self.event_type.append_value(event.event_type.name);
        self.shop.append_value(&event.shop);
        self.event_time.append_value(event.time.micros());
        self.received_at.append_value(received_at.micros());
        self.event_date.append_value(event.time.utc_days());
        self.position.append_value(i64::try_from(position).unwrap_or(i64::MAX));
        self.data.append(Some(&event.row));
        self.extra.append_option(event.extra_json());
        self.rows += 1;
    }

    /// Number of events so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The batch; the builder is empty again.
    pub fn finish(&mut self) -> RecordBatch {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.event_id.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.event_type.finish()),
            Arc::new(self.shop.finish()),
            Arc::new(self.event_time.finish()),
            Arc::new(self.received_at.finish()),
            Arc::new(self.event_date.finish()),
            Arc::new(self.position.finish()),
        ];
        self.data.finish(&mut columns);
        columns.push(Arc::new(self.extra.finish()));
        self.rows = 0;
        let schema = schema(self.family);
        // Builders and schema come from one table of columns, which `every_family_builds_under_its_schema` holds.
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap_or_else(|_| RecordBatch::new_empty(schema))
    }
}

/// Builders of the columns of a row, flat objects spread out.
struct RowBuilder {
    columns: Vec<ColumnBuilder>,
}

enum ColumnBuilder {
    Text(StringBuilder),
    Decimal(Decimal128Builder),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Struct { fields: Fields, inner: RowBuilder, valid: Vec<bool> },
    Flat(RowBuilder),
    List { columns: &'static [Column], inner: RowBuilder, lengths: Vec<usize>, valid: Vec<bool> },
}

impl RowBuilder {
    fn new(columns: &'static [Column]) -> RowBuilder {
        RowBuilder { columns: columns.iter().map(|column| ColumnBuilder::new(column.kind)).collect() }
    }

    /// Adds a row; `None` adds NULL to every column.
    fn append(&mut self, row: Option<&Row<'_>>) {
        match row {
            Some(row) => self.columns.iter_mut().zip(row).for_each(|(column, value)| column.append(value)),
            None => self.columns.iter_mut().for_each(|column| column.append(&Value::Null)),
        }
    }

    fn finish(&mut self, arrays: &mut Vec<ArrayRef>) {
        for column in &mut self.columns {
            column.finish(arrays);
        }
    }
}

impl ColumnBuilder {
    fn new(kind: Kind) -> ColumnBuilder {
        match kind {
            Kind::Text | Kind::Id | Kind::Currency => ColumnBuilder::Text(StringBuilder::new()),
            Kind::Amount | Kind::Price | Kind::Quantity => {
                ColumnBuilder::Decimal(Decimal128Builder::new().with_data_type(decimal_type()))
            }
            Kind::Integer => ColumnBuilder::Integer(Int64Builder::new()),
            Kind::Time => ColumnBuilder::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Struct(inner) => {
                let fields = match data_type(kind) {
                    DataType::Struct(fields) => fields,
                    _ => Fields::empty(),
                };
                ColumnBuilder::Struct { fields, inner: RowBuilder::new(inner), valid: Vec::new() }
            }
            Kind::Flat(inner) => ColumnBuilder::Flat(RowBuilder::new(inner)),
            Kind::List(columns) => {
                ColumnBuilder::List { columns, inner: RowBuilder::new(columns), lengths: Vec::new(), valid: Vec::new() }
            }
        }
    }

    fn append(&mut self, value: &Value<'_>) {
        match self {
            ColumnBuilder::Text(builder) => builder.append_option(value.as_text()),
            ColumnBuilder::Decimal(builder) => {
                builder.append_option(value.as_decimal().map(|decimal| i128::from(decimal.units())))
            }
            ColumnBuilder::Integer(builder) => builder.append_option(match value {
                Value::Integer(integer) => Some(*integer),
                _ => None,
            }),
            ColumnBuilder::Time(builder) => builder.append_option(match value {
                Value::Time(time) => Some(time.micros()),
                _ => None,
            }),
            ColumnBuilder::Struct { inner, valid, .. } => match value {
                Value::Row(row) => {
                    inner.append(Some(row));
                    valid.push(true);
                }
                _ => {
                    inner.append(None);
                    valid.push(false);
                }
            },
            ColumnBuilder::Flat(inner) => inner.append(match value {
                Value::Row(row) => Some(row),
                _ => None,
            }),
            ColumnBuilder::List { inner, lengths, valid, .. } => match value {
                Value::Rows(rows) => {
                    rows.iter().for_each(|row| inner.append(Some(row)));
                    lengths.push(rows.len());
                    valid.push(true);
                }
                _ => {
                    lengths.push(0);
                    valid.push(false);
                }
            },
        }
    }

    fn finish(&mut self, arrays: &mut Vec<ArrayRef>) {
        match self {
            ColumnBuilder::Text(builder) => arrays.push(Arc::new(builder.finish())),
            ColumnBuilder::Decimal(builder) => arrays.push(Arc::new(builder.finish())),
            ColumnBuilder::Integer(builder) => arrays.push(Arc::new(builder.finish())),
            ColumnBuilder::Time(builder) => arrays.push(Arc::new(builder.finish())),
            ColumnBuilder::Flat(inner) => inner.finish(arrays),
            ColumnBuilder::Struct { fields, inner, valid } => {
                let mut children = Vec::with_capacity(fields.len());
                inner.finish(&mut children);
                let nulls = NullBuffer::from(std::mem::take(valid));
                arrays.push(Arc::new(StructArray::new(fields.clone(), children, Some(nulls))));
            }
            ColumnBuilder::List { columns, inner, lengths, valid } => {
                let item = element(columns);
                let mut children = Vec::with_capacity(columns.len());
                inner.finish(&mut children);
                let fields = match item.data_type() {
                    DataType::Struct(fields) => fields.clone(),
                    _ => Fields::empty(),
                };
                let items = StructArray::new(fields, children, None);
                let offsets = OffsetBuffer::from_lengths(std::mem::take(lengths));
                let nulls = NullBuffer::from(std::mem::take(valid));
                arrays.push(Arc::new(ListArray::new(item, offsets, Arc::new(items), Some(nulls))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Unknown, parse};
    use arrow::array::{Array, AsArray};

    #[test]
    fn every_family_builds_under_its_schema() {
        for family in Family::ALL {
            let batch = BatchBuilder::new(family).finish();
            let mut columns: Vec<ArrayRef> = Vec::new();
            RowBuilder::new(family.columns()).finish(&mut columns);
            let types: Vec<_> = columns.iter().map(|column| column.data_type().clone()).collect();
            let expected: Vec<_> = batch
                .schema()
                .fields()
                .iter()
                .skip(8)
                .take(types.len())
                .map(|field| field.data_type().clone())
                .collect();
            assert_eq!(types, expected, "{family}");
            assert_eq!(batch.num_columns(), 8 + types.len() + 1);
        }
    }

    #[test]
    fn nested_rows_and_flat_customers_land_in_their_columns() {
        let text = r#"{"specversion":"1.0","id":"1","source":"t","type":"order.placed","time":"2026-03-01T10:00:00Z","data":{
            "order_id":"1001","currency":"KWD","customer":{"id":"c1","name":"ليلى"},"total":"12.500",
            "lines":[{"sku":"A","quantity":2,"unit_price":"3.125"},{"sku":"B","quantity":"0.5","unit_price":12.5}]}}"#;
        let event = parse(text, Unknown::Refuse, EventTime::parse("2026-03-02T00:00:00Z").unwrap()).unwrap();
        let mut builder = BatchBuilder::new(Family::Order);
        builder.append(&event, 7, EventTime::from_micros(1));
        let batch = builder.finish();
        assert_eq!(batch.num_rows(), 1);
        let column = |name: &str| batch.column_by_name(name).unwrap();
        assert_eq!(column("customer_name").as_string::<i32>().value(0), "ليلى");
        assert!(column("customer_email").is_null(0));
        assert_eq!(column("total").as_primitive::<arrow::datatypes::Decimal128Type>().value_as_string(0), "12.5000");
        let lines = column("lines").as_list::<i32>().value(0);
        let quantity = lines.as_struct().column_by_name("quantity").unwrap().clone();
        assert_eq!(quantity.as_primitive::<arrow::datatypes::Decimal128Type>().value_as_string(1), "0.5000");
        assert!(column("shipping_address").is_null(0));
    }
}
