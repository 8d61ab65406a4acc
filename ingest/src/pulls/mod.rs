//! Pulls: history out of a provider's API, and the webhooks that never came.
//!
//! A [`Provider`] lists what its API has, page by page, and puts each object into the form of the webhooks that would have
//! told it, several where its story has several parts: placed, paid, shipped, paid back. They go through the connector's
//! own [mapping](crate::connectors), so that ids are the same and what a webhook brought is a duplicate. What is new
//! after a pull is what no webhook brought: backfill and reconciliation are one thing.
//!
//! Where a pull is, is kept after each page, once the page's events are on disk: a pull that was cut goes on there. A
//! pull that came to its end is remembered, and the next one begins a day before it. Memory holds one page.
//!
//! Nothing but GET is ever sent, over https, to the one address in the settings; keys stand in no error and no log line.

mod client;
mod error;
mod moyasar;
mod object;
mod provider;
mod run;
mod shopify;
mod state;
mod stripe;
mod woocommerce;

pub use error::{ApiError, PullError};
pub use provider::{KINDS, Provider};
pub use run::{PullOptions, PullSummary, pull};
