//! Faults as RFC 9457 problem details.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, for a program and for a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A name for this kind of fault, the same in every version.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// This fault, and what to do about it.
    pub detail: String,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $kind:literal, $title:literal;)+) => {
        impl Problem {
            $($(#[$doc])*
            pub fn $name(detail: impl Into<String>) -> Problem {
                Problem {
                    kind: concat!("urn:mizan:problem:", $kind),
                    title: $title,
                    status: StatusCode::$status.as_u16(),
                    detail: detail.into(),
                    retry_after_s: None,
                }
            })+
        }
    };
}

problems! {
    /// The request cannot be read.
    bad_request = BAD_REQUEST, "bad-request", "The request cannot be read";
    /// No key, or one that is not known.
    unauthorized = UNAUTHORIZED, "unauthorized", "A key is needed";
    /// The key may not do this.
    forbidden = FORBIDDEN, "forbidden", "The key does not allow this";
    /// It is not there.
    not_found = NOT_FOUND, "not-found", "Not found";
    /// The body is larger than the limit.
    too_large = PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    /// The body came too slowly.
    too_slow = REQUEST_TIMEOUT, "too-slow", "The body came too slowly";
    /// The content type is not one that is read here.
    unsupported = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The content type is not read here";
    /// None of the forms asked for can be given.
    not_acceptable = NOT_ACCEPTABLE, "not-acceptable", "None of the forms asked for is given here";
    /// The query is wrong.
    bad_query = UNPROCESSABLE_ENTITY, "bad-query", "The query cannot be run";
    /// The query took too much of something.
    limit = UNPROCESSABLE_ENTITY, "query-limit", "The query went over a limit";
    /// The key makes too many requests.
    too_many = TOO_MANY_REQUESTS, "too-many-requests", "Too many requests";
    /// Too much at once.
    busy = SERVICE_UNAVAILABLE, "busy", "Too much at once";
    /// The disk is full.
    disk_full = INSUFFICIENT_STORAGE, "disk-full", "The disk is full";
    /// A fault of ours.
    internal = INTERNAL_SERVER_ERROR, "internal", "A fault of ours";
    /// Not ready yet.
    unavailable = SERVICE_UNAVAILABLE, "unavailable", "Not ready";
}

impl Problem {
    /// Asks the sender to come back after this many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }

    /// A fault of ours: the cause goes to the log, not to the sender.
    pub fn hidden(error: &dyn std::error::Error) -> Problem {
        tracing::error!(error = %error, "request failed");
        Problem::internal("something failed here; the server's log says what")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
