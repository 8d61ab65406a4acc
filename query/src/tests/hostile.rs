//! Statements meant to do harm end within the limits, and the process lives on.

use std::time::{Duration, Instant};

use futures::StreamExt;

use super::support::{ask, engine, engine_with};
use crate::{ErrorKind, Limits, QueryError};

fn short() -> Limits {
    Limits {
        time: Duration::from_secs(2),
        patience: Duration::from_millis(300),
        memory: 64 << 20,
        concurrent: 2,
        ..Limits::default()
    }
}

fn repeated(term: &str, between: &str, times: usize) -> String {
    vec![term; times].join(between)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_chains_are_refused_and_allowed_ones_run() {
    let engine = engine();
    for sql in [
        format!("SELECT {} FROM marts.orders", repeated("units", "+", 2_000)),
        format!("SELECT 1 FROM marts.orders WHERE {}", repeated("units = 0", " OR ", 2_000)),
        format!("SELECT {}1", "- ".repeat(2_000)),
        format!("SELECT 1{}", "::int".repeat(2_000)),
        format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("SELECT 1 {}", repeated("UNION ALL SELECT 1", " ", 3_000)),
        format!("SELECT {}", repeated("1", ",", 20_000)),
        format!("SELECT {}", "NOT ".repeat(3_000)),
        format!("SELECT * FROM {}", repeated("marts.orders", ", ", 1_000)),
        format!("SELECT * FROM {}1{}", "(".repeat(39), ")".repeat(39)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(200), " END".repeat(200)),
        "x".repeat(70_000),
    ] {
        let begun = Instant::now();
        let error = ask(&engine, &sql).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit | ErrorKind::Statement), "{}: {error}", &sql[..40]);
        assert!(begun.elapsed() < Duration::from_secs(5), "{} took {:?}", &sql[..40], begun.elapsed());
    }
    assert_eq!(ask(&engine, &format!("SELECT {}", repeated("1", "+", 400))).await.unwrap(), "400");
    let chain = format!("SELECT count(*) FROM marts.orders WHERE {}", repeated("units = 1", " OR ", 400));
    assert_eq!(ask(&engine, &chain).await.unwrap(), "1");
    let list = format!(
        "SELECT count(*) FROM marts.orders WHERE units IN ({})",
        (0..4_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
    );
    assert_eq!(ask(&engine, &list).await.unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_double_when_unfolded_are_refused() {
    let engine = engine_with(short());
    let mut doubling = String::from("WITH t0 AS (SELECT units AS x FROM marts.orders)");
    let mut deep = String::from("WITH t0 AS (SELECT units AS x FROM marts.orders)");
    for n in 1..30 {
        let before = n - 1;
        doubling.push_str(&format!(", t{n} AS (SELECT a.x FROM t{before} a, t{before} b)"));
        deep.push_str(&format!(", t{n} AS (SELECT x + x AS x FROM t{before})"));
    }
    for sql in [format!("{doubling} SELECT * FROM t29"), format!("{deep} SELECT * FROM t29 WHERE x > 0")] {
        let error = ask(&engine, &sql).await.unwrap_err();
        assert!(matches!(error, QueryError::TooComplex { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_make_much_from_little_are_bounded() {
    let engine = engine_with(short());
    let rows = "FROM generate_series(1, 20000) t(v)";
    for sql in [
        "SELECT repeat('x', 1000000000)".to_owned(),
        "SELECT lpad('x', 1000000000)".into(),
        "SELECT rpad('x', 1000000000, 'ab')".into(),
        "SELECT length(repeat(repeat('x', 60000), 60000))".into(),
        "SELECT range(1, 1000000000000)".into(),
        "SELECT generate_series(1, 1000000000000)".into(),
        "SELECT generate_series(DATE '1000-01-01', DATE '9000-01-01', INTERVAL '1' SECOND)".into(),
        "SELECT array_repeat(1, 1000000000)".into(),
        "SELECT array_resize([1], 1000000000)".into(),
        "SELECT * FROM generate_series(1, 1000000000000000000)".into(),
        "SELECT * FROM range(0, 1000000000000000000, 2)".into(),
        format!("SELECT max(repeat('x', 100000) || v) {rows}"),
        format!("SELECT max(repeat('x', v * 100)) {rows}"),
        format!("SELECT max(replace(repeat('x', 1000), 'x', repeat('y', v + 1000))) {rows}"),
        format!("SELECT max(regexp_replace(repeat('x', 1000), 'x', repeat('y', v + 1000), 'g')) {rows}"),
        format!("SELECT max(array_to_string(range(1, 1000), repeat('y', v + 1000))) {rows}"),
        format!("SELECT max(levenshtein(repeat('x', 60000), repeat('y', 60000 + v - v))) {rows}"),
        format!("SELECT max(x || x || x || x || x || x || x || x) FROM (SELECT repeat('x', 1500 + v - v) AS x {rows})"),
    ] {
        let begun = Instant::now();
        let error = ask(&engine, &sql).await.unwrap_err();
        assert!(matches!(error, QueryError::TooMuch { .. }), "{sql}: {error:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{sql} took {:?}", begun.elapsed());
    }
    assert_eq!(ask(&engine, &format!("SELECT max(lpad(CAST(v AS TEXT), 8, '0')) {rows}")).await.unwrap(), "00020000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_work_ends_at_the_deadline_and_frees_its_place() {
    let engine = engine_with(short());
    for sql in [
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value + b.value = 0",
        "SELECT sum(a.value * b.value % 7) FROM generate_series(1, 1000000) a CROSS JOIN generate_series(1, 1000000) b",
        "SELECT a.value FROM generate_series(1, 1000000) a CROSS JOIN generate_series(1, 1000000) b WHERE a.value * b.value < 0",
        "SELECT count(*) FROM generate_series(1, 1000000) a JOIN generate_series(1, 1000000) b ON a.value < b.value",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    ] {
        let begun = Instant::now();
        let error = ask(&engine, sql).await.unwrap_err();
        assert!(matches!(error, QueryError::Timeout { seconds: 2 } | QueryError::Memory { .. }), "{sql}: {error:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{sql} took {:?}", begun.elapsed());
        wait_until_idle(&engine).await;
    }
    assert_eq!(ask(&engine, "SELECT 1").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_waits_is_told_that_the_time_is_over() {
    let engine = engine_with(Limits { time: Duration::from_secs(1), rows: usize::MAX - 1, ..short() });
    let mut result = engine.query("SELECT * FROM generate_series(1, 5000000)", vec![]).await.unwrap();
    result.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    wait_until_idle(&engine).await;
    let mut last = None;
    while let Some(batch) = result.next().await {
        last = Some(batch);
    }
    assert!(matches!(last, Some(Err(QueryError::Timeout { seconds: 1 }))), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn working_memory_runs_out_politely() {
    let engine = engine_with(Limits { memory: 8 << 20, spill: 1 << 20, time: Duration::from_secs(20), ..short() });
    for sql in [
        "SELECT v, array_agg(v) OVER (ORDER BY v) FROM generate_series(1, 1000000) t(v)",
        "SELECT median(v) OVER w FROM generate_series(1, 1000000) t(v) WINDOW w AS (ORDER BY v)",
        "SELECT sum(DISTINCT v) OVER (ORDER BY v) FROM generate_series(1, 1000000) t(v)",
    ] {
        assert!(matches!(ask(&engine, sql).await, Err(QueryError::Refused { .. })), "{sql}");
    }
    assert_eq!(ask(&engine, "SELECT median(v) OVER () FROM generate_series(1, 3) t(v) LIMIT 1").await.unwrap(), "2.0");
    let error =
        ask(&engine, "SELECT length(array_to_string(array_agg(v), ',')) FROM generate_series(1, 10000000) t(v)")
            .await
            .unwrap_err();
    assert!(matches!(error, QueryError::Memory { .. }), "{error:?}");
    wait_until_empty(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_places_are_taken_the_next_is_told_so() {
    let engine = engine_with(Limits { time: Duration::from_secs(10), ..short() });
    let rows = "SELECT * FROM generate_series(1, 9000000)";
    let first = engine.query(rows, vec![]).await.unwrap();
    let second = engine.query(rows, vec![]).await.unwrap();
    let error = ask(&engine, "SELECT 1").await.unwrap_err();
    assert_eq!(error, QueryError::Busy { running: 2 });
    drop((first, second));
    wait_until_idle(&engine).await;
    assert_eq!(ask(&engine, "SELECT 1").await.unwrap(), "1");
}

/// Dropping stops the work: the engine's threads use no more processor time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_query_frees_the_processor_within_a_second() {
    let engine = engine_with(Limits { time: Duration::from_secs(60), ..short() });
    let endless = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b WHERE a.value + b.value = 0";
    let call = tokio::spawn({
        let engine = engine.clone();
        async move { engine.query(endless, vec![]).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(engine.running(), 1);
    assert!(engine.handle().metrics().num_alive_tasks() > 0);
    call.abort();
    wait_until_idle(&engine).await;
    wait_until_empty(&engine).await;
}

/// No task is left on the engine's threads and no memory in its account.
async fn wait_until_empty(engine: &crate::Engine) {
    let begun = Instant::now();
    while engine.handle().metrics().num_alive_tasks() > 0 || engine.memory_in_use() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(1), "work goes on {:?} after the end", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn wait_until_idle(engine: &crate::Engine) {
    let begun = Instant::now();
    while engine.running() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(1), "a place is still held {:?} after the end", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
