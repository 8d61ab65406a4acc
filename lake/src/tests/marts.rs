//! A model's table changes as a whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::{open, sql, texts};
use crate::{Lake, LakeError, MartInfo, MartVersion, SessionSettings, Source};

async fn replace(lake: &Lake, name: &str, query: &str, info: MartInfo) -> Result<MartVersion, LakeError> {
    let frame = sql(lake).await.sql(query).await.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    let rows = frame.execute_stream().await.unwrap();
    lake.replace_mart(name, schema, rows, info).await
}

fn info(hash: &str) -> MartInfo {
    MartInfo {
        comment: "Sales by day".to_owned(),
        columns: [("total".to_owned(), "What was sold".to_owned())].into(),
        model_hash: hash.to_owned(),
        sources: [("events.orders".to_owned(), Source { version: 7, position: 9 })].into(),
        order: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_schema_and_description_are_replaced_together() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let first = "SELECT 'a' AS day, 12.345 AS total UNION ALL SELECT 'b', 0.005 ORDER BY 1";
    let made = replace(&lake, "sales_daily", first, info("h1")).await.unwrap();
    assert_eq!((made.rows, made.files), (2, 1));
    assert_eq!(texts(&sql(&lake).await, "SELECT day, total FROM marts.sales_daily").await, ["a 12.345", "b 0.005"]);
    let second = "SELECT date '2026-03-01' AS day, 'KWD' AS currency, count(*) AS orders, true AS open
        FROM (VALUES (1), (2)) AS v(x)";
    let made = replace(&lake, "sales_daily", second, info("h2")).await.unwrap();
    assert_eq!(made.rows, 1);
    for lake in [lake.clone(), open(folder.path()).await, Lake::open_read_only(folder.path()).await.unwrap()] {
        let context = sql(&lake).await;
        assert_eq!(texts(&context, "SELECT * FROM sales_daily").await, ["2026-03-01 KWD 2 true"]);
        let state = lake.mart("sales_daily").await.unwrap().unwrap();
        assert_eq!((state.info.model_hash.as_str(), state.info.sources["events.orders"].version), ("h2", 7));
        assert_eq!((state.info.comment.as_str(), state.rows), ("Sales by day", 1));
        assert_eq!(lake.marts().await.unwrap(), ["sales_daily"]);
    }
    let none = "SELECT date '2026-03-01' AS day WHERE false";
    assert_eq!(replace(&lake, "sales_daily", none, info("h3")).await.unwrap().rows, 0);
    assert!(texts(&sql(&lake).await, "SELECT * FROM marts.sales_daily").await.is_empty());
    assert_eq!(lake.mart("orders").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_the_old_rows_or_the_new_ones_never_a_mixture() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let query = |version: u32| {
        format!("SELECT {version} AS version, value FROM generate_series(1, {}) AS t(value)", version * 10)
    };
    replace(&lake, "m", &query(1), info("")).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (lake, done) = (Lake::open_read_only(folder.path()).await.unwrap(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut looked = 0;
            while !done.load(Ordering::Relaxed) {
                let context = lake.session(SessionSettings::default()).await.unwrap();
                let seen = texts(&context, "SELECT count(*) = 10 * max(version), count(DISTINCT version) FROM marts.m");
                assert_eq!(seen.await, ["true 1"]);
                looked += 1;
            }
            looked
        })
    };
    for version in 2..15 {
        replace(&lake, "m", &query(version), info("")).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_table_cannot_hold_is_refused_with_advice() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    let naive = "SELECT timestamp '2026-03-01 10:00:00' AS at";
    let refused = replace(&lake, "m", naive, info("")).await.unwrap_err().to_string();
    assert!(refused.contains("column at") && refused.contains("keep the instant"), "{refused}");
    for name in ["", "Sales", "../escape", "a b", "1st"] {
        let refused = replace(&lake, name, "SELECT 1 AS one", info("")).await;
        assert!(matches!(refused, Err(LakeError::MartName(_))), "{name}");
    }
    assert!(lake.marts().await.unwrap().is_empty());
}
