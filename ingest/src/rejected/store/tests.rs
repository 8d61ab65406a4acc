//! The store against real files: restarts, torn tails, limits, and what never reaches the disk.

use super::*;
use crate::rejected::Origin;

fn rejected(line: u64, body: &str) -> Reject {
    Reject {
        origin: Origin {
            kind: "import".to_owned(),
            file: Some("orders.csv".to_owned()),
            line: Some(line),
            ..Origin::default()
        },
        reason: "the row has 7 cells, the header names 8".to_owned(),
        problems: vec![format!("line {line}")],
        body: body.to_owned(),
    }
}

fn lines(store: &RejectedStore, filter: &Filter) -> Vec<u64> {
    let entries = store.list(100, filter).unwrap();
    entries.iter().filter_map(|entry| entry.origin.line).collect()
}

#[test]
fn what_was_appended_is_there_after_a_restart_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = RejectedStore::open(dir.path()).unwrap();
    let kept = store.append(vec![rejected(1, "a"), rejected(2, "b")]).unwrap();
    store.append(vec![rejected(3, "c")]).unwrap();
    drop(store);

    let store = RejectedStore::open(dir.path()).unwrap();
    assert_eq!(lines(&store, &Filter::default()), [1, 2, 3]);
    let after = Filter { after: Some(kept[0].id), ..Filter::default() };
    assert_eq!(lines(&store, &after), [2, 3]);
    assert_eq!(store.list(1, &after).unwrap(), [kept[1].clone()]);
    assert_eq!(store.get(kept[0].id).unwrap().body, "a");
    let webhooks = Filter { kind: Some("webhook".to_owned()), ..Filter::default() };
    assert!(lines(&store, &webhooks).is_empty());
    assert_eq!(RejectedReader::new(dir.path()).count().unwrap(), (3, 0));
}

#[test]
fn a_replayed_entry_says_so_and_an_unknown_id_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = RejectedStore::open(dir.path()).unwrap();
    let kept = store.append(vec![rejected(1, "a"), rejected(2, "b")]).unwrap();
    store.mark_replayed(kept[0].id).unwrap();
    assert!(matches!(store.mark_replayed(Uuid::now_v7()), Err(RejectedError::NotFound(_))));
    drop(store);

    let store = RejectedStore::open(dir.path()).unwrap();
    assert!(store.get(kept[0].id).unwrap().replayed_at.is_some());
    let open = Filter { replayed: Some(false), ..Filter::default() };
    assert_eq!(lines(&store, &open), [2]);
}

#[test]
fn card_numbers_never_reach_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = RejectedStore::open(dir.path()).unwrap();
    let number = "4242424242424242";
    let mut entry = rejected(1, &format!("{{\"card\":{{\"number\":\"{number}\",\"cvc\":\"123\"}}}}"));
    entry.reason = format!("`{number}` is not an amount");
    entry.problems = vec![format!("found 4242 4242 4242 4242 / {number}")];
    store.append(vec![entry, rejected(2, &format!("1001;{number};12.50"))]).unwrap();
    let text = fs::read_to_string(dir.path().join("rejected/000001.ndjson")).unwrap();
    assert!(!text.contains(number) && !text.contains("4242 4242 4242 4242"), "{text}");
    assert!(text.contains("12.50"));
}

#[test]
fn a_torn_last_line_is_cut_and_the_rest_survives() {
    let dir = tempfile::tempdir().unwrap();
    let store = RejectedStore::open(dir.path()).unwrap();
    store.append(vec![rejected(1, "a")]).unwrap();
    let whole = store.bytes();
    store.append(vec![rejected(2, "b")]).unwrap();
    drop(store);
    let path = dir.path().join("rejected/000001.ndjson");
    let text = fs::read(&path).unwrap();
    for length in [whole + 1, text.len() as u64 - 1] {
        fs::write(&path, &text[..length as usize]).unwrap();
        // A reader beside a writer must not stumble over the line being written.
        assert_eq!(RejectedReader::new(dir.path()).count().unwrap(), (1, 0));
        let store = RejectedStore::open(dir.path()).unwrap();
        assert_eq!(store.bytes(), whole);
        store.append(vec![rejected(3, "c")]).unwrap();
        assert_eq!(lines(&store, &Filter::default()), [1, 3]);
    }
}

#[test]
fn segments_rotate_and_a_full_store_refuses_without_losing_anything() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { segment_bytes: 1_000, total_bytes: 5_000 };
    let store = RejectedStore::open_with(dir.path(), limits.clone()).unwrap();
    let mut kept = Vec::new();
    let error = loop {
        let line = kept.len() as u64 + 1;
        match store.append(vec![rejected(line, "x")]) {
            Ok(_) => kept.push(line),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RejectedError::Full { limit: 5_000, .. }));
    assert!(segment::list(&dir.path().join("rejected")).unwrap().len() >= 4);
    assert_eq!(lines(&store, &Filter::default()), kept);
    let first = store.list(1, &Filter::default()).unwrap()[0].id;
    store.mark_replayed(first).unwrap();
    drop(store);
    let store = RejectedStore::open_with(dir.path(), limits).unwrap();
    assert_eq!(lines(&store, &Filter::default()), kept);
    assert!(store.append(vec![rejected(9, "x")]).is_err());
}
