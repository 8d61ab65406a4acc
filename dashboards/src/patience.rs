//! How long a client may take over a body as a whole.
//!
//! A pause within a body is limited already; a client that sends a byte before each limit would hold its connection for
//! hours, and a thousand of them all connections. So the whole has a limit too, which grows with what has come.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;

/// What any body may take.
const AT_LEAST: Duration = Duration::from_secs(60);
/// What a slow but honest line carries in a second.
const BYTES_A_SECOND: u64 = 8 * 1024;

/// A client that sends too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly: less than {BYTES_A_SECOND} bytes a second over a minute")]
pub(crate) struct TooSlow;

/// Ends a body that comes too slowly.
pub(crate) async fn limit(request: Request, next: Next) -> Response {
    next.run(request.map(|body| limited(body, AT_LEAST, BYTES_A_SECOND))).await
}

fn limited(body: Body, at_least: Duration, bytes_a_second: u64) -> Body {
    if axum::body::HttpBody::is_end_stream(&body) {
        return body;
    }
    let began = Instant::now();
    let mut received: u64 = 0;
    // Each part is looked at when it comes; that one comes, or the pause is over, another limit sees to.
    Body::from_stream(body.into_data_stream().map(move |part| {
        let part = part?;
        received += part.len() as u64;
        let allowed = at_least + Duration::from_millis(received * 1_000 / bytes_a_second);
        if began.elapsed() > allowed { Err(axum::Error::new(TooSlow)) } else { Ok(part) }
    }))
}

/// Whether an error is, or comes from, a client that was too slow.
pub(crate) fn was_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<TooSlow>() || error.is::<tower_http::timeout::TimeoutError>() {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dripping(parts: usize, pause: Duration) -> Body {
        Body::from_stream(futures::stream::unfold(0, move |sent| async move {
            if sent == parts {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>("x"), sent + 1))
        }))
    }

    #[tokio::test]
    async fn a_body_that_drips_ends_and_one_that_flows_does_not() {
        let (limit, pause) = (Duration::from_millis(100), Duration::from_millis(20));
        let slow = limited(dripping(100, pause), limit, 1_000);
        let error = axum::body::to_bytes(slow, usize::MAX).await.unwrap_err();
        assert!(was_too_slow(&error), "{error}");
        // As slow, but then a byte a second is enough.
        let quick = limited(dripping(10, pause), limit, 1);
        assert_eq!(axum::body::to_bytes(quick, usize::MAX).await.unwrap(), "x".repeat(10));
    }
}
