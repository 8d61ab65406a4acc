//! Visits: Segment's HTTP API, and the beacon with its script.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizan_events::EventTime;
use mizan_ingest::storefront::{Collected, Sender, StorefrontError, Taken};
use mizan_operations::{Key, Scope};
use serde::{Deserialize, Serialize};
use tower_http::cors::{Any, CorsLayer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::{refused, unread};
use crate::auth::may_collect;
use crate::problem::Problem;
use crate::state::State;

/// The beacon's script: small, and without a build.
const SCRIPT: &str = include_str!("../../beacon/mizan.js");

/// The routes that pages of other hosts send to: any page may, since what lets a sender in is a key and not a cookie.
pub(super) fn routes() -> OpenApiRouter<State> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION]);
    // Where Segment's SDKs send to: servers' to a batch, browsers' to a letter, under our path or right under the host.
    let mut routes = OpenApiRouter::new()
        .routes(routes!(post_segment))
        .routes(routes!(post_collect))
        .route("/v1/segment/v1/{call}", post(post_segment))
        .route("/v1/batch", post(async |state, headers, body| named("batch", state, headers, body).await));
    for (letter, call) in CALLS_BY_LETTER {
        let path = format!("/v1/{letter}");
        routes = routes.route(&path, post(async move |state, headers, body| named(call, state, headers, body).await));
    }
    routes.layer(cors)
}

/// How Segment's script for browsers abbreviates the calls.
const CALLS_BY_LETTER: [(&str, &str); 7] =
    [("t", "track"), ("p", "page"), ("s", "screen"), ("i", "identify"), ("g", "group"), ("a", "alias"), ("b", "batch")];

/// What Segment's SDKs expect.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success {
    success: bool,
}

/// The write key may stand in the body instead of the header.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WriteKey {
    write_key: Option<String>,
}

/// Take what Segment's SDKs send: track, page, screen, identify, group, alias, or a batch of them.
///
/// The write key is a key of scope `collect` (visits only, may stand in a web page) or `ingest` (orders too, for servers).
/// The answer comes once it is on disk. Messages that cannot be mapped are kept with the reason; names outside e-commerce
/// are passed over.
#[utoipa::path(
    post,
    path = "/v1/segment/{call}",
    tag = "events",
    params(("call" = String, Path, description = "batch, track, page, screen, identify, group or alias")),
    request_body(content = serde_json::Value, description = "As Segment's HTTP API describes it", content_type = "application/json"),
    security(()),
    responses(
        (status = 200, description = "On disk", body = Success),
        (status = 400, description = "The body cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much at once; Retry-After says when", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_segment(
    Extract(state): Extract<State>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Success>, Problem> {
    let body = body.map_err(|rejection| unread(&rejection, state.max_body_bytes))?;
    let key = may_collect(&write_key(&headers, &body)?, &state).await?;
    let taken = state.storefront.segment(&state.intake, &call, &body, sender(&key), EventTime::now()).await;
    count(&taken.map_err(|error| told(&error))?);
    Ok(Json(Success { success: true }))
}

/// A call that the path names in another way.
async fn named(
    call: &str,
    state: Extract<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Success>, Problem> {
    post_segment(state, Path(call.to_owned()), headers, body).await
}

/// Take what the beacon sends.
///
/// The body names a key of scope `collect`. A page that is left cannot read an answer, so that there is none to read.
#[utoipa::path(
    post,
    path = "/v1/collect",
    tag = "events",
    request_body(content = serde_json::Value, description = "What /mizan.js sends", content_type = "text/plain"),
    security(()),
    responses(
        (status = 204, description = "On disk"),
        (status = 400, description = "The body cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much at once; Retry-After says when", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_collect(
    Extract(state): Extract<State>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(|rejection| unread(&rejection, state.max_body_bytes))?;
    let request: Collected = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body is not what mizan.js sends: {error}")))?;
    let key = may_collect(&request.key, &state).await?;
    let taken = state.storefront.collect(&state.intake, &request, sender(&key), EventTime::now()).await;
    count(&taken.map_err(|error| told(&error))?);
    Ok(StatusCode::NO_CONTENT)
}

/// The beacon's script, for any shop's pages.
pub(crate) async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, SCRIPT).into_response()
}

/// A key that is trusted with visits alone gives visits alone.
fn sender(key: &Key) -> Sender<'_> {
    Sender { shop: key.shop.as_deref().unwrap_or("default"), only_visits: !key.allows(Scope::Ingest) }
}

fn write_key(headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    const HOW: &str = "send a key as Segment's write key; `mizan keys create NAME --scope collect` makes one";
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, given)) = given.and_then(|given| given.split_once(' ')) {
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(given.to_owned());
        }
        let user = STANDARD.decode(given.trim()).ok().and_then(|text| String::from_utf8(text).ok());
        let user = user.as_deref().and_then(|text| text.split(':').next()).filter(|user| !user.is_empty());
        return user.map(str::to_owned).ok_or_else(|| Problem::unauthorized(HOW));
    }
    let key = serde_json::from_slice::<WriteKey>(body).ok().and_then(|body| body.write_key);
    key.ok_or_else(|| Problem::unauthorized(HOW))
}

fn count(taken: &Taken) {
    metrics::counter!("mizan_events_accepted_total").increment(taken.accepted as u64);
    metrics::counter!("mizan_events_duplicate_total").increment(taken.duplicates as u64);
    metrics::counter!("mizan_events_rejected_total").increment(taken.rejected.len() as u64);
}

fn told(error: &StorefrontError) -> Problem {
    match error {
        StorefrontError::Body(reason) => Problem::bad_request(reason.clone()),
        StorefrontError::Intake(error) => refused(error),
        StorefrontError::Ended(_) => Problem::hidden(error),
    }
}
