//! The disk fails at each step in turn, once or for good, also while a crash is recovered from.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::{append, crash, entries, read_all, small};
use crate::faults::{Death, Disk};
use crate::{AppendError, Log, Outcome};

/// How many events are offered in all.
const EVENTS: u64 = 40;

/// In memory where that is possible: there are thousands of syncs.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Opens a log, fills some segments, saves how far a reader came, trims, and closes. Gives the events that were
/// acknowledged.
fn work(dir: &Path) -> BTreeSet<u64> {
    let mut acknowledged = BTreeSet::new();
    let Ok((log, _)) = Log::open(dir, small()) else { return acknowledged };
    let mut failed = false;
    for first in (1..=EVENTS).step_by(2) {
        match append(&log, first..=first + 1) {
            Ok(outcomes) => {
                assert!(!failed, "acknowledged after a failure that may have lost something");
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored(_))), "{outcomes:?}");
                acknowledged.extend(first..=first + 1);
            }
            Err(AppendError::Failed { .. }) => failed = true,
            Err(AppendError::DiskFull) => {}
            Err(other) => panic!("{other}"),
        }
        if first == EVENTS / 2 + 1 && log.save_position("reader", log.last_position()).is_ok() {
            let _ = log.trim(log.last_position());
        }
    }
    log.close();
    acknowledged
}

/// Nothing acknowledged is gone, nothing is there twice, nothing is there that nobody sent.
fn check(dir: &Path, acknowledged: &BTreeSet<u64>, what: &str) {
    let (log, _) = Log::open(dir, small()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let outcomes = append(&log, 1..=EVENTS).unwrap();
    for (number, outcome) in (1..=EVENTS).zip(&outcomes) {
        let is_there = *outcome == Outcome::Duplicate;
        assert!(
            is_there || !acknowledged.contains(&number),
            "{what}: event {number} was acknowledged, and now is {outcome:?}"
        );
    }
    assert_eq!(log.last_position(), EVENTS, "{what}");
    let known: BTreeSet<_> = entries(1..=EVENTS).into_iter().map(|entry| entry.bytes).collect();
    let records = read_all(&log, log.first_position() - 1);
    let there: BTreeSet<_> = records.iter().map(|record| record.bytes.clone()).collect();
    assert!(there.len() == records.len() && there.is_subset(&known), "{what}");
    log.close();
    assert_eq!(Log::open(dir, small()).unwrap().1.cut_bytes, 0, "{what}");
}

/// Calls with each step until one is not reached; gives how many were.
fn at_each_step(mut fail_at: impl FnMut(usize) -> bool) -> usize {
    (0..).find(|step| !fail_at(*step)).unwrap()
}

#[test]
fn a_crash_at_any_step_and_one_at_any_step_of_the_recovery_lose_nothing() {
    let mut recoveries = 0;
    let steps = at_each_step(|step| {
        let dir = folder();
        let live = dir.path().join("live");
        let disk = Disk::failing(&live, step, Death::ForGood);
        let acknowledged = work(&live);
        let failed = disk.has_failed();
        drop(disk);
        if !live.exists() {
            assert!(acknowledged.is_empty());
            return failed;
        }
        // Once more while it is opened; every third time, for time.
        if step % 3 == 0 {
            recoveries += at_each_step(|again| {
                let copy = dir.path().join(again.to_string());
                crash(&live, &copy);
                let disk = Disk::failing(&copy, again, Death::ForGood);
                drop(Log::open(&copy, small()));
                let failed = disk.has_failed();
                drop(disk);
                check(&copy, &acknowledged, &format!("step {step}, recovery {again}"));
                failed
            });
        }
        check(&live, &acknowledged, &format!("step {step}"));
        failed
    });
    // Less would mean that steps are not seen any more.
    assert!(steps > 60 && recoveries > 100, "{steps} steps, {recoveries} in recoveries");
}

#[test]
fn one_error_at_any_step_loses_nothing() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        let steps = at_each_step(|step| {
            let dir = folder();
            let live = dir.path().join("live");
            let disk = Disk::failing(&live, step, Death::Once(kind));
            let acknowledged = work(&live);
            let failed = disk.has_failed();
            drop(disk);
            check(&live, &acknowledged, &format!("{kind:?} at step {step}"));
            failed
        });
        assert!(steps > 60, "{steps} steps");
    }
}
