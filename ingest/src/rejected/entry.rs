//! One rejected input, as it is offered and as it is kept.

use mizan_events::{EventTime, redact_json, redact_text};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest body that is kept whole.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Where a rejected input came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The road it took: `http`, `import`, `webhook`, `worker` …
    pub kind: String,
    /// The file of an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it (the row, for Parquet), from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The place in a batch, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The connector of a webhook or pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
}

/// An input to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reject {
    /// Where it came from.
    pub origin: Origin,
    /// Why it was rejected, in a sentence.
    pub reason: String,
    /// The single things that are wrong with it.
    pub problems: Vec<String>,
    /// Its text, as it came.
    pub body: String,
}

impl Reject {
    /// An input with one reason and no list of single problems.
    pub fn new(origin: Origin, reason: impl Into<String>, body: impl Into<String>) -> Self {
        Self { origin, reason: reason.into(), problems: Vec::new(), body: body.into() }
    }
}

/// An input as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedEntry {
    /// Its id; later ids sort after earlier ones.
    pub id: Uuid,
    /// When it was rejected, RFC 3339.
    pub at: String,
    /// Where it came from.
    pub origin: Origin,
    /// Why it was rejected.
    pub reason: String,
    /// The single things that are wrong with it.
    pub problems: Vec<String>,
    /// Its text, card data cut.
    pub body: String,
    /// How long the body was, when only its beginning is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
    /// When it was replayed, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<String>,
}

impl RejectedEntry {
    pub(super) fn new(rejected: Reject, now: EventTime) -> Self {
        let Reject { origin, reason, problems, body } = rejected;
        // Cut card data in the whole text first: a number on the cut would not be recognised any more.
        let mut kept = redact_json(&body).into_owned();
        let body_bytes = (kept.len() > BODY_BYTES_MAX).then_some(body.len() as u64);
        if body_bytes.is_some() {
            kept.truncate(floor_char_boundary(&kept, BODY_BYTES_MAX));
        }
        let clean = |text: String| redact_text(&text).into_owned();
        Self {
            id: Uuid::now_v7(),
            at: now.to_string(),
            origin: Origin { file: origin.file.map(clean), ..origin },
            reason: clean(reason),
            problems: problems.into_iter().map(clean).collect(),
            body: kept,
            body_bytes,
            replayed_at: None,
        }
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
