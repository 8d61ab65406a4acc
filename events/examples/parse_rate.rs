//! How fast events are read, checked and built into columns on one thread.
//!
//! ```sh
//! cargo run --release -p mizan-events --example parse_rate -- sample-data/small/storefront.ndjson
//! ```
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use mizan_events::{BatchBuilder, EventTime, Family, Unknown, parse};

const EVENTS: usize = 1_000_000;

fn main() {
    let path = std::env::args().nth(1).expect("name a file of events, one a line");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let now = EventTime::now();
    let bytes: usize = lines.iter().cycle().take(EVENTS).map(|line| line.len()).sum();

    let started = Instant::now();
    let mut identities = 0;
    for line in lines.iter().cycle().take(EVENTS) {
        identities ^= parse(line, Unknown::Keep, now).unwrap().identity();
    }
    report("parse", started, bytes, identities);

    let started = Instant::now();
    let mut rows = 0;
    let mut builders = Family::ALL.map(BatchBuilder::new);
    for (position, line) in lines.iter().cycle().take(EVENTS).enumerate() {
        let event = parse(line, Unknown::Keep, now).unwrap();
        let builder = &mut builders[event.family().index()];
        builder.append(&event, position as u64, now);
        if builder.len() == 16_384 {
            rows += builder.finish().num_rows() as u128;
        }
    }
    report("parse and build", started, bytes, rows);
}

fn report(what: &str, started: Instant, bytes: usize, check: u128) {
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{what:16} {:>9.0} events/s  {:>6.1} MB/s  ({check:x})",
        EVENTS as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
}
