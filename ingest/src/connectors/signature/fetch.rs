//! Fetching the public keys that a delivery only names.

use std::fmt;
use std::time::Duration;

use super::SignatureError;

/// Certificates and sets of keys have a few thousand bytes.
const BYTES_MAX: usize = 64 * 1024;

/// Asks one address over TLS, follows no redirect, waits no longer than a provider waits for us.
pub(super) struct Fetch {
    client: Option<reqwest::Client>,
}

impl Fetch {
    pub(super) fn new() -> Fetch {
        let client = reqwest::Client::builder()
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build();
        Fetch { client: client.inspect_err(|error| tracing::error!(%error, "public keys cannot be fetched")).ok() }
    }

    pub(super) async fn get(&self, address: &str) -> Result<Vec<u8>, SignatureError> {
        let unreachable = |error: &dyn fmt::Display| SignatureError::Unreachable(error.to_string());
        let client = self.client.as_ref().ok_or_else(|| unreachable(&"no TLS here"))?;
        let mut answer = client.get(address).send().await.map_err(|error| unreachable(&error))?;
        if !answer.status().is_success() {
            return Err(unreachable(&answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| unreachable(&error))? {
            bytes.extend_from_slice(&part);
            if bytes.len() > BYTES_MAX {
                return Err(SignatureError::Malformed("its public key is too long to be one"));
            }
        }
        Ok(bytes)
    }
}
