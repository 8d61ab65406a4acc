//! Rot and cuts at any place of a log of any shape: what comes back is the longest beginning that is whole, or a refusal.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{append, numbers, segments};
use crate::{Log, LogError, Options, verify};

fn roomy() -> Options {
    Options { segment_bytes: 1 << 16, ..super::small() }
}

/// A log whose frames hold so many records each, and where each frame ends in its only segment.
fn written(dir: &Path, frames: &[u64]) -> (PathBuf, Vec<u64>) {
    let (log, _) = Log::open(dir, roomy()).unwrap();
    let mut next = 1;
    let mut ends = vec![crate::segment::HEADER_BYTES];
    for records in frames {
        append(&log, next..=next + records - 1).unwrap();
        let bytes: u64 = (next..next + records).map(|n| 21 + super::entry(n).bytes.len() as u64).sum();
        ends.push(ends[ends.len() - 1] + 40 + 12 + bytes);
        next += records;
    }
    log.close();
    // No witness of how far the log came but the segment itself.
    fs::remove_dir_all(dir.join("identities")).unwrap();
    let path = segments(dir).remove(0);
    assert_eq!(fs::metadata(&path).unwrap().len(), ends[ends.len() - 1], "the frames are not as this test counts them");
    (path, ends)
}

#[test]
fn every_bit_of_a_segment_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ends) = written(dir.path(), &[1, 2, 1, 3]);
    let bytes = fs::read(&path).unwrap();
    let last = ends[ends.len() - 2];
    // The last four bytes of the header say nothing.
    for at in (0..bytes.len()).filter(|at| !(36..40).contains(at)) {
        for bit in 0..8 {
            let mut rotten = bytes.clone();
            rotten[at] ^= 1 << bit;
            fs::write(&path, &rotten).unwrap();
            match verify(dir.path()) {
                // In the last frame it looks like a write that was cut short; nothing of it is taken.
                Ok(verified) => {
                    assert!(at as u64 >= last && verified.records == 4, "byte {at}, bit {bit}: {verified:?}")
                }
                Err(LogError::Corrupt { .. } | LogError::Version { .. }) => assert!((at as u64) < last, "byte {at}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_log_cut_or_rotten_anywhere_gives_its_longest_whole_beginning(
        frames in prop::collection::vec(1_u64..5, 1..6),
        place in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..4),
        cut in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (path, ends) = written(dir.path(), &frames);
        let mut bytes = fs::read(&path).unwrap();
        let frames_at = ends[0] as usize;
        if cut {
            bytes.truncate(frames_at + place.index(bytes.len() - frames_at + 1));
        }
        let mut changed = std::collections::BTreeSet::new();
        for (at, bit) in &flips {
            if bytes.len() > frames_at {
                let at = frames_at + at.index(bytes.len() - frames_at);
                bytes[at] ^= 1 << bit;
                // Two flips of one bit are none.
                if !changed.insert((at, *bit)) {
                    changed.remove(&(at, *bit));
                }
            }
        }
        fs::write(&path, &bytes).unwrap();
        let is_whole = |frame: usize| {
            let (begin, end) = (ends[frame] as usize, ends[frame + 1] as usize);
            end <= bytes.len() && !changed.iter().any(|(at, _)| (begin..end).contains(at))
        };
        let whole = (0..frames.len()).take_while(|frame| is_whole(*frame)).count();
        let later = (whole..frames.len()).any(is_whole);
        let expected: u64 = frames[..whole].iter().sum();
        match Log::open(dir.path(), roomy()) {
            Ok((log, recovery)) => {
                prop_assert!(!later, "an acknowledged frame behind the damage was given up");
                prop_assert_eq!(recovery.last_position, expected);
                prop_assert_eq!(numbers(&log), (1..=expected).collect::<Vec<_>>());
            }
            Err(LogError::Corrupt { positions, .. }) => {
                prop_assert!(later, "nothing was behind the damage");
                prop_assert_eq!(positions.from, expected + 1);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
