//! The engine over a real lake: snapshot and tail, while rows come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use mizan_events::{BatchBuilder, EventTime, Family, Unknown, parse};
use mizan_lake::{Lake, LakeOptions, SessionSettings, Shop};

use super::support::ask;
use crate::{Engine, Limits};

const FAMILY: Family = Family::Inventory;

/// Events of the positions after `from` up to `to`: one unit of stock each, at a price with four places.
fn rows(from: u64, to: u64) -> RecordBatch {
    let now = EventTime::now();
    let mut builder = BatchBuilder::new(FAMILY);
    for position in from + 1..=to {
        let text = format!(
            r#"{{"specversion":"1.0","id":"e{position}","source":"test","type":"inventory.received","time":"2026-03-01T10:04:07.250Z",
            "data":{{"sku":"قميص-{}","quantity":1,"unit_cost":"12.5001","currency":"SAR"}}}}"#,
            position % 3
        );
        builder.append(&parse(&text, Unknown::Keep, now).unwrap(), position, now);
    }
    builder.finish()
}

fn settings() -> SessionSettings {
    let shop = |name: &str| Shop {
        shop: name.into(),
        name: "متجر".into(),
        currency: "SAR".into(),
        timezone: "Asia/Riyadh".into(),
    };
    SessionSettings { shops: vec![shop("default")], ..SessionSettings::default() }
}

async fn open() -> (tempfile::TempDir, Lake, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path(), LakeOptions::default()).await.unwrap();
    let engine = Engine::new(lake.clone(), Limits::default(), settings()).unwrap();
    (folder, lake, engine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_rows_and_waiting_rows_are_one_table() {
    let (_folder, lake, engine) = open().await;
    assert_eq!(ask(&engine, "SELECT count(*) FROM events.inventory").await.unwrap(), "0");
    lake.append(FAMILY, vec![rows(0, 5)], 0, 5).await.unwrap();
    lake.tail().push(FAMILY, rows(5, 8), 8).unwrap();
    let sql = "SELECT count(*), sum(quantity), sum(quantity * unit_cost), max(position) FROM mizan.events.inventory";
    // 8 × 12.5001
    let answer = ask(&engine, sql).await.unwrap();
    let numbers: Vec<&str> = answer.split('|').collect();
    assert_eq!((numbers[0], numbers[3]), ("8", "8"), "{answer}");
    assert_eq!(numbers[1].trim_end_matches(['0', '.']), "8", "{answer}");
    assert_eq!(numbers[2].trim_end_matches('0'), "100.0008", "{answer}");
    let by_sku = ask(&engine, "SELECT sku, count(*) FROM events.inventory GROUP BY sku ORDER BY sku").await.unwrap();
    assert_eq!(by_sku, "قميص-0|2;قميص-1|3;قميص-2|3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_and_shops_are_seen_and_files_are_not() {
    let (folder, lake, engine) = open().await;
    lake.append(FAMILY, vec![rows(0, 5)], 0, 5).await.unwrap();
    let tables = ask(&engine, "SHOW TABLES").await.unwrap();
    assert!(tables.contains("events|inventory|"), "{tables}");
    let columns = ask(&engine, "DESCRIBE events.inventory").await.unwrap();
    let first = columns.split(';').next().unwrap();
    assert!(first.starts_with("event_id|text|") && !first.ends_with("NULL"), "{columns}");
    let commented = "SELECT count(*) FROM settings.columns WHERE table_name = 'inventory' AND comment = ''";
    assert_eq!(ask(&engine, commented).await.unwrap(), "0");
    assert_eq!(ask(&engine, "SELECT timezone FROM settings.shops").await.unwrap(), "Asia/Riyadh");
    let day = "SELECT DISTINCT shop_date(shop, TIMESTAMP '2026-03-01T22:00:00Z') FROM events.inventory";
    assert_eq!(ask(&engine, day).await.unwrap(), "2026-03-02");
    let plan = ask(&engine, "EXPLAIN SELECT sku FROM events.inventory WHERE quantity > 0").await.unwrap();
    assert!(plan.contains("inventory") || plan.contains("sku"), "{plan}");
    assert!(!plan.contains(".parquet") && !plan.contains(&folder.path().to_string_lossy().into_owned()), "{plan}");
}

/// Rows pass from the tail into the lake while statements run: each is seen once, none goes missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_row_is_seen_once_wherever_it_lies() {
    let (_folder, lake, engine) = open().await;
    let visible = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (lake, visible, stop) = (lake.clone(), Arc::clone(&visible), Arc::clone(&stop));
        async move {
            let (mut stored, mut last) = (0, 0);
            let mut waiting = Vec::new();
            while !stop.load(Ordering::Acquire) {
                let batch = rows(last, last + 10);
                lake.tail().push(FAMILY, batch.clone(), last + 10).unwrap();
                waiting.push(batch);
                last += 10;
                visible.store(last, Ordering::Release);
                if waiting.len() == 4 {
                    lake.append(FAMILY, std::mem::take(&mut waiting), stored, last).await.unwrap();
                    lake.tail().committed(FAMILY, last);
                    stored = last;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stored
        }
    });
    for _ in 0..15 {
        let before = visible.load(Ordering::Acquire);
        let sql = "SELECT count(*), count(DISTINCT position), coalesce(max(position), 0), coalesce(min(position), 1) \
                   FROM events.inventory";
        let answer = ask(&engine, sql).await.unwrap();
        let counts: Vec<u64> = answer.split('|').map(|count| count.parse().unwrap()).collect();
        assert_eq!((counts[0], counts[1], counts[3]), (counts[2], counts[2], 1), "{answer}");
        assert!(counts[0] >= before, "{answer} after {before}");
    }
    stop.store(true, Ordering::Release);
    assert!(writer.await.unwrap() > 0, "nothing moved into the lake while the statements ran");
}
