//! A plan at work: one task that holds the statement's place, counts its rows and keeps its time.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};

use super::Planned;
use crate::result::{Outcome, StopOnDrop};
use crate::{Limits, QueryError, QueryResult, diagnose};

/// Batches made ahead of the reader.
const AHEAD: usize = 2;

type Batches = mpsc::Sender<Result<RecordBatch, QueryError>>;

/// Starts the plan on the engine's threads and waits for its first rows.
pub(super) async fn start(
    planned: Planned,
    place: OwnedSemaphorePermit,
    limits: &Limits,
    deadline: Instant,
    threads: &Handle,
) -> Result<QueryResult, QueryError> {
    let stop = std::sync::Arc::clone(&planned.stop);
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    let outcome = Outcome::default();
    let schema = std::sync::Arc::clone(&planned.schema);
    let work = Work { schema: planned.schema.clone(), rows_left: limits.rows, outcome: outcome.clone() };
    let done = outcome.clone();
    let timeout = QueryError::Timeout { seconds: limits.time.as_secs() };
    let task = threads.spawn(async move {
        let ended = match timeout_at(deadline, work.run(planned, &sender)).await {
            Ok(ended) => ended,
            Err(_) => Err(timeout),
        };
        // The plan is gone by now, so a reader who is slow to take its error holds nobody up.
        drop(place);
        match ended {
            Ok(()) => done.complete(),
            Err(error) => drop(sender.send(Err(error)).await),
        }
    });
    let stop = StopOnDrop { task: task.abort_handle(), plan: stop };
    // The task's own deadline cannot fire while a step of the plan does not yield: this one can.
    let late = QueryError::Timeout { seconds: limits.time.as_secs() };
    let first =
        timeout_at(deadline + std::time::Duration::from_millis(100), receiver.recv()).await.map_err(|_| late)?;
    let first = match first {
        Some(Err(error)) => return Err(error),
        Some(Ok(batch)) => Some(Ok(batch)),
        None => match task.await {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(%error, "a query's task ended badly");
                return Err(QueryError::internal("a fault inside the engine: the server's log has the details"));
            }
        },
    };
    Ok(QueryResult::running(schema, receiver, first, outcome, stop))
}

struct Work {
    schema: SchemaRef,
    rows_left: usize,
    outcome: Outcome,
}

impl Work {
    async fn run(mut self, planned: Planned, sender: &Batches) -> Result<(), QueryError> {
        let mut stream: SendableRecordBatchStream =
            execute_stream(planned.plan, planned.task).map_err(|error| diagnose::run_error(&error))?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| diagnose::run_error(&error))?;
            if batch.num_rows() == 0 {
                continue;
            }
            let cut = batch.num_rows() > self.rows_left;
            let batch = if cut { batch.slice(0, self.rows_left) } else { batch };
            self.rows_left -= batch.num_rows();
            if cut {
                self.outcome.cut();
            }
            if batch.num_rows() > 0 && sender.send(Ok(self.named(batch)?)).await.is_err() {
                return Ok(());
            }
            if cut {
                return Ok(());
            }
        }
        Ok(())
    }

    fn named(&self, batch: RecordBatch) -> Result<RecordBatch, QueryError> {
        let (_, columns, rows) = batch.into_parts();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(std::sync::Arc::clone(&self.schema), columns, &options)
            .map_err(|error| QueryError::internal(error.to_string()))
    }
}
