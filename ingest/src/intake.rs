//! The one gate: event text in, an answer out once it is on disk.

use std::sync::Arc;

use bytes::Bytes;
use mizan_events::{Event, EventTime, Unknown, parse};
use mizan_log::{AppendError, Entry, Log, Outcome};

use crate::rejected::{Origin, Reject, RejectedError, RejectedStore};

/// Largest event taken, in bytes of its text.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Why an event that is fine in itself is kept apart.
pub const CONFLICT: &str = "conflict: an event with this source and id was stored before and says something else; \
    a correction needs an id of its own";

/// What became of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Events that are on disk now and were not before.
    pub accepted: usize,
    /// Events that were on disk already.
    pub duplicates: usize,
    /// Events that were refused, and kept in the rejected store.
    pub rejected: Vec<RejectedItem>,
}

/// One refused event of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedItem {
    /// Its place in the request, from 0.
    pub index: usize,
    /// The sender's id, where it could be read.
    pub id: Option<String>,
    /// What is wrong.
    pub error: String,
}

/// Why a request as a whole could not be taken. Nothing of it was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The log could not take it.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The refused events could not be kept.
    #[error(transparent)]
    Rejected(#[from] RejectedError),
}

/// Validates events and gives them to the log. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    log: Log,
    rejected: Arc<RejectedStore>,
    unknown: Unknown,
    only_shop: Option<Arc<str>>,
}

impl Intake {
    /// A gate in front of this log and this rejected store.
    pub fn new(log: Log, rejected: Arc<RejectedStore>, unknown: Unknown) -> Intake {
        Intake { log, rejected, unknown, only_shop: None }
    }

    /// The same gate for a sender that speaks for one shop alone.
    #[must_use]
    pub fn for_shop(&self, shop: Option<&str>) -> Intake {
        Intake { only_shop: shop.map(Arc::from), ..self.clone() }
    }

    /// The store of what was refused.
    pub fn rejected(&self) -> &Arc<RejectedStore> {
        &self.rejected
    }

    /// The log behind the gate.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Gives entries that were checked to the log; they are on disk when this returns.
    pub(crate) async fn append(
        &self,
        received_at: EventTime,
        entries: Vec<Entry>,
    ) -> Result<Vec<Outcome>, IntakeError> {
        Ok(self.log.append(received_at.micros(), entries).await?)
    }

    /// Keeps what was refused; it is on disk when this returns.
    pub(crate) async fn keep(&self, rejects: Vec<Reject>) -> Result<(), IntakeError> {
        if rejects.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.rejected);
        tokio::task::spawn_blocking(move || store.append(rejects)).await.map_err(RejectedError::from)??;
        Ok(())
    }

    /// Takes the events of one request. Good events of a request with bad ones are kept; all of it is on disk when this
    /// returns.
    ///
    /// # Errors
    /// When log or rejected store cannot write; then nothing is acknowledged, and the sender may send all of it again.
    pub async fn accept(&self, body: &Bytes, events: Vec<&str>, origin: &Origin) -> Result<Receipt, IntakeError> {
        let received_at = EventTime::now();
        let mut entries = Vec::with_capacity(events.len());
        let mut offered = Vec::with_capacity(events.len());
        let mut receipt = Receipt::default();
        let mut rejects = Vec::new();
        for (index, text) in events.into_iter().enumerate() {
            match self.check(body, text, received_at) {
                Ok(entry) => {
                    entries.push(entry);
                    offered.push((index, text));
                }
                Err(error) => {
                    rejects.push(Reject::new(Origin { index: Some(index), ..origin.clone() }, error.clone(), text));
                    receipt.rejected.push(RejectedItem { index, id: id_of(text), error });
                }
            }
        }
        self.keep(rejects).await?;
        let mut conflicts = Vec::new();
        let outcomes = self.append(received_at, entries).await?;
        for ((index, text), outcome) in offered.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Stored(_) => receipt.accepted += 1,
                Outcome::Duplicate => receipt.duplicates += 1,
                Outcome::Conflict => {
                    receipt.rejected.push(RejectedItem { index, id: id_of(text), error: CONFLICT.to_owned() });
                    conflicts.push(Reject::new(Origin { index: Some(index), ..origin.clone() }, CONFLICT, text));
                }
            }
        }
        self.keep(conflicts).await?;
        receipt.rejected.sort_by_key(|item| item.index);
        Ok(receipt)
    }

    fn check(&self, body: &Bytes, text: &str, received_at: EventTime) -> Result<Entry, String> {
        if text.len() > EVENT_BYTES_MAX {
            return Err(format!("the event is {} bytes long; the most is {EVENT_BYTES_MAX}", text.len()));
        }
        let event = parse(text, self.unknown, received_at).map_err(|error| error.to_string())?;
        if let Some(own) = self.only_shop.as_deref().filter(|own| *own != event.shop) {
            return Err(format!("shop: {:?} is not the shop that the key is for ({own:?})", event.shop));
        }
        Ok(entry_of(&event, || body.slice_ref(text.as_bytes())))
    }
}

/// What the log keeps of an event: its text as it came, unless card data was cut.
pub(crate) fn entry_of(event: &Event<'_>, text: impl FnOnce() -> Bytes) -> Entry {
    let bytes = if event.redacted { Bytes::from(event.to_json()) } else { text() };
    Entry::new(event.identity(), event.family().tag(), bytes)
}

/// The id of an event that may be wrong in other ways.
fn id_of(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = value.get("id")?.as_str()?;
    (id.len() <= 255).then(|| mizan_events::redact_text(id).into_owned())
}
