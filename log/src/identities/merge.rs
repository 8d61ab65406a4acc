//! Merges neighbouring runs into one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::name;
use super::run::{Cursor, Run};
use super::run_writer::RunWriter;
use crate::error::{LogError, io_error};

/// Runs are not merged beyond this many identities (4 GiB), so that no merge takes for ever.
const MERGED_IDENTITIES_MAX: u64 = 1 << 28;
/// Fewer runs are not worth a merge: a look into the filter of one more is quick, writing all identities again is not.
const MERGED_RUNS_MIN: usize = 8;
/// Identities between two looks at whether to stop.
const STOP_EVERY: u64 = 1 << 16;

/// Which of the runs, oldest first, shall become one: as many of the newest as are each shorter than twice what follows
/// them, if those are enough to be worth it. Returns the index of the first.
pub(crate) fn plan(runs: &[Arc<Run>]) -> Option<usize> {
    let mut sum = runs.last()?.identities;
    let mut first = runs.len() - 1;
    while let Some(before) = first.checked_sub(1) {
        let identities = runs[before].identities;
        if identities >= 2 * sum || identities + sum > MERGED_IDENTITIES_MAX {
            break;
        }
        sum += identities;
        first = before;
    }
    (runs.len() - first >= MERGED_RUNS_MIN).then_some(first)
}

/// Writes one run in place of `runs`, which follow each other. None when it was told to stop.
pub(crate) fn merge(runs: &[Arc<Run>], stop: &AtomicBool) -> Result<Option<Run>, LogError> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(None) };
    let dir = first.path.parent().unwrap_or(&first.path);
    let write_error = |cause: io::Error| io_error("write a run in", dir)(cause);
    let positions = *first.positions.start()..=*last.positions.end();
    let count = runs.iter().map(|run| run.identities).sum();
    let mut writer = RunWriter::create(dir, positions, count).map_err(write_error)?;
    let mut heads = Vec::with_capacity(runs.len());
    for run in runs {
        let mut cursor = Cursor::new(run);
        if let Some(identity) = cursor.next()? {
            heads.push((identity, cursor));
        }
    }
    let mut written: u64 = 0;
    let mut previous = None;
    // A few runs: looking at each is quicker than a heap.
    while let Some(smallest) = heads.iter().enumerate().min_by_key(|(_, head)| name(head.0)).map(|(index, _)| index) {
        let (identity, cursor) = &mut heads[smallest];
        let next = cursor.next()?;
        if previous != Some(name(*identity)) {
            writer.push(*identity).map_err(write_error)?;
            previous = Some(name(*identity));
        }
        match next {
            Some(next) => *identity = next,
            None => drop(heads.swap_remove(smallest)),
        }
        written += 1;
        if written.is_multiple_of(STOP_EVERY) && stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
    }
    writer.finish().map(Some).map_err(write_error)
}
