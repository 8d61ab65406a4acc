//! `POST /v1/events`: events in.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use mizan_ingest::IntakeError;
use mizan_ingest::body::{BodyError, Packing, split};
use mizan_ingest::rejected::Origin;
use mizan_log::AppendError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::MaySend;
use crate::patience::was_too_slow;
use crate::problem::Problem;
use crate::state::State;

/// What became of the events of a request.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// Events that are on disk now and were not before.
    accepted: usize,
    /// Events that were known already.
    duplicates: usize,
    /// Events that were refused, and kept: `mizan rejected list` shows them.
    rejected: Vec<Rejected>,
}

/// One refused event.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rejected {
    /// Its place in the request, from 0.
    index: usize,
    /// Its id, where one could be read.
    id: Option<String>,
    /// What is wrong, by field.
    error: String,
}

/// Send events: one CloudEvent, an array of them, or one a line.
///
/// The answer comes once the events are on disk. The same `(source, id)` is stored once, for ever, so that a request
/// may be sent again after an error. Good events of a request with bad ones are kept.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "events",
    request_body(
        content(
            (serde_json::Value = "application/cloudevents+json"),
            (Vec<serde_json::Value> = "application/cloudevents-batch+json"),
            (String = "application/x-ndjson"),
        ),
        description = "CloudEvents 1.0; gzip and zstd are read"
    ),
    responses(
        (status = 200, description = "On disk", body = Accepted),
        (status = 400, description = "The body cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "Sent too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Unknown content type", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much at once; Retry-After says when", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is full", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_events(
    Extract(state): Extract<State>,
    MaySend(key): MaySend,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Accepted>, Problem> {
    let body = body.map_err(|rejection| unread(&rejection, state.max_body_bytes))?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let packing = match content_type.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" => Packing::guess(&body),
        _ => Packing::of_content_type(content_type).map_err(|error| Problem::unsupported(error.to_string()))?,
    };
    let events = split(&body, packing).map_err(|error: BodyError| Problem::bad_request(error.to_string()))?;
    let intake = state.intake.for_shop(key.shop.as_deref());
    let origin = Origin { kind: "http".to_owned(), connector: Some(key.name), ..Origin::default() };
    let receipt = intake.accept(&body, events, &origin).await.map_err(|error| refused(&error))?;
    metrics::counter!("mizan_events_accepted_total").increment(receipt.accepted as u64);
    metrics::counter!("mizan_events_duplicate_total").increment(receipt.duplicates as u64);
    metrics::counter!("mizan_events_rejected_total").increment(receipt.rejected.len() as u64);
    let rejected =
        receipt.rejected.into_iter().map(|item| Rejected { index: item.index, id: item.id, error: item.error });
    Ok(Json(Accepted { accepted: receipt.accepted, duplicates: receipt.duplicates, rejected: rejected.collect() }))
}

pub(crate) fn unread(rejection: &BytesRejection, limit: usize) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::too_large(format!("the body is larger than {limit} bytes; send it in parts"));
    }
    if was_too_slow(rejection) {
        return Problem::too_slow("the body came too slowly; nothing of it was taken");
    }
    Problem::bad_request(format!("the body cannot be read: {}", rejection.body_text()))
}

pub(crate) fn refused(error: &IntakeError) -> Problem {
    match error {
        IntakeError::Log(AppendError::Busy) => {
            Problem::busy("events come faster than the disk takes them; send this request again").retry_after(1)
        }
        IntakeError::Log(AppendError::DiskFull) => {
            tracing::error!(error = %error, "disk full: events are refused");
            Problem::disk_full("the disk is full: nothing of this request was taken; free some space and send it again")
                .retry_after(30)
        }
        _ => Problem::hidden(error),
    }
}
