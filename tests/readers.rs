//! The lake is open: engines that are not ours read the same folder and find the same rows.

use std::process::Command;

use crate::support::Mizan;
use crate::support::events::{captured, placed};
use crate::support::tools::{python, repository};

#[test]
fn deltalake_polars_and_clickhouse_find_the_same_rows() {
    let Some(python) = python("deltalake, polars, chdb, pyarrow") else { return };
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "1")]);
    // Twelve days, so that there are twelve partitions, in three rounds, so that there are several commits.
    for round in 0..3 {
        let mut lines = Vec::new();
        for day in 1..=12 {
            let (order, time) = (format!("{round}-{day}"), format!("2026-03-{day:02}T10:00:00Z"));
            lines.push(placed(&order, "SKU", 2, "0.125", &time));
            lines.push(captured(&order, "0.250", &time));
        }
        assert_eq!(server.events(&lines.join("\n")).json()["accepted"], 24);
        std::thread::sleep(std::time::Duration::from_millis(1500));
    }
    assert_eq!(server.interrupt(), Some(0));
    let read = |table: &str, column: &str| {
        let output = Command::new(&python)
            .arg(repository().join("tests/readers/read.py"))
            .arg(mizan.data.join("lake/events").join(table))
            .arg(column)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    // 36 payments of 0.250 KWD.
    let payments = read("payments", "amount");
    for engine in ["deltalake", "polars", "clickhouse"] {
        assert_eq!(payments[engine], serde_json::json!({"rows": 36, "identities": 36, "sum": "9"}), "{engine}");
    }
    let orders = read("orders", "total");
    for engine in ["deltalake", "polars", "clickhouse"] {
        assert_eq!(orders[engine]["rows"], 36, "{engine}");
    }
    assert_eq!(mizan.value("SELECT sum(amount) FROM events.payments"), "9.0000");
}
