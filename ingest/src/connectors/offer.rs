//! What a pull read, offered as the webhooks that the provider would have sent.
//!
//! The sender needs no proof, since we asked it ourselves, and the raw page is not kept: it can be asked for again. All
//! else is as for a webhook: the same envelope, the same mapping, so the same ids, by which the log knows what came
//! already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mizan_events::EventTime;
use mizan_log::Outcome;

use super::connector::{Connector, WebhookError};
use super::envelope::Envelope;
use crate::files::{Row, Rows};
use crate::intake::Intake;
use crate::rejected::{Origin, Reject};

/// Of more refused deliveries than this a pull does not remember that they are kept already.
const REFUSED_MAX: usize = 2_000;

/// An object in the form of a webhook.
#[derive(Clone, Debug, Default)]
pub struct Pulled {
    /// Headers that say what the body is about.
    pub headers: HeaderMap,
    /// JSON text.
    pub body: String,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Events that nothing had brought before, by type.
    pub new: BTreeMap<&'static str, u64>,
    /// Events that were known already.
    pub duplicates: u64,
    /// Deliveries of which no events could be made; they lie in the rejected store.
    pub rejected: u64,
}

impl Connector {
    /// Takes what a pull read: when this returns, the events are on disk, and what cannot be mapped is in the rejected
    /// store. `refused` names what earlier pulls put there, so that it is kept once.
    ///
    /// # Errors
    /// When it cannot be stored now; some of it may be, and is a duplicate the next time.
    pub async fn offer(
        &self,
        intake: &Intake,
        pulled: &[Pulled],
        refused: &mut BTreeSet<String>,
        now: EventTime,
    ) -> Result<Offered, WebhookError> {
        let mut envelopes = Vec::with_capacity(pulled.len());
        for one in pulled {
            let body = one.body.as_bytes();
            let envelope = Envelope::new(&self.name, self.kind, &one.headers, body, now, &self.secrets)?;
            envelopes.push((envelope.id(), envelope.to_json()));
        }
        let mapping = Arc::clone(&self.mapping);
        let rows: Vec<Rows> = envelopes
            .iter()
            .map(|(_, envelope)| Rows::One(Row::Json(Bytes::copy_from_slice(envelope.as_bytes()))))
            .collect();
        let mapped = tokio::task::spawn_blocking(move || mapping.apply_all(&rows, 1)).await?;

        let (mut entries, mut types, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        let mut offered = Offered::default();
        for (mapped, (name, envelope)) in mapped.into_iter().zip(envelopes) {
            match self.check(mapped, now) {
                Ok(checked) => {
                    for one in checked {
                        types.push(one.event_type);
                        entries.push(one.entry);
                    }
                }
                Err(reason) => {
                    offered.rejected += 1;
                    if !refused.contains(&name) {
                        let connector = Some(self.name.clone());
                        let origin = Origin { kind: "pull".to_owned(), connector, ..Origin::default() };
                        rejects.push((name, Reject::new(origin, reason, envelope)));
                    }
                }
            }
        }
        let (names, rejects): (Vec<String>, Vec<Reject>) = rejects.into_iter().unzip();
        intake.keep(rejects).await?;
        let room = REFUSED_MAX.saturating_sub(refused.len());
        refused.extend(names.into_iter().take(room));
        let outcomes = intake.append(now, entries).await?;
        for (outcome, event_type) in outcomes.iter().zip(types) {
            match outcome {
                Outcome::Stored(_) => *offered.new.entry(event_type).or_default() += 1,
                // A webhook may have told it in other words: at another second, or before the object changed.
                Outcome::Duplicate | Outcome::Conflict => offered.duplicates += 1,
            }
        }
        Ok(offered)
    }
}
