//! The same identity is stored once, for ever.

use std::fs;

use super::{append, crash, entries, entry, numbers, open, segments, small, stored};
use crate::Outcome::{Conflict, Duplicate, Stored};
use crate::{Log, LogError, Options};

#[test]
fn a_repeat_within_one_request_is_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let offered = vec![entry(1), entry(2), entry(1), entry(2)];
    assert_eq!(log.append_blocking(0, offered).unwrap(), [Stored(1), Stored(2), Duplicate, Duplicate]);
    assert_eq!(log.last_position(), 2);
    assert_eq!(log.stats().duplicates, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_offer_the_same_at_once_one_stores_it() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let log = log.clone();
            tokio::spawn(async move { log.append(0, vec![entry(7)]).await.unwrap()[0] })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        match task.await.unwrap() {
            Stored(position) => {
                assert_eq!(position, 1);
                stored += 1;
            }
            Duplicate => {}
            Conflict => panic!("all say the same"),
        }
    }
    assert_eq!(stored, 1);
}

#[test]
fn a_repeat_is_a_duplicate_after_a_restart_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let (log, _) = open(&live);
    // More than the memory for recent ones holds: some are sealed, some not.
    for n in 0..12 {
        append(&log, n * 10 + 1..=n * 10 + 10).unwrap();
    }
    let crashed = dir.path().join("crashed");
    crash(&live, &crashed);
    log.close();
    for dir in [&live, &crashed] {
        let (log, recovery) = open(dir);
        assert!(recovery.identities_sealed + recovery.identities_read >= 120);
        assert_eq!(append(&log, 1..=120).unwrap(), vec![Duplicate; 120]);
        assert_eq!(append(&log, 120..=121).unwrap(), [Duplicate, Stored(121)]);
    }
}

#[test]
fn a_repeat_of_what_was_trimmed_is_a_duplicate_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for n in 1..=40 {
        append(&log, n..=n).unwrap();
    }
    let before = segments(dir.path()).len();
    let trimmed = log.trim(35).unwrap();
    let after = segments(dir.path()).len();
    assert_eq!(trimmed.segments, (before - after) as u64);
    assert!(trimmed.segments > 2 && trimmed.bytes > 0);
    let first = log.first_position();
    assert!((2..=36).contains(&first), "first is {first}");
    assert_eq!(numbers(&log), (first..=40).collect::<Vec<_>>());
    assert_eq!(append(&log, 1..=40).unwrap(), vec![Duplicate; 40]);
    log.close();
    let (log, recovery) = open(dir.path());
    assert_eq!(recovery.first_position, first);
    assert_eq!(append(&log, 1..=41).unwrap()[39..], [Duplicate, Stored(41)]);
}

#[test]
fn trimming_never_takes_the_segment_being_written_nor_more_than_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    append(&log, 1..=3).unwrap();
    assert_eq!(log.trim(3).unwrap().segments, 0);
    for n in 4..=30 {
        append(&log, n..=n).unwrap();
    }
    let second = crate::segment::list(dir.path()).unwrap()[1];
    assert_eq!(log.trim(second - 2).unwrap().segments, 0);
    assert_eq!(log.trim(second - 1).unwrap().segments, 1);
    assert_eq!(log.first_position(), second);
    log.trim(u64::MAX).unwrap();
    assert_eq!(segments(dir.path()).len(), 1);
    assert_eq!(append(&log, 31..=31).unwrap(), stored(31..=31));
}

#[test]
fn lost_identities_of_trimmed_records_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for n in 1..=40 {
        append(&log, n..=n).unwrap();
    }
    log.trim(35).unwrap();
    log.close();
    fs::remove_dir_all(dir.path().join("identities")).unwrap();
    let Err(error) = Log::open(dir.path(), small()) else { panic!("opened") };
    assert!(matches!(&error, LogError::Corrupt { positions, .. } if positions.from == 1), "{error}");
}

#[test]
fn identities_that_can_not_be_sealed_stop_neither_trimming_for_good_nor_appends() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), Options { recent_identities: 1000, ..small() }).unwrap();
    for n in 1..=20 {
        append(&log, n..=n).unwrap();
    }
    let (identities, away) = (dir.path().join("identities"), dir.path().join("away"));
    fs::rename(&identities, &away).unwrap();
    let before = segments(dir.path()).len();
    assert!(matches!(log.trim(20), Err(LogError::Failed { .. })));
    assert_eq!(segments(dir.path()).len(), before);
    assert_eq!(append(&log, 21..=21).unwrap(), stored(21..=21));
    fs::rename(&away, &identities).unwrap();
    // Sealing is tried again by itself.
    let started = std::time::Instant::now();
    while log.trim(20).is_err() {
        assert!(started.elapsed().as_secs() < 20);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(log.append_blocking(0, entries(1..=21)).unwrap(), vec![Duplicate; 21]);
}
