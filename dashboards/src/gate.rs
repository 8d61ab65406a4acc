//! Who is let in, and how many requests each key may make.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use mizan_operations::{Key, Operations, OperationsError, Scope};

/// Requests a second that one key may make, in bursts of as many; none is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// A key that a server holds.
    pub per_key: Option<NonZeroU32>,
    /// A key that stands in a web page, for all its visitors together.
    pub per_page_key: Option<NonZeroU32>,
}

/// Looks keys up and counts their requests. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    operations: Operations,
    keys: Option<Arc<DefaultKeyedRateLimiter<String>>>,
    page_keys: Option<Arc<DefaultKeyedRateLimiter<String>>>,
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The key is not known, or was revoked.
    Unknown,
    /// It made too many requests; it may come back after so many seconds.
    TooMany(u32),
    /// Keys cannot be looked up.
    Failed(OperationsError),
}

impl Gate {
    /// A gate for the keys of these operations.
    pub fn new(operations: Operations, rates: Rates) -> Gate {
        let limiter = |rate: Option<NonZeroU32>| rate.map(|rate| Arc::new(RateLimiter::keyed(Quota::per_second(rate))));
        let (keys, page_keys) = (limiter(rates.per_key), limiter(rates.per_page_key));
        Gate { operations, keys, page_keys }
    }

    /// The key behind a secret, if it may make a request now.
    pub(crate) async fn let_in(&self, secret: &str) -> Result<Key, Refusal> {
        let key = self.operations.verify_key(secret).await.map_err(Refusal::Failed)?.ok_or(Refusal::Unknown)?;
        let in_a_page = !key.allows(Scope::Ingest) && !key.allows(Scope::Read);
        let limiter = if in_a_page { &self.page_keys } else { &self.keys };
        if let Some(limiter) = limiter
            && let Err(wait) = limiter.check_key(&key.name)
        {
            let wait = wait.wait_time_from(DefaultClock::default().now()).as_secs().saturating_add(1);
            return Err(Refusal::TooMany(u32::try_from(wait).unwrap_or(u32::MAX)));
        }
        Ok(key)
    }
}
