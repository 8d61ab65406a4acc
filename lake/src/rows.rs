//! A table whose rows are kept elsewhere and read anew by each query, batch by batch.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;

use crate::error::LakeError;

/// Why rows cannot be read.
pub type RowsError = Box<dyn std::error::Error + Send + Sync>;
/// Rows, batch by batch.
pub type Rows = Box<dyn Iterator<Item = Result<RecordBatch, RowsError>> + Send>;

/// A table with a name, and the way to read it.
#[derive(Clone)]
pub struct RowsTable {
    name: &'static str,
    schema: SchemaRef,
    read: Arc<dyn Fn() -> Rows + Send + Sync>,
}

impl RowsTable {
    /// The table `name`. `read` is called once a query and may block; comments stand in the schema's metadata.
    pub fn new(name: &'static str, schema: SchemaRef, read: impl Fn() -> Rows + Send + Sync + 'static) -> RowsTable {
        RowsTable { name, schema, read: Arc::new(read) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn provider(&self) -> Result<Arc<dyn TableProvider>, LakeError> {
        Ok(Arc::new(StreamingTable::try_new(Arc::clone(&self.schema), vec![Arc::new(self.clone())])?))
    }

    pub(crate) fn fields(&self) -> &SchemaRef {
        &self.schema
    }
}

impl PartitionStream for RowsTable {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 1);
        let (batches, read) = (stream.tx(), Arc::clone(&self.read));
        stream.spawn_blocking(move || {
            for batch in read() {
                // Nobody listens any more: the query has enough, or was cancelled.
                if batches.blocking_send(batch.map_err(DataFusionError::External)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

impl fmt::Debug for RowsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowsTable").field("name", &self.name).finish_non_exhaustive()
    }
}
