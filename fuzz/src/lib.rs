//! What is fuzzed: every reader of bytes that come from outside, each with what must hold for any bytes.
//!
//! A target is a function that panics when something does not hold. libFuzzer, guided by coverage, seeks bytes that make
//! it panic, hang or take memory without end (`fuzz/run`); what it once found lies in `found/` and is tried again by each
//! `cargo test`, together with the seeds.
#![allow(clippy::unwrap_used)]

mod scratch;
mod targets;

/// A target's name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("body", targets::body::run),
    ("card", targets::card::run),
    ("connector", targets::connector::run),
    ("event", targets::event::run),
    ("files", targets::files::run),
    ("log", targets::log::run),
    ("mapping", targets::mapping::run),
    ("settings", targets::settings::run),
    ("signature", targets::signature::run),
    ("storefront", targets::storefront::run),
];

/// The target with this name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}
