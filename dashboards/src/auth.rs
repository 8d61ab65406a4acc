//! Who is asking: a key as bearer token, and what it allows.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use mizan_operations::{Key, Scope};

use crate::gate::Refusal;
use crate::problem::Problem;
use crate::state::State;

/// Somebody with a key that allows sending events.
pub(crate) struct MaySend(pub(crate) Key);

/// Somebody with a key that allows reading.
pub(crate) struct MayRead(pub(crate) Key);

impl FromRequestParts<State> for MaySend {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let key = key_of(parts, state).await?;
        allow(key, Scope::Ingest).map(MaySend)
    }
}

impl FromRequestParts<State> for MayRead {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let key = key_of(parts, state).await?;
        allow(key, Scope::Read).map(MayRead)
    }
}

fn allow(key: Key, scope: Scope) -> Result<Key, Problem> {
    if key.allows(scope) {
        return Ok(key);
    }
    let name = &key.name;
    Err(Problem::forbidden(format!(
        "the key {name:?} may not {scope}; make one that may with `mizan keys create NAME --scope {scope}`"
    )))
}

/// The shop that a request is about: the one asked for, if the key is for it. One rule for every route.
pub(crate) fn shop_of(key: &Key, asked: Option<String>) -> Result<String, Problem> {
    match (&key.shop, asked) {
        // The same answer as for a shop that is not there.
        (Some(own), Some(asked)) if *own != asked => Err(Problem::not_found(format!("there is no shop {asked:?}"))),
        (Some(own), _) => Ok(own.clone()),
        (None, asked) => Ok(asked.unwrap_or_else(|| "default".to_owned())),
    }
}

/// A key that may send what visitors do. It comes in the body or as the user of Basic sign-in, as Segment's SDKs send it:
/// a browser that leaves a page can set no headers.
pub(crate) async fn may_collect(secret: &str, state: &State) -> Result<Key, Problem> {
    let key = known(secret.trim(), state).await?;
    if key.allows(Scope::Ingest) {
        return Ok(key);
    }
    allow(key, Scope::Collect)
}

async fn key_of(parts: &Parts, state: &State) -> Result<Key, Problem> {
    const HOW: &str = "send a key as `Authorization: Bearer mzn_…`; `mizan keys create NAME` makes one";
    let header = parts.headers.get(header::AUTHORIZATION).ok_or_else(|| Problem::unauthorized(HOW))?;
    let secret = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    known(secret.ok_or_else(|| Problem::unauthorized(HOW))?, state).await
}

async fn known(secret: &str, state: &State) -> Result<Key, Problem> {
    match state.gate.let_in(secret).await {
        Ok(key) => Ok(key),
        Err(Refusal::Unknown) => {
            metrics::counter!("mizan_key_refusals_total").increment(1);
            Err(Problem::unauthorized(
                "the key is not known here, or was revoked; `mizan keys list` shows which are in use",
            ))
        }
        Err(Refusal::TooMany(seconds)) => {
            metrics::counter!("mizan_key_limited_total").increment(1);
            let detail =
                "this key makes more requests a second than [server] in the settings allows; send more events in each";
            Err(Problem::too_many(detail).retry_after(seconds))
        }
        Err(Refusal::Failed(error)) => Err(Problem::hidden(&error)),
    }
}
