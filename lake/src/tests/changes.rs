//! Some rows of a model's table are exchanged, and what changed can be told afterwards.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use tempfile::TempDir;

use super::{open, sql, texts};
use crate::{Lake, LakeError, MartChange, MartInfo, MartVersion, SessionSettings};

const TABLE: &str = "SELECT * FROM marts.m ORDER BY id, n";

fn info(hash: &str) -> MartInfo {
    MartInfo { model_hash: hash.to_owned(), order: vec!["at".to_owned(), "id".to_owned()], ..MartInfo::default() }
}

async fn replace(lake: &Lake, query: &str, hash: &str) -> MartVersion {
    let frame = sql(lake).await.sql(query).await.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    lake.replace_mart("m", schema, frame.execute_stream().await.unwrap(), info(hash)).await.unwrap()
}

async fn batch(context: &SessionContext, query: &str) -> RecordBatch {
    let frame = context.sql(query).await.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    arrow::compute::concat_batches(&schema, &frame.collect().await.unwrap()).unwrap()
}

/// The same rows with instants as tables keep them.
fn utc(query: &str) -> String {
    format!(r#"SELECT id, n, arrow_cast(at, 'Timestamp(Microsecond, Some("UTC"))') AS at FROM ({query})"#)
}

/// Exchanges the rows of the keys that `keys` gives for those that `rows` gives.
async fn change(lake: &Lake, base: u64, keys: &str, rows: &str, hash: &str) -> Result<MartVersion, LakeError> {
    let context = sql(lake).await;
    let change = MartChange { base, keys: batch(&context, keys).await, rows: batch(&context, &utc(rows)).await };
    lake.change_mart("m", change, info(hash), &SessionSettings::default()).await
}

const START: &str =
    "SELECT * FROM (VALUES ('a', 1, timestamp '2026-03-01T00:00:00Z'), ('a', 2, timestamp '2026-03-02T00:00:00Z'),
    ('b', 3, timestamp '2026-03-03T00:00:00Z'), (NULL, 4, timestamp '2026-03-04T00:00:00Z')) AS v(id, n, at)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_the_keys_go_and_the_new_ones_come_in_one_version() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let made = replace(&lake, &utc(START), "h1").await;
    let keys = "SELECT * FROM (VALUES ('a'), (NULL), ('c')) AS v(id)";
    let rows = "SELECT * FROM (VALUES ('a', 10, timestamp '2026-03-01T12:00:00Z'), ('c', 30, timestamp '2026-04-01T00:00:00Z')) AS v(id, n, at)";
    let changed = change(&lake, made.version, keys, rows, "h2").await.unwrap();
    assert_eq!((changed.version, changed.rows), (made.version + 1, 3));
    for lake in [lake.clone(), open(folder.path()).await] {
        let kept = texts(&sql(&lake).await, "SELECT id, n FROM marts.m ORDER BY n").await;
        assert_eq!(kept, ["b 3", "a 10", "c 30"]);
        assert_eq!(lake.mart("m").await.unwrap().unwrap().info, info("h2"));
    }
    assert!(lake.verify().await.unwrap().is_empty());

    let stale = change(&lake, made.version, keys, rows, "h3").await;
    assert!(matches!(stale, Err(LakeError::Commit { .. })), "{stale:?}");
    let none = "SELECT id FROM marts.m WHERE false";
    let only_told = change(&lake, changed.version, none, "SELECT * FROM marts.m WHERE false", "h4").await.unwrap();
    assert_eq!((only_told.version, only_told.rows), (changed.version + 1, 3));
    assert_eq!(lake.mart("m").await.unwrap().unwrap().info.model_hash, "h4");
    let difference = lake.mart_difference("m", changed.version).await.unwrap().unwrap();
    assert_eq!(difference.bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_a_version_is_told_until_its_files_are_gone() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let made = replace(&lake, &utc(START), "h1").await;
    let keys = "SELECT * FROM (VALUES ('b')) AS v(id)";
    let rows = "SELECT 'b' AS id, 33 AS n, timestamp '2026-03-03T00:00:00Z' AS at";
    let second = change(&lake, made.version, keys, rows, "h1").await.unwrap();
    change(&lake, second.version, keys, "SELECT * FROM marts.m WHERE false", "h1").await.unwrap();
    let difference = lake.mart_difference("m", made.version).await.unwrap().unwrap();
    let context = sql(&lake).await;
    let rows = async |table| {
        let batches = context.read_table(table).unwrap().collect().await.unwrap();
        let mut numbers: Vec<i64> = batches
            .iter()
            .flat_map(|batch| {
                let column = arrow::compute::cast(batch.column(1), &arrow::datatypes::DataType::Int64).unwrap();
                arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column).values().to_vec()
            })
            .collect();
        numbers.sort();
        numbers
    };
    // The one file was written again twice; what lies between is not seen.
    assert_eq!((rows(difference.removed).await, rows(difference.added).await), (vec![1, 2, 3, 4], vec![1, 2, 4]));
    let others = "SELECT id, n, at, 1 AS more FROM marts.m";
    let last = replace(&lake, others, "h2").await;
    assert!(lake.mart_difference("m", made.version).await.unwrap().is_none(), "the columns are others");
    replace(&lake, &format!("{others} WHERE n > 1"), "h2").await;
    assert!(lake.mart_difference("m", last.version).await.unwrap().is_some());
    for entry in std::fs::read_dir(folder.path().join("marts/m")).unwrap() {
        let path = entry.unwrap().path();
        let gone = !lake_has(&lake, &path).await;
        if path.extension().is_some_and(|extension| extension == "parquet") && gone {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert!(lake.mart_difference("m", last.version).await.unwrap().is_none(), "the files are gone");
    assert_eq!(texts(&sql(&lake).await, TABLE).await.len(), 2);
}

async fn lake_has(lake: &Lake, path: &std::path::Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    let table = lake.mart_table("m").unwrap();
    table.pin().await.unwrap().files.iter().any(|file| file.path.as_ref() == name)
}

/// Many small changes do not leave many small files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_files_are_joined_by_later_changes() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let mut version = replace(&lake, &utc(START), "h1").await.version;
    for day in 1..=30 {
        let keys = format!("SELECT 'k{day}' AS id");
        let rows = format!("SELECT 'k{day}' AS id, {day} AS n, timestamp '2026-05-{day:02}T00:00:00Z' AS at");
        let changed = change(&lake, version, &keys, &rows, "h1").await.unwrap();
        assert_eq!(changed.rows, 4 + day);
        assert!(changed.files <= 10, "{} files", changed.files);
        version = changed.version;
    }
    assert!(lake.verify().await.unwrap().is_empty());
}
