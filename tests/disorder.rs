//! Senders deliver twice, late and out of order; the books are the same.

use mizan_events::EventTime;
use serde_json::Value;

use crate::support::tools::repository;
use crate::support::{Mizan, Server};

/// The committed sample: storefront, orders, payments and stock of a small shop.
fn sample() -> Vec<String> {
    let mut lines = Vec::new();
    for family in ["storefront", "orders", "payments", "inventory"] {
        let path = repository().join("sample-data/small").join(format!("{family}.ndjson"));
        lines.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
    }
    lines
}

/// The same shuffle every time: a linear congruential generator and Fisher and Yates.
fn shuffled(mut lines: Vec<String>, seed: u64) -> Vec<String> {
    let mut state = seed;
    for place in (1..lines.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lines.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
    }
    lines
}

/// What a shop sees: every table of facts and every model, and live state.
fn books(mizan: &Mizan, server: Server, events: u64) -> Vec<(String, Vec<String>)> {
    let facts = ["storefront", "orders", "payments", "inventory"];
    let [_, last @ ..] = facts.map(|table| format!("SELECT max(position) AS position FROM events.{table}"));
    let visible = facts.map(|table| format!("SELECT count(*) AS rows FROM events.{table}")).join(" UNION ALL ");
    let visible = format!("SELECT seen FROM (SELECT sum(rows) AS seen FROM ({visible})) WHERE seen = {events}");
    server.rows(&visible, 1);
    let last = server.value(&format!("SELECT max(position) FROM ({})", last.join(" UNION ALL ")));
    let last: f64 = last.parse().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let seen = server.get("/metrics").text();
        let followed = seen.lines().find_map(|line| line.strip_prefix("mizan_operations_position "));
        if followed.and_then(|position| position.parse().ok()).is_some_and(|position: f64| position >= last) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "live state does not follow: {followed:?} of {last}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mut live: Vec<(String, Vec<String>)> = ["/v1/stock", "/v1/orders?limit=200"]
        .into_iter()
        .map(|path| (path.to_owned(), rows_of(&server.get(path).json())))
        .collect();
    assert_eq!(server.interrupt(), Some(0));
    mizan.ok(&["run", "--full"]);
    let yesterday = EventTime::from_micros(EventTime::now().micros() - 86_400_000_000).to_string()[..10].to_owned();
    let tables = mizan.sql(
        "SELECT table_schema || '.' || table_name AS name FROM settings.tables
         WHERE table_schema IN ('events', 'marts') AND table_name NOT IN ('rejected', 'webhooks') ORDER BY 1",
    );
    for table in tables {
        let table = table["name"].as_str().unwrap().to_owned();
        // When it came and at which place is what differs.
        let rows = mizan.sql(&format!("SELECT * FROM {table}"));
        // Of the day that is not over, seconds are counted up to the run.
        let running = |row: &Value| !row["out_seconds"].is_null() && row["day"].as_str() >= Some(&yesterday);
        let rows = rows.into_iter().filter(|row| !running(row)).map(|mut row| {
            let fields = row.as_object_mut().unwrap();
            fields.retain(|name, _| !["position", "received_at"].contains(&name.as_str()));
            row.to_string()
        });
        let mut rows: Vec<String> = rows.collect();
        rows.sort();
        live.push((table, rows));
    }
    live
}

fn rows_of(answer: &Value) -> Vec<String> {
    let lists = answer.as_object().unwrap().values().filter_map(Value::as_array);
    let mut rows: Vec<String> = lists.flatten().map(Value::to_string).collect();
    rows.sort();
    rows
}

#[test]
fn three_deliveries_in_random_order_equal_one_in_order() {
    let lines = sample();
    let count = lines.len() as u64;
    let ordered = Mizan::new();
    let server = ordered.serve();
    assert_eq!(server.events(&lines.join("\n")).json()["accepted"], count);
    let expected = books(&ordered, server, count);
    assert!(expected.iter().map(|(_, rows)| rows.len()).sum::<usize>() > lines.len(), "there is something to compare");

    for seed in [42, 2_026] {
        let found = in_disorder(&lines, seed);
        assert_eq!(expected.len(), found.len());
        let mut differences = Vec::new();
        for ((name, expected), (found_name, found)) in expected.iter().zip(&found) {
            assert_eq!(name, found_name);
            let missing: Vec<&String> = expected.iter().filter(|row| !found.contains(row)).collect();
            let more: Vec<&String> = found.iter().filter(|row| !expected.contains(row)).collect();
            if !missing.is_empty() || !more.is_empty() || expected.len() != found.len() {
                differences.push(format!("{name}\nmissing: {missing:#?}\ninstead: {more:#?}"));
            }
        }
        assert!(differences.is_empty(), "seed {seed}: {}", differences.join("\n"));
    }
}

/// The books after three deliveries of everything, shuffled, in small batches.
fn in_disorder(lines: &[String], seed: u64) -> Vec<(String, Vec<String>)> {
    let count = lines.len() as u64;
    let disordered = Mizan::new();
    let server = disordered.serve();
    let three_times: Vec<String> = lines.iter().cycle().take(lines.len() * 3).cloned().collect();
    let (mut accepted, mut duplicates) = (0, 0);
    for batch in shuffled(three_times, seed).chunks(37) {
        let answer = server.events(&batch.join("\n")).json();
        assert_eq!(answer["rejected"].as_array().map(Vec::len), Some(0), "{answer}");
        accepted += answer["accepted"].as_u64().unwrap();
        duplicates += answer["duplicates"].as_u64().unwrap();
    }
    assert_eq!((accepted, duplicates), (count, 2 * count));
    books(&disordered, server, count)
}
