//! Column types that a table can keep: a query's views, dictionaries and unsigned numbers become plain ones.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;

/// The schema under which rows of `schema` are kept: plain types, every column nullable.
pub(crate) fn storable(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| Field::new(field.name(), plain(field.data_type()), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows under that schema.
pub(crate) fn to_storable(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, field.data_type())
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::UInt64 | DataType::UInt32 => DataType::Int64,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt8 => DataType::Int16,
        DataType::Dictionary(_, value) => plain(value),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray, StringViewArray, UInt64Array};

    #[test]
    fn a_view_becomes_text_and_a_row_number_a_plain_integer() {
        let schema = Schema::new(vec![
            Field::new("name", DataType::Utf8View, false),
            Field::new("place", DataType::UInt64, false),
        ]);
        let batch = RecordBatch::try_new(
            Arc::new(schema.clone()),
            vec![Arc::new(StringViewArray::from(vec!["عود"])), Arc::new(UInt64Array::from(vec![7]))],
        )
        .unwrap();
        let kept = to_storable(&batch, &storable(&schema)).unwrap();
        assert_eq!(kept.column(0).as_ref(), &StringArray::from(vec!["عود"]));
        assert_eq!(kept.column(1).as_ref(), &Int64Array::from(vec![7]));
    }
}
