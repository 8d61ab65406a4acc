//! From the log into the lake: decode what is new, show it at once, commit it from time to time.

mod columns;
mod commit;

use std::time::Duration;

use arrow::error::ArrowError;
use mizan_events::{EventError, Family};
use mizan_lake::{Lake, LakeError};
use mizan_log::{Log, LogError, Reader};
use tokio::time::Instant;

pub use columns::{Columns, fill_tail};
use columns::{beyond, columns};
use commit::{Commit, Ended, Pending, ended};

/// The name under which the worker's position is saved in the log.
const POSITION: &str = "lake";
/// Log bytes that are decoded at a time.
const READ_BYTES: usize = 4 << 20;
/// A server whose lake cannot be written goes on until this many commits' worth of columns wait in memory.
const PATIENCE: usize = 4;

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
    /// A commit ended without saying how.
    #[error("the commit to the lake ended early: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

/// Carries events from the log into the lake. There is one for each data directory.
///
/// It reads on while a commit is under way, so that neither queries nor an import wait for the disk.
pub struct Worker {
    log: Log,
    lake: Lake,
    options: WorkerOptions,
    /// Whether anybody asks while it works; an import shows nothing before it is done.
    shows: bool,
    /// Columns that are not in Delta yet and not in the commit under way.
    pending: Pending,
    commit: Option<Commit>,
    /// What each table holds: this is its only committer.
    committed: [u64; Family::COUNT],
    /// Stands at `read`, unless columns were pushed past it.
    reader: Option<Reader>,
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
        let mut committed = [0; Family::COUNT];
        for family in Family::ALL {
            committed[family.index()] = lake.position(family).await?;
        }
        Ok(Worker {
            log,
            lake,
            options,
            shows: true,
            pending: Pending::default(),
            commit: None,
            committed,
            reader: None,
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
        // A reader knows its place in the file; a new one would walk there from the segment's beginning.
        let kept = self.reader.take().filter(|reader| reader.position() == self.read);
        let mut reader = kept.unwrap_or_else(|| self.log.reader(self.read));
        while let Some(records) = tokio::task::block_in_place(|| reader.next(READ_BYTES))? {
            let (last, batches) = tokio::task::block_in_place(|| columns(&records))?;
            self.push(batches, last).await?;
        }
        self.reader = Some(reader);
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
            if self.shows {
                self.lake.tail().push(family, batch.clone(), position)?;
            }
            self.pending.push(family, batch);
        }
        self.read = last;
        if self.shows {
            self.lake.tail().reached(last);
        }
        if self.pending.bytes() < self.options.flush_bytes {
            return Ok(());
        }
        match self.begin_commit().await {
            // The events are safe in the log, and for a while in memory.
            Err(WorkerError::Lake(error))
                if self.shows && self.pending.bytes() < PATIENCE * self.options.flush_bytes =>
            {
                tell(&error);
                Ok(())
            }
            begun => begun,
        }
    }

    /// Commits what is pending to Delta, remembers the position, and lets the log forget what it can.
    ///
    /// # Errors
    /// When the lake cannot be written. What was committed stays; the rest is tried again.
    pub async fn flush(&mut self) -> Result<(), WorkerError> {
        self.begin_commit().await?;
        self.end_commit().await
    }

    /// Sends what is pending on its way, after the commit before it.
    async fn begin_commit(&mut self) -> Result<(), WorkerError> {
        self.end_commit().await?;
        if self.read > self.flushed {
            let pending = std::mem::take(&mut self.pending);
            self.commit = Some(Commit::begin(&self.log, &self.lake, pending, self.committed, self.read));
        }
        Ok(())
    }

    /// Waits for the commit under way, if there is one.
    async fn end_commit(&mut self) -> Result<(), WorkerError> {
        let Some(commit) = &mut self.commit else { return Ok(()) };
        let ended = commit.ended().await;
        self.settle(ended)
    }

    /// Takes note of what became of the commit under way.
    fn settle(&mut self, ended: Result<Ended, WorkerError>) -> Result<(), WorkerError> {
        let Some(commit) = self.commit.take() else { return Ok(()) };
        let Ended { committed, result } = ended?;
        self.committed = committed;
        match result {
            Ok(()) => self.flushed = commit.upto(),
            Err(_) => self.pending.put_back(commit, &self.committed),
        }
        result
    }

    /// Follows the log until `stop` is done; then commits what is left.
    ///
    /// # Errors
    /// When the log cannot be read. A lake that cannot be written is tried again, and told in the log lines.
    pub async fn run(mut self, ready: impl FnOnce(), stop: impl Future<Output = ()>) -> Result<(), WorkerError> {
        let mut durable = self.log.durable();
        self.catch_up().await?;
        ready();
        let mut oldest_pending: Option<Instant> = None;
        tokio::pin!(stop);
        loop {
            let flush_at = oldest_pending.unwrap_or_else(Instant::now) + self.options.flush_after;
            let committing = self.commit.is_some();
            tokio::select! {
                () = &mut stop => break,
                changed = durable.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    durable.borrow_and_update();
                    self.catch_up().await?;
                    if self.pending.is_empty() {
                        oldest_pending = None;
                    } else {
                        oldest_pending.get_or_insert_with(Instant::now);
                    }
                }
                ended = ended(&mut self.commit) => {
                    match self.settle(ended) {
                        // A full disk may have room again.
                        Err(WorkerError::Lake(error)) => {
                            tell(&error);
                            oldest_pending = Some(Instant::now());
                        }
                        settled => settled?,
                    }
                }
                () = tokio::time::sleep_until(flush_at), if oldest_pending.is_some() && !committing => {
                    self.begin_commit().await?;
                    oldest_pending = None;
                }
            }
        }
        self.catch_up().await?;
        self.flush().await
    }
}

fn tell(error: &dyn std::error::Error) {
    tracing::error!(error = %error, "cannot commit to the lake; will try again");
}

/// Everything in the log up to here is in Delta.
pub fn flushed(log: &Log) -> u64 {
    log.position(POSITION).unwrap_or(0)
}
