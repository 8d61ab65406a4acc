//! How a provider proves that a webhook is its own: each scheme checked over the raw bytes, in constant time.
//!
//! A scheme with a time in what it signs refuses deliveries that are too old; the others are safe from replays by the
//! identity of what they carry. During a rotation several secrets are active, and any of them will do.

mod fetch;
mod jws;
mod paypal;
mod providers;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use mizan_events::EventTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

pub use jws::Jws;
pub use paypal::PayPal;

/// How old a delivery may be whose time is signed. What the providers' own libraries allow.
const TOLERANCE_S: i64 = 300;

/// A webhook as it came.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, byte for byte.
    pub body: &'a [u8],
    /// When it came.
    pub now: EventTime,
}

/// A secret that is shared with a provider. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From its text, without white space around it: files end in a newline.
    pub fn new(text: &str) -> Secret {
        Secret(text.trim().to_owned())
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text with every occurrence of the secret taken out.
    pub(super) fn cut_from(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "[secret]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A hash under a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// How a provider writes the key that it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyForm {
    /// The text itself is the key.
    #[default]
    Text,
    /// The key is the bytes that the text spells in hexadecimal.
    Hex,
    /// The key is the bytes that the text spells in Base64.
    Base64,
}

/// A provider's way to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A keyed hash in a header.
    Signed(Signed),
    /// A header that equals the secret: it proves who sends, not what.
    Token {
        /// Name of the header, in lower case.
        header: String,
    },
    /// `Authorization: Basic …` of user and password, which the secret is as `user:password`: it proves who sends.
    Basic,
    /// A field of the body that equals the secret: it proves who sends, not what.
    Field {
        /// Where in the body, as a JSON pointer.
        pointer: String,
    },
    /// `Stripe-Signature: t=…,v1=…` over `t.body`.
    Stripe,
    /// Standard Webhooks: `webhook-signature: v1,…` over `id.timestamp.body`.
    StandardWebhooks,
    /// Adyen's standard webhooks: a signature in each item, over fields of the item.
    Adyen,
    /// Salla's `X-Salla-Signature`, or its token in `Authorization`, by `X-Salla-Security-Strategy`.
    Salla,
    /// Tap's `hashstring` over fields of the body.
    Tap,
    /// PayPal's signature by a certificate.
    PayPal(PayPal),
    /// A detached JSON Web Signature by a published key.
    Jws(Jws),
}

/// A keyed hash in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Names that the header may have, in lower case; the first that is there counts.
    pub headers: Vec<String>,
    /// What stands before the hash in the header, such as `sha256=`.
    pub prefix: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// How the key is written.
    pub key: KeyForm,
    /// What is signed, one part after the other.
    pub parts: Vec<Part>,
    /// The header with the time in seconds since 1970, where it is among what is signed.
    pub time: Option<String>,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The body, byte for byte.
    Body,
    /// The value of a header, named in lower case.
    Header(String),
    /// This text.
    Text(String),
}

/// Why a webhook is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nothing to check against.
    #[error("no secret is set for this connector")]
    NoSecret,
    /// The header that carries the signature is absent.
    #[error("the header {0} is missing")]
    Missing(String),
    /// It is there, and cannot be one.
    #[error("the signature cannot be read: {0}")]
    Malformed(&'static str),
    /// It is another's, or the body was changed on the way.
    #[error("the signature does not match: is the secret the one that the provider shows for this address?")]
    Mismatch,
    /// Its certificate is not one to trust.
    #[error("its certificate is not trusted: {0}")]
    Certificate(String),
    /// Its certificate cannot be fetched now.
    #[error("its certificate cannot be fetched now: {0}")]
    Unreachable(String),
    /// It was signed too long ago, or in the future.
    #[error(
        "it was signed {0} seconds away from now; up to {TOLERANCE_S} are allowed, so that nobody can send it again later"
    )]
    Stale(i64),
}

impl Scheme {
    /// Whether it rests on a secret that is shared, and not on a public key.
    pub fn needs_secret(&self) -> bool {
        !matches!(self, Scheme::PayPal(_) | Scheme::Jws(_))
    }

    /// Fetches what a check needs and the delivery only names.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn prepare(&self, delivery: &Delivery<'_>) -> Result<(), SignatureError> {
        match self {
            Scheme::PayPal(paypal) => paypal.prepare(delivery).await,
            Scheme::Jws(jws) => jws.prepare(delivery).await,
            _ => Ok(()),
        }
    }

    /// Checks a delivery against the active secrets.
    ///
    /// # Errors
    /// When it does not prove itself; see [`SignatureError`].
    pub fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret]) -> Result<(), SignatureError> {
        let secrets: Vec<&Secret> = secrets.iter().filter(|secret| !secret.0.is_empty()).collect();
        if secrets.is_empty() && self.needs_secret() {
            return Err(SignatureError::NoSecret);
        }
        match self {
            Scheme::Signed(signed) => signed.verify(delivery, &secrets),
            Scheme::Basic => providers::basic(delivery, &secrets),
            Scheme::Token { header } => {
                let given = header_of(delivery, header)?;
                any_of(&secrets, |secret| same(secret.bytes(), given.as_bytes()))
            }
            Scheme::Field { pointer } => {
                let body = json(delivery.body)?;
                let given = body.pointer(pointer).and_then(Value::as_str);
                let given = given.ok_or(SignatureError::Malformed("the body has no secret where it should be"))?;
                any_of(&secrets, |secret| same(secret.bytes(), given.as_bytes()))
            }
            Scheme::Stripe => providers::stripe(delivery, &secrets),
            Scheme::StandardWebhooks => providers::standard_webhooks(delivery, &secrets),
            Scheme::Adyen => providers::adyen(delivery, &secrets),
            Scheme::Salla => providers::salla(delivery, &secrets),
            Scheme::Tap => providers::tap(delivery, &secrets),
            Scheme::PayPal(paypal) => paypal.verify(delivery),
            Scheme::Jws(jws) => jws.verify(delivery),
        }
    }
}

impl Signed {
    /// A hash over the whole body and nothing else, by a key that is text.
    pub fn body(headers: &[&str], algorithm: Algorithm, encoding: Encoding) -> Signed {
        Signed {
            headers: headers.iter().map(|name| (*name).to_owned()).collect(),
            prefix: String::new(),
            algorithm,
            encoding,
            key: KeyForm::Text,
            parts: vec![Part::Body],
            time: None,
        }
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
        let given = first_header(delivery, &self.headers)?;
        let given = given.strip_prefix(&self.prefix).ok_or(SignatureError::Malformed("it begins with other words"))?;
        let given = self.encoding.decode(given)?;
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            parts.push(match part {
                Part::Body => delivery.body,
                Part::Header(name) => header_of(delivery, name)?.as_bytes(),
                Part::Text(text) => text.as_bytes(),
            });
        }
        any_of(secrets, |secret| {
            self.key.bytes(secret).is_some_and(|key| same(&self.algorithm.of(&key, &parts), &given))
        })?;
        let Some(time) = &self.time else { return Ok(()) };
        let seconds = header_of(delivery, time)?.parse();
        fresh(seconds.map_err(|_| SignatureError::Malformed("its time is not a number of seconds"))?, delivery.now)
    }
}

impl KeyForm {
    /// The key; none when the secret is not written like this.
    fn bytes(self, secret: &Secret) -> Option<Vec<u8>> {
        let key = match self {
            KeyForm::Text => Some(secret.bytes().to_vec()),
            KeyForm::Hex => hex(&secret.0),
            KeyForm::Base64 => STANDARD.decode(&secret.0).ok(),
        };
        key.filter(|key| !key.is_empty())
    }
}

impl Algorithm {
    fn of(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Algorithm::HmacSha256 => keyed::<Hmac<Sha256>>(key, parts),
            Algorithm::HmacSha512 => keyed::<Hmac<Sha512>>(key, parts),
        }
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

impl Encoding {
    fn decode(self, text: &str) -> Result<Vec<u8>, SignatureError> {
        match self {
            Encoding::Hex => hex(text).ok_or(SignatureError::Malformed("it is not hexadecimal")),
            Encoding::Base64 => STANDARD.decode(text).map_err(|_| SignatureError::Malformed("it is not Base64")),
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(*high)? << 4 | digit(*low)?) } else { None }).collect()
}

/// Empty is nobody's signature.
fn same(expected: &[u8], given: &[u8]) -> bool {
    !expected.is_empty() && bool::from(expected.ct_eq(given))
}

fn any_of(secrets: &[&Secret], matches: impl Fn(&Secret) -> bool) -> Result<(), SignatureError> {
    // All are tried, so that the time does not tell which one matched.
    let found = secrets.iter().fold(false, |found, secret| found | matches(secret));
    if found { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn header_of<'d>(delivery: &Delivery<'d>, name: &str) -> Result<&'d str, SignatureError> {
    let value = delivery.headers.get(name).ok_or_else(|| SignatureError::Missing(name.to_owned()))?;
    let text = value.to_str().map_err(|_| SignatureError::Malformed("the header is not plain text"))?.trim();
    if text.is_empty() { Err(SignatureError::Missing(name.to_owned())) } else { Ok(text) }
}

/// The first of these headers that is there; when none is, the first name is the one to tell.
fn first_header<'d>(delivery: &Delivery<'d>, names: &[String]) -> Result<&'d str, SignatureError> {
    let there = names.iter().find(|name| delivery.headers.contains_key(name.as_str())).or(names.first());
    header_of(delivery, there.map_or("", String::as_str))
}

fn json(body: &[u8]) -> Result<Value, SignatureError> {
    serde_json::from_slice(body).map_err(|_| SignatureError::Malformed("the body is not JSON"))
}

/// Refuses what was signed too far from now.
fn fresh(signed_at_s: i64, now: EventTime) -> Result<(), SignatureError> {
    let away = (now.micros() / 1_000_000).saturating_sub(signed_at_s).saturating_abs();
    if away > TOLERANCE_S { Err(SignatureError::Stale(away)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
