//! What is frozen and what is sealed, shared by the writer and the threads that seal and merge.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::recent::{IdentityError, Set};
use super::run::Run;
use crate::disk::{create_dir, is_full, lock, remove_file, sync_dir};
use crate::error::{LogError, Positions, io_error};

/// Frozen sets that may wait to be sealed. With the recent one they bound the memory of identities in use.
const FROZEN_MAX: usize = 2;

/// Identities that take no more and wait to be sealed.
pub(crate) struct Frozen {
    pub(crate) set: Set,
    pub(crate) positions: RangeInclusive<u64>,
}

/// Where a lookup has to look, beside the recent set.
#[derive(Clone, Default)]
pub(crate) struct Shelved {
    pub(crate) frozen: Vec<Arc<Frozen>>,
    pub(crate) runs: Arc<Vec<Arc<Run>>>,
}

pub(crate) struct ShelfStats {
    pub(crate) pending_identities: u64,
    pub(crate) sealed_identities: u64,
    pub(crate) files: u64,
    pub(crate) memory_bytes: u64,
}

struct State {
    frozen: VecDeque<Arc<Frozen>>,
    /// Oldest first; together they cover 1 to `sealed_to`.
    runs: Arc<Vec<Arc<Run>>>,
    sealed_to: u64,
    /// Why the last attempt to seal failed: whether space ran out, and the text.
    failure: Option<(bool, String)>,
}

pub(crate) struct Shelf {
    pub(crate) dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
    pub(crate) stopping: AtomicBool,
}

impl Shelf {
    /// Opens the runs in a folder, making it if need be. What a crash left half done is removed.
    pub(crate) fn open(dir: &Path) -> Result<Shelf, LogError> {
        create_dir(dir).map_err(io_error("create", dir))?;
        let mut runs = Vec::new();
        for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
            let path = entry.map_err(io_error("list", dir))?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("ids") => runs.push(Arc::new(Run::open(&path)?)),
                Some("tmp") => remove_file(&path).map_err(io_error("delete", &path))?,
                _ => {}
            }
        }
        let runs = without_merged(runs)?;
        let mut sealed_to = 0;
        for run in &runs {
            if *run.positions.start() != sealed_to + 1 {
                return Err(LogError::Corrupt {
                    path: dir.to_owned(),
                    offset: 0,
                    what: "a file of identities is missing".to_owned(),
                    positions: Positions { from: sealed_to + 1, to: run.positions.start().checked_sub(1) },
                    hint: "restore the log directory from a backup",
                });
            }
            sealed_to = *run.positions.end();
        }
        let state = State { frozen: VecDeque::new(), runs: Arc::new(runs), sealed_to, failure: None };
        Ok(Shelf {
            dir: dir.to_owned(),
            state: Mutex::new(state),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
        })
    }

    pub(crate) fn shelved(&self) -> Shelved {
        let state = lock(&self.state);
        Shelved { frozen: state.frozen.iter().cloned().collect(), runs: Arc::clone(&state.runs) }
    }

    pub(crate) fn sealed_to(&self) -> u64 {
        lock(&self.state).sealed_to
    }

    pub(crate) fn stats(&self) -> ShelfStats {
        let state = lock(&self.state);
        ShelfStats {
            pending_identities: state.frozen.iter().map(|frozen| frozen.set.len() as u64).sum(),
            sealed_identities: state.runs.iter().map(|run| run.identities).sum(),
            files: state.runs.len() as u64,
            memory_bytes: state.runs.iter().map(|run| run.memory_bytes()).sum(),
        }
    }

    pub(crate) fn push_frozen(&self, frozen: Frozen) {
        lock(&self.state).frozen.push_back(Arc::new(frozen));
        self.changed.notify_all();
    }

    /// Waits until one more set may be frozen.
    pub(crate) fn wait_room(&self) -> Result<(), IdentityError> {
        let state = self.wait(|state| state.frozen.len() >= FROZEN_MAX && state.failure.is_none());
        match &state.failure {
            _ if state.frozen.len() < FROZEN_MAX => Ok(()),
            Some((true, _)) => Err(IdentityError::Full),
            _ => Err(IdentityError::Stuck),
        }
    }

    /// Waits until the identities of all records up to `position` are sealed.
    pub(crate) fn wait_sealed(&self, position: u64) -> Result<(), LogError> {
        let state = self.wait(|state| {
            state.sealed_to < position && state.failure.is_none() && !self.stopping.load(Ordering::Relaxed)
        });
        match &state.failure {
            _ if state.sealed_to >= position => Ok(()),
            Some((_, reason)) => Err(LogError::Failed { reason: reason.clone() }),
            None => Err(LogError::Closed),
        }
    }

    fn wait(&self, mut while_true: impl FnMut(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(lock(&self.state), |state| while_true(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest frozen set, once there is one. None when stopping and all is sealed.
    pub(crate) fn next_frozen(&self) -> Option<Arc<Frozen>> {
        let state = self.wait(|state| state.frozen.is_empty() && !self.stopping.load(Ordering::Relaxed));
        state.frozen.front().cloned()
    }

    /// Puts a sealed run in the place of the oldest frozen set.
    pub(crate) fn add_run(&self, run: Run) {
        let mut state = lock(&self.state);
        state.frozen.pop_front();
        state.sealed_to = *run.positions.end();
        Arc::make_mut(&mut state.runs).push(Arc::new(run));
        state.failure = None;
        self.changed.notify_all();
    }

    /// Lets those who wait know that sealing failed.
    pub(crate) fn fail(&self, error: &LogError) {
        let full = matches!(error, LogError::Io { cause, .. } if is_full(cause));
        lock(&self.state).failure = Some((full, error.to_string()));
        self.changed.notify_all();
    }

    /// The runs that shall be merged, once there are some. None when stopping.
    pub(crate) fn next_merge(&self, plan: impl Fn(&[Arc<Run>]) -> Option<usize>) -> Option<Vec<Arc<Run>>> {
        let state = self.wait(|state| plan(&state.runs).is_none() && !self.stopping.load(Ordering::Relaxed));
        if self.stopping.load(Ordering::Relaxed) {
            return None;
        }
        plan(&state.runs).map(|first| state.runs[first..].to_vec())
    }

    /// Puts a merged run in the place of those it was made of, and deletes them.
    pub(crate) fn replace_runs(&self, merged: Run) -> Result<(), LogError> {
        let positions = merged.positions.clone();
        let merged = Arc::new(merged);
        let mut replaced = Vec::new();
        {
            let mut state = lock(&self.state);
            let mut runs = Vec::with_capacity(state.runs.len());
            for run in state.runs.iter() {
                if !is_within(&run.positions, &positions) {
                    runs.push(Arc::clone(run));
                    continue;
                }
                if replaced.is_empty() {
                    runs.push(Arc::clone(&merged));
                }
                replaced.push(run.path.clone());
            }
            state.runs = Arc::new(runs);
        }
        delete(&self.dir, &replaced)
    }

    /// Waits, but not when stopping.
    pub(crate) fn pause(&self, time: Duration) {
        let state = lock(&self.state);
        let _ = self.changed.wait_timeout_while(state, time, |_| !self.stopping.load(Ordering::Relaxed));
    }

    pub(crate) fn stop(&self) {
        // Under the lock, so that nobody misses it between looking and waiting.
        let _state = lock(&self.state);
        self.stopping.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }
}

fn is_within(inner: &RangeInclusive<u64>, outer: &RangeInclusive<u64>) -> bool {
    outer.start() <= inner.start() && inner.end() <= outer.end()
}

/// Oldest first, without those that a crash left beside the run they were merged into.
fn without_merged(mut runs: Vec<Arc<Run>>) -> Result<Vec<Arc<Run>>, LogError> {
    runs.sort_by_key(|run| (*run.positions.start(), std::cmp::Reverse(*run.positions.end())));
    let mut kept: Vec<Arc<Run>> = Vec::with_capacity(runs.len());
    let mut merged = HashSet::new();
    for run in runs {
        match kept.last() {
            Some(last) if is_within(&run.positions, &last.positions) => {
                merged.insert(run.path.clone());
            }
            _ => kept.push(run),
        }
    }
    if let Some(first) = kept.first() {
        let merged: Vec<PathBuf> = merged.into_iter().collect();
        delete(first.path.parent().unwrap_or(&first.path), &merged)?;
    }
    Ok(kept)
}

fn delete(dir: &Path, paths: &[PathBuf]) -> Result<(), LogError> {
    for path in paths {
        remove_file(path).map_err(io_error("delete", path))?;
    }
    if paths.is_empty() { Ok(()) } else { sync_dir(dir).map_err(io_error("sync", dir)) }
}
