//! The store against a plain set, over seals, merges, reopening and rollback.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::background::seal;
use super::filter::Hash;
use super::merge::{merge, plan};
use super::recent::{Identities, IdentityError};
use super::run::{PAGE_BYTES, Run, path_of};
use super::shelf::{Frozen, Shelf};
use super::{Known, Named};
use crate::LogError;

#[derive(Debug, Clone)]
enum Step {
    /// One group of identities; `true`: it fails to be written and is taken back.
    Group(Vec<u128>, bool),
    Freeze,
    Reopen,
}

/// Identities from a small range, so that repeats are common, spread over all bits or not.
fn identity() -> impl Strategy<Value = u128> {
    (0..600_u128, any::<bool>())
        .prop_map(|(n, spread)| if spread { n.wrapping_mul(u128::MAX / 601) ^ (n << 77) } else { n })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (proptest::collection::vec(identity(), 0..150), proptest::bool::weighted(0.2))
            .prop_map(|(group, fails)| Step::Group(group, fails)),
        2 => Just(Step::Freeze),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_store_knows_exactly_what_was_stored(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let open = || Identities::open(dir.path(), 64).unwrap();
        let mut store = open();
        let mut known: HashSet<u128> = HashSet::new();
        // In order of position, as the segments have them.
        let mut log = Vec::new();
        for step in steps {
            match step {
                Step::Group(group, fails) => {
                    store.make_room(group.len(), log.len() as u64).unwrap();
                    let mut expected = Vec::new();
                    let mut is_new = Vec::new();
                    for identity in &group {
                        is_new.push(!known.contains(identity) && !expected.contains(identity));
                        if is_new.last() == Some(&true) {
                            expected.push(*identity);
                        }
                    }
                    let mut fresh = Vec::new();
                    prop_assert_eq!(new(store.insert_all(group.into_iter(), &mut fresh).unwrap()), is_new);
                    prop_assert_eq!(&fresh, &expected);
                    if fails {
                        store.forget(&fresh);
                    } else {
                        known.extend(&fresh);
                        log.extend(fresh);
                    }
                }
                Step::Freeze => store.freeze(log.len() as u64),
                Step::Reopen => {
                    store.close();
                    drop(store);
                    store = open();
                    let sealed_to = store.sealed_to();
                    prop_assert_eq!(store.sealed(), sealed_to);
                    store.restore(&log[sealed_to as usize..], sealed_to).unwrap();
                }
            }
        }
        store.make_room(0, log.len() as u64).unwrap();
        prop_assert!(!insert(&mut store, &log).unwrap().contains(&true));
    }
}

fn insert(store: &mut Identities, identities: &[u128]) -> Result<Vec<bool>, IdentityError> {
    store.insert_all(identities.iter().copied(), &mut Vec::new()).map(new)
}

fn new(known: Vec<Known>) -> Vec<bool> {
    known.into_iter().map(|known| known == Known::Not).collect()
}

#[test]
fn another_entry_under_a_known_name_is_told_from_a_repeat_wherever_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Identities::open(dir.path(), 64).unwrap();
    let keys: Vec<u128> = (1..=40).map(|n| super::key(n * (u128::MAX / 41), 7)).collect();
    let others: Vec<u128> = keys.iter().map(|key| super::key(*key, 8)).collect();
    store.make_room(keys.len(), 0).unwrap();
    assert!(!insert(&mut store, &keys).unwrap().contains(&false));
    // In the recent set, then sealed in a run, then after opening it again.
    for stage in 0..3 {
        let mut ask = |keys: &[u128]| store.insert_all(keys.iter().copied(), &mut Vec::new()).unwrap();
        assert!(ask(&keys).iter().all(|known| *known == Known::Same), "stage {stage}");
        assert!(ask(&others).iter().all(|known| *known == Known::Other), "stage {stage}");
        if stage == 0 {
            store.freeze(40);
        }
        store.close();
        drop(store);
        store = Identities::open(dir.path(), 64).unwrap();
    }
}

/// As the store looks into a run: the filter first.
fn contains(run: &Run, identity: u128) -> Result<bool, LogError> {
    Ok(run.filter.may_contain(Hash::of(identity)) && run.look_up(identity)?.is_some())
}

/// A run of the numbers in steps of three, sealed under these positions.
fn run(dir: &Path, numbers: std::ops::RangeInclusive<u64>) -> Run {
    let shelf = Shelf::open(&dir.join("elsewhere")).unwrap();
    let set = numbers.clone().map(|n| Named(u128::from(n) * 3)).collect();
    let run = seal(&shelf, &Frozen { set, positions: numbers.clone() }).unwrap();
    fs::rename(path_of(&dir.join("elsewhere"), &numbers), path_of(dir, &numbers)).unwrap();
    run
}

#[test]
fn a_run_finds_what_is_in_it_and_nothing_else_after_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    // One page holds 255: less than one, exactly one, one more, and many.
    let mut first = 1;
    for count in [1, 254, 255, 256, 3000] {
        let numbers = first..=first + count - 1;
        run(dir.path(), numbers.clone());
        let run = Run::open(&path_of(dir.path(), &numbers)).unwrap();
        assert_eq!(run.identities, count);
        assert_eq!(run.positions, numbers);
        let in_run = |identity: u64| contains(&run, u128::from(identity)).unwrap();
        for n in numbers {
            assert!(in_run(n * 3));
            assert!(!in_run(n * 3 + 1));
        }
        assert!(!in_run(first * 3 - 3));
        first += count;
    }
}

#[test]
fn merged_runs_hold_all_of_theirs_and_stay_few() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Identities::open(dir.path(), 100).unwrap();
    for n in 0..40_u64 {
        let group: Vec<u128> = (n * 50 + 1..=n * 50 + 50).map(|n| u128::from(n) << 64).collect();
        store.make_room(50, n * 50).unwrap();
        for identity in group {
            assert_eq!(insert(&mut store, &[identity]).unwrap(), [true]);
        }
    }
    store.freeze(2000);
    store.shelf().wait_sealed(2000).unwrap();
    let started = std::time::Instant::now();
    // Of 20 runs of 100 those that are merged make one at least as long as all that follow: seven more at most.
    while store.shelf().stats().files > 8 {
        assert!(started.elapsed().as_secs() < 20, "{} files", store.shelf().stats().files);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    store.close();
    assert!(fs::read_dir(dir.path()).unwrap().count() <= 8);
    let mut store = Identities::open(dir.path(), 100).unwrap();
    assert_eq!((store.sealed_to(), store.sealed()), (2000, 2000));
    store.make_room(2000, 2000).unwrap();
    let known: Vec<u128> = (1..=2000_u128).map(|n| n << 64).collect();
    assert!(!insert(&mut store, &known).unwrap().contains(&true));
    assert_eq!(insert(&mut store, &[2001 << 64]).unwrap(), [true]);
}

#[test]
fn runs_merge_when_enough_of_them_are_not_twice_what_follows() {
    let dir = tempfile::tempdir().unwrap();
    let after = |first: u64| [vec![first], vec![10; 8]].concat();
    let sizes_to_first =
        [(vec![100], None), (vec![10; 7], None), (vec![10; 8], Some(0)), (after(160), Some(1)), (after(159), Some(0))];
    for (sizes, first) in sizes_to_first {
        let mut next = 1;
        let runs: Vec<Arc<Run>> = sizes
            .iter()
            .map(|size| {
                next += size;
                Arc::new(run(dir.path(), next - size..=next - 1))
            })
            .collect();
        assert_eq!(plan(&runs), first, "{sizes:?}");
    }
}

#[test]
fn a_crash_between_a_merge_and_the_deletion_of_its_parts_is_put_right() {
    let dir = tempfile::tempdir().unwrap();
    let runs = [Arc::new(run(dir.path(), 1..=100)), Arc::new(run(dir.path(), 101..=190))];
    let parts: Vec<Arc<Run>> =
        runs.iter().map(|run| Arc::new(Run::open(&path_of(dir.path(), &run.positions)).unwrap())).collect();
    merge(&parts, &AtomicBool::new(false)).unwrap().unwrap();
    assert_eq!(tmp_files(dir.path()), 0);
    fs::write(dir.path().join("00000000000000000001-00000000000000000500.tmp"), "half a run").unwrap();
    fs::remove_dir_all(dir.path().join("elsewhere")).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    let shelf = Shelf::open(dir.path()).unwrap();
    assert_eq!(shelf.sealed_to(), 190);
    assert_eq!(shelf.stats().sealed_identities, 190);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

fn tmp_files(dir: &Path) -> usize {
    fs::read_dir(dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "tmp"))
        .count()
}

#[test]
fn a_merge_that_is_stopped_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let parts = [(1, 40_000), (40_001, 70_000)].map(|(from, to)| {
        run(dir.path(), from..=to);
        Arc::new(Run::open(&path_of(dir.path(), &(from..=to))).unwrap())
    });
    assert!(merge(&parts, &AtomicBool::new(true)).unwrap().is_none());
    assert_eq!(tmp_files(dir.path()), 0);
    let shelf = Shelf::open(dir.path()).unwrap();
    assert_eq!((shelf.stats().files, shelf.stats().sealed_identities), (2, 70_000));
}

#[test]
fn a_missing_run_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), 1..=10);
    run(dir.path(), 21..=30);
    let Err(error) = Shelf::open(dir.path()) else { panic!("opened") };
    assert!(error.to_string().contains("records 11 to 20"), "{error}");
}

#[test]
fn a_flipped_bit_anywhere_in_a_run_is_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), 1..=300);
    let path = path_of(dir.path(), &(1..=300));
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let Ok(run) = Run::open(&path) else { continue };
        let answers: Result<Vec<bool>, LogError> = (1..=300_u128).map(|n| contains(&run, n * 3)).collect();
        match answers {
            // The zeros behind the header are the one place where nothing is.
            Ok(answers) => assert!((60..PAGE_BYTES).contains(&at) && answers.iter().all(|found| *found), "byte {at}"),
            Err(error) => assert!(matches!(error, LogError::Corrupt { .. })),
        }
    }
}

#[test]
fn memory_is_bounded_when_sealing_fails() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("identities");
    let mut store = Identities::open(&folder, 10).unwrap();
    fs::rename(&folder, dir.path().join("away")).unwrap();
    let mut taken = 0;
    let refused = loop {
        match store.make_room(10, taken) {
            Ok(()) => {
                for n in taken + 1..=taken + 10 {
                    insert(&mut store, &[u128::from(n)]).unwrap();
                }
                taken += 10;
            }
            Err(error) => break error,
        }
        assert!(taken <= 30, "{taken} in memory");
    };
    assert!(matches!(refused, IdentityError::Stuck));
    assert_eq!(taken, 30);
    fs::rename(dir.path().join("away"), &folder).unwrap();
    let started = std::time::Instant::now();
    while store.make_room(10, taken).is_err() {
        assert!(started.elapsed().as_secs() < 20);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let known: Vec<u128> = (1..=30).collect();
    assert!(!insert(&mut store, &known).unwrap().contains(&true));
}
