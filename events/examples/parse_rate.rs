//! How long an event takes from text to columns, on one core: `cargo run --release -p mizan-events --example parse_rate -- FILE`
//!
//! FILE is NDJSON as `mizan-sample-data`'s example `generate` writes it. The steps add up: each line is a step more.

use std::time::Instant;

use mizan_events::{BatchBuilder, EventTime, Family, Parser, Unknown, identity};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: parse_rate FILE")?;
    let text: String = std::fs::read_to_string(path)?.lines().take(1_000_000).flat_map(|line| [line, "\n"]).collect();
    let lines: Vec<&str> = text.lines().collect();
    let now = EventTime::now();
    let mut parser = Parser::new(Unknown::Keep, now);
    let lines = lines.as_slice();
    let mut seen = 0;
    measure(lines, "lines", |line| seen += line.len());
    measure(lines, "parse", |line| {
        if let Ok(event) = parser.parse(line) {
            parser.reuse(event);
        }
    });
    measure(lines, "parse, identity", |line| {
        if let Ok(event) = parser.parse(line) {
            seen += identity(&event.source, &event.id) as usize;
            parser.reuse(event);
        }
    });
    let mut builder = BatchBuilder::new(Family::Storefront);
    measure(lines, "parse, identity, columns", |line| {
        if let Ok(event) = parser.parse(line) {
            seen += identity(&event.source, &event.id) as usize;
            builder.append(&event, 0, now);
            parser.reuse(event);
            if builder.len() == 14_000 {
                seen += builder.finish().num_rows();
            }
        }
    });
    println!("({seen})");
    Ok(())
}

fn measure<'a>(lines: &[&'a str], what: &str, mut work: impl FnMut(&'a str)) {
    for _ in 0..3 {
        let begun = Instant::now();
        lines.iter().for_each(|line| work(line));
        let nanoseconds = begun.elapsed().as_nanos() as f64 / lines.len() as f64;
        println!("{what:<24} {nanoseconds:>7.0} ns an event");
    }
}
