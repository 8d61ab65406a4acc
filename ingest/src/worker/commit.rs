//! Columns on their way into Delta: what waits, and the one commit under way.

use arrow::array::RecordBatch;
use mizan_events::Family;
use mizan_lake::Lake;
use mizan_log::Log;
use tokio::task::JoinHandle;

use super::{POSITION, WorkerError};

/// Columns in the order of the log, by family.
#[derive(Default)]
pub(super) struct Pending {
    batches: [Vec<RecordBatch>; Family::COUNT],
    bytes: usize,
}

impl Pending {
    pub(super) fn push(&mut self, family: Family, batch: RecordBatch) {
        self.bytes += batch.get_array_memory_size();
        self.batches[family.index()].push(batch);
    }

    /// Memory that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.iter().all(Vec::is_empty)
    }

    /// Takes back, in front, what a commit that failed did not bring into its table.
    pub(super) fn put_back(&mut self, failed: Commit, committed: &[u64; Family::COUNT]) {
        for ((mine, theirs), committed) in self.batches.iter_mut().zip(failed.taken).zip(committed) {
            if *committed < failed.upto {
                let later = std::mem::replace(mine, theirs);
                mine.extend(later);
            }
        }
        self.bytes = self.batches.iter().flatten().map(RecordBatch::get_array_memory_size).sum();
    }
}

/// A commit under way: the rows of all families up to one position.
pub(super) struct Commit {
    upto: u64,
    /// Kept until it is known that they are in Delta; the columns themselves are shared, not copied.
    taken: [Vec<RecordBatch>; Family::COUNT],
    task: JoinHandle<Ended>,
}

/// How a commit ended.
pub(super) struct Ended {
    /// What each table holds now.
    pub(super) committed: [u64; Family::COUNT],
    pub(super) result: Result<(), WorkerError>,
}

impl Commit {
    pub(super) fn begin(
        log: &Log,
        lake: &Lake,
        pending: Pending,
        committed: [u64; Family::COUNT],
        upto: u64,
    ) -> Commit {
        let taken = pending.batches.clone();
        let (log, lake) = (log.clone(), lake.clone());
        let task = tokio::spawn(async move {
            let mut committed = committed;
            let result = commit(&log, &lake, pending, &mut committed, upto).await;
            Ended { committed, result }
        });
        Commit { upto, taken, task }
    }

    /// The position that it brings the tables to.
    pub(super) fn upto(&self) -> u64 {
        self.upto
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) -> Result<Ended, WorkerError> {
        Ok((&mut self.task).await?)
    }
}

/// Waits until the commit under way has ended; for ever when there is none.
pub(super) async fn ended(commit: &mut Option<Commit>) -> Result<Ended, WorkerError> {
    match commit {
        Some(commit) => commit.ended().await,
        None => std::future::pending().await,
    }
}

async fn commit(
    log: &Log,
    lake: &Lake,
    pending: Pending,
    committed: &mut [u64; Family::COUNT],
    upto: u64,
) -> Result<(), WorkerError> {
    for (family, batches) in Family::ALL.into_iter().zip(pending.batches) {
        if batches.is_empty() {
            continue;
        }
        lake.append(family, batches, committed[family.index()], upto).await?;
        committed[family.index()] = upto;
    }
    let log = log.clone();
    tokio::task::spawn_blocking(move || log.save_position(POSITION, upto)).await??;
    Ok(())
}
