//! Importing files: read, map, check, log, and into the lake, each step on its own threads, in memory that stays flat.
//!
//! One thread reads blocks. Others decode them: a mapping makes events of rows where there is one, and every event is
//! checked and built into columns. Back in their order, blocks are offered to the log, a few at a time so that it writes
//! while others are made (one fsync for all that wait), and their columns go straight onto the lake's tail, so that nothing
//! is decoded twice.
//!
//! Beside a running server its own worker follows the log and is the lake's only committer: there files are
//! [appended](append) to the log and nothing else.

mod block;
mod pipeline;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mizan_log::AppendError;
use tokio::runtime::Handle;

use crate::files::{FileError, ImportState, Source, StateError};
use crate::intake::Intake;
use crate::mapping::Mapping;
use crate::rejected::RejectedError;
use crate::worker::{Worker, WorkerError};
use pipeline::{Job, ToLake};

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The data directory, where it is kept how far each file has come.
    pub data: PathBuf,
    /// Read files that were imported to their end again.
    pub again: bool,
    /// Stop at the first row that is refused.
    pub strict: bool,
    /// The shop of events that name none; `default` when absent.
    pub shop: Option<String>,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Files read.
    pub files: usize,
    /// Files that an earlier import had finished.
    pub skipped_files: usize,
    /// Events that are new.
    pub accepted: u64,
    /// Events that were known.
    pub duplicates: u64,
    /// Events that were known with other content, which stays as it is: the file says otherwise.
    pub conflicts: u64,
    /// Rows and events that were refused, and kept.
    pub rejected: u64,
}

/// Why an import stopped. What was acknowledged stays; the next import of the same files goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// How far a file has come cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The log cannot take more.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The refused rows cannot be kept.
    #[error(transparent)]
    Rejected(#[from] RejectedError),
    /// The lake cannot be written.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// A row was refused, and the import is strict.
    #[error("{file}, line {line}: {reason}")]
    Refused {
        /// The file.
        file: String,
        /// Where in it.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A thread cannot be started.
    #[error("a thread of the import cannot be started: {0}")]
    Start(std::io::Error),
    /// A thread ended early.
    #[error("the import's {0} thread ended early")]
    Thread(&'static str),
    /// It was asked to end.
    #[error("the import was asked to stop")]
    Stopped,
}

/// Asks an import to end after the blocks that it has read. Cheap to clone, usable from any thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for it.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far an import has come, readable from any thread.
#[derive(Clone, Debug, Default)]
pub struct ImportProgress(Arc<AtomicU64>);

impl ImportProgress {
    /// Bytes of the files, as they lie on disk, read so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// Imports files through the gate. Blocks; the lake has everything when it returns.
///
/// # Errors
/// See [`ImportError`].
pub fn import(
    intake: &Intake,
    worker: &mut Worker,
    runtime: &Handle,
    source: &Source,
    mapping: Option<&Mapping>,
    options: &ImportOptions,
    progress: &ImportProgress,
) -> Result<ImportSummary, ImportError> {
    let job = Job { intake, source, mapping, options, progress, stop: &Stop::default() };
    let (todo, mut summary) = todo(&job)?;
    // What the log holds from before comes first: columns are pushed in the order of their positions.
    runtime.block_on(worker.catch_up())?;
    pipeline::run(&job, Some(ToLake { worker, runtime }), todo, &mut summary)?;
    // The log can forget what was imported; it gets ready for that while the last columns are written.
    intake.log().begin_seal();
    runtime.block_on(worker.flush())?;
    Ok(summary)
}

/// Imports files into the log alone, for a worker that follows it. Blocks; not to be called from within an async task.
///
/// # Errors
/// See [`ImportError`].
pub fn append(
    intake: &Intake,
    source: &Source,
    mapping: Option<&Mapping>,
    options: &ImportOptions,
    stop: &Stop,
) -> Result<ImportSummary, ImportError> {
    let job = Job { intake, source, mapping, options, progress: &ImportProgress::default(), stop };
    let (todo, mut summary) = todo(&job)?;
    pipeline::run(&job, None, todo, &mut summary)?;
    Ok(summary)
}

/// The files that are not imported yet, and what is known of the others.
fn todo(job: &Job<'_>) -> Result<(Vec<(usize, ImportState)>, ImportSummary), ImportError> {
    let Job { source, mapping, options, .. } = job;
    let mut summary = ImportSummary::default();
    let mut todo = Vec::new();
    for (index, file) in source.files.iter().enumerate() {
        let mut state = ImportState::open(&options.data, file, mapping.map_or(0, Mapping::hash))?;
        if options.again {
            state.restart()?;
        }
        if state.finished() {
            summary.skipped_files += 1;
        } else {
            todo.push((index, state));
        }
    }
    summary.files = todo.len();
    Ok((todo, summary))
}
