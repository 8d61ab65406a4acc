//! Connectors: webhooks of providers, let in only when they prove themselves.

mod signature;

pub use signature::{Algorithm, Delivery, Encoding, KeyForm, Scheme, Secret, SignatureError};
