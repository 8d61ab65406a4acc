//! Connectors: webhooks of providers and platforms, let in only when they prove themselves.
//!
//! A connector is a [scheme](Scheme) that proves the sender, checked over the raw bytes, and a mapping in jq that makes
//! events of what came. The ready ones are the [`KINDS`], one `.jq` file each beside this one; a custom one is the same
//! two things, told in the settings. A mapping is given an [envelope](envelope) of headers and body. It emits events; it
//! emits nothing for what it knows and what tells nothing to a shop's books; it calls `error` for what it does not know.
//!
//! Each proven delivery is kept as it came in the table `events.webhooks`, in the same write as the events made of it.
//! What cannot be mapped goes to the rejected store, from where it can be replayed by a mended mapping. What does not
//! prove itself is kept nowhere. A pull asks the provider itself, and [offers](Connector::offer) what it reads in the
//! form of webhooks: the same mapping then makes the same events of it.

mod connector;
mod envelope;
mod kinds;
mod offer;
mod settings;
mod signature;

pub use connector::{Connector, ConnectorError, Received, WebhookError, envelope_of_sample};
pub use kinds::{KINDS, Kind};
pub use offer::{Offered, Pulled};
pub use settings::{ApiSettings, ConnectorSettings, SignatureSettings};
pub use signature::{
    Algorithm, Delivery, Encoding, Jws, KeyForm, Part, PayPal, Scheme, Secret, SignatureError, Signed,
};
