//! `mizan map test`: what a mapping makes of samples, before it is trusted with a shop.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use http::{HeaderMap, HeaderName, HeaderValue};
use mizan_events::{EventTime, Unknown, parse};
use mizan_ingest::connectors::{Kind, envelope_of_sample};
use mizan_ingest::files::{Item, Position, Source};
use mizan_ingest::mapping::{Input, Mapping};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};

/// What became of one sample.
#[derive(Serialize)]
struct Outcome {
    sample: String,
    events: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub fn run(context: &Context, options: cli::Map) -> Result<ExitCode, Failure> {
    let cli::Map::Test { map, samples, header, rows } = options;
    let mapping = match Kind::from_name(&map) {
        Some(kind) => kind.mapping(),
        None => Mapping::load(&map),
    };
    let mapping = mapping.or_fail(Code::BadData)?;
    let headers = headers(&header)?;
    let mut outcomes = Vec::new();
    for sample in &samples {
        match mapping.directives().input {
            Input::Webhook => outcomes.push(webhook(&mapping, sample, &headers)?),
            Input::Row => rows_of(&mapping, sample, rows, &mut outcomes)?,
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    if context.json {
        print_json(&outcomes)?;
    } else {
        print_text(&told(&outcomes)?)?;
        eprintln!(
            "{} samples, {} events, {failed} refused",
            outcomes.len(),
            outcomes.iter().map(|o| o.events.len()).sum::<usize>()
        );
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}

fn headers(given: &[String]) -> Result<HeaderMap, Failure> {
    let wrong =
        |header: &str| Failure::new(Code::Usage, format!("--header {header:?} is not of the form `name: value`"));
    let mut headers = HeaderMap::new();
    for header in given {
        let (name, value) = header.split_once(':').ok_or_else(|| wrong(header))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong(header))?;
        headers.insert(name, HeaderValue::from_str(value.trim()).map_err(|_| wrong(header))?);
    }
    Ok(headers)
}

/// A sample of a webhook is its body; or an object of `headers` and `body` and nothing else that matters.
fn webhook(mapping: &Mapping, sample: &Path, headers: &HeaderMap) -> Result<Outcome, Failure> {
    #[derive(serde::Deserialize)]
    struct Whole {
        headers: std::collections::BTreeMap<String, String>,
        body: Box<RawValue>,
    }
    let text = std::fs::read(sample).map_err(|error| Failure::io(&sample.display().to_string(), &error))?;
    let mut headers = headers.clone();
    let body = match serde_json::from_slice::<Whole>(&text) {
        Ok(whole) => {
            let given: Vec<String> = whole.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            headers.extend(self::headers(&given)?);
            whole.body.get().as_bytes().to_vec()
        }
        Err(_) => text,
    };
    let now = EventTime::now();
    let mapped = match envelope_of_sample(&headers, &body, now) {
        Ok(envelope) => mapping.apply_json(&envelope).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    Ok(outcome(sample.display().to_string(), mapped, now))
}

fn rows_of(mapping: &Mapping, sample: &Path, most: usize, outcomes: &mut Vec<Outcome>) -> Result<(), Failure> {
    let source = Source::open([sample]).or_fail(Code::BadData)?;
    let options = mapping.directives().read_options();
    let now = EventTime::now();
    for file in &source.files {
        let records = file.records(&options, Position::default()).or_fail(Code::BadData)?;
        for item in records.take(most) {
            let (line, mapped) = match item.or_fail(Code::BadData)? {
                Item::Record(record) => (record.line, mapping.apply(&record.rows).map_err(|error| error.to_string())),
                Item::Rejected(row) => (row.line, Err(row.reason)),
            };
            outcomes.push(outcome(format!("{}:{line}", file.path.display()), mapped, now));
        }
    }
    Ok(())
}

fn outcome(sample: String, mapped: Result<Vec<String>, String>, now: EventTime) -> Outcome {
    let (events, error) = match mapped {
        Ok(events) => {
            let error = events.iter().enumerate().find_map(|(index, event)| {
                let error = parse(event, Unknown::Refuse, now).err()?;
                Some(format!("event {}: {error}", index + 1))
            });
            (events, error)
        }
        Err(error) => (Vec::new(), Some(error)),
    };
    let events = events.into_iter().filter_map(|event| RawValue::from_string(event).ok()).collect();
    Outcome { sample, events, error }
}

fn told(outcomes: &[Outcome]) -> Result<String, Failure> {
    let mut text = String::new();
    for outcome in outcomes {
        let _ = writeln!(text, "{}", outcome.sample);
        for event in &outcome.events {
            let value: serde_json::Value = serde_json::from_str(event.get()).or_fail(Code::Software)?;
            let pretty = serde_json::to_string_pretty(&value).or_fail(Code::Software)?;
            let _ = writeln!(text, "  {}", pretty.replace('\n', "\n  "));
        }
        match &outcome.error {
            Some(error) => _ = writeln!(text, "  refused: {}", error.replace('\n', "\n  ")),
            None if outcome.events.is_empty() => text.push_str("  nothing in it for the books\n"),
            None => {}
        }
    }
    Ok(text)
}
