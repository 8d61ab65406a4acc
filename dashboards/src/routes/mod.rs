//! The routes, and what stands around all of them: limits, compression, counters, safe headers.

mod events;
mod health;
mod lookups;
mod metrics;
mod overview;
mod sql;
mod storefront;
mod webhooks;

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::assets;
use crate::patience;
use crate::problem::Problem;
use crate::state::State;

#[derive(OpenApi)]
#[openapi(
    info(title = "Mizan", description = "Payments, orders and stock of a shop: send events, ask for figures, look things up."),
    modifiers(&KeySecurity),
    security(("key" = []))
)]
struct Api;

/// How long a client may pause within a body.
const BODY_PAUSE: Duration = Duration::from_secs(20);

struct KeySecurity;

impl utoipa::Modify for KeySecurity {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key of `mizan keys create`")).build();
        openapi.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

fn api() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(events::post_events))
        .routes(routes!(webhooks::post_webhook))
        .merge(storefront::routes())
        .routes(routes!(sql::post_sql))
        .routes(routes!(metrics::list_metrics))
        .routes(routes!(metrics::get_metric))
        .routes(routes!(overview::get_overview))
        .routes(routes!(lookups::list_orders))
        .routes(routes!(lookups::get_order))
        .routes(routes!(lookups::get_order_invoice))
        .routes(routes!(lookups::get_invoice))
        .routes(routes!(lookups::get_tracking))
        .routes(routes!(lookups::get_stock))
        .routes(routes!(lookups::get_reorder))
        .routes(routes!(lookups::get_alerts))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::version))
        .routes(routes!(health::prometheus))
}

/// The API's description, OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// Everything that is served, over these rooms.
pub fn router(state: State) -> Router {
    let (api, description) = api().split_for_parts();
    let limit = state.max_body_bytes;
    api.route("/openapi.json", get(async || axum::Json(description)))
        .route("/mizan.js", get(storefront::script))
        .route("/v1/{*rest}", axum::routing::any(unknown_api))
        .fallback(assets::serve)
        // The limit counts what comes out of decompression, so that a small bomb is refused too.
        .layer(DefaultBodyLimit::max(limit))
        // Between two parts of a body: one that drips holds no connection.
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(RequestDecompressionLayer::new())
        .layer(CompressionLayer::new())
        // And what comes over the wire as a whole.
        .layer(middleware::from_fn(patience::limit))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::internal("something failed here; the server's log says what").into_response()
        }))
        .layer(middleware::from_fn(count))
        .with_state(state)
}

async fn unknown_api(request: Request) -> Problem {
    let path = request.uri().path();
    Problem::not_found(format!("{path} is not a route; /openapi.json lists them"))
}

/// Counts requests and their time by route, never by path: paths hold order numbers.
async fn count(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("page", |path| path.as_str()).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    ::metrics::counter!("mizan_http_requests_total", "route" => route.clone(), "status" => status).increment(1);
    ::metrics::histogram!("mizan_http_request_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    response
}
