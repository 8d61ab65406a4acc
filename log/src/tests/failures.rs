//! What a failing disk and a full queue do.

use super::{append, crash, entries, numbers, open, segments, small, stored};
use crate::faults::Faults;
use crate::{AppendError, Log, LogError, Options, Outcome};

fn faulty(dir: &std::path::Path) -> (Log, Faults) {
    let options = small();
    let faults = options.faults.clone();
    (Log::open(dir, options).unwrap().0, faults)
}

#[test]
fn a_full_disk_is_said_and_appends_go_on_once_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let (log, faults) = faulty(&live);
    append(&log, 1..=2).unwrap();
    for space in [0, 1, 33, 60] {
        faults.set_space(Some(space));
        assert_eq!(append(&log, 3..=4), Err(AppendError::DiskFull));
        assert_eq!(log.last_position(), 2);
        assert_eq!(numbers(&log), [1, 2]);
        // What was written in part is gone from the file.
        let copy = dir.path().join(format!("at-{space}"));
        crash(&live, &copy);
        let (crashed, recovery) = open(&copy);
        assert_eq!((numbers(&crashed).len(), recovery.cut_bytes), (2, 0));
    }
    faults.set_space(None);
    // Not a duplicate: it was not stored before.
    assert_eq!(append(&log, 2..=4).unwrap(), [Outcome::Duplicate, Outcome::Stored(3), Outcome::Stored(4)]);
    log.close();
    assert_eq!(numbers(&open(&live).0), [1, 2, 3, 4]);
}

#[test]
fn a_full_disk_when_a_segment_is_made_leaves_none_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = faulty(dir.path());
    append(&log, 1..=15).unwrap();
    for space in [0, 39, 40] {
        faults.set_space(Some(space));
        assert_eq!(append(&log, 16..=20), Err(AppendError::DiskFull));
    }
    faults.set_space(None);
    assert_eq!(append(&log, 16..=20).unwrap(), stored(16..=20));
    assert_eq!(segments(dir.path()).len(), 2);
    log.close();
    assert_eq!(numbers(&open(dir.path()).0).len(), 20);
}

#[test]
fn after_a_failed_fsync_nothing_is_acknowledged_until_the_log_is_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = faulty(dir.path());
    append(&log, 1..=2).unwrap();
    faults.fail_sync(true);
    let Err(AppendError::Failed { reason }) = append(&log, 3..=3) else { panic!("acknowledged") };
    assert!(reason.contains(".seg") && reason.contains("injected"), "{reason}");
    faults.fail_sync(false);
    // The disk works again, and that proves nothing about what it lost.
    assert!(matches!(append(&log, 4..=4), Err(AppendError::Failed { .. })));
    assert!(matches!(append(&log, 1..=1), Err(AppendError::Failed { .. })));
    assert!(matches!(log.trim(2), Ok(trimmed) if trimmed.segments == 0));
    assert_eq!(log.last_position(), 2);
    // Reading what is durable goes on.
    assert_eq!(numbers(&log), [1, 2]);
    log.close();
    let (log, _) = open(dir.path());
    // The record that was written and not acknowledged may be there or not; offered again it is there once.
    append(&log, 3..=4).unwrap();
    assert_eq!(numbers(&log), [1, 2, 3, 4]);
}

#[test]
fn a_write_error_or_a_cut_that_fails_stops_the_log() {
    for full in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (log, faults) = faulty(dir.path());
        append(&log, 1..=2).unwrap();
        if full {
            faults.set_space(Some(10));
            faults.fail_set_len(true);
        } else {
            faults.fail_write(true);
        }
        assert!(matches!(append(&log, 3..=3), Err(AppendError::Failed { .. })));
        faults.set_space(None);
        faults.fail_set_len(false);
        faults.fail_write(false);
        assert!(matches!(append(&log, 3..=3), Err(AppendError::Failed { .. })));
        log.close();
        let (log, recovery) = open(dir.path());
        assert_eq!(numbers(&log), [1, 2]);
        assert!(recovery.cut_bytes > 0);
        assert_eq!(append(&log, 3..=3).unwrap(), stored(3..=3));
    }
}

#[test]
fn the_last_frame_is_written_again_when_the_log_is_opened() {
    // A failed fsync may leave it in memory only, marked clean; a write and an fsync of the same bytes put it on disk.
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    append(&log, 1..=2).unwrap();
    log.close();
    let options = small();
    // Of the frame's 108 bytes (40 + 12 + 2 * 28) only 107 can be written.
    options.faults.set_space(Some(107));
    assert!(matches!(Log::open(dir.path(), options), Err(LogError::Io { .. })));
    let options = small();
    options.faults.set_space(Some(108));
    assert!(Log::open(dir.path(), options).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_busy_for_one_and_makes_the_other_wait() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { max_queue_bytes: 300, ..small() };
    let faults = options.faults.clone();
    let (log, _) = Log::open(dir.path(), options).unwrap();
    let held = faults.hold_syncs();
    let waiting = |numbers| {
        let log = log.clone();
        tokio::spawn(async move { log.append(0, entries(numbers)).await })
    };
    // 12 bytes a request and 28 an event: 68 and 152 wait, 126 more are too many.
    let first = waiting(1..=2);
    while faults.held() == 0 {
        tokio::task::yield_now().await;
    }
    let second = waiting(3..=7);
    while log.stats().queue_bytes < 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.append(0, entries(8..=11)).await, Err(AppendError::Busy));
    assert_eq!(log.stats().busy, 1);
    let blocking = {
        let log = log.clone();
        std::thread::spawn(move || log.append_blocking(0, entries(8..=11)))
    };
    drop(held);
    assert_eq!(first.await.unwrap().unwrap(), stored(1..=2));
    assert_eq!(second.await.unwrap().unwrap(), stored(3..=7));
    assert_eq!(blocking.join().unwrap().unwrap(), stored(8..=11));
    // Larger than the whole queue, alone: taken, or it never could be.
    assert_eq!(log.append(0, entries(12..=40)).await.unwrap(), stored(12..=40));
    assert_eq!(log.stats().queue_bytes, 0);
}
