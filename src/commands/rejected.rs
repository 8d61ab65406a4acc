//! `mizan rejected`: what was refused, and another try.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use mizan_events::Unknown;
use mizan_ingest::connectors::Connector;
use mizan_ingest::mapping::Mapping;
use mizan_ingest::rejected::{Filter, RejectedEntry, RejectedReader};
use mizan_ingest::storefront::{Road, Storefront};
use mizan_ingest::{CONFLICT, Intake};

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::rooms::{self, Rooms};

pub async fn run(context: Context, options: cli::Rejected) -> Result<ExitCode, Failure> {
    context.data.must_exist()?;
    match options {
        cli::Rejected::List { limit } => list(&context, limit),
        cli::Rejected::Replay { ids, map } => replay(&context, ids, map.as_deref()).await,
    }
}

fn list(context: &Context, limit: usize) -> Result<ExitCode, Failure> {
    let reader = RejectedReader::new(context.data.root());
    let waiting = Filter { replayed: Some(false), ..Filter::default() };
    let mut entries = reader.list(usize::MAX, &waiting).or_fail(Code::Io)?;
    let total = entries.len();
    entries.reverse();
    entries.truncate(limit);
    if context.json {
        print_json(&entries)?;
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        eprintln!("Nothing is waiting: every event that came was taken.");
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for entry in &entries {
        let origin = &entry.origin;
        let place = match (&origin.file, origin.line, origin.index) {
            (Some(file), Some(line), _) => format!("{file}:{line}"),
            (_, _, Some(index)) => format!("{}, event {index} of its request", origin.kind),
            _ => match &origin.connector {
                Some(connector) => format!("{} of {connector}", origin.kind),
                None => origin.kind.clone(),
            },
        };
        let body: String = entry.body.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.push_str(&format!(
            "{}  {}\n  at      {place}\n  reason  {}\n  body    {body}\n",
            entry.id, entry.at, entry.reason
        ));
    }
    print_text(&text)?;
    eprintln!("{} of {total}. Mend the cause, then `mizan rejected replay`.", entries.len());
    Ok(ExitCode::SUCCESS)
}

async fn replay(context: &Context, ids: Vec<String>, map: Option<&Path>) -> Result<ExitCode, Failure> {
    let mapping = map.map(Mapping::load).transpose().or_fail(Code::BadData)?;
    let rooms = Rooms::open(context).await?;
    let waiting = Filter { replayed: Some(false), ..Filter::default() };
    let mut entries = rooms.rejected.list(usize::MAX, &waiting).or_fail(Code::Io)?;
    if !ids.is_empty() {
        let asked: HashSet<&str> = ids.iter().map(String::as_str).collect();
        entries.retain(|entry| asked.contains(entry.id.to_string().as_str()));
        if entries.len() < asked.len() {
            return Err(Failure::new(Code::BadData, "some of these ids are not waiting")
                .hint("`mizan rejected list` shows which are"));
        }
    }
    let intake = rooms.intake(Unknown::Keep);
    let connectors = rooms::connectors(context)?;
    let storefront = Storefront::new().or_fail(Code::Software)?;
    let (mut accepted, mut duplicates, mut rejected) = (0, 0, 0);
    for entry in &entries {
        // What was stored first stays, however often the other is offered.
        if entry.reason == CONFLICT {
            rejected += 1;
            continue;
        }
        let offered = match entry.origin.connector.as_ref().and_then(|name| connectors.get(name)) {
            Some(connector) if matches!(entry.origin.kind.as_str(), "webhook" | "pull") => {
                deliver(connector, &intake, entry).await?
            }
            _ if Road::from_name(&entry.origin.kind).is_some() => revisit(&storefront, &intake, entry).await?,
            _ => offer(&intake, mapping.as_ref(), entry).await?,
        };
        match offered {
            Some((new, known)) => {
                accepted += new;
                duplicates += known;
                rooms.rejected.mark_replayed(entry.id).or_fail(Code::Io)?;
            }
            None => rejected += 1,
        }
    }
    rooms.settle(context).await?;
    mizan_operations::catch_up(&rooms.operations, &rooms.log).await.or_fail(Code::Io)?;
    rooms.log.close();
    if context.json {
        print_json(&serde_json::json!({ "accepted": accepted, "duplicates": duplicates, "rejected": rejected }))?;
    } else {
        print_text(&format!("{accepted} taken, {duplicates} known already, {rejected} refused again\n"))?;
    }
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}

/// Offers one refused webhook, or what a pull read, to its connector again, which may have learnt in between.
async fn deliver(
    connector: &Connector,
    intake: &Intake,
    entry: &RejectedEntry,
) -> Result<Option<(usize, usize)>, Failure> {
    let received = connector.replay(intake, &entry.body, mizan_events::EventTime::now()).await.or_fail(Code::Io)?;
    Ok(received.rejected.is_none().then_some((received.accepted, received.duplicates)))
}

/// Offers one refused message of a storefront again.
async fn revisit(
    storefront: &Storefront,
    intake: &Intake,
    entry: &RejectedEntry,
) -> Result<Option<(usize, usize)>, Failure> {
    let Some(road) = Road::from_name(&entry.origin.kind) else { return Ok(None) };
    let taken = storefront.replay(intake, road, &entry.body, mizan_events::EventTime::now()).await.or_fail(Code::Io)?;
    Ok(taken.rejected.is_empty().then_some((taken.accepted, taken.duplicates)))
}

/// Offers one refused input again: new and known events of it, or nothing when it is refused again.
async fn offer(
    intake: &Intake,
    mapping: Option<&Mapping>,
    entry: &RejectedEntry,
) -> Result<Option<(usize, usize)>, Failure> {
    let texts = match mapping {
        // Only rows of imports went through a mapping.
        Some(mapping) if entry.origin.kind == "import" => match mapping.apply_json(&entry.body) {
            Ok(texts) => texts,
            Err(_) => return Ok(None),
        },
        _ => vec![entry.body.clone()],
    };
    let now = mizan_events::EventTime::now();
    let unknown = if mapping.is_some() { Unknown::Refuse } else { Unknown::Keep };
    // All or nothing: a half that is taken now would be refused with its other half for ever.
    if texts.iter().any(|text| mizan_events::parse(text, unknown, now).is_err()) {
        return Ok(None);
    }
    let body = Bytes::from(texts.join("\n"));
    let mut start = 0;
    let mut events = Vec::with_capacity(texts.len());
    let whole = std::str::from_utf8(&body).or_fail(Code::Software)?;
    for text in &texts {
        events.push(&whole[start..start + text.len()]);
        start += text.len() + 1;
    }
    let origin = mizan_ingest::rejected::Origin { kind: "replay".to_owned(), ..Default::default() };
    let receipt = intake.accept(&body, events, &origin).await.or_fail(Code::Io)?;
    Ok(Some((receipt.accepted, receipt.duplicates)))
}
