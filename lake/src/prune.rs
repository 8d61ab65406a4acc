//! Which files a query need not open: partition and statistics against its filters.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, utils::conjunction};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;

use crate::pinned::DataFile;
use crate::schema::PARTITION;
use crate::statistics::Bounds;

/// The files that may hold rows for these filters.
pub(crate) fn prune(
    state: &dyn Session,
    schema: &SchemaRef,
    files: &[Arc<DataFile>],
    filters: &[Expr],
) -> Result<Vec<Arc<DataFile>>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(files.to_vec()) };
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let predicate = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(schema))?)?;
    // A filter that cannot be put into bounds prunes nothing; the rows are filtered later all the same.
    let Ok(predicate) = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema)).try_build(predicate) else {
        return Ok(files.to_vec());
    };
    let keep = predicate.prune(&Files { schema, files })?;
    Ok(files.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| Arc::clone(file)).collect())
}

struct Files<'a> {
    schema: &'a SchemaRef,
    files: &'a [Arc<DataFile>],
}

impl Files<'_> {
    fn values(&self, column: &Column, value: impl Fn(&Bounds) -> Option<ScalarValue>) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(&column.name).ok()?.data_type().clone();
        let unknown = ScalarValue::try_from(&data_type).ok()?;
        let values = self.files.iter().map(|file| {
            let known = if column.name == PARTITION && file.date.is_some() {
                Some(ScalarValue::Date32(file.date))
            } else {
                file.statistics.columns.get(&column.name).and_then(&value)
            };
            known.filter(|known| known.data_type() == data_type).unwrap_or_else(|| unknown.clone())
        });
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for Files<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |bounds| bounds.min.clone())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |bounds| bounds.max.clone())
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts = self.files.iter().map(|file| {
            if column.name == PARTITION && file.date.is_some() {
                return Some(0);
            }
            file.statistics.columns.get(&column.name).and_then(|bounds| bounds.nulls).map(|count| count as u64)
        });
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let counts = self.files.iter().map(|file| file.statistics.rows.map(|rows| rows as u64));
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
