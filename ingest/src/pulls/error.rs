//! What can go wrong with a pull.

use std::path::PathBuf;

use crate::connectors::WebhookError;

/// Why the settings of an API cannot be used. The text begins with the setting's name, without that of the connector.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nothing is said of an API.
    #[error("api is missing: a pull needs the address or the key of the provider's API")]
    None,
    /// This kind of connector cannot pull.
    #[error("api: a connector of kind {kind:?} cannot pull (these can: {})", super::KINDS.join(", "))]
    Kind {
        /// The kind.
        kind: String,
    },
    /// A key of the settings is not there.
    #[error("api.{0} is missing, which this kind needs")]
    Missing(&'static str),
    /// The address is none, or would send the key in the clear.
    #[error("api.url: {0}")]
    Url(String),
    /// A key is set that this kind does not have.
    #[error("api.{0}: this kind has none")]
    Unused(&'static str),
    /// The key cannot be sent.
    #[error("api.key: it has letters that no key has")]
    Key,
    /// The file with the key cannot be read.
    #[error("api.key_file: cannot read {path}: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No HTTP client can be made.
    #[error("api: {0}")]
    Client(String),
}

/// Why a pull ended early. What it read until then is stored, and the next one goes on there.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The provider does not accept the key, or the key may not read this.
    #[error("{path} was refused ({status}){told}; look at connectors.{connector}.api.key and what it may read")]
    Refused {
        /// The connector.
        connector: String,
        /// What was asked for.
        path: String,
        /// 401 or 403.
        status: u16,
        /// The provider's words, with what separates them.
        told: String,
    },
    /// It cannot be reached, is out of order or wants us to wait for too long.
    #[error("{path} cannot be read now, after {tries} tries: {reason}")]
    Unavailable {
        /// What was asked for.
        path: String,
        /// How often.
        tries: u32,
        /// What happened last.
        reason: String,
    },
    /// It answers with an error that another try would not mend.
    #[error("{path} was answered with {status}{told}")]
    Status {
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
        /// The provider's words, with what separates them.
        told: String,
    },
    /// It wants us to ask elsewhere, which would hand the key to whoever is there.
    #[error("{path} was answered with a redirect to {to}; put the right address into connectors.{connector}.api.url")]
    Redirect {
        /// The connector.
        connector: String,
        /// What was asked for.
        path: String,
        /// Where to.
        to: String,
    },
    /// An answer is longer than a page can be.
    #[error("the answer to {path} is longer than {most} bytes")]
    TooLong {
        /// What was asked for.
        path: String,
        /// The most.
        most: usize,
    },
    /// An answer is not what the provider's API gives.
    #[error("the answer to {path} cannot be read: {reason}")]
    Unreadable {
        /// What was asked for.
        path: String,
        /// Why.
        reason: String,
    },
    /// Where the pull is cannot be kept.
    #[error("cannot keep how far the pull has come in {path}: {source}")]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was read cannot be stored.
    #[error(transparent)]
    Offer(#[from] WebhookError),
}

impl PullError {
    /// Whether the API says that this shop has no such thing, or that the key may not read it.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, PullError::Refused { status: 403, .. } | PullError::Status { status: 404, .. })
    }
}
