//! PayPal signs with a certificate that it names in a header.
//!
//! A name that comes with the delivery proves nothing by itself: certificates are fetched from PayPal's own hosts alone,
//! over TLS, without following redirects, and must lead to a root that browsers trust. What was fetched is remembered.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizan_events::EventTime;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, ring::RSA_PKCS1_2048_8192_SHA256};

use super::fetch::Fetch;
use super::{Delivery, SignatureError, header_of};

/// The hosts that PayPal keeps its certificates on.
const HOSTS: [&str; 4] = ["api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "api-m.sandbox.paypal.com"];
/// PayPal changes certificates once in months; more than a few is somebody trying names.
const REMEMBERED_MAX: usize = 32;

/// PayPal's scheme for one webhook.
#[derive(Clone)]
pub struct PayPal {
    /// The id of the webhook, as PayPal shows it: part of what is signed.
    webhook_id: String,
    certificates: Arc<Certificates>,
}

struct Certificates {
    roots: Vec<TrustAnchor<'static>>,
    fetched: Mutex<HashMap<String, Arc<Vec<CertificateDer<'static>>>>>,
    fetch: Fetch,
}

impl PayPal {
    /// For the webhook with this id.
    pub fn new(webhook_id: &str) -> PayPal {
        PayPal::trusting(webhook_id, webpki_roots::TLS_SERVER_ROOTS.to_vec())
    }

    fn trusting(webhook_id: &str, roots: Vec<TrustAnchor<'static>>) -> PayPal {
        let certificates = Certificates { roots, fetched: Mutex::default(), fetch: Fetch::new() };
        PayPal { webhook_id: webhook_id.to_owned(), certificates: Arc::new(certificates) }
    }

    /// Fetches the certificate that a delivery names, unless it is there.
    pub(in crate::connectors) async fn prepare(&self, delivery: &Delivery<'_>) -> Result<(), SignatureError> {
        let address = pinned(header_of(delivery, "paypal-cert-url")?)?;
        if self.certificates.get(&address).is_some() {
            return Ok(());
        }
        let pem = self.certificates.fetch.get(&address).await?;
        self.certificates.remember(&address, &pem)
    }

    /// Checks a delivery whose certificate is there.
    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), SignatureError> {
        if header_of(delivery, "paypal-auth-algo")? != "SHA256withRSA" {
            return Err(SignatureError::Malformed("its algorithm is not SHA256withRSA"));
        }
        let given = STANDARD.decode(header_of(delivery, "paypal-transmission-sig")?);
        let given = given.map_err(|_| SignatureError::Malformed("it is not Base64"))?;
        let address = pinned(header_of(delivery, "paypal-cert-url")?)?;
        let chain = self.certificates.get(&address).ok_or(SignatureError::Malformed("its certificate is not there"))?;
        let (leaf, between) = chain.split_first().ok_or(SignatureError::Malformed("its certificate is empty"))?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| SignatureError::Malformed("its certificate is none"))?;
        leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.certificates.roots,
            between,
            unix(delivery.now),
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map_err(|error| SignatureError::Certificate(error.to_string()))?;
        let message = self.message(delivery)?;
        leaf.verify_signature(RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &given)
            .map_err(|_| SignatureError::Mismatch)
    }

    fn message(&self, delivery: &Delivery<'_>) -> Result<String, SignatureError> {
        let id = header_of(delivery, "paypal-transmission-id")?;
        let time = header_of(delivery, "paypal-transmission-time")?;
        Ok(format!("{id}|{time}|{}|{}", self.webhook_id, crc32fast::hash(delivery.body)))
    }
}

/// The address, if it is on one of PayPal's own hosts.
fn pinned(address: &str) -> Result<String, SignatureError> {
    let url = url::Url::parse(address).map_err(|_| SignatureError::Malformed("its certificate's address is none"))?;
    let host = url.host_str().unwrap_or_default();
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    if url.scheme() != "https" || !HOSTS.contains(&host) || !plain {
        return Err(SignatureError::Malformed("its certificate is not on one of PayPal's hosts"));
    }
    Ok(url.into())
}

fn unix(now: EventTime) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_micros(u64::try_from(now.micros()).unwrap_or(0)))
}

impl Certificates {
    fn get(&self, address: &str) -> Option<Arc<Vec<CertificateDer<'static>>>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn remember(&self, address: &str, pem: &[u8]) -> Result<(), SignatureError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(SignatureError::Malformed("its certificate cannot be read"))?;
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if fetched.len() >= REMEMBERED_MAX {
            fetched.clear();
        }
        fetched.insert(address.to_owned(), Arc::new(chain));
        Ok(())
    }
}

impl fmt::Debug for PayPal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayPal").field("webhook_id", &self.webhook_id).finish_non_exhaustive()
    }
}

impl PartialEq for PayPal {
    fn eq(&self, other: &PayPal) -> bool {
        self.webhook_id == other.webhook_id
    }
}

impl Eq for PayPal {}

#[cfg(test)]
mod tests;
