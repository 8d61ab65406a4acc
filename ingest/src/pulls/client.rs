//! HTTP to one provider: the key, patience, limits.
//!
//! 429, 5xx and broken connections are tried again, each time after a longer wait with some chance in it, or after the
//! time that the provider names. Shopify tells how full its bucket is; near the brim we wait before it overflows.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::{Timestamp, fmt::rfc2822};
use url::{Host, Url};

use super::error::{ApiError, PullError};

/// Longest that one answer may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// A page of a hundred orders with all that plugins add is a few megabytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// A provider that wants us to wait for longer is told of instead.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// Longest wait that we choose ourselves.
const OWN_WAIT_MAX: Duration = Duration::from_secs(30);
/// Of the provider's words, at most so many letters go into an error.
const TOLD_MAX: usize = 200;

/// How the key is shown.
pub(super) enum Auth {
    /// `Authorization: Bearer`.
    Bearer(String),
    /// `Authorization: Basic`.
    Basic(String, String),
    /// A header of the provider's own.
    Header(&'static str, String),
}

/// A client for one address.
pub(super) struct Client {
    http: reqwest::Client,
    connector: String,
    base: Url,
    /// What must not stand in an error.
    secrets: Vec<String>,
    tries: u32,
    first_wait: Duration,
}

/// A page.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// How one try ended.
enum Try {
    Done(Answer),
    Again { reason: String, after: Option<Duration> },
}

impl Client {
    /// A client that sends the key to `url` and nowhere else.
    pub(super) fn new(connector: &str, url: &str, auth: Auth) -> Result<Client, ApiError> {
        let base = Url::parse(url.trim_end_matches('/')).map_err(|error| ApiError::Url(format!("{url:?}: {error}")))?;
        let on_this_machine = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if base.scheme() != "https" && !(base.scheme() == "http" && on_this_machine) {
            return Err(ApiError::Url(format!("{url:?} is not an https address; the key would be sent in the clear")));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(ApiError::Url(
                "it holds a name, a password or a query; keys have settings of their own".into(),
            ));
        }
        let mut headers = HeaderMap::new();
        let (name, value, secrets) = match auth {
            Auth::Bearer(key) => (header::AUTHORIZATION, format!("Bearer {key}"), vec![key]),
            Auth::Basic(user, password) => {
                let pair = STANDARD.encode(format!("{user}:{password}"));
                (header::AUTHORIZATION, format!("Basic {pair}"), vec![pair, user, password])
            }
            Auth::Header(name, key) => (header::HeaderName::from_static(name), key.clone(), vec![key]),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| ApiError::Key)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let http = reqwest::Client::builder()
            .https_only(!on_this_machine)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(REQUEST_TIME_MAX)
            .user_agent(concat!("mizan/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .build()
            .map_err(|error| ApiError::Client(error.to_string()))?;
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        let connector = connector.to_owned();
        Ok(Client { http, connector, base, secrets, tries: 6, first_wait: Duration::from_millis(500) })
    }

    /// The address, as a name for whose data this is.
    pub(super) fn address(&self) -> &str {
        self.base.as_str()
    }

    /// Reads one page.
    ///
    /// # Errors
    /// When it is refused, or not to be had after several tries.
    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, PullError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let (reason, after) = match self.once(path, url.clone()).await? {
                Try::Done(answer) => return Ok(answer),
                Try::Again { reason, after } => (reason, after),
            };
            if let Some(after) = after.filter(|after| *after > WAIT_MAX) {
                let reason = format!("{reason}; it asks to wait {} seconds, so try again later", after.as_secs());
                return Err(PullError::Unavailable { path: path.to_owned(), tries, reason });
            }
            if tries >= self.tries {
                return Err(PullError::Unavailable { path: path.to_owned(), tries, reason });
            }
            let wait = after.unwrap_or_else(|| self.wait(tries));
            tracing::info!(connector = %self.connector, path, reason, wait_ms = wait.as_millis() as u64, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Twice as long each time, of which the half is left to chance, so that many clients do not come back together.
    fn wait(&self, tries: u32) -> Duration {
        let whole = self.first_wait.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(OWN_WAIT_MAX);
        let chance = RandomState::new().hash_one(tries) % 1_000;
        whole.mul_f64(0.5 + chance as f64 / 2_000.0)
    }

    async fn once(&self, path: &str, url: Url) -> Result<Try, PullError> {
        let again = |reason: String, after| Ok(Try::Again { reason, after });
        let mut response = match self.http.get(url).send().await {
            Ok(response) => response,
            Err(error) => return again(self.clean(&chain(error)), None),
        };
        let status = response.status();
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(part)) => bytes.extend_from_slice(&part),
                Ok(None) => break,
                Err(error) => return again(self.clean(&chain(error)), None),
            }
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(PullError::TooLong { path: path.to_owned(), most: ANSWER_BYTES_MAX });
            }
        }
        let headers = response.headers().clone();
        let path = path.to_owned();
        if status.is_success() {
            let body = String::from_utf8(bytes)
                .map_err(|error| PullError::Unreadable { path, reason: format!("it is not UTF-8: {error}") })?;
            if let Some(pause) = pause(&headers) {
                tokio::time::sleep(pause).await;
            }
            return Ok(Try::Done(Answer { headers, body }));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
        {
            return again(format!("it answers {status}"), retry_after(&headers, Timestamp::now()));
        }
        let told = self.told(&bytes);
        let status_code = status.as_u16();
        if status.is_redirection() {
            let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            return Err(PullError::Redirect { connector: self.connector.clone(), path, to: self.clean(to) });
        }
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(PullError::Refused { connector: self.connector.clone(), path, status: status_code, told });
        }
        Err(PullError::Status { path, status: status_code, told })
    }

    /// The provider's own words about an error.
    fn told(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        // Pages of proxies are not words.
        if text.trim_start().starts_with('<') || text.trim().is_empty() {
            return String::new();
        }
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let words = ["/error/message", "/message", "/errors", "/error"];
        let told = words
            .iter()
            .find_map(|words| json.pointer(words))
            .map(|told| told.as_str().map_or_else(|| told.to_string(), str::to_owned));
        let told = self.clean(&told.unwrap_or_else(|| text.trim().to_owned()));
        format!(": {}", told.chars().filter(|c| !c.is_control()).take(TOLD_MAX).collect::<String>())
    }

    fn clean(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]"))
    }
}

/// An error with its causes, without the address, which stands beside it.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Seconds, also with a fraction as Shopify writes them, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Shopify's `32/40`: so much of the bucket is full, a twentieth of it leaks each second. When four fifths are full, we
/// wait until there is room for two more.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let (used, size) = headers.get("x-shopify-shop-api-call-limit")?.to_str().ok()?.split_once('/')?;
    let (used, size): (f64, f64) = (used.trim().parse().ok()?, size.trim().parse().ok()?);
    (size >= 1.0 && used >= size * 0.8).then(|| Duration::from_secs_f64((40.0 / size).min(10.0)))
}

#[cfg(test)]
mod tests;
