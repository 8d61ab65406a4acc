//! The targets.

pub(crate) mod body;
pub(crate) mod card;
pub(crate) mod connector;
pub(crate) mod event;
pub(crate) mod files;
pub(crate) mod log;
pub(crate) mod mapping;
pub(crate) mod settings;
pub(crate) mod signature;
pub(crate) mod storefront;

use mizan_events::EventTime;

/// A fixed clock: the same bytes do the same at any time.
pub(crate) fn now() -> EventTime {
    EventTime::from_micros(1_772_359_447_250_000)
}

/// The bytes before and after the first byte of zero.
pub(crate) fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    (&data[..at], data.get(at + 1..).unwrap_or_default())
}
