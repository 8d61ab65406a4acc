//! Joining files changes no row and no position.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use mizan_events::Family;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::{batch, data_file, number, open, order, orders, sql, texts};
use crate::{CompactLimits, Fault, Lake, LakeError, VacuumLimits};

const ALL: &str = "SELECT position, order_id, total, customer_email, lines[1]['sku'], event_time, event_date
    FROM events.orders ORDER BY position";

/// Ten orders whose times are spread over two hours, so that the files interleave.
fn scattered(from: u64) -> RecordBatch {
    let time = |id: u64| format!("2026-03-01T{:02}:{:02}:00Z", id * 7 % 120 / 60, id * 7 % 60);
    let events: Vec<String> = (from..from + 10).map(|id| order(id, &time(id))).collect();
    batch(Family::Order, from, &events)
}

async fn twelve_files(folder: &TempDir) -> Lake {
    let lake = open(folder.path()).await;
    for step in 0..12 {
        lake.append(Family::Order, vec![scattered(step * 10 + 1)], step * 10, step * 10 + 10).await.unwrap();
    }
    lake
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_rows_are_in_order_of_time() {
    let folder = TempDir::new().unwrap();
    let lake = twelve_files(&folder).await;
    lake.compact(Family::Order, CompactLimits::default()).await.unwrap();
    let file = std::fs::File::open(data_file(folder.path(), "joined-")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut times = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = batch.column_by_name("event_time").unwrap().as_primitive::<TimestampMicrosecondType>();
        times.extend_from_slice(column.values());
    }
    assert_eq!(times.len(), 120);
    assert!(times.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_position_are_the_same_before_and_after() {
    let folder = TempDir::new().unwrap();
    let lake = twelve_files(&folder).await;
    let before = texts(&sql(&lake).await, ALL).await;
    let old_session = sql(&lake).await;
    let done = lake.compact(Family::Order, CompactLimits::default()).await.unwrap();
    assert_eq!((done.files_before, done.files_after, done.rows, done.partitions), (12, 1, 120, 1));
    for lake in [lake.clone(), open(folder.path()).await] {
        assert_eq!(texts(&sql(&lake).await, ALL).await, before);
        assert_eq!(lake.position(Family::Order).await.unwrap(), 120);
        assert_eq!(lake.tables().await.unwrap()[1].files, 1);
    }
    assert_eq!(texts(&old_session, ALL).await, before, "a session from before still finds its files");
    let again = lake.compact(Family::Order, CompactLimits::default()).await.unwrap();
    assert_eq!(again.files_before, 0);
    // Ingest goes on where it stood.
    lake.append(Family::Order, vec![orders(121, 131)], 120, 130).await.unwrap();
    assert_eq!(number(&sql(&lake).await, "SELECT count(DISTINCT position) FROM events.orders").await, 130);
    assert!(lake.verify().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_during_a_compaction_survive_it() {
    let folder = TempDir::new().unwrap();
    let lake = twelve_files(&folder).await;
    let appending = {
        let lake = lake.clone();
        tokio::spawn(async move {
            for step in 12..30 {
                lake.append(Family::Order, vec![orders(step * 10 + 1, step * 10 + 11)], step * 10, step * 10 + 10)
                    .await
                    .unwrap();
            }
        })
    };
    for _ in 0..3 {
        // Two at once: the second waits, so that nothing is joined twice.
        let (one, two) = tokio::join!(
            lake.compact(Family::Order, CompactLimits::default()),
            lake.compact(Family::Order, CompactLimits::default()),
        );
        one.unwrap();
        two.unwrap();
    }
    appending.await.unwrap();
    for lake in [lake.clone(), open(folder.path()).await] {
        let context = sql(&lake).await;
        let seen = texts(&context, "SELECT count(*), count(DISTINCT position), max(position) FROM events.orders").await;
        assert_eq!(seen, ["300 300 300"]);
        assert_eq!(lake.position(Family::Order).await.unwrap(), 300);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compactions_of_two_processes_double_nothing() {
    let folder = TempDir::new().unwrap();
    let lake = twelve_files(&folder).await;
    let other = open(folder.path()).await;
    let (one, two) = tokio::join!(
        lake.compact(Family::Order, CompactLimits::default()),
        other.compact(Family::Order, CompactLimits::default()),
    );
    assert_eq!(one.unwrap().files_after + two.unwrap().files_after, 1);
    assert_eq!(number(&sql(&other).await, "SELECT count(*) FROM events.orders").await, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_input_is_not_joined() {
    let folder = TempDir::new().unwrap();
    let lake = twelve_files(&folder).await;
    let victim = data_file(folder.path(), "part-50-60-0");
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[100] ^= 4;
    std::fs::write(&victim, bytes).unwrap();
    let refused = lake.compact(Family::Order, CompactLimits::default()).await;
    assert!(matches!(&refused, Err(LakeError::Damaged { path, .. }) if path.contains("part-50-60-0")), "{refused:?}");
    assert_eq!(lake.tables().await.unwrap()[1].files, 12);
    let findings = lake.verify().await.unwrap();
    assert!(matches!(findings.as_slice(), [one] if matches!(one.fault, Fault::Checksum { .. })), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_were_joined_go_only_after_the_retention() {
    let folder = TempDir::new().unwrap();
    let lake = twelve_files(&folder).await;
    lake.compact(Family::Order, CompactLimits::default()).await.unwrap();
    let kept = lake.vacuum(VacuumLimits::default()).await.unwrap();
    assert_eq!(kept.files, 0);
    let none = VacuumLimits { retention: std::time::Duration::ZERO, dry_run: true };
    assert_eq!(lake.vacuum(none).await.unwrap().files, 12);
    let done = lake.vacuum(VacuumLimits { dry_run: false, ..none }).await.unwrap();
    assert_eq!(done.files, 12);
    assert_eq!(number(&sql(&lake).await, "SELECT count(DISTINCT position) FROM events.orders").await, 120);
    assert!(lake.verify().await.unwrap().is_empty());
}
