//! The page's files, embedded: found by exact path, or the page itself for any path within it.
//!
//! A path that looks like a file and is not there is a 404, so that a missing script is never answered with a page.
//! In debug builds the files are read from the disk at run time; one that is gone is a 503 with a sentence.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

/// `build.rs` says which folder: the built page, or the one that says what is missing.
#[derive(RustEmbed)]
#[folder = "$MIZAN_WEB_FOLDER"]
struct Files;

const INDEX: &str = "index.html";
/// Vite puts files with a hash in their name here, and nothing else.
const HASHED: &str = "assets/";
/// Nothing from elsewhere, nothing inline, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether the page was not built, and the one that says so is served.
pub fn is_placeholder() -> bool {
    env!("MIZAN_WEB_FOLDER").ends_with("placeholder")
}

/// Answers every path that is not a route.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        let detail = format!("{} is not a route; /openapi.json lists them", uri.path());
        return Problem::not_found(detail).into_response();
    }
    answer(Files::get, uri.path(), headers.get(header::IF_NONE_MATCH))
}

fn answer(get: impl Fn(&str) -> Option<EmbeddedFile>, path: &str, known: Option<&HeaderValue>) -> Response {
    let path = path.trim_start_matches('/');
    let name = if path.is_empty() { INDEX } else { path };
    if let Some(file) = get(name) {
        return send(name, file, known);
    }
    if name.rsplit('/').next().is_some_and(|last| last.contains('.')) && name != INDEX {
        return Problem::not_found(format!("there is no file /{name} here")).into_response();
    }
    match get(INDEX) {
        Some(file) => send(INDEX, file, known),
        None => {
            Problem::unavailable("the page's files are gone from dashboards/web; build Mizan again").into_response()
        }
    }
}

fn send(name: &str, file: EmbeddedFile, known: Option<&HeaderValue>) -> Response {
    let tag = entity_tag(&file);
    let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let unchanged = known.is_some_and(|known| is_known(known, &tag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match file.data {
            Cow::Borrowed(embedded) => Body::from(embedded),
            Cow::Owned(read) => Body::from(read),
        };
        let mut response = body.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Weak, because the answer may be compressed on its way.
fn entity_tag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("W/\"");
    for byte in &file.metadata.sha256_hash()[..16] {
        tag.push_str(&format!("{byte:02x}"));
    }
    tag.push('"');
    tag
}

fn is_known(known: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.to_str().is_ok_and(|known| known.split(',').any(|one| one.trim() == "*" || opaque(one) == opaque(tag)))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A page with one script, on the disk.
    fn a_page() -> impl Fn(&str) -> Option<EmbeddedFile> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("assets")).unwrap();
        std::fs::write(folder.path().join(INDEX), "<!doctype html><title>page</title>").unwrap();
        std::fs::write(folder.path().join("assets/index-1a2b3c.js"), "start()").unwrap();
        move |name: &str| read(&folder.path().join(name))
    }

    fn read(path: &Path) -> Option<EmbeddedFile> {
        rust_embed::utils::read_file_from_fs(path).ok()
    }

    fn text<'a>(response: &'a Response, name: &header::HeaderName) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_page_is_sent_for_its_address_and_for_every_path_within_it() {
        let page = a_page();
        for path in ["/", "/index.html", "/orders", "/orders/1001"] {
            let response = answer(&page, path, None);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(text(&response, &header::CONTENT_TYPE), "text/html; charset=utf-8", "{path}");
            assert_eq!(text(&response, &header::CACHE_CONTROL), "no-cache", "{path}");
        }
    }

    #[test]
    fn a_missing_file_is_not_answered_with_the_page() {
        let response = answer(a_page(), "/assets/index-000000.js", None);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(text(&response, &header::CONTENT_TYPE), "application/problem+json");
    }

    #[test]
    fn files_with_a_hash_in_their_name_are_kept_for_good() {
        let response = answer(a_page(), "/assets/index-1a2b3c.js", None);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(text(&response, &header::CONTENT_TYPE), "text/javascript; charset=utf-8");
        assert_eq!(text(&response, &header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let page = a_page();
        let tag = answer(&page, "/", None).headers()[header::ETAG].clone();
        let again = answer(&page, "/", Some(&tag));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::ETAG], tag);
        // As a cache between sends it: several, and without the mark for weak.
        let strong = text(&again, &header::ETAG).trim_start_matches("W/").to_owned();
        let several = HeaderValue::from_str(&format!("\"other\", {strong}")).unwrap();
        assert_eq!(answer(&page, "/", Some(&several)).status(), StatusCode::NOT_MODIFIED);
        let other = HeaderValue::from_static("W/\"other\"");
        assert_eq!(answer(&page, "/", Some(&other)).status(), StatusCode::OK);
    }

    #[test]
    fn the_page_may_run_nothing_inline_and_fetch_nothing_from_elsewhere() {
        let response = answer(a_page(), "/", None);
        let policy = text(&response, &header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    }

    #[test]
    fn files_that_are_gone_are_told_and_do_not_end_the_program() {
        let response = answer(|_| None, "/", None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in ["/../build.rs", "/../../Cargo.toml", "//etc/hostname.txt"] {
            assert_eq!(answer(Files::get, path, None).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_embedded_is_a_page() {
        let response = serve(Method::GET, Uri::from_static("/"), HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("Mizan"), "{body}");
        assert_eq!(body.contains("npm run build"), is_placeholder(), "{body}");
    }

    #[tokio::test]
    async fn nothing_can_be_sent_to_the_page() {
        let response = serve(Method::POST, Uri::from_static("/"), HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
