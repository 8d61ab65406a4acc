//! Torn ends are cut, rot is refused.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{append, crash, numbers, open, segments, small, stored};
use crate::segment::HEADER_BYTES;
use crate::{Log, LogError, Options, Positions};

/// Lengths of frames, worked out by hand: 40 header, 12 request, and 21 + 7 for each "event n" of one digit.
const FRAME_OF_ONE: u64 = 40 + 12 + 28;
const FRAME_OF_THREE: u64 = 40 + 12 + 3 * 28;

/// A log with records 1 to 3 in single frames and 4 to 6 in one, as a crash leaves it.
fn crashed(dir: &Path) -> std::path::PathBuf {
    let live = dir.join("live");
    let (log, _) = Log::open(&live, Options { segment_bytes: 4096, ..small() }).unwrap();
    for n in 1..=3 {
        append(&log, n..=n).unwrap();
    }
    append(&log, 4..=6).unwrap();
    crash(&live, &dir.join("crashed"));
    dir.join("crashed")
}

fn flip(path: &Path, offset: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit)], offset).unwrap();
}

#[test]
fn a_crash_after_the_last_write_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, recovery) = open(&crashed(dir.path()));
    assert_eq!(numbers(&log), [1, 2, 3, 4, 5, 6]);
    assert_eq!((recovery.cut_bytes, recovery.identities_read), (0, 6));
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_rest_survives() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = crashed(dir.path());
    let last_frame = HEADER_BYTES + 3 * FRAME_OF_ONE;
    for kept in 0..FRAME_OF_THREE {
        // Once as a shorter file, once as a file whose rest never reached the disk and reads as zeros.
        for zeros in [false, true] {
            let copy = dir.path().join(format!("{kept}-{zeros}"));
            crash(&crashed, &copy);
            let path = &segments(&copy)[0];
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(last_frame + kept).unwrap();
            if zeros {
                file.set_len(4096).unwrap();
            }
            let (log, recovery) = open(&copy);
            assert_eq!(numbers(&log), [1, 2, 3], "{kept} bytes kept");
            assert!(recovery.cut_bytes <= kept);
            assert_eq!(recovery.cut_path.is_some(), recovery.cut_bytes > 0);
            // The lost ones were not acknowledged for certain; offered again they are stored.
            assert_eq!(append(&log, 3..=6).unwrap()[1..], stored(4..=6));
            log.close();
            let (log, recovery) = open(&copy);
            assert_eq!(numbers(&log), [1, 2, 3, 4, 5, 6]);
            assert_eq!(recovery.cut_bytes, 0);
            fs::remove_dir_all(&copy).unwrap();
        }
    }
}

#[test]
fn a_torn_write_that_kept_its_end_and_not_its_beginning_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = crashed(dir.path());
    let path = &segments(&crashed)[0];
    let last_frame = HEADER_BYTES + 3 * FRAME_OF_ONE;
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0; 40], last_frame).unwrap();
    let (log, recovery) = open(&crashed);
    assert_eq!(numbers(&log), [1, 2, 3]);
    assert_eq!(recovery.cut_bytes, FRAME_OF_THREE);
    assert_eq!(recovery.cut_path.as_ref(), Some(path));
}

#[test]
fn a_flipped_bit_before_an_intact_frame_is_refused_with_place_and_records() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = crashed(dir.path());
    let second = HEADER_BYTES + FRAME_OF_ONE;
    for byte in 0..FRAME_OF_ONE {
        let copy = dir.path().join(byte.to_string());
        crash(&crashed, &copy);
        flip(&segments(&copy)[0], second + byte, (byte % 8) as u8);
        match Log::open(&copy, small()) {
            Err(LogError::Corrupt { path, offset, positions, .. }) => {
                assert_eq!(path, segments(&copy)[0]);
                assert_eq!(offset, second);
                assert_eq!(positions, Positions { from: 2, to: Some(2) });
            }
            other => panic!("byte {byte}: {:?}", other.map(|(_, recovery)| recovery)),
        }
    }
}

#[test]
fn a_flipped_bit_in_an_earlier_segment_is_refused_even_in_its_last_frame() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let (log, _) = open(&live);
    for n in 1..=20 {
        append(&log, n..=n).unwrap();
    }
    let firsts = crate::segment::list(&live).unwrap();
    assert!(firsts.len() > 2);
    let crashed = dir.path().join("crashed");
    crash(&live, &crashed);
    let path = &segments(&crashed)[0];
    flip(path, fs::metadata(path).unwrap().len() - 1, 0);
    let Err(error) = Log::open(&crashed, small()) else { panic!("opened") };
    let text = error.to_string();
    assert!(matches!(&error, LogError::Corrupt { positions, .. } if positions.to == Some(firsts[1] - 1)), "{text}");
    assert!(text.contains(path.to_str().unwrap()) && text.contains("restore"), "{text}");
}

#[test]
fn a_missing_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for n in 1..=30 {
        append(&log, n..=n).unwrap();
    }
    log.close();
    let files = segments(dir.path());
    fs::rename(&files[1], dir.path().join("away")).unwrap();
    assert!(matches!(Log::open(dir.path(), small()), Err(LogError::Corrupt { .. })));
    fs::rename(dir.path().join("away"), &files[1]).unwrap();
    // The newest ones: the identities know that there were more records.
    fs::remove_file(files.last().unwrap()).unwrap();
    let Err(LogError::Corrupt { positions, .. }) = Log::open(dir.path(), small()) else { panic!("opened") };
    assert_eq!(positions.to, Some(30));
}

#[test]
fn rot_in_the_last_frame_is_refused_when_a_reader_has_seen_it() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let (log, _) = open(&live);
    append(&log, 1..=1).unwrap();
    append(&log, 2..=2).unwrap();
    log.save_position("lake", 2).unwrap();
    let crashed = dir.path().join("crashed");
    crash(&live, &crashed);
    flip(&segments(&crashed)[0], HEADER_BYTES + FRAME_OF_ONE + 40, 3);
    let Err(error) = Log::open(&crashed, small()) else { panic!("opened") };
    let text = error.to_string();
    assert!(text.contains("positions/lake") && text.contains("record 2"), "{text}");
}

#[test]
fn a_segment_that_was_just_being_made_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    append(&log, 1..=9).unwrap();
    log.close();
    for header_bytes in [0, 1, 39, 40] {
        let path = crate::segment::path_of(dir.path(), 10);
        File::create(&path).unwrap().set_len(header_bytes).unwrap();
        let (log, _) = open(dir.path());
        assert_eq!(numbers(&log).len(), 9);
        log.close();
    }
    // With a name that says that a record is gone, it is not the remains of a crash.
    File::create(crate::segment::path_of(dir.path(), 11)).unwrap();
    assert!(matches!(Log::open(dir.path(), small()), Err(LogError::Corrupt { .. })));
}

#[test]
fn a_file_of_another_version_is_named() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).0.close();
    let path = &segments(dir.path())[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[8] = 9;
    let crc = crc32c::crc32c(&bytes[..32]).to_le_bytes();
    bytes[32..36].copy_from_slice(&crc);
    fs::write(path, bytes).unwrap();
    assert!(matches!(Log::open(dir.path(), small()), Err(LogError::Version { found: 9, known: 3, .. })));
}

#[test]
fn the_format_never_changes_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    append(&log, 1..=1).unwrap();
    log.close();
    let bytes = fs::read(&segments(dir.path())[0]).unwrap();
    assert_eq!(bytes.len() as u64, HEADER_BYTES + FRAME_OF_ONE);
    assert_eq!(&bytes[..12], b"MIZANLOG\x03\0\0\0");
    assert_eq!(&bytes[16..24], 1_u64.to_le_bytes());
    let (marker, frame) = (&bytes[24..32], &bytes[40..]);
    assert_eq!(&frame[..8], marker);
    assert_eq!(&frame[12..16], 40_u32.to_le_bytes());
    assert_eq!(&frame[16..24], 1_u64.to_le_bytes());
    assert_eq!(&frame[24..32], [1, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(&frame[32..40], [2, 0, 0, 0, 0, 0, 0, 0], "tag 1 alone, no gap");
    assert_eq!(&frame[40..48], 1_700_000_000_000_000_i64.to_le_bytes());
    assert_eq!(&frame[48..52], [1, 0, 0, 0]);
    assert_eq!(&frame[52..57], [7, 0, 0, 0, 1]);
    assert_eq!(&frame[57..69], &super::identity(1).to_le_bytes()[..12]);
    assert_eq!(&frame[69..73], crc32c::crc32c(b"event 1").to_le_bytes());
    assert_eq!(&frame[73..], b"event 1");
}
