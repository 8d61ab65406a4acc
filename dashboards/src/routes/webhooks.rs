//! `POST /v1/webhooks/{connector}`: signed webhooks of providers.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mizan_events::EventTime;
use mizan_ingest::connectors::WebhookError;
use serde::Serialize;
use utoipa::ToSchema;

use super::events::{refused, unread};
use crate::problem::Problem;
use crate::state::State;

/// Largest webhook; providers send far less.
const WEBHOOK_BYTES_MAX: usize = 4 << 20;

/// What became of a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Taken {
    /// Events that were made of it and were not known before.
    accepted: usize,
    /// Events that were known already.
    duplicates: usize,
    /// Why no events were made of it, where that is so: it is kept, and `mizan rejected replay` tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<String>,
}

/// Take a provider's webhook.
///
/// It proves itself by its signature over the raw bytes, not by a key. The answer comes once it is on disk. What cannot
/// be mapped is kept with the reason and answered with 200 as well: sending it again would not help.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{connector}",
    tag = "events",
    params(("connector" = String, Path, description = "As the settings name it")),
    request_body(content = String, description = "What the provider sends", content_type = "application/json"),
    security(()),
    responses(
        (status = 200, description = "On disk", body = Taken),
        (status = 400, description = "The body is not text", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "It does not prove itself", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No connector has this name", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much at once; Retry-After says when", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is full", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_webhook(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let connector = state
        .connectors
        .get(&name)
        .ok_or_else(|| Problem::not_found("no connector has this name; [connectors.NAME] in mizan.toml sets one up"))?;
    let body = body.map_err(|rejection| unread(&rejection, state.max_body_bytes))?;
    if body.len() > WEBHOOK_BYTES_MAX {
        return Err(Problem::too_large(format!("a webhook has at most {WEBHOOK_BYTES_MAX} bytes")));
    }
    let received = connector.receive(&state.intake, &headers, &body, EventTime::now()).await.map_err(|error| {
        metrics::counter!("mizan_webhooks_refused_total", "connector" => name.clone()).increment(1);
        told(&name, &error)
    })?;
    metrics::counter!("mizan_webhooks_total", "connector" => name.clone()).increment(1);
    if let Some(reason) = &received.rejected {
        metrics::counter!("mizan_webhooks_rejected_total", "connector" => name.clone()).increment(1);
        tracing::warn!(connector = name, reason, "a webhook could not be mapped; `mizan rejected list` shows it");
    }
    if let Some(answer) = connector.answer() {
        return Ok(answer.into_response());
    }
    let taken = Taken { accepted: received.accepted, duplicates: received.duplicates, rejected: received.rejected };
    Ok(Json(taken).into_response())
}

fn told(connector: &str, error: &WebhookError) -> Problem {
    match error {
        WebhookError::Signature(error) => {
            tracing::warn!(connector, reason = %error, "a webhook did not prove itself");
            Problem::unauthorized(error.to_string())
        }
        WebhookError::NotText(error) => Problem::bad_request(error.to_string()),
        WebhookError::Intake(error) => refused(error),
        WebhookError::Raw(_) | WebhookError::Ended(_) => Problem::hidden(error),
    }
}
