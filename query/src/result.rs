//! The rows of one statement, as they come.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::QueryError;
use crate::engine::StopSign;

/// What is known once the rows have been taken; shared with whoever writes the audit line.
#[derive(Debug, Clone, Default)]
pub struct Outcome(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    rows: AtomicU64,
    truncated: AtomicBool,
    complete: AtomicBool,
}

impl Outcome {
    /// Rows given out so far.
    pub fn rows(&self) -> u64 {
        self.0.rows.load(Ordering::Acquire)
    }

    /// Whether there were more rows than the limit; certain only when the stream has ended.
    pub fn truncated(&self) -> bool {
        self.0.truncated.load(Ordering::Acquire)
    }

    pub(crate) fn cut(&self) {
        self.0.truncated.store(true, Ordering::Release);
    }

    /// Said by the task when it ends in good order; a task that breaks never says it.
    pub(crate) fn complete(&self) {
        self.0.complete.store(true, Ordering::Release);
    }

    fn count(&self, rows: usize) {
        self.0.rows.fetch_add(rows as u64, Ordering::AcqRel);
    }
}

/// The schema and a stream of batches. Dropping it stops the query.
#[derive(Debug)]
pub struct QueryResult {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    /// The first answer was awaited before the result was handed out.
    first: Option<Result<RecordBatch, QueryError>>,
    outcome: Outcome,
    /// Held, not used: see [`StopOnDrop`].
    _task: Option<StopOnDrop>,
}

impl QueryResult {
    pub(crate) fn running(
        schema: SchemaRef,
        batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
        first: Option<Result<RecordBatch, QueryError>>,
        outcome: Outcome,
        task: StopOnDrop,
    ) -> Self {
        Self { schema, batches, first, outcome, _task: Some(task) }
    }

    /// A result that is known whole, such as a plan's text.
    pub(crate) fn ready(batch: RecordBatch) -> Self {
        let (_, batches) = mpsc::channel(1);
        let outcome = Outcome::default();
        outcome.complete();
        Self { schema: batch.schema(), batches, first: Some(Ok(batch)), outcome, _task: None }
    }

    /// Names and types of the columns. Names are unique: a second `id` is called `id_2`.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Rows so far and whether they were cut: a handle that outlives the stream.
    pub fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }
}

impl Stream for QueryResult {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut next = match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.batches.poll_recv(context),
        };
        match &next {
            Poll::Ready(Some(Ok(batch))) => self.outcome.count(batch.num_rows()),
            Poll::Ready(Some(Err(_))) => self.outcome.complete(),
            Poll::Ready(None) if !self.outcome.0.complete.load(Ordering::Acquire) => {
                // Ending here without a word would pass half a result off as a whole one.
                self.outcome.complete();
                next = Poll::Ready(Some(Err(QueryError::internal(
                    "the query broke off: the server's log has the details",
                ))));
            }
            _ => {}
        }
        next
    }
}

/// Stops a task when nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct StopOnDrop {
    pub(crate) task: AbortHandle,
    /// For a step of the plan that does not look at the task.
    pub(crate) plan: Arc<StopSign>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.plan.tell();
        self.task.abort();
    }
}
