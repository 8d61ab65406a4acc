//! A detached JSON Web Signature (RFC 7515, RFC 7797) by an RSA key that the sender publishes.
//!
//! The address of the keys stands in the settings, never in the delivery. Keys are remembered; one that is not known is
//! asked for once a minute at most, since anybody can name one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

use super::fetch::Fetch;
use super::{Delivery, SignatureError, header_of};

/// Between two looks at the published keys.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The scheme for one sender.
#[derive(Clone)]
pub struct Jws {
    header: String,
    published: Arc<Published>,
}

struct Published {
    address: String,
    fetch: Fetch,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, RsaPublicKeyComponents<Vec<u8>>>,
    looked: Option<Instant>,
}

/// The protected header.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    kid: Option<String>,
    /// Whether the payload is signed as Base64; RFC 7797 leaves it as it is.
    #[serde(default = "yes")]
    b64: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<PublicKey>,
}

#[derive(Deserialize)]
struct PublicKey {
    kty: String,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

struct Given<'a> {
    protected: &'a str,
    kid: String,
    b64: bool,
    signature: Vec<u8>,
}

impl Jws {
    /// Signatures in `header` by one of the keys that `address` publishes.
    pub fn new(header: &str, address: &str) -> Jws {
        let published = Published { address: address.to_owned(), fetch: Fetch::new(), known: Mutex::default() };
        Jws { header: header.to_ascii_lowercase(), published: Arc::new(published) }
    }

    /// Fetches the keys, if the delivery names one that is not known and they were not looked at a moment ago.
    pub(in crate::connectors) async fn prepare(&self, delivery: &Delivery<'_>) -> Result<(), SignatureError> {
        let kid = self.given(delivery)?.kid;
        {
            let mut known = self.published.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.keys.contains_key(&kid) || known.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
                return Ok(());
            }
            known.looked = Some(Instant::now());
        }
        let set = self.published.fetch.get(&self.published.address).await?;
        self.remember(&set)
    }

    /// Checks a delivery whose key is there.
    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), SignatureError> {
        let given = self.given(delivery)?;
        let mut message = format!("{}.", given.protected).into_bytes();
        if given.b64 {
            message.extend_from_slice(URL_SAFE_NO_PAD.encode(delivery.body).as_bytes());
        } else {
            message.extend_from_slice(delivery.body);
        }
        let known = self.published.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = known.keys.get(&given.kid).ok_or(SignatureError::Mismatch)?;
        key.verify(&RSA_PKCS1_2048_8192_SHA256, &message, &given.signature).map_err(|_| SignatureError::Mismatch)
    }

    fn given<'d>(&self, delivery: &Delivery<'d>) -> Result<Given<'d>, SignatureError> {
        let wrong = SignatureError::Malformed("it is not a detached JSON Web Signature");
        let text = header_of(delivery, &self.header)?;
        let (protected, signature) = text.split_once("..").ok_or_else(|| wrong.clone())?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| wrong.clone())?;
        let header = URL_SAFE_NO_PAD.decode(protected).map_err(|_| wrong.clone())?;
        let header: Protected = serde_json::from_slice(&header).map_err(|_| wrong)?;
        // The algorithm is ours to choose: a sender that could, would choose none.
        if header.alg != "RS256" {
            return Err(SignatureError::Malformed("its algorithm is not RS256"));
        }
        Ok(Given { protected, kid: header.kid.unwrap_or_default(), b64: header.b64, signature })
    }

    fn remember(&self, set: &[u8]) -> Result<(), SignatureError> {
        let set: KeySet = serde_json::from_slice(set)
            .map_err(|_| SignatureError::Unreachable("what is published there is no set of keys".to_owned()))?;
        let number = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let keys = set.keys.into_iter().filter(|key| key.kty == "RSA").filter_map(|key| {
            let components = RsaPublicKeyComponents { n: number(key.n)?, e: number(key.e)? };
            Some((key.kid.unwrap_or_default(), components))
        });
        // What is not published any more is not trusted any more.
        self.published.known.lock().unwrap_or_else(PoisonError::into_inner).keys = keys.collect();
        Ok(())
    }
}

impl fmt::Debug for Jws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("address", &self.published.address).finish_non_exhaustive()
    }
}

impl PartialEq for Jws {
    fn eq(&self, other: &Jws) -> bool {
        (&self.header, &self.published.address) == (&other.header, &other.published.address)
    }
}

impl Eq for Jws {}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use mizan_events::EventTime;

    use super::*;

    // Key, set of keys and signature were made with OpenSSL.
    const BODY: &[u8] = include_bytes!("jws/body.json");
    const KEYS: &[u8] = include_bytes!("jws/keys.json");
    const SIGNATURE: &str = include_str!("jws/signature.txt");

    fn verify(jws: &Jws, signature: &str, body: &[u8]) -> Result<(), SignatureError> {
        let mut headers = HeaderMap::new();
        headers.insert("saleor-signature", HeaderValue::from_str(signature.trim()).unwrap());
        jws.verify(&Delivery { headers: &headers, body, now: EventTime::from_micros(0) })
    }

    #[test]
    fn a_signature_by_a_published_key_is_taken_and_nothing_else() {
        let jws = Jws::new("Saleor-Signature", "https://shop.example/.well-known/jwks.json");
        assert_eq!(verify(&jws, SIGNATURE, BODY), Err(SignatureError::Mismatch), "no key is known yet");
        jws.remember(KEYS).unwrap();
        verify(&jws, SIGNATURE, BODY).unwrap();
        for place in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[place] ^= 1;
            assert_eq!(verify(&jws, SIGNATURE, &body), Err(SignatureError::Mismatch), "byte {place}");
        }
        let unsigned = format!("{}..", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"1"}"#));
        assert!(matches!(verify(&jws, &unsigned, BODY), Err(SignatureError::Malformed(_))));
        jws.remember(br#"{"keys":[]}"#).unwrap();
        assert_eq!(verify(&jws, SIGNATURE, BODY), Err(SignatureError::Mismatch), "taken back");
    }
}
