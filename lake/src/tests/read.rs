//! Snapshot and tail together give every row exactly once, from as few files as may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mizan_events::Family;
use tempfile::TempDir;

use super::{batch, number, open, order, orders, rows, sql, texts};
use crate::{Lake, SessionSettings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_lake_answers() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let context = sql(&lake).await;
    for table in ["events.storefront", "events.orders", "events.payments", "events.inventory"] {
        assert_eq!(number(&context, &format!("SELECT count(*) FROM {table}")).await, 0);
        assert!(rows(&context, &format!("SELECT * FROM {table} LIMIT 5")).await.iter().all(|b| b.num_rows() == 0));
    }
    assert!(lake.marts().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_tail_are_seen_before_they_are_committed_and_once_after() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    lake.tail().push(Family::Order, orders(11, 16), 15).unwrap();
    lake.tail().push(Family::Order, orders(16, 21), 20).unwrap();
    lake.tail().reached(20);
    assert_eq!((lake.tail().rows(), lake.tail().watermark()), (10, 20));
    lake.tail().wait_for(20).await;
    let count = "SELECT count(*) FROM events.orders";
    let distinct = "SELECT count(DISTINCT event_id) FROM events.orders";
    let before = sql(&lake).await;
    assert_eq!(number(&before, count).await, 20);
    lake.append(Family::Order, vec![orders(11, 16)], 10, 15).await.unwrap();
    assert_eq!(lake.tail().rows(), 10, "the joined chunk reaches beyond the commit and stays");
    let after = sql(&lake).await;
    for context in [&before, &after] {
        assert_eq!(number(context, count).await, 20);
        assert_eq!(number(context, distinct).await, 20);
        assert_eq!(number(context, "SELECT count(*) FROM (SELECT position FROM events.orders)").await, 20);
        assert_eq!(number(context, "SELECT count(*) FROM events.orders WHERE position > 12").await, 8);
    }
    lake.append(Family::Order, vec![orders(16, 21)], 15, 20).await.unwrap();
    assert_eq!((lake.tail().rows(), lake.tail().bytes()), (0, 0));
    assert_eq!(number(&sql(&lake).await, count).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reader_ever_sees_a_row_twice_or_misses_one_while_commits_happen() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let total = 400;
    for from in (0..total).step_by(10) {
        lake.tail().push(Family::Order, orders(from + 1, from + 11), from + 10).unwrap();
    }
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (lake, done) = (lake.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut looked = 0;
                while !done.load(Ordering::Relaxed) {
                    let context = sql(&lake).await;
                    let seen = texts(
                        &context,
                        "SELECT count(*), count(DISTINCT position), min(position), max(position) FROM events.orders",
                    )
                    .await;
                    assert_eq!(seen, ["400 400 1 400"]);
                    looked += 1;
                }
                looked
            })
        })
        .collect();
    for from in (0..total).step_by(10) {
        lake.append(Family::Order, vec![orders(from + 1, from + 11)], from, from + 10).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 3, "the readers hardly ran");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_keeps_its_rows_while_the_lake_moves_on() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    let context = sql(&lake).await;
    lake.append(Family::Order, vec![orders(11, 21)], 10, 20).await.unwrap();
    assert_eq!(number(&context, "SELECT count(DISTINCT position) FROM events.orders").await, 10);
    assert_eq!(number(&sql(&lake).await, "SELECT count(DISTINCT position) FROM events.orders").await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_reads_what_this_one_commits() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let reader = Lake::open_read_only(folder.path()).await.unwrap();
    for step in 0..3 {
        lake.append(Family::Order, vec![orders(step * 5 + 1, step * 5 + 6)], step * 5, step * 5 + 5).await.unwrap();
        let seen = number(&sql(&reader).await, "SELECT count(*) FROM events.orders").await;
        assert_eq!(seen, i64::try_from(step).unwrap() * 5 + 5);
    }
    assert!(reader.append(Family::Order, vec![orders(16, 17)], 15, 16).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_files_that_may_hold_rows_are_opened() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    for day in 1..=5 {
        let events = [order(day, &format!("2026-03-0{day}T08:00:00Z"))];
        lake.append(Family::Order, vec![batch(Family::Order, day, &events)], day - 1, day).await.unwrap();
    }
    // All but one day's file are destroyed: a query that opened them would fail.
    for path in super::files(&folder.path().join("events/orders")) {
        if path.extension().is_some_and(|end| end == "parquet") && !path.to_string_lossy().contains("2026-03-03") {
            std::fs::write(&path, b"not parquet").unwrap();
        }
    }
    let context = sql(&lake).await;
    let by_day = "SELECT order_id FROM events.orders WHERE event_date = date '2026-03-03'";
    assert_eq!(texts(&context, by_day).await, ["3"]);
    let by_time =
        "SELECT order_id FROM events.orders WHERE event_time >= '2026-03-03T00:00:00Z' AND event_time < '2026-03-04'";
    assert_eq!(texts(&context, by_time).await, ["3"]);
    let by_id = "SELECT total FROM events.orders WHERE order_id = '3'";
    assert_eq!(texts(&context, by_id).await, ["3.2500"]);
    let by_position = "SELECT order_id FROM events.orders WHERE position BETWEEN 3 AND 3";
    assert_eq!(texts(&context, by_position).await, ["3"]);
    // Counting needs no file at all.
    assert_eq!(number(&context, "SELECT count(*) FROM events.orders").await, 5);
    assert!(context.sql("SELECT sum(total) FROM events.orders").await.unwrap().collect().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_tail_give_one_type_for_every_column() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 4)], 0, 3).await.unwrap();
    lake.tail().push(Family::Order, orders(4, 7), 6).unwrap();
    let context = lake.session(SessionSettings::default()).await.unwrap();
    let all = rows(&context, "SELECT * FROM events.orders ORDER BY position").await;
    assert_eq!(all.iter().map(|batch| batch.num_rows()).sum::<usize>(), 6);
    let nested = "SELECT order_id, lines[1]['quantity'], shipping_address['city'], customer_email, event_date
        FROM events.orders WHERE position IN (3, 4) ORDER BY position";
    assert_eq!(
        texts(&context, nested).await,
        ["3 2.0000 Kuwait person3@example.com 2026-03-01", "4 2.0000 Kuwait person4@example.com 2026-03-01"]
    );
    assert_eq!(number(&context, "SELECT count(*) FROM (SELECT 1 FROM events.orders LIMIT 4)").await, 4);
}
