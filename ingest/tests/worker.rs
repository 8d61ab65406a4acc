//! The worker from log to lake, through a real log and a real lake: every event is seen once, before, during and after
//! its commit, also when commits fail.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mizan_events::{Family, Unknown};
use mizan_ingest::rejected::{Origin, RejectedStore};
use mizan_ingest::{Intake, Worker, WorkerOptions, flushed};
use mizan_lake::{Lake, LakeOptions, SessionSettings};
use mizan_log::Log;

struct Shop {
    log: Log,
    lake: Lake,
    intake: Intake,
}

impl Shop {
    async fn open(dir: &Path) -> Shop {
        let (log, _) = Log::open(dir.join("log"), mizan_log::Options::default()).unwrap();
        let lake = Lake::open(&dir.join("lake"), LakeOptions::default()).await.unwrap();
        let rejected = Arc::new(RejectedStore::open(dir).unwrap());
        Shop { intake: Intake::new(log.clone(), rejected, Unknown::Keep), log, lake }
    }

    /// Sends views number `from` to `to`.
    async fn send(&self, numbers: std::ops::RangeInclusive<u32>) {
        let texts: Vec<String> = numbers
            .map(|n| {
                format!(
                    r#"{{"specversion":"1.0","id":"{n}","source":"t","type":"storefront.page_view","time":"2026-03-01T10:00:00Z","data":{{"session_id":"s{n}"}}}}"#
                )
            })
            .collect();
        let body = Bytes::from(texts.join("\n"));
        let text = std::str::from_utf8(&body).unwrap();
        let receipt = self.intake.accept(&body, text.lines().collect(), &Origin::default()).await.unwrap();
        assert_eq!(receipt.accepted, texts.len());
    }

    /// How many rows a query sees, and how many different ones.
    async fn seen(&self) -> (i64, i64) {
        let session = self.lake.session(SessionSettings::default()).await.unwrap();
        let sql = "SELECT count(*) AS rows, count(DISTINCT event_id) AS ids FROM mizan.events.storefront";
        let rows = session.sql(sql).await.unwrap().collect().await.unwrap();
        let number = |column: usize| {
            use arrow::array::AsArray;
            rows[0].column(column).as_primitive::<arrow::datatypes::Int64Type>().value(0)
        };
        (number(0), number(1))
    }
}

fn options(flush_bytes: usize) -> WorkerOptions {
    WorkerOptions { flush_after: Duration::from_secs(3600), flush_bytes }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_seen_once_while_commits_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path()).await;
    // So little that every read begins a commit.
    let mut worker = Worker::open(shop.log.clone(), shop.lake.clone(), options(1)).await.unwrap();
    for batch in 0..10_u32 {
        shop.send(batch * 20 + 1..=batch * 20 + 20).await;
        worker.catch_up().await.unwrap();
        // A commit may be under way now.
        let expected = i64::from(batch * 20 + 20);
        assert_eq!(shop.seen().await, (expected, expected));
    }
    worker.flush().await.unwrap();
    assert_eq!(shop.seen().await, (200, 200));
    assert_eq!((shop.lake.tail().rows(), flushed(&shop.log)), (0, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_failed_is_made_up_for_and_nothing_comes_twice() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path()).await;
    let mut worker = Worker::open(shop.log.clone(), shop.lake.clone(), options(1 << 30)).await.unwrap();
    shop.send(1..=5).await;
    worker.catch_up().await.unwrap();
    // A file stands where the folder of the day has to be.
    let day = dir.path().join("lake/events/storefront/event_date=2026-03-01");
    std::fs::create_dir_all(day.parent().unwrap()).unwrap();
    std::fs::write(&day, "in the way").unwrap();
    assert!(worker.flush().await.is_err());
    assert_eq!(shop.seen().await, (5, 5), "what is not committed stays visible");
    assert_eq!(flushed(&shop.log), 0);
    shop.send(6..=8).await;
    worker.catch_up().await.unwrap();
    std::fs::remove_file(&day).unwrap();
    worker.flush().await.unwrap();
    assert_eq!(shop.seen().await, (8, 8));
    assert_eq!((shop.lake.position(Family::Storefront).await.unwrap(), flushed(&shop.log)), (8, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_goes_on_when_the_lake_cannot_be_written_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path()).await;
    let day = dir.path().join("lake/events/storefront/event_date=2026-03-01");
    std::fs::create_dir_all(day.parent().unwrap()).unwrap();
    std::fs::write(&day, "in the way").unwrap();
    let often = WorkerOptions { flush_after: Duration::from_millis(20), flush_bytes: 1 << 30 };
    let worker = Worker::open(shop.log.clone(), shop.lake.clone(), often).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(worker.run(|| {}, async { drop(stopped.await) }));
    for batch in 0..5_u32 {
        shop.send(batch * 2 + 1..=batch * 2 + 2).await;
        shop.lake.tail().wait_for(u64::from(batch * 2 + 2)).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(shop.seen().await.0, i64::from(batch * 2 + 2));
    }
    assert_eq!(flushed(&shop.log), 0);
    std::fs::remove_file(&day).unwrap();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(shop.seen().await, (10, 10));
    assert_eq!(flushed(&shop.log), 10);
}
