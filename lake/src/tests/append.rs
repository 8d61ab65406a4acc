//! What is written is there once, whatever the caller heard of it.

use mizan_events::Family;
use tempfile::TempDir;

use super::{batch, files, number, open, order, orders, sql, texts};
use crate::LakeError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_appended_is_read_back_after_a_restart() {
    let folder = TempDir::new().unwrap();
    {
        let lake = open(folder.path()).await;
        let done = lake.append(Family::Order, vec![orders(1, 101)], 0, 100).await.unwrap();
        assert_eq!((done.rows, done.files, done.position, done.already), (100, 1, 100, false));
    }
    let lake = open(folder.path()).await;
    assert_eq!(lake.position(Family::Order).await.unwrap(), 100);
    assert_eq!(lake.position(Family::Payment).await.unwrap(), 0);
    let context = sql(&lake).await;
    assert_eq!(number(&context, "SELECT count(*) FROM events.orders").await, 100);
    // 1.25 + 2.25 + … + 100.25 = 5050 + 100 · 0.25
    assert_eq!(texts(&context, "SELECT sum(total) FROM mizan.events.orders").await, ["5075.0000"]);
    let line =
        texts(&context, "SELECT lines[1]['sku'], lines[1]['unit_price'] FROM events.orders WHERE order_id = '7'");
    assert_eq!(line.await, ["TEA 1.5000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_the_caller_did_not_hear_of_is_not_repeated() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    // The same range again, as a worker does that was killed before it could note the success.
    for lake in [lake.clone(), open(folder.path()).await] {
        let again = lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
        assert!(again.already);
        assert_eq!(again.rows, 0);
    }
    assert_eq!(number(&sql(&lake).await, "SELECT count(*) FROM events.orders").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_does_not_follow_the_table_is_refused() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    for (from, to) in [(5, 20), (12, 20), (9, 11)] {
        let refused = lake.append(Family::Order, vec![orders(from + 1, to + 1)], from, to).await;
        assert!(matches!(refused, Err(LakeError::Position { found: 10, .. })), "({from}, {to}]: {refused:?}");
    }
    assert_eq!(lake.position(Family::Order).await.unwrap(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_outside_the_range_or_of_another_family_are_refused() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let outside = lake.append(Family::Order, vec![orders(1, 12)], 0, 10).await;
    assert!(matches!(outside, Err(LakeError::Batch { .. })), "{outside:?}");
    let foreign = lake.append(Family::Payment, vec![orders(1, 11)], 0, 10).await;
    assert!(matches!(foreign, Err(LakeError::Batch { .. })), "{foreign:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_on_one_folder_cannot_both_write_a_range() {
    let folder = TempDir::new().unwrap();
    let (one, two) = (open(folder.path()).await, open(folder.path()).await);
    let (first, second) = tokio::join!(
        one.append(Family::Order, vec![orders(1, 11)], 0, 10),
        two.append(Family::Order, vec![orders(1, 11)], 0, 10),
    );
    let written = [first.unwrap(), second.unwrap()].iter().filter(|done| !done.already).count();
    assert_eq!(written, 1);
    assert_eq!(number(&sql(&one).await, "SELECT count(*) FROM events.orders").await, 10);
    // The one that lost sees the other's version and goes on from there.
    two.append(Family::Order, vec![orders(11, 21)], 10, 20).await.unwrap();
    one.append(Family::Order, vec![orders(21, 31)], 20, 30).await.unwrap();
    assert_eq!(number(&sql(&two).await, "SELECT count(DISTINCT position) FROM events.orders").await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stretch_without_rows_moves_the_position_only_when_asked() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let skipped = lake.append(Family::Order, Vec::new(), 0, 50).await.unwrap();
    assert_eq!((skipped.position, skipped.version), (0, 0));
    let advanced = lake.advance(Family::Order, 0, 50).await.unwrap();
    assert_eq!((advanced.position, advanced.version, advanced.files), (50, 1, 0));
    assert_eq!(open(folder.path()).await.position(Family::Order).await.unwrap(), 50);
    lake.append(Family::Order, vec![orders(51, 61)], 50, 60).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_position_survives_many_commits_checkpoints_and_reopened_handles() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    for step in 0..45 {
        lake.append(Family::Order, vec![orders(step * 2 + 1, step * 2 + 3)], step * 2, step * 2 + 2).await.unwrap();
    }
    let checkpoints = files(&folder.path().join("events/orders/_delta_log"))
        .iter()
        .filter(|path| path.to_string_lossy().contains(".checkpoint"))
        .count();
    assert_eq!(checkpoints, 2);
    for lake in [lake, open(folder.path()).await] {
        assert_eq!(lake.position(Family::Order).await.unwrap(), 90);
        let context = sql(&lake).await;
        assert_eq!(number(&context, "SELECT count(*) FROM events.orders").await, 90);
        // Microseconds survive the checkpoint: the bounds kept there answer this without opening a file.
        let last = texts(&context, "SELECT max(event_time), min(position), max(position) FROM events.orders").await;
        assert_eq!(last, ["2026-03-01T01:30:00Z 1 90"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_events_go_to_the_partition_of_their_day() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let events = [
        order(1, "2026-03-02T10:00:00Z"),
        order(2, "2026-02-28T23:59:59.999999Z"),
        order(3, "2026-03-02T00:00:00Z"),
        order(4, "2026-03-01T00:00:00+03:00"),
    ];
    let done = lake.append(Family::Order, vec![batch(Family::Order, 1, &events)], 0, 4).await.unwrap();
    assert_eq!(done.files, 2);
    let context = sql(&lake).await;
    let days = texts(&context, "SELECT event_date, count(*) FROM events.orders GROUP BY 1 ORDER BY 1").await;
    assert_eq!(days, ["2026-02-28 2", "2026-03-02 2"]);
    // 00:00 in Riyadh is 21:00 of the day before in UTC.
    let late =
        texts(&context, "SELECT order_id FROM events.orders WHERE event_date = '2026-02-28' ORDER BY event_time");
    assert_eq!(late.await, ["4", "2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_commit_reaches_the_disk_through_the_store_that_syncs() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let before = (lake.store().file_syncs(), lake.store().folder_syncs());
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    let (files, folders) = (lake.store().file_syncs() - before.0, lake.store().folder_syncs() - before.1);
    // The data file and the commit; the folder of each, and the new partition's entry in the table's folder.
    assert_eq!(files, 2);
    assert_eq!(folders, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_after_it_happened_is_recognised() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    // The entry is linked into the log, then syncing its folder fails: the writer hears of an error.
    lake.store().faults().commit_folder.store(1, std::sync::atomic::Ordering::SeqCst);
    let done = lake.append(Family::Order, vec![orders(11, 21)], 10, 20).await.unwrap();
    assert_eq!((done.position, done.rows, done.version, done.already), (20, 10, 2, false));
    assert_eq!(lake.store().faults().commit_folder.load(std::sync::atomic::Ordering::SeqCst), 0, "no fault was met");
    for lake in [lake, open(folder.path()).await] {
        assert_eq!(number(&sql(&lake).await, "SELECT count(*) FROM events.orders").await, 20);
        assert_eq!(lake.tables().await.unwrap()[1].version, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_before_it_happened_is_tried_again() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.store().faults().commit_staging.store(1, std::sync::atomic::Ordering::SeqCst);
    let done = lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    assert_eq!((done.position, done.rows, done.version, done.already), (10, 10, 1, false));
    assert_eq!(number(&sql(&lake).await, "SELECT count(*) FROM events.orders").await, 10);
    let litter = files(&folder.path().join("events/orders")).iter().any(|path| path.to_string_lossy().contains('#'));
    assert!(!litter, "a staging file stayed behind");
}
