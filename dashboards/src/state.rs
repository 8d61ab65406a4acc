//! What the routes have at hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics_exporter_prometheus::PrometheusHandle;
use mizan_ingest::Intake;
use mizan_ingest::connectors::Connector;
use mizan_ingest::storefront::Storefront;
use mizan_operations::Operations;
use mizan_query::Engine;

use crate::gate::Gate;

/// The rooms that routes ask. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// The gate that takes events.
    pub intake: Intake,
    /// SQL.
    pub engine: Engine,
    /// Who is let in.
    pub gate: Gate,
    /// Live state.
    pub operations: Operations,
    /// The shops that are set up.
    pub shops: Arc<BTreeMap<String, ShopInfo>>,
    /// What takes visits.
    pub storefront: Storefront,
    /// The connectors that are set up.
    pub connectors: Arc<BTreeMap<String, Connector>>,
    /// Counters.
    pub prometheus: PrometheusHandle,
    /// Whether the readers have caught up.
    pub progress: Arc<Progress>,
    /// Largest request body, after decompression.
    pub max_body_bytes: usize,
}

/// What a page needs to know of a shop.
#[derive(Clone, Debug)]
pub struct ShopInfo {
    /// Its name.
    pub name: String,
    /// ISO 4217 code of its main currency.
    pub currency: String,
    /// IANA name of its time zone.
    pub timezone: String,
}

/// Whether start-up is over.
#[derive(Debug, Default)]
pub struct Progress {
    ready: AtomicBool,
}

impl Progress {
    /// The readers have caught up with what the log held at the start.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether they have.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}
