//! Three faces of a table's schema: what Delta records, what the files hold, what queries see.
//!
//! Files and Delta hold plain types that every reader knows. Queries see text as views, which the engine compares
//! and groups faster, and no metadata, so that rows of files and of the tail have the very same schema.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake_core::kernel::{StructField, StructType};

use crate::error::LakeError;

/// The partition column of event tables.
pub(crate) const PARTITION: &str = "event_date";
/// Rows inside a file are in this order.
pub(crate) const SORT_COLUMNS: [&str; 2] = ["shop", "event_time"];
/// The log position of a row.
pub(crate) const POSITION: &str = "position";
const COMMENT: &str = "comment";

/// The faces of one table's schema.
#[derive(Debug)]
pub(crate) struct Shape {
    /// All columns in their order, plain types, with comments.
    pub(crate) table: SchemaRef,
    /// The columns inside data files: all but the partition column.
    pub(crate) files: SchemaRef,
    /// All columns in their order as queries see them.
    pub(crate) query: SchemaRef,
    /// The columns of data files as queries see them.
    pub(crate) query_files: SchemaRef,
    /// Place of the partition column, where the table has one.
    pub(crate) partition: Option<usize>,
    /// Columns with minimum and maximum in the table's log.
    pub(crate) statistics: Vec<String>,
}

impl Shape {
    pub(crate) fn new(table: SchemaRef, partitioned: bool) -> Shape {
        let partition = if partitioned { table.index_of(PARTITION).ok() } else { None };
        let query = Arc::new(Schema::new(table.fields().iter().map(|field| query_field(field)).collect::<Fields>()));
        let statistics = table
            .fields()
            .iter()
            .filter(|field| field.metadata().get("statistics").is_some_and(|value| value == "true"))
            .map(|field| field.name().clone())
            .collect();
        Shape {
            files: without(&table, partition),
            query_files: without(&query, partition),
            table,
            query,
            partition,
            statistics,
        }
    }

    /// The indices into file columns followed by the partition column, for indices into the table.
    pub(crate) fn scan_indices(&self, projection: Option<&Vec<usize>>) -> Vec<usize> {
        let all: Vec<usize>;
        let wanted = match projection {
            Some(projection) => projection,
            None => {
                all = (0..self.query.fields().len()).collect();
                &all
            }
        };
        let Some(partition) = self.partition else { return wanted.clone() };
        let last = self.query.fields().len() - 1;
        wanted
            .iter()
            .map(|&index| match index.cmp(&partition) {
                std::cmp::Ordering::Less => index,
                std::cmp::Ordering::Equal => last,
                std::cmp::Ordering::Greater => index - 1,
            })
            .collect()
    }

    /// A batch as queries see it.
    pub(crate) fn to_query(&self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        cast_batch(batch, &self.query)
    }
}

fn without(schema: &SchemaRef, index: Option<usize>) -> SchemaRef {
    let Some(index) = index else { return Arc::clone(schema) };
    let fields: Vec<FieldRef> = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != index)
        .map(|(_, field)| field.clone())
        .collect();
    Arc::new(Schema::new(fields))
}

fn query_field(field: &Field) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        other => bare_type(other),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}

/// The same type without the metadata of nested fields.
fn bare_type(data_type: &DataType) -> DataType {
    let bare = |field: &FieldRef| Arc::new(Field::new(field.name(), bare_type(field.data_type()), field.is_nullable()));
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(bare).collect()),
        DataType::List(item) => DataType::List(bare(item)),
        DataType::Map(entries, sorted) => DataType::Map(bare(entries), *sorted),
        other => other.clone(),
    }
}

/// Brings a batch to a schema of the same columns.
pub(crate) fn cast_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, LakeError> {
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
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The fields of a Delta schema, each with its comment and no other metadata.
pub(crate) fn to_delta(schema: &Schema) -> Result<StructType, arrow::error::ArrowError> {
    let fields: Fields = schema.fields().iter().map(only_comment).collect();
    let fields: Vec<StructField> =
        fields.iter().map(|field| field.as_ref().try_into_kernel()).collect::<Result<_, _>>()?;
    StructType::try_new(fields).map_err(|error| arrow::error::ArrowError::SchemaError(error.to_string()))
}

/// The Arrow schema of a Delta schema.
pub(crate) fn from_delta(schema: &StructType) -> Result<SchemaRef, arrow::error::ArrowError> {
    let schema: Schema = schema.try_into_arrow()?;
    Ok(Arc::new(schema))
}

fn only_comment(field: &FieldRef) -> FieldRef {
    let metadata: HashMap<String, String> = field
        .metadata()
        .get(COMMENT)
        .map(|comment| HashMap::from([(COMMENT.to_owned(), comment.clone())]))
        .unwrap_or_default();
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(only_comment).collect()),
        DataType::List(item) => DataType::List(only_comment(item)),
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata))
}

/// The plain type that a model's column is stored as, or what to do about one that cannot be stored.
pub(crate) fn stored_type(data_type: &DataType) -> Result<DataType, &'static str> {
    let field = |field: &FieldRef, name: &str| {
        stored_type(field.data_type()).map(|data_type| Arc::new(Field::new(name, data_type, true)))
    };
    Ok(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Dictionary(_, value) => stored_type(value)?,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Timestamp(_, None) => return Err("keep the instant (with its zone), or cast it to a date or text"),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(..) => return Err("cast it to a decimal of at most 38 digits"),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|inner| field(inner, inner.name())).collect::<Result<Fields, _>>()?)
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            DataType::List(field(item, "element")?)
        }
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Decimal128(..) => data_type.clone(),
        _ => return Err("cast it to a number, a date, an instant or text"),
    })
}

#[cfg(test)]
mod tests {
    use mizan_events::Family;

    use super::*;

    #[test]
    fn the_partition_column_moves_behind_the_file_columns() {
        let shape = Shape::new(mizan_events::schema(Family::Order), true);
        let date = shape.partition.unwrap();
        assert_eq!(shape.table.field(date).name(), PARTITION);
        let last = shape.table.fields().len() - 1;
        assert_eq!(shape.scan_indices(Some(&vec![0, date, date + 1])), vec![0, last, date]);
        assert_eq!(shape.scan_indices(None).len(), last + 1);
    }

    #[test]
    fn comments_reach_delta_and_personal_marks_do_not() {
        let stored = to_delta(&mizan_events::schema(Family::Order)).unwrap();
        let json = serde_json::to_string(&stored).unwrap();
        assert!(json.contains("The order, as the shop numbers it"));
        assert!(!json.contains("\"personal\""));
        assert!(!json.contains("\"statistics\""));
    }

    #[test]
    fn no_column_with_statistics_is_personal() {
        for family in Family::ALL {
            let shape = Shape::new(mizan_events::schema(family), true);
            for name in &shape.statistics {
                let field = shape.table.field_with_name(name).unwrap();
                assert!(!field.metadata().contains_key("personal"), "{family:?}.{name}");
            }
        }
    }
}
