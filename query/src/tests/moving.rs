//! Rows that arrive while statements run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arrow::array::{Int64Array, RecordBatch};
use async_trait::async_trait;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;

use super::support::{Failure, ask, session_with};
use crate::{Engine, Limits, Sessions};

/// Positions 1 to `end` are there, and `end` moves.
struct Arriving {
    end: Arc<AtomicI64>,
}

#[async_trait]
impl Sessions for Arriving {
    async fn session(&self, runtime: Arc<RuntimeEnv>) -> Result<SessionContext, Failure> {
        let end = self.end.load(Ordering::Acquire);
        let positions = Int64Array::from_iter_values(1..=end);
        session_with(runtime, "rows", RecordBatch::try_from_iter([("position", Arc::new(positions) as _)])?)
    }
}

/// A statement that reads the table several times sees one state of it, and a later one never less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_sees_one_moment_and_each_row_once() {
    let end = Arc::new(AtomicI64::new(1));
    let stop = Arc::new(AtomicBool::new(false));
    let engine = Engine::over(Arriving { end: Arc::clone(&end) }, Limits::default()).unwrap();
    let writer = std::thread::spawn({
        let (end, stop) = (Arc::clone(&end), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Acquire) {
                end.fetch_add(7, Ordering::AcqRel);
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        }
    });
    let mut last = 0;
    for _ in 0..20 {
        let before = end.load(Ordering::Acquire);
        let answer = ask(
            &engine,
            "SELECT count(*), count(DISTINCT position), max(position), (SELECT count(*) FROM events.rows) AS again, \
             (SELECT count(*) FROM events.rows a JOIN events.rows b USING (position)) AS paired FROM events.rows",
        )
        .await
        .unwrap();
        let counts: Vec<i64> = answer.split('|').map(|count| count.parse().unwrap()).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{answer}");
        assert!(counts[0] >= before && counts[0] >= last, "{answer} after {before} and {last}");
        last = counts[0];
    }
    stop.store(true, Ordering::Release);
    writer.join().unwrap();
}
