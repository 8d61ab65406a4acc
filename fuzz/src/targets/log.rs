//! A log as a crash, a rotten disk or somebody else left it: opening it never panics, gives back a beginning of what was
//! stored, and never a record that was not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use mizan_log::{Entry, Log, Options, read_only, verify};

use crate::scratch;

/// Where frames begin in a segment, as `log/src/segment.rs` says.
const HEADER_BYTES: usize = 40;

/// Name and bytes of the only segment of a log with twelve events in frames of one, three and eight.
static STORED: LazyLock<(PathBuf, Vec<u8>)> = LazyLock::new(|| {
    let dir = scratch::folder();
    let (log, _) = Log::open(dir.path(), options()).unwrap();
    for numbers in [1..=1, 2..=4, 5..=12] {
        log.append_blocking(1, numbers.map(entry).collect()).unwrap();
    }
    log.close();
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "seg");
    let path = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).find(is_segment).unwrap();
    let bytes = fs::read(&path).unwrap();
    (path.file_name().unwrap().into(), bytes)
});

fn options() -> Options {
    Options { segment_bytes: 4096, recent_identities: 50, ..Options::default() }
}

fn entry(number: u64) -> Entry {
    let identity = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Entry::new(identity, (number % 4) as u8, Bytes::from(format!("event {number}")))
}

pub(crate) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode % 3 {
        0 => damaged(data),
        1 => foreign(data.to_vec()),
        _ => foreign(frames(data)),
    }
}

/// Bytes of a real log changed and cut: four bytes of the input are a place and what to do there.
fn damaged(data: &[u8]) {
    let mut bytes = STORED.1.clone();
    for change in data.chunks_exact(4).take(8) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        match change[3] % 4 {
            0 => bytes.truncate(place),
            1 => bytes.extend_from_slice(&data[..data.len().min(place)]),
            2 if place < bytes.len() => bytes[place..].fill(0),
            _ => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= change[2];
                }
            }
        }
    }
    let dir = write(&bytes);
    let Some(numbers) = opened(dir.path()) else { return };
    for (place, (position, bytes)) in numbers.iter().enumerate() {
        assert_eq!((*position, bytes), (place as u64 + 1, entry(*position).bytes()), "a record that was not stored");
    }
    // What was cut off can be stored again, once.
    let (log, _) = Log::open(dir.path(), options()).unwrap();
    log.append_blocking(1, (1..=12).map(entry).collect()).unwrap();
    assert_eq!(read(&log).len(), 12);
}

/// A segment that nobody of us wrote.
fn foreign(body: Vec<u8>) {
    let bytes = [&STORED.1[..HEADER_BYTES], &body].concat();
    let dir = write(&bytes);
    opened(dir.path());
}

fn write(bytes: &[u8]) -> tempfile::TempDir {
    let dir = scratch::folder();
    fs::write(dir.path().join(&STORED.0), bytes).unwrap();
    dir
}

/// The records of a log that can be opened, which does not change when it is opened again.
fn opened(dir: &Path) -> Option<Vec<(u64, Bytes)>> {
    let verified = verify(dir);
    let read_beside = read_only(dir, 0).and_then(|mut reader| reader.next(usize::MAX));
    let Ok((log, recovery)) = Log::open(dir, options()) else {
        return None;
    };
    let records = read(&log);
    assert_eq!(records.len() as u64, recovery.last_position);
    log.close();
    if let Ok(verified) = verified {
        assert_eq!(verified.records, recovery.last_position, "verify sees something else");
    }
    if let Ok(beside) = read_beside {
        assert_eq!(beside.unwrap_or_default().len(), records.len(), "a reader beside it sees something else");
    }
    let (log, recovery) = Log::open(dir, options()).expect("opened once and not again");
    assert_eq!(recovery.cut_bytes, 0, "cut once more");
    assert_eq!(read(&log), records);
    log.close();
    Some(records)
}

fn read(log: &Log) -> Vec<(u64, Bytes)> {
    let records = log.reader(0).next(usize::MAX).unwrap().unwrap_or_default();
    records.into_iter().map(|record| (record.position, record.bytes)).collect()
}

/// Frames whose marker and checksum are right, and nothing else for certain.
fn frames(mut data: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    while let Some((head, rest)) = data.split_at_checked(6) {
        let (body, rest) = rest.split_at(rest.len().min(usize::from(head[5])));
        data = rest;
        let gap = usize::from(head[4]);
        let mut checked = Vec::new();
        checked.extend_from_slice(&(body.len() as u32).to_le_bytes());
        checked.extend_from_slice(&u64::from(head[0]).to_le_bytes());
        checked.extend_from_slice(&u32::from(head[1]).to_le_bytes());
        checked.extend_from_slice(&u32::from(head[2]).to_le_bytes());
        checked.extend_from_slice(&u32::from(head[3]).to_le_bytes());
        checked.extend_from_slice(&(gap as u32).to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&checked), body);
        output.extend_from_slice(&STORED.1[24..32]);
        output.extend_from_slice(&checksum.to_le_bytes());
        output.extend_from_slice(&checked);
        output.resize(output.len() + gap, 0);
        output.extend_from_slice(body);
    }
    output
}
