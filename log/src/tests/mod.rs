//! What the log promises, through real files.

mod bulk;
mod damage;
mod duplicates;
mod failures;
mod group_commit;
mod readers;
mod rot;
mod steps;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::{AppendError, Entry, Log, Options, Outcome, Record, Recovery};

/// Small enough that a few events fill a segment.
fn small() -> Options {
    Options { segment_bytes: 600, recent_identities: 50, ..Options::default() }
}

/// The event number `n`: its bytes say which it is, its identity follows from it.
fn entry(n: u64) -> Entry {
    Entry::new(identity(n), (n % 4) as u8, Bytes::from(format!("event {n}")))
}

fn identity(n: u64) -> u128 {
    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn entries(numbers: RangeInclusive<u64>) -> Vec<Entry> {
    numbers.map(entry).collect()
}

fn open(dir: &Path) -> (Log, Recovery) {
    Log::open(dir, small()).unwrap()
}

fn append(log: &Log, numbers: RangeInclusive<u64>) -> Result<Vec<Outcome>, AppendError> {
    log.append_blocking(1_700_000_000_000_000, entries(numbers))
}

fn stored(positions: RangeInclusive<u64>) -> Vec<Outcome> {
    positions.map(Outcome::Stored).collect()
}

fn read_all(log: &Log, after: u64) -> Vec<Record> {
    log.reader(after).next(usize::MAX).unwrap().unwrap_or_default()
}

/// The numbers of the events in the log, when event `n` is at position `n`, as most tests have it.
fn numbers(log: &Log) -> Vec<u64> {
    let records = read_all(log, log.first_position() - 1);
    for record in &records {
        assert_eq!(record.bytes, entry(record.position).bytes);
        assert_eq!(record.tag, entry(record.position).tag);
        assert_eq!(record.received_at_us, 1_700_000_000_000_000);
    }
    records.iter().map(|record| record.position).collect()
}

/// What a crash leaves: the files as they are while the log is open.
fn crash(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            crash(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    crate::segment::list(dir).unwrap().into_iter().map(|first| crate::segment::path_of(dir, first)).collect()
}
