//! Live state can be made anew from the lake, and is the same.

use crate::support::Mizan;
use crate::support::events::{captured, now, placed, received};

#[test]
fn operations_rebuilt_from_the_lake_have_the_same_rows() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let time = now();
    let mut lines = vec![received("r1", "OUD", 100, &time), received("r2", "DATES", 3, &time)];
    for order in 0..40 {
        lines.push(placed(&order.to_string(), if order % 3 == 0 { "DATES" } else { "OUD" }, 1, "2.500", &time));
        if order % 2 == 0 {
            lines.push(captured(&order.to_string(), "2.500", &time));
        }
    }
    assert_eq!(server.events(&lines.join("\n")).json()["accepted"], lines.len());
    let paths = [
        "/v1/stock",
        "/v1/orders?limit=100",
        "/v1/alerts",
        "/v1/orders/2",
        "/v1/orders/2/invoice",
        "/v1/invoices/INV-2026-000001",
    ];
    let ask = |server: &crate::support::Server| -> Vec<serde_json::Value> {
        paths
            .iter()
            .map(|path| {
                let answer = server.get(path);
                assert!(answer.status == 200 || path.contains("INV-"), "{path}: {}", answer.text());
                answer.json()
            })
            .collect()
    };
    // Operations follow a moment after the answer.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while server.get("/v1/orders/39").status != 200 {
        assert!(std::time::Instant::now() < deadline, "live state does not follow the log");
    }
    let live = ask(&server);
    // 14 of the 40 orders take dates, of which there were three: eleven too many were sold.
    let stock = live[0]["stock"].as_array().unwrap();
    let dates = stock.iter().find(|row| row["sku"] == "DATES").unwrap();
    assert_eq!(dates["on_hand"], "-11");
    assert_eq!(stock.iter().find(|row| row["sku"] == "OUD").unwrap()["on_hand"], "74");
    assert_eq!(server.interrupt(), Some(0));

    mizan.ok(&["operations", "rebuild"]);
    let server = mizan.serve();
    assert_eq!(ask(&server), live);
}
