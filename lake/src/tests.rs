//! The promises of the lake, through its public face and real folders.

mod append;
mod changes;
mod compact;
mod marts;
mod privacy;
mod read;
mod session;
mod upkeep;

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use mizan_events::{BatchBuilder, EventTime, Family, Unknown, parse};

use crate::{Lake, LakeOptions, SessionSettings};

/// A batch of events given as JSON, at positions `first`, `first + 1`, …
fn batch(family: Family, first: u64, events: &[String]) -> RecordBatch {
    let now = EventTime::parse("2026-04-01T00:00:00Z").unwrap();
    let mut builder = BatchBuilder::new(family);
    for (position, text) in (first..).zip(events) {
        let event = parse(text, Unknown::Keep, now).unwrap();
        builder.append(&event, position, now);
    }
    builder.finish()
}

/// An order placed at `time`.
fn order(id: u64, time: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"evt_{id}","source":"test","type":"order.placed","time":"{time}","shop":"default",
        "data":{{"order_id":"{id}","total":"{id}.250","currency":"KWD",
        "customer":{{"id":"cust_{id}","email":"person{id}@example.com","phone":"+96512345{id}","name":"Layla Secret{id}"}},
        "shipping_address":{{"name":"Layla Secret{id}","line1":"Hidden Street {id}","city":"Kuwait"}},
        "lines":[{{"sku":"TEA","quantity":"2","unit_price":"1.5"}}]}}}}"#
    )
}

/// Orders `from..to`, one a minute of 1 March 2026.
fn orders(from: u64, to: u64) -> RecordBatch {
    let events: Vec<String> =
        (from..to).map(|id| order(id, &format!("2026-03-01T{:02}:{:02}:00Z", id / 60 % 24, id % 60))).collect();
    batch(Family::Order, from, &events)
}

async fn open(root: &Path) -> Lake {
    Lake::open(root, LakeOptions::default()).await.unwrap()
}

async fn sql(lake: &Lake) -> SessionContext {
    lake.session(SessionSettings::default()).await.unwrap()
}

async fn rows(context: &SessionContext, query: &str) -> Vec<RecordBatch> {
    context.sql(query).await.unwrap().collect().await.unwrap()
}

/// The answer of a query with one number.
async fn number(context: &SessionContext, query: &str) -> i64 {
    let batches = rows(context, query).await;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).unwrap();
    batch.column(0).as_primitive::<Int64Type>().value(0)
}

/// The answer of a query as text, row by row.
async fn texts(context: &SessionContext, query: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in rows(context, query).await {
        for row in 0..batch.num_rows() {
            let cells =
                batch.columns().iter().map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
            lines.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    lines
}

/// The data file below a folder whose name begins like this.
fn data_file(root: &Path, name: &str) -> std::path::PathBuf {
    let begins =
        |path: &std::path::PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    files(root).into_iter().find(begins).unwrap()
}

/// Every file below a folder.
fn files(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
