//! One connector at work: proof, mapping, and the one write of raw delivery and events.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mizan_events::{EventError, EventTime, Unknown, parse};
use mizan_log::{Entry, Outcome};
use serde_json::json;

use super::envelope::{Envelope, NotText};
use super::kinds::{KINDS, Kind};
use super::settings::ConnectorSettings;
use super::signature::{Delivery, Scheme, Secret, SignatureError};
use crate::intake::{Intake, IntakeError, entry_of};
use crate::mapping::{MapError, Mapping, MappingError};
use crate::rejected::{Origin, Reject};

/// The kind of connectors that the settings describe whole.
const CUSTOM: &str = "custom";

/// A connector, ready to take webhooks.
pub struct Connector {
    pub(super) name: String,
    pub(super) kind: &'static str,
    shop: String,
    scheme: Scheme,
    pub(super) secrets: Vec<Secret>,
    pub(super) mapping: Arc<Mapping>,
    answer: Option<&'static str>,
    is_probe: fn(&Delivery<'_>) -> bool,
}

/// Why a connector cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// No ready connector is called so.
    #[error("kind: {kind:?} is not known; the nearest is {nearest:?} (known: {}, custom)", known())]
    Kind {
        /// What the settings say.
        kind: String,
        /// What they may mean.
        nearest: &'static str,
    },
    /// A ready kind needs another setting.
    #[error("{0}")]
    Setting(String),
    /// Something is not set.
    #[error("{0} is missing, which this kind needs")]
    Missing(&'static str),
    /// The signature cannot be read.
    #[error("signature.{0}")]
    Signature(String),
    /// A ready connector has a signature of its own.
    #[error("signature: {0} signs in its own way; only a connector of kind \"custom\" says how")]
    OwnSignature(&'static str),
    /// Nothing to check against.
    #[error("secrets: none is set; anybody could send events in the provider's name")]
    NoSecret,
    /// The file with the secrets cannot be read.
    #[error("secrets_file: cannot read {path}: {source}")]
    SecretsFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The mapping cannot be used.
    #[error("mapping: {0}")]
    Mapping(#[from] MappingError),
}

fn known() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// What became of a webhook that proved itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Events that are on disk now and were not before, without the raw delivery.
    pub accepted: usize,
    /// Events that were known already.
    pub duplicates: usize,
    /// Why no events were made of it; it lies in the rejected store.
    pub rejected: Option<String>,
}

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It does not prove itself.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is not text.
    #[error(transparent)]
    NotText(#[from] NotText),
    /// It cannot be kept as it came.
    #[error("the delivery cannot be kept: {0}")]
    Raw(#[from] EventError),
    /// It cannot be stored now.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// Its mapping ended early.
    #[error("the mapping did not end: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

impl Connector {
    /// The connector that the settings call `name`. Files that they name are sought from `folder`.
    ///
    /// # Errors
    /// When the settings do not make a whole connector.
    pub fn new(name: &str, settings: &ConnectorSettings, folder: &Path) -> Result<Connector, ConnectorError> {
        let own = settings.mapping.as_ref().map(|path| Mapping::load(folder.join(path))).transpose()?;
        let secrets = secrets(settings, folder)?;
        let (kind, scheme, mapping, answer, is_probe): (_, _, _, _, fn(&Delivery<'_>) -> bool) =
            if settings.kind == CUSTOM {
                let signature = settings.signature.as_ref().ok_or(ConnectorError::Missing("signature"))?;
                let scheme = signature.scheme().map_err(ConnectorError::Signature)?;
                (CUSTOM, scheme, own.ok_or(ConnectorError::Missing("mapping"))?, None, |_| false)
            } else {
                let kind = Kind::from_name(&settings.kind).ok_or_else(|| unknown(&settings.kind))?;
                if settings.signature.is_some() {
                    return Err(ConnectorError::OwnSignature(kind.title));
                }
                let mapping = own.map_or_else(|| kind.mapping(), Ok)?;
                let scheme = (kind.scheme)(settings).map_err(ConnectorError::Setting)?;
                (kind.name, scheme, mapping, kind.answer, kind.is_probe)
            };
        // One that only pulls needs none: without a secret every webhook is refused.
        if secrets.is_empty() && scheme.needs_secret() && settings.api.is_none() {
            return Err(ConnectorError::NoSecret);
        }
        Ok(Connector {
            mapping: Arc::new(mapping.for_source(name, &settings.shop)),
            name: name.to_owned(),
            kind,
            shop: settings.shop.clone(),
            scheme,
            secrets,
            answer,
            is_probe,
        })
    }

    /// As the settings call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its kind; `custom` for one that the settings describe whole.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What its provider wants to read as a sign that a webhook was taken.
    pub fn answer(&self) -> Option<&'static str> {
        self.answer
    }

    /// Takes one webhook: when this returns, raw delivery and events are on disk, or the delivery and the reason why
    /// there are none.
    ///
    /// # Errors
    /// When it does not prove itself or cannot be stored: then nothing was, and the sender may send it again.
    pub async fn receive(
        &self,
        intake: &Intake,
        headers: &HeaderMap,
        body: &[u8],
        now: EventTime,
    ) -> Result<Received, WebhookError> {
        let delivery = Delivery { headers, body, now };
        if (self.is_probe)(&delivery) {
            return Ok(Received::default());
        }
        self.scheme.prepare(&delivery).await?;
        self.scheme.verify(&delivery, &self.secrets)?;
        let envelope = Envelope::new(&self.name, self.kind, headers, body, now, &self.secrets)?;
        let text = envelope.to_json();
        match self.events(&text, now).await? {
            Ok(checked) => {
                let mut entries = vec![self.raw(&envelope, checked.len(), now)?];
                entries.extend(checked.into_iter().map(|checked| checked.entry));
                let outcomes = intake.append(now, entries).await?;
                Ok(received(&outcomes[1..]))
            }
            Err(reason) => {
                let raw = self.raw(&envelope, 0, now)?;
                let origin =
                    Origin { kind: "webhook".to_owned(), connector: Some(self.name.clone()), ..Origin::default() };
                intake.keep(vec![Reject::new(origin, reason.clone(), text)]).await?;
                intake.append(now, vec![raw]).await?;
                Ok(Received { rejected: Some(reason), ..Received::default() })
            }
        }
    }

    /// Offers a delivery that was rejected once more: the events of it that are new and known, or why there are none.
    ///
    /// # Errors
    /// When it cannot be stored now.
    pub async fn replay(&self, intake: &Intake, envelope: &str, now: EventTime) -> Result<Received, WebhookError> {
        match self.events(envelope, now).await? {
            Ok(checked) => {
                let entries = checked.into_iter().map(|checked| checked.entry).collect();
                Ok(received(&intake.append(now, entries).await?))
            }
            Err(reason) => Ok(Received { rejected: Some(reason), ..Received::default() }),
        }
    }

    /// The events of an envelope, each of them checked; or why there are none.
    async fn events(&self, envelope: &str, now: EventTime) -> Result<Result<Vec<Checked>, String>, WebhookError> {
        let mapping = Arc::clone(&self.mapping);
        let envelope = envelope.to_owned();
        let mapped = tokio::task::spawn_blocking(move || mapping.apply_json(&envelope)).await?;
        Ok(self.check(mapped, now))
    }

    /// All or nothing: a delivery is one story.
    pub(super) fn check(&self, mapped: Result<Vec<String>, MapError>, now: EventTime) -> Result<Vec<Checked>, String> {
        let texts = mapped.map_err(|error| error.to_string())?;
        texts.into_iter().map(|text| self.entry(text, now)).collect()
    }

    fn entry(&self, text: String, now: EventTime) -> Result<Checked, String> {
        // A slip in a mapping is told, not kept aside.
        let event = parse(&text, Unknown::Refuse, now)
            .map_err(|error| format!("the mapping gives an event that cannot be taken: {error}"))?;
        // The secret proves a sender for one shop.
        if event.shop != self.shop.as_str() {
            return Err(format!("shop: {:?} is not the shop of this connector ({:?})", event.shop, self.shop));
        }
        let entry = entry_of(&event, || Bytes::copy_from_slice(text.as_bytes()));
        Ok(Checked { entry, event_type: event.event_type.name })
    }

    fn raw(&self, envelope: &Envelope<'_>, events: usize, now: EventTime) -> Result<Entry, WebhookError> {
        let event = json!({
            "specversion": "1.0",
            // The same delivery again is the same row; two connectors may be sent the same.
            "id": envelope.id(),
            "source": self.name,
            "type": "webhook.received",
            "time": now.to_string(),
            "shop": self.shop,
            "data": {
                "connector": self.name,
                "kind": self.kind,
                "events": events,
                "headers": json!(envelope.headers).to_string(),
                "body": envelope.text,
            },
        });
        let text = event.to_string();
        Ok(entry_of(&parse(&text, Unknown::Refuse, now)?, || Bytes::copy_from_slice(text.as_bytes())))
    }
}

/// An event that the log may take.
pub(super) struct Checked {
    pub(super) entry: Entry,
    /// The name of its type.
    pub(super) event_type: &'static str,
}

fn received(outcomes: &[Outcome]) -> Received {
    // A fact that comes again in other words is known: the words are those of the delivery, which is kept as it came.
    let duplicates = outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::Stored(_))).count();
    Received { accepted: outcomes.len() - duplicates, duplicates, rejected: None }
}

impl Kind {
    /// Its own mapping.
    ///
    /// # Errors
    /// Never for the ready ones, which a test holds.
    pub fn mapping(&self) -> Result<Mapping, MappingError> {
        Mapping::parse(self.name, self.mapping)
    }
}

/// A sample body with headers as a mapping would see it, without a sender to prove.
///
/// # Errors
/// When the body is not text.
pub fn envelope_of_sample(headers: &HeaderMap, body: &[u8], now: EventTime) -> Result<String, NotText> {
    Ok(Envelope::new("sample", "sample", headers, body, now, &[])?.to_json())
}

fn unknown(kind: &str) -> ConnectorError {
    let names: Vec<&'static str> = KINDS.iter().map(|kind| kind.name).chain([CUSTOM]).collect();
    ConnectorError::Kind { kind: kind.to_owned(), nearest: crate::mapping::nearest(kind, &names) }
}

fn secrets(settings: &ConnectorSettings, folder: &Path) -> Result<Vec<Secret>, ConnectorError> {
    let mut secrets: Vec<String> = settings.secrets.clone();
    if let Some(path) = &settings.secrets_file {
        let path = folder.join(path);
        let text = std::fs::read_to_string(&path).map_err(|source| ConnectorError::SecretsFile { path, source })?;
        secrets.extend(text.lines().map(str::to_owned));
    }
    Ok(secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty()).map(Secret::new).collect())
}
