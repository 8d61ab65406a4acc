//! Health, version and counters.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::State;

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "health", security(()), responses((status = 200, body = String)))]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// The server has caught up with its log and answers in full.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    security(()),
    responses((status = 200, body = String), (status = 503, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn readyz(Extract(state): Extract<State>) -> Result<&'static str, Problem> {
    if state.progress.is_ready() {
        Ok("ok\n")
    } else {
        Err(Problem::unavailable("still reading the log after a start").retry_after(1))
    }
}

/// Which version runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Version {
    name: &'static str,
    version: &'static str,
}

/// Which version runs.
#[utoipa::path(get, path = "/version", tag = "health", security(()), responses((status = 200, body = Version)))]
pub(crate) async fn version() -> Json<Version> {
    Json(Version { name: "mizan", version: env!("CARGO_PKG_VERSION") })
}

/// Counters for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()), responses((status = 200, body = String)))]
pub(crate) async fn prometheus(Extract(state): Extract<State>) -> impl IntoResponse {
    let log = state.intake.log().stats();
    metrics::gauge!("mizan_log_last_position").set(state.intake.log().last_position() as f64);
    if let Ok(position) = state.operations.position().await {
        metrics::gauge!("mizan_operations_position").set(position as f64);
    }
    metrics::counter!("mizan_log_fsyncs_total").absolute(log.fsyncs);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.prometheus.render())
}
