//! From the log into the lake: decode what is new, show it at once, commit it from time to time.

use std::path::Path;
use std::time::Duration;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use bytes::Bytes;
use mizan_events::{BatchBuilder, EventError, EventTime, Family, Unknown, parse};
use mizan_lake::{Lake, LakeError};
use mizan_log::{Log, LogError, Record};
use tokio::time::Instant;

/// The name under which the worker's position is saved in the log.
const POSITION: &str = "lake";
/// Log bytes that are decoded at a time.
const READ_BYTES: usize = 4 << 20;

/// When the worker commits.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// At the latest this long after an event came.
    pub flush_after: Duration,
    /// At the latest when the tail takes this much memory.
    pub flush_bytes: usize,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        WorkerOptions { flush_after: Duration::from_secs(15), flush_bytes: 96 << 20 }
    }
}

/// Why the worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The lake cannot be written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Columns could not be put together.
    #[error("events cannot be brought into columns: {0}")]
    Arrow(#[from] ArrowError),
    /// The log holds what this version cannot read.
    #[error("the event at position {position} of the log cannot be read: {source}; was it written by a newer version?")]
    Event {
        /// Where.
        position: u64,
        /// What is wrong.
        source: EventError,
    },
    /// The log holds bytes that are not text.
    #[error("the event at position {0} of the log is not text")]
    NotText(u64),
}

/// Carries events from the log into the lake. There is one for each data directory.
pub struct Worker {
    log: Log,
    lake: Lake,
    options: WorkerOptions,
    /// Whether anybody asks while it works; an import shows nothing before it is done.
    shows: bool,
    /// Columns that are not in Delta yet, by family.
    pending: [Vec<RecordBatch>; 4],
    pending_bytes: usize,
    /// What each table holds: this is its only committer.
    committed: [u64; 4],
    /// Everything up to here was read.
    read: u64,
    /// Everything up to here is in Delta.
    flushed: u64,
}

impl Worker {
    /// A worker that goes on where the last one stopped, and shows what it reads to queries.
    ///
    /// # Errors
    /// When the lake's positions cannot be read.
    pub async fn open(log: Log, lake: Lake, options: WorkerOptions) -> Result<Worker, WorkerError> {
        // The saved position says how far all tables are; one of them may be further after a crash between commits.
        let flushed = flushed(&log);
        let mut committed = [0; 4];
        for family in Family::ALL {
            committed[family.index()] = lake.position(family).await?;
        }
        Ok(Worker {
            log,
            lake,
            options,
            shows: true,
            pending: Default::default(),
            pending_bytes: 0,
            committed,
            read: flushed,
            flushed,
        })
    }

    /// The same worker for an import: what it reads is not shown before it is committed, which saves work.
    #[must_use]
    pub fn without_showing(self) -> Worker {
        Worker { shows: false, ..self }
    }

    /// Brings everything that is durable in the log into columns. Returns the position reached.
    ///
    /// # Errors
    /// When the log cannot be read or holds what this version does not know.
    pub async fn catch_up(&mut self) -> Result<u64, WorkerError> {
        let mut reader = self.log.reader(self.read);
        while let Some(records) = tokio::task::block_in_place(|| reader.next(READ_BYTES))? {
            let (last, batches) = tokio::task::block_in_place(|| columns(&records))?;
            self.push(batches, last).await?;
        }
        Ok(self.read)
    }

    /// Takes columns that were decoded on their way into the log. They must follow on what was read before.
    ///
    /// # Errors
    /// When there is too much to keep and the lake cannot be written.
    pub async fn push(&mut self, batches: Columns, last: u64) -> Result<(), WorkerError> {
        for (family, batch) in batches {
            // A crash between the commits of two tables left one of them ahead of the saved position.
            let Some((batch, position)) = beyond(batch, self.committed[family.index()])? else { continue };
            self.pending_bytes += batch.get_array_memory_size();
            if self.shows {
                self.lake.tail().push(family, batch.clone(), position)?;
            }
            self.pending[family.index()].push(batch);
        }
        self.read = last;
        if self.shows {
            self.lake.tail().reached(last);
        }
        if self.pending_bytes >= self.options.flush_bytes {
            self.flush().await?;
        }
        Ok(())
    }

    /// Commits what is pending to Delta, remembers the position, and lets the log forget what it can.
    ///
    /// # Errors
    /// When the lake cannot be written. What was committed stays; the rest is tried again.
    pub async fn flush(&mut self) -> Result<(), WorkerError> {
        if self.read == self.flushed {
            return Ok(());
        }
        let upto = self.read;
        for family in Family::ALL {
            let pending = &mut self.pending[family.index()];
            if pending.is_empty() {
                continue;
            }
            self.lake.append(family, pending.clone(), self.committed[family.index()], upto).await?;
            self.committed[family.index()] = upto;
            pending.clear();
        }
        self.pending_bytes = 0;
        self.log.save_position(POSITION, upto)?;
        self.flushed = upto;
        Ok(())
    }

    /// Follows the log until `stop` is done; then commits what is left.
    ///
    /// # Errors
    /// When the log cannot be read. A lake that cannot be written is tried again, and told in the log lines.
    pub async fn run(mut self, ready: impl FnOnce(), stop: impl Future<Output = ()>) -> Result<(), WorkerError> {
        let mut durable = self.log.durable();
        self.catch_up().await?;
        ready();
        let mut oldest_unflushed: Option<Instant> = None;
        tokio::pin!(stop);
        loop {
            let flush_at = oldest_unflushed.unwrap_or_else(Instant::now) + self.options.flush_after;
            tokio::select! {
                () = &mut stop => break,
                changed = durable.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    durable.borrow_and_update();
                    self.catch_up().await?;
                    if self.read > self.flushed {
                        oldest_unflushed.get_or_insert_with(Instant::now);
                    } else {
                        oldest_unflushed = None;
                    }
                }
                () = tokio::time::sleep_until(flush_at), if oldest_unflushed.is_some() => {
                    match self.flush().await {
                        Ok(()) => oldest_unflushed = None,
                        Err(error) => {
                            // The events are safe in the log; a full disk may have room again.
                            tracing::error!(error = %error, "cannot commit to the lake; will try again");
                            oldest_unflushed = Some(Instant::now());
                        }
                    }
                }
            }
        }
        self.catch_up().await?;
        self.flush().await
    }
}

/// Everything in the log up to here is in Delta.
pub fn flushed(log: &Log) -> u64 {
    log.position(POSITION).unwrap_or(0)
}

/// The rows beyond a position, and the position of the last of them; nothing when there are none.
fn beyond(batch: RecordBatch, position: u64) -> Result<Option<(RecordBatch, u64)>, ArrowError> {
    let column = batch.column(batch.schema().index_of("position")?).clone();
    let positions = column.as_primitive::<Int64Type>().values();
    let is_beyond = |value: &i64| u64::try_from(*value).is_ok_and(|value| value > position);
    // Rows stand in the order of the log, so that the first and the last tell of all.
    let Some(last) = positions.last().and_then(|last| u64::try_from(*last).ok()) else { return Ok(None) };
    if positions.first().is_some_and(is_beyond) {
        return Ok(Some((batch, last)));
    }
    if last <= position {
        return Ok(None);
    }
    let wanted: BooleanArray = positions.iter().map(|value| Some(is_beyond(value))).collect();
    Ok(Some((filter_record_batch(&batch, &wanted)?, last)))
}

/// Columns by family.
pub type Columns = Vec<(Family, RecordBatch)>;

/// Records of the log as columns by family, and the last position among them.
fn columns(records: &[Record]) -> Result<(u64, Columns), WorkerError> {
    let mut builders: [Option<BatchBuilder>; 4] = [const { None }; 4];
    let mut last = 0;
    for record in records {
        let Record { position, received_at_us, bytes, .. } = record;
        let received_at = EventTime::from_micros(*received_at_us);
        let text = text_of(bytes, *position)?;
        // By the clock of its arrival: it was valid then.
        let event = parse(text, Unknown::Keep, received_at)
            .map_err(|source| WorkerError::Event { position: *position, source })?;
        let family = event.family();
        let builder = builders[family.index()].get_or_insert_with(|| BatchBuilder::new(family));
        builder.append(&event, *position, received_at);
        last = last.max(*position);
    }
    let batches = Family::ALL.into_iter().zip(&mut builders);
    Ok((last, batches.filter_map(|(family, builder)| Some((family, builder.as_mut()?.finish()))).collect()))
}

fn text_of(bytes: &Bytes, position: u64) -> Result<&str, WorkerError> {
    std::str::from_utf8(bytes).map_err(|_| WorkerError::NotText(position))
}

/// Shows a lake of another process what the log in `dir` holds beyond it: for queries beside a running server.
///
/// # Errors
/// When the log cannot be read.
pub fn fill_tail(lake: &Lake, dir: &Path) -> Result<(), WorkerError> {
    let mut reader = loop {
        let flushed = mizan_log::saved_position(dir, POSITION)?.unwrap_or(0);
        match mizan_log::read_only(dir, flushed) {
            Ok(reader) => break reader,
            // The server went on and trimmed in between: it saved a newer position first.
            Err(LogError::Trimmed { .. }) if mizan_log::saved_position(dir, POSITION)? > Some(flushed) => {}
            Err(error) => return Err(error.into()),
        }
    };
    while let Some(records) = reader.next(READ_BYTES)? {
        let (last, batches) = columns(&records)?;
        for (family, batch) in batches {
            let Some((batch, position)) = beyond(batch, 0)? else { continue };
            lake.tail().push(family, batch, position)?;
        }
        lake.tail().reached(last);
    }
    Ok(())
}
