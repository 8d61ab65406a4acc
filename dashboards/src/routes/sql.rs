//! `POST /v1/sql`: questions by SQL.

use axum::body::{Body, Bytes};
use axum::extract::State as Extract;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mizan_query::{ErrorKind, Format, Param, QueryError, byte_stream, write};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::events::unread;
use crate::auth::MayRead;
use crate::problem::Problem;
use crate::state::State;

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// One read-only statement. Tables are in the schemas `events`, `marts` and `settings`.
    query: String,
    /// Values of `$1`, `$2`, …
    #[serde(default)]
    #[schema(value_type = Vec<serde_json::Value>)]
    params: Vec<Param>,
}

/// Ask by SQL.
///
/// `Accept` picks the form: JSON (decimals and 64-bit integers as text, exact), `text/csv`, `application/x-ndjson`,
/// `application/vnd.apache.arrow.stream` or `application/vnd.apache.parquet`. An event is visible here a moment after
/// its 200, before it is in Delta.
#[utoipa::path(
    post,
    path = "/v1/sql",
    tag = "sql",
    request_body = Question,
    responses(
        (status = 200, description = "The rows", body = serde_json::Value),
        (status = 400, description = "The request cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key is for one shop only", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "No such form", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The query is wrong or went over a limit", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many queries at once", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_sql(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unread(&rejection, state.max_body_bytes))?;
    let question: Question = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body is not {{\"query\": …, \"params\": […]}}: {error}")))?;
    // SQL sees every shop's rows.
    if let Some(shop) = &key.shop {
        return Err(Problem::forbidden(format!(
            "the key {:?} is for shop {shop:?} only; SQL needs one for every shop",
            key.name
        )));
    }
    let format = wanted(&headers)?;
    let result = state.engine.query(&question.query, question.params).await.map_err(|error| told(&error))?;
    let mut response = Body::from_stream(byte_stream(result, format).map_err(|error| told(&error))?).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    Ok(response)
}

fn wanted(headers: &HeaderMap) -> Result<Format, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    for asked in accept.split(',') {
        match asked.split(';').next().unwrap_or_default().trim() {
            "*/*" | "application/*" => return Ok(Format::Json),
            "text/*" => return Ok(Format::Csv),
            essence => {
                if let Some(format) = Format::from_media_type(essence) {
                    return Ok(format);
                }
            }
        }
    }
    let known = Format::ALL.map(Format::content_type).join(", ");
    Err(Problem::not_acceptable(format!("{accept:?} is not given here; ask for one of: {known}")))
}

/// The rows of one of our own questions, as JSON: exact, decimals as text.
pub(crate) async fn rows(state: &State, sql: &str, params: Vec<Param>) -> Result<Vec<Map<String, Value>>, QueryError> {
    #[derive(Deserialize)]
    struct Answer {
        rows: Vec<Map<String, Value>>,
    }
    let result = state.engine.query(sql, params).await?;
    let mut json = Vec::new();
    write(result, Format::Json, &mut json).await.map_err(|error| match error {
        mizan_query::WriteError::Query(error) => error,
        mizan_query::WriteError::Io(error) => QueryError::Internal { message: error.to_string() },
    })?;
    let answer: Answer =
        serde_json::from_slice(&json).map_err(|error| QueryError::Internal { message: error.to_string() })?;
    Ok(answer.rows)
}

/// A query's fault, told to the one who asked.
pub(crate) fn told(error: &QueryError) -> Problem {
    match error.kind() {
        ErrorKind::Statement | ErrorKind::Refused => Problem::bad_query(error.to_string()),
        ErrorKind::Limit => Problem::limit(error.to_string()),
        ErrorKind::Busy => Problem::busy(error.to_string()).retry_after(1),
        ErrorKind::Internal => Problem::hidden(error),
    }
}
