//! From events to Arrow: one builder a column, filled row by row.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    Array, ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, ListArray, RecordBatch, StringBuilder,
    StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Fields};

use crate::columns::{Column, Kind};
use crate::event::Event;
use crate::family::Family;
use crate::schema::{data_type, decimal_type, element, schema};
use crate::time::EventTime;
use crate::value::{Row, Value};

/// The column, and an empty builder of the same type with room for as many rows again.
macro_rules! finish_plain {
    ($builder:expr, $kind:ident) => {{
        let array = $builder.finish();
        let next = $kind::with_capacity(array.len()).with_data_type(array.data_type().clone());
        drop(std::mem::replace(&mut $builder, next));
        Arc::new(array) as ArrayRef
    }};
}

/// Collects events of one family into a batch under the family's schema. Used again, it makes room at once for as much as
/// the last batch took.
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
        self.data.append(self.rows, &event.row);
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
            finish_text(&mut self.event_id),
            finish_text(&mut self.source),
            finish_text(&mut self.event_type),
            finish_text(&mut self.shop),
            finish_plain!(self.event_time, TimestampMicrosecondBuilder),
            finish_plain!(self.received_at, TimestampMicrosecondBuilder),
            finish_plain!(self.event_date, Date32Builder),
            finish_plain!(self.position, Int64Builder),
        ];
        self.data.finish(self.rows, &mut columns);
        columns.push(finish_text(&mut self.extra));
        self.rows = 0;
        let schema = schema(self.family);
        // Builders and schema come from one table of columns, which `every_family_builds_under_its_schema` holds.
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap_or_else(|_| RecordBatch::new_empty(schema))
    }
}

/// The column, and an empty builder with room for as much again.
fn finish_text(builder: &mut StringBuilder) -> ArrayRef {
    let bytes = builder.values_slice().len();
    let array = builder.finish();
    *builder = StringBuilder::with_capacity(array.len(), bytes + bytes / 16);
    Arc::new(array)
}

/// Builders of the columns of a row, flat objects spread out.
struct RowBuilder {
    columns: Vec<ColumnBuilder>,
}

/// A column in the making. Most columns of most rows are NULL: those are not even looked at until a value comes.
struct ColumnBuilder {
    values: Values,
    /// Rows that are in `values`; NULL in those after them.
    filled: usize,
}

enum Values {
    Text(StringBuilder),
    Decimal(Decimal128Builder),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Struct {
        fields: Fields,
        inner: RowBuilder,
        valid: NullBufferBuilder,
    },
    Flat(RowBuilder),
    List {
        columns: &'static [Column],
        inner: RowBuilder,
        /// Rows of all lists together.
        items: usize,
        lengths: Vec<usize>,
        valid: NullBufferBuilder,
    },
}

impl RowBuilder {
    fn new(columns: &'static [Column]) -> RowBuilder {
        RowBuilder { columns: columns.iter().map(|column| ColumnBuilder::new(column.kind)).collect() }
    }

    /// Adds the row of this number.
    fn append(&mut self, at: usize, row: &Row<'_>) {
        for (column, value) in self.columns.iter_mut().zip(row) {
            if !value.is_null() {
                column.append(at, value);
            }
        }
    }

    fn finish(&mut self, rows: usize, arrays: &mut Vec<ArrayRef>) {
        for column in &mut self.columns {
            column.finish(rows, arrays);
        }
    }
}

impl ColumnBuilder {
    fn new(kind: Kind) -> ColumnBuilder {
        let values = match kind {
            Kind::Text | Kind::Id | Kind::Currency => Values::Text(StringBuilder::new()),
            Kind::Amount | Kind::Price | Kind::Quantity => {
                Values::Decimal(Decimal128Builder::new().with_data_type(decimal_type()))
            }
            Kind::Integer => Values::Integer(Int64Builder::new()),
            Kind::Time => Values::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Struct(inner) => {
                let fields = match data_type(kind) {
                    DataType::Struct(fields) => fields,
                    _ => Fields::empty(),
                };
                Values::Struct { fields, inner: RowBuilder::new(inner), valid: NullBufferBuilder::new(0) }
            }
            Kind::Flat(inner) => Values::Flat(RowBuilder::new(inner)),
            Kind::List(columns) => Values::List {
                columns,
                inner: RowBuilder::new(columns),
                items: 0,
                lengths: Vec::new(),
                valid: NullBufferBuilder::new(0),
            },
        };
        ColumnBuilder { values, filled: 0 }
    }

    /// Adds the value of the row of this number.
    // Apart, so that passing over what is absent stays short.
    #[inline(never)]
    fn append(&mut self, at: usize, value: &Value<'_>) {
        self.fill(at);
        match (&mut self.values, value) {
            (Values::Text(builder), Value::Text(text)) => builder.append_value(text),
            (Values::Decimal(builder), Value::Decimal(decimal)) => builder.append_value(i128::from(decimal.units())),
            (Values::Integer(builder), Value::Integer(integer)) => builder.append_value(*integer),
            (Values::Time(builder), Value::Time(time)) => builder.append_value(time.micros()),
            (Values::Struct { inner, valid, .. }, Value::Row(row)) => {
                inner.append(at, row);
                valid.append_non_null();
            }
            (Values::Flat(inner), Value::Row(row)) => inner.append(at, row),
            (Values::List { inner, items, lengths, valid, .. }, Value::Rows(rows)) => {
                for row in rows {
                    inner.append(*items, row);
                    *items += 1;
                }
                lengths.push(rows.len());
                valid.append_non_null();
            }
            // The parser makes values of the column's kind and no others.
            _ => return,
        }
        self.filled = at + 1;
    }

    /// Puts in the NULLs of the rows that were passed over.
    fn fill(&mut self, rows: usize) {
        let absent = rows - self.filled;
        if absent == 0 {
            return;
        }
        self.filled = rows;
        match &mut self.values {
            Values::Text(builder) => builder.append_nulls(absent),
            Values::Decimal(builder) => builder.append_nulls(absent),
            Values::Integer(builder) => builder.append_nulls(absent),
            Values::Time(builder) => builder.append_nulls(absent),
            Values::Struct { valid, .. } => valid.append_n_nulls(absent),
            // Its columns are counted by the same rows.
            Values::Flat(_) => {}
            Values::List { lengths, valid, .. } => {
                lengths.resize(lengths.len() + absent, 0);
                valid.append_n_nulls(absent);
            }
        }
    }

    fn finish(&mut self, rows: usize, arrays: &mut Vec<ArrayRef>) {
        self.fill(rows);
        self.filled = 0;
        match &mut self.values {
            Values::Text(builder) => arrays.push(finish_text(builder)),
            Values::Decimal(builder) => arrays.push(finish_plain!(*builder, Decimal128Builder)),
            Values::Integer(builder) => arrays.push(finish_plain!(*builder, Int64Builder)),
            Values::Time(builder) => arrays.push(finish_plain!(*builder, TimestampMicrosecondBuilder)),
            Values::Flat(inner) => inner.finish(rows, arrays),
            Values::Struct { fields, inner, valid } => {
                let mut children = Vec::with_capacity(fields.len());
                inner.finish(rows, &mut children);
                arrays.push(Arc::new(StructArray::new(fields.clone(), children, valid.finish())));
            }
            Values::List { columns, inner, items, lengths, valid } => {
                let item = element(columns);
                let mut children = Vec::with_capacity(columns.len());
                inner.finish(std::mem::take(items), &mut children);
                let fields = match item.data_type() {
                    DataType::Struct(fields) => fields.clone(),
                    _ => Fields::empty(),
                };
                let items = StructArray::new(fields, children, None);
                let offsets = OffsetBuffer::from_lengths(std::mem::take(lengths));
                arrays.push(Arc::new(ListArray::new(item, offsets, Arc::new(items), valid.finish())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Unknown, parse};
    use arrow::array::AsArray;

    #[test]
    fn every_family_builds_under_its_schema() {
        for family in Family::ALL {
            let batch = BatchBuilder::new(family).finish();
            let mut columns: Vec<ArrayRef> = Vec::new();
            RowBuilder::new(family.columns()).finish(0, &mut columns);
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
