//! The two threads that keep the shelf in order: one seals what is frozen, one merges what is sealed. Two, so that a
//! long merge never holds up a seal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::merge::{merge, plan};
use super::name;
use super::run::Run;
use super::run_writer::RunWriter;
use super::shelf::{Frozen, Shelf};
use crate::error::{LogError, io_error};

/// How long to wait before what failed is tried again.
const RETRY_SEAL: Duration = Duration::from_secs(1);
const RETRY_MERGE: Duration = Duration::from_secs(30);

/// Starts both.
pub(crate) fn start(shelf: &Arc<Shelf>) -> Result<Vec<JoinHandle<()>>, LogError> {
    let (sealing, merging) = (Arc::clone(shelf), Arc::clone(shelf));
    let sealer = Builder::new().name("mizan-log-seal".to_owned()).spawn(move || seal_all(&sealing));
    let sealer = sealer.map_err(io_error("start the sealer of", &shelf.dir))?;
    let merger = Builder::new().name("mizan-log-merge".to_owned()).spawn(move || merge_all(&merging));
    let merger = merger.inspect_err(|_| shelf.stop()).map_err(io_error("start the merger of", &shelf.dir))?;
    Ok(vec![sealer, merger])
}

fn seal_all(shelf: &Shelf) {
    while let Some(frozen) = shelf.next_frozen() {
        match seal(shelf, &frozen) {
            Ok(run) => shelf.add_run(run),
            Err(error) => {
                tracing::warn!(%error, "identities not sealed, trying again");
                shelf.fail(&error);
                if shelf.stopping.load(Ordering::Relaxed) {
                    return;
                }
                shelf.pause(RETRY_SEAL);
            }
        }
    }
}

/// Sorts a frozen set and writes it as a run.
pub(crate) fn seal(shelf: &Shelf, frozen: &Frozen) -> Result<Run, LogError> {
    let mut identities: Vec<u128> = frozen.set.iter().map(|named| named.0).collect();
    identities.sort_unstable_by_key(|identity| name(*identity));
    let write = || {
        let mut writer = RunWriter::create(&shelf.dir, frozen.positions.clone(), identities.len() as u64)?;
        for identity in &identities {
            writer.push(*identity)?;
        }
        writer.finish()
    };
    write().map_err(io_error("write a run in", &shelf.dir))
}

fn merge_all(shelf: &Shelf) {
    while let Some(runs) = shelf.next_merge(plan) {
        let merged =
            merge(&runs, &shelf.stopping).and_then(|merged| merged.map(|run| shelf.replace_runs(run)).transpose());
        if let Err(error) = merged {
            tracing::warn!(%error, "files of identities not merged, trying again");
            shelf.pause(RETRY_MERGE);
        }
    }
}
