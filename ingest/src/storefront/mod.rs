//! Storefronts: what visitors do, from Segment's SDKs and from the beacon of our own.
//!
//! Both say the same things in other words, so each is a mapping in jq beside this file. A message that cannot be mapped
//! goes to the rejected store alone; the others of its batch are taken. Clocks of browsers are wrong by hours and days:
//! each message is dated by when it came and by how long before its sending it happened, by the sender's own clock.
//!
//! This room never believes a browser about orders and money: a sender that is only trusted with visits gives visits.

mod collect;
mod segment;

use bytes::Bytes;
use mizan_events::{EventTime, Family, Unknown, parse};
use mizan_log::{Entry, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::files::{Row, Rows};
use crate::intake::{Intake, IntakeError, entry_of};
use crate::mapping::{Mapping, MappingError};
use crate::rejected::{Origin, Reject};

/// Most messages of one request.
const MESSAGES_MAX: usize = 5_000;

/// Who sends.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Sender<'a> {
    /// The shop that is visited.
    pub shop: &'a str,
    /// Whether only visits are believed.
    pub only_visits: bool,
}

/// The two roads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// Segment's HTTP API.
    Segment,
    /// The beacon, `/mizan.js`.
    Beacon,
}

/// Why a request as a whole was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StorefrontError {
    /// It is not what this road takes.
    #[error("{0}")]
    Body(String),
    /// It cannot be stored now.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// A mapping ended early.
    #[error("the mapping did not end: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events that are on disk now and were not before.
    pub accepted: usize,
    /// Events that were known already.
    pub duplicates: usize,
    /// Messages that no events could be made of, and why; they lie in the rejected store.
    pub rejected: Vec<String>,
}

/// Takes what storefronts send. Cheap to clone.
#[derive(Clone)]
pub struct Storefront {
    segment: Mapping,
    beacon: Mapping,
}

impl Road {
    /// As events and rejects name it.
    pub fn name(self) -> &'static str {
        match self {
            Road::Segment => "segment",
            Road::Beacon => "beacon",
        }
    }

    /// The road with this name.
    pub fn from_name(name: &str) -> Option<Road> {
        [Road::Segment, Road::Beacon].into_iter().find(|road| road.name() == name)
    }
}

impl Storefront {
    /// Compiles both mappings.
    ///
    /// # Errors
    /// Never for the ones that are built in, which a test holds.
    pub fn new() -> Result<Storefront, MappingError> {
        Ok(Storefront {
            segment: Mapping::parse("segment", include_str!("segment.jq"))?,
            beacon: Mapping::parse("beacon", include_str!("collect.jq"))?,
        })
    }

    /// Takes one request of Segment's SDKs; `call` is the last part of its path.
    ///
    /// # Errors
    /// When it is no such request, or cannot be stored now: then nothing was, and it may be sent again.
    pub async fn segment(
        &self,
        intake: &Intake,
        call: &str,
        body: &[u8],
        sender: Sender<'_>,
        now: EventTime,
    ) -> Result<Taken, StorefrontError> {
        let inputs = segment::inputs(call, body, sender, now).map_err(StorefrontError::Body)?;
        self.take(intake, Road::Segment, inputs, sender, now).await
    }

    /// Takes one request of the beacon.
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    pub async fn collect(
        &self,
        intake: &Intake,
        request: &Collected,
        sender: Sender<'_>,
        now: EventTime,
    ) -> Result<Taken, StorefrontError> {
        let inputs = collect::inputs(request, sender, now).map_err(StorefrontError::Body)?;
        self.take(intake, Road::Beacon, inputs, sender, now).await
    }

    /// Offers a message that was rejected once more.
    ///
    /// # Errors
    /// When it cannot be stored now.
    pub async fn replay(
        &self,
        intake: &Intake,
        road: Road,
        input: &str,
        now: EventTime,
    ) -> Result<Taken, StorefrontError> {
        let sender: Sent<'_> = serde_json::from_str(input).map_err(|error| StorefrontError::Body(error.to_string()))?;
        let sender = sender.sender;
        let inputs = vec![Bytes::copy_from_slice(input.as_bytes())];
        let outcome = self.map(road, &inputs, sender, now).await?;
        match outcome.into_iter().next() {
            Some(Ok(entries)) => stored(intake, entries, now).await,
            Some(Err(reason)) => Ok(Taken { rejected: vec![reason], ..Taken::default() }),
            None => Ok(Taken::default()),
        }
    }

    async fn take(
        &self,
        intake: &Intake,
        road: Road,
        inputs: Vec<String>,
        sender: Sender<'_>,
        now: EventTime,
    ) -> Result<Taken, StorefrontError> {
        let inputs: Vec<Bytes> = inputs.into_iter().map(Bytes::from).collect();
        let outcomes = self.map(road, &inputs, sender, now).await?;
        let (mut entries, mut rejects, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (outcome, input)) in outcomes.into_iter().zip(inputs).enumerate() {
            match outcome {
                Ok(mapped) => entries.extend(mapped),
                Err(reason) => {
                    let origin = Origin { kind: road.name().to_owned(), index: Some(index), ..Origin::default() };
                    rejects.push(Reject::new(origin, reason.clone(), String::from_utf8_lossy(&input)));
                    reasons.push(reason);
                }
            }
        }
        intake.keep(rejects).await?;
        Ok(Taken { rejected: reasons, ..stored(intake, entries, now).await? })
    }

    /// The events of each message, checked; or why there are none.
    async fn map(
        &self,
        road: Road,
        inputs: &[Bytes],
        sender: Sender<'_>,
        now: EventTime,
    ) -> Result<Vec<Result<Vec<Entry>, String>>, StorefrontError> {
        let mapping = match road {
            Road::Segment => &self.segment,
            Road::Beacon => &self.beacon,
        };
        let mapping = mapping.for_source(road.name(), sender.shop);
        let only_visits = sender.only_visits;
        let rows: Vec<Rows> = inputs.iter().map(|input| Rows::One(Row::Json(input.clone()))).collect();
        let mapped = tokio::task::spawn_blocking(move || {
            let checked = mapping.apply_all(&rows, 1).into_iter().map(|events| {
                let events = events.map_err(|error| error.to_string())?;
                entries(&events, only_visits, now)
            });
            checked.collect()
        });
        Ok(mapped.await?)
    }
}

fn entries(events: &[String], only_visits: bool, now: EventTime) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::with_capacity(events.len());
    for text in events {
        // A slip in what is not believed anyway costs no visit.
        let event = match parse(text, Unknown::Refuse, now) {
            Err(_) if only_visits && !is_visit(text) => continue,
            parsed => parsed.map_err(|error| error.to_string())?,
        };
        if only_visits && event.family() != Family::Storefront {
            continue;
        }
        entries.push(entry_of(&event, || Bytes::copy_from_slice(text.as_bytes())));
    }
    Ok(entries)
}

/// Whether an event that may be wrong in other ways says that it is a visit.
fn is_visit(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    serde_json::from_str::<Typed>(text).is_ok_and(|event| event.r#type.starts_with("storefront."))
}

async fn stored(intake: &Intake, entries: Vec<Entry>, now: EventTime) -> Result<Taken, StorefrontError> {
    let outcomes = intake.append(now, entries).await?;
    // A message that comes again differs in when it was sent, and in nothing that counts.
    let duplicates = outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::Stored(_))).count();
    Ok(Taken { accepted: outcomes.len() - duplicates, duplicates, rejected: Vec::new() })
}

/// What an input for a mapping says of its sender, so that it can be replayed with the same trust.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    sender: Sender<'a>,
}

/// When something happened, by our clock: as long before its coming as it was before its sending by the sender's clock.
fn corrected(happened: Option<EventTime>, sent: Option<EventTime>, now: EventTime) -> EventTime {
    match (happened, sent) {
        (Some(happened), Some(sent)) => {
            EventTime::from_micros(now.micros().saturating_sub(sent.micros().saturating_sub(happened.micros())))
        }
        (Some(happened), None) => happened,
        (None, _) => now,
    }
}

/// The text of a JSON value as it stands.
fn raw(value: Option<&RawValue>) -> &str {
    value.map_or("null", RawValue::get)
}

pub use collect::Collected;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_does_not_move_what_happened() {
        let at = |text: &str| EventTime::parse(text).unwrap();
        // The sender's clock is a day behind; it happened ten seconds before it was sent.
        let time =
            corrected(Some(at("2026-02-28T09:59:50Z")), Some(at("2026-02-28T10:00:00Z")), at("2026-03-01T12:00:00Z"));
        assert_eq!(time, at("2026-03-01T11:59:50Z"));
        assert_eq!(corrected(None, None, at("2026-03-01T12:00:00Z")), at("2026-03-01T12:00:00Z"));
    }

    #[test]
    fn the_built_in_mappings_compile() {
        Storefront::new().unwrap();
    }
}
