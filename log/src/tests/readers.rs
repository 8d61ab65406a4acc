//! Readers see what is durable, in order, from where they were.

use std::fs;

use super::{append, crash, entries, numbers, open, read_all, segments, small};
use crate::{Log, LogError, Options, read_only};

#[test]
fn a_reader_goes_on_where_it_was_over_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for n in 0..10 {
        append(&log, n * 5 + 1..=n * 5 + 5).unwrap();
    }
    let mut reader = log.reader(0);
    // Each event has 7 or 8 bytes: three fit into 24, whatever the frames are.
    let first = reader.next(24).unwrap().unwrap();
    assert_eq!(first.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 2, 3]);
    log.save_position("lake", 3).unwrap();
    assert_eq!(reader.position(), 3);
    let mut positions = Vec::new();
    while let Some(records) = reader.next(24).unwrap() {
        assert!((1..=3).contains(&records.len()));
        positions.extend(records.iter().map(|record| record.position));
    }
    assert_eq!(positions, (4..=50).collect::<Vec<_>>());
    assert_eq!(reader.next(24).unwrap(), None);
    append(&log, 51..=51).unwrap();
    assert_eq!(reader.next(1).unwrap().unwrap()[0].position, 51);
    log.close();

    let (log, _) = open(dir.path());
    assert_eq!(log.position("lake"), Some(3));
    assert_eq!(log.position("operations"), None);
    assert_eq!(read_all(&log, 3).len(), 48);
}

#[test]
fn every_place_is_a_place_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for n in 0..10 {
        append(&log, n * 4 + 1..=n * 4 + 4).unwrap();
    }
    for after in 0..=40 {
        let positions: Vec<u64> = read_all(&log, after).iter().map(|record| record.position).collect();
        assert_eq!(positions, (after + 1..=40).collect::<Vec<_>>());
    }
    assert!(matches!(log.reader(41).next(1), Err(LogError::Ahead { after: 41, last_position: 40 })));
}

#[test]
fn a_reader_never_sees_what_is_not_durable() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 4096, ..small() };
    let faults = options.faults.clone();
    let (log, _) = Log::open(dir.path(), options).unwrap();
    append(&log, 1..=2).unwrap();
    let mut reader = log.reader(0);
    let mut outside = read_only(dir.path(), 0).unwrap();
    let held = faults.hold_syncs();
    let writing = {
        let log = log.clone();
        std::thread::spawn(move || append(&log, 3..=4))
    };
    while faults.held() == 0 {
        std::thread::yield_now();
    }
    // Written, not synced: the file has it, a reader of this log does not.
    assert_eq!(outside.next(1000).unwrap().unwrap().len(), 4);
    assert_eq!(reader.next(1000).unwrap().unwrap().len(), 2);
    assert_eq!(reader.next(1000).unwrap(), None);
    assert_eq!(*log.durable().borrow(), 2);
    drop(held);
    writing.join().unwrap().unwrap();
    assert_eq!(reader.next(1000).unwrap().unwrap().len(), 2);
}

#[test]
fn a_reader_that_follows_a_writer_gets_each_record_once() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let writing = {
        let log = log.clone();
        std::thread::spawn(move || {
            for n in 0..150 {
                append(&log, n * 2 + 1..=n * 2 + 2).unwrap();
            }
        })
    };
    let mut inside = (log.reader(0), 0);
    let mut outside = (read_only(dir.path(), 0).unwrap(), 0);
    while inside.1 < 300 || outside.1 < 300 {
        for (reader, last) in [&mut inside, &mut outside] {
            for record in reader.next(50).unwrap().unwrap_or_default() {
                *last += 1;
                assert_eq!(record.position, *last);
            }
        }
    }
    writing.join().unwrap();
}

#[test]
fn records_that_are_trimmed_are_an_error_and_later_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for n in 1..=40 {
        append(&log, n..=n).unwrap();
    }
    let mut at_30 = log.reader(30);
    assert_eq!(at_30.next(1).unwrap().unwrap()[0].position, 31);
    log.trim(31).unwrap();
    let first = log.first_position();
    assert!(first > 1);
    assert!(
        matches!(log.reader(first - 2).next(1), Err(LogError::Trimmed { first_position, .. }) if first_position == first)
    );
    assert!(matches!(read_only(dir.path(), first - 2), Err(LogError::Trimmed { .. })));
    assert_eq!(read_all(&log, first - 1).len() as u64, 41 - first);
    assert_eq!(at_30.next(usize::MAX).unwrap().unwrap().len(), 9);
}

#[test]
fn a_reader_of_some_tags_passes_over_the_rest_and_knows_how_far_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    // Event n has tag n % 4: single frames, then one of all tags.
    for n in 1..=9 {
        append(&log, n..=n).unwrap();
    }
    append(&log, 10..=20).unwrap();
    append(&log, 21..=21).unwrap();
    let mut reader = log.reader(0).only(&[2, 3]);
    let positions: Vec<u64> = reader.next(usize::MAX).unwrap().unwrap().iter().map(|record| record.position).collect();
    assert_eq!(positions, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19]);
    assert_eq!(reader.position(), 21);
    assert_eq!(reader.next(usize::MAX).unwrap(), None);
    append(&log, 22..=22).unwrap();
    assert_eq!(reader.next(usize::MAX).unwrap().unwrap()[0].position, 22);

    let mut none = log.reader(5).only(&[31]);
    assert_eq!(none.next(usize::MAX).unwrap(), None);
    assert_eq!(none.position(), 22);
    // A few at a time: what is still to be handed out is not passed over.
    let mut slow = log.reader(0).only(&[1]);
    let mut seen = Vec::new();
    while let Some(records) = slow.next(1).unwrap() {
        assert!(slow.position() >= records[0].position && !seen.contains(&slow.position()));
        seen.extend(records.iter().map(|record| record.position));
    }
    assert_eq!(seen, [1, 5, 9, 13, 17, 21]);
}

#[test]
fn reading_beside_a_writer_stops_quietly_at_an_incomplete_end() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read_only(&dir.path().join("nowhere"), 0).unwrap().next(1).unwrap(), None);
    let live = dir.path().join("live");
    let (log, _) = open(&live);
    assert_eq!(read_only(&live, u64::MAX).unwrap().next(1).unwrap(), None);
    append(&log, 1..=3).unwrap();
    append(&log, 4..=6).unwrap();
    log.close();
    let path = &segments(&live)[0];
    let whole = fs::read(path).unwrap();
    for length in 0..whole.len() {
        fs::write(path, &whole[..length]).unwrap();
        let mut reader = read_only(&live, 0).unwrap();
        let read = reader.next(usize::MAX).unwrap().unwrap_or_default().len();
        assert_eq!(read, if length < 40 + 136 { 0 } else { 3 }, "at {length}");
        // The writer goes on, and so does the reader.
        fs::write(path, &whole).unwrap();
        assert_eq!(reader.next(usize::MAX).unwrap().unwrap().len() + read, 6);
    }
}

#[test]
fn damage_met_while_reading_is_reported_after_what_came_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let (log, _) = open(&live);
    for n in 1..=20 {
        append(&log, n..=n).unwrap();
    }
    let copy = dir.path().join("copy");
    crash(&live, &copy);
    let path = &segments(&copy)[0];
    let mut bytes = fs::read(path).unwrap();
    // In the third frame: 40 of the segment, 80 a frame.
    bytes[40 + 2 * 80 + 50] ^= 1;
    fs::write(path, bytes).unwrap();
    let mut reader = read_only(&copy, 0).unwrap();
    assert_eq!(reader.next(usize::MAX).unwrap().unwrap().len(), 2);
    for _ in 0..2 {
        assert!(matches!(reader.next(usize::MAX), Err(LogError::Corrupt { offset: 200, .. })));
    }
}

#[test]
fn saved_positions_are_whole_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.append_blocking(1_700_000_000_000_000, entries(1..=30)).unwrap();
    for position in [7, 30, 12] {
        log.save_position("operations", position).unwrap();
        assert_eq!(log.position("operations"), Some(position));
    }
    assert!(matches!(log.save_position("operations", 31), Err(LogError::Ahead { .. })));
    for name in ["", "../lake", "Lake", "a b", &"x".repeat(65)] {
        assert!(matches!(log.save_position(name, 1), Err(LogError::ReaderName { .. })), "{name}");
    }
    log.close();
    let file = dir.path().join("positions/operations");
    fs::write(dir.path().join("positions/operations.tmp"), "half").unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let (log, _) = open(dir.path());
    assert_eq!(log.position("operations"), Some(12));
    assert_eq!(numbers(&log).len(), 30);
    drop(log);
    fs::write(&file, text.replace("12", "13")).unwrap();
    assert!(matches!(Log::open(dir.path(), small()), Err(LogError::Corrupt { .. })));
}
