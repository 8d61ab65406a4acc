//! Large loads go to the disk past the page cache, in frames with a gap; all that holds for small ones holds for them.

use std::fs::{self, OpenOptions};
use std::path::Path;

use bytes::Bytes;

use super::{append, crash, identity, segments};
use crate::{Entry, Log, LogError, Options, Outcome, Recovery};

/// A load of this many entries of 5,000 bytes is well over a megabyte.
const ENTRIES: u64 = 300;

fn open(dir: &Path) -> (Log, Recovery) {
    Log::open(dir, Options { segment_bytes: 8 << 20, ..Options::default() }).unwrap()
}

fn large(n: u64) -> Entry {
    let text = format!("{n:05}").repeat(1_000);
    Entry::new(identity(n), 1, Bytes::from(text))
}

/// Small groups and large loads in turn: 1 to 3, 300, 1, 300, 1.
fn loaded(dir: &Path) -> Log {
    let (log, _) = open(dir);
    append(&log, 1..=3).unwrap();
    for first in [1_000, 2_000] {
        let outcomes = log.append_blocking(7, (first..first + ENTRIES).map(large).collect()).unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored(_))));
        append(&log, first / 1_000 + 3..=first / 1_000 + 3).unwrap();
    }
    log
}

fn texts(log: &Log) -> Vec<String> {
    let mut reader = log.reader(0);
    let mut texts = Vec::new();
    while let Some(records) = reader.next(1 << 20).unwrap() {
        texts.extend(records.iter().map(|record| String::from_utf8(record.bytes.to_vec()).unwrap()));
    }
    texts
}

fn expected() -> Vec<String> {
    let load = |first: u64| (first..first + ENTRIES).map(|n| format!("{n:05}").repeat(1_000));
    let small = |n: u64| format!("event {n}");
    let mut all: Vec<String> = (1..=3).map(small).collect();
    all.extend(load(1_000).chain([small(4)]).chain(load(2_000)).chain([small(5)]));
    all
}

#[test]
fn loads_and_small_groups_are_read_back_live_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let log = loaded(&dir.path().join("live"));
    assert_eq!(texts(&log), expected());
    crash(&dir.path().join("live"), &dir.path().join("crashed"));
    let (again, recovery) = open(&dir.path().join("crashed"));
    assert_eq!((recovery.last_position, recovery.cut_bytes), (2 * ENTRIES + 5, 0));
    assert_eq!(texts(&again), expected());
    let repeated = again.append_blocking(8, vec![large(1_000), large(2_299), large(3_000)]).unwrap();
    assert_eq!(repeated, [Outcome::Duplicate, Outcome::Duplicate, Outcome::Stored(2 * ENTRIES + 6)]);
}

#[test]
fn the_body_of_a_load_begins_on_a_block_of_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let log = loaded(dir.path());
    log.close();
    let bytes = fs::read(&segments(dir.path())[0]).unwrap();
    let first = b"0100001000";
    let at = bytes.windows(first.len()).position(|window| window == first).unwrap();
    // The body begins with 12 bytes of its request and 21 of the record.
    assert_eq!((at - 33) % 4096, 0);
}

#[test]
fn a_torn_load_is_cut_and_a_rotten_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let log = loaded(&live);
    log.close();
    let path = &segments(&live)[0];
    let whole = fs::read(path).unwrap();
    let marker = &whole[24..32];
    let frames: Vec<usize> =
        whole.windows(8).enumerate().filter(|(_, w)| *w == marker).map(|(at, _)| at).skip(1).collect();
    assert_eq!(frames.len(), 5);

    // Torn in the second load: within header, gap, and body.
    for kept in [1, 39, 41, 2_000, 5_000, 900_000] {
        let torn = dir.path().join(format!("torn-{kept}"));
        crash(&live, &torn);
        fs::remove_dir_all(torn.join("identities")).unwrap();
        OpenOptions::new().write(true).open(&segments(&torn)[0]).unwrap().set_len((frames[3] + kept) as u64).unwrap();
        let (log, recovery) = open(&torn);
        assert_eq!(recovery.last_position, ENTRIES + 4, "{kept} bytes kept");
        assert_eq!(texts(&log), expected()[..ENTRIES as usize + 4]);
    }

    // Rot in the first load, with whole frames behind it.
    for at in [frames[1] + 8, frames[1] + 36, frames[1] + 700_000] {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(path, bytes).unwrap();
        assert!(matches!(Log::open(&live, Options::default()), Err(LogError::Corrupt { .. })), "byte {at}");
    }
}
