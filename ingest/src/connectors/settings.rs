//! What the settings say of a connector: `[connectors.NAME]` in `mizan.toml`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::signature::{Algorithm, Encoding, Jws, KeyForm, Part, Scheme, Signed};

/// One connector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorSettings {
    /// A ready kind such as `stripe`, or `custom`.
    pub kind: String,
    /// The shop that its events belong to.
    #[serde(default = "default_shop")]
    pub shop: String,
    /// What is shared with the provider; several during a rotation. Never shown.
    #[serde(default, skip_serializing)]
    pub secrets: Vec<String>,
    /// A file with secrets instead, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_file: Option<PathBuf>,
    /// PayPal: the id of the webhook, which is part of what PayPal signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// Saleor: the address of its public keys, where it has no secret key; `https://…/.well-known/jwks.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_keys: Option<String>,
    /// `mizan serve` pulls this often by itself; 0 never.
    #[serde(default)]
    pub pull_every_minutes: u64,
    /// A mapping of one's own, instead of the kind's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<PathBuf>,
    /// How a custom source signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureSettings>,
    /// The provider's API, from which history and missed webhooks are pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiSettings>,
}

/// How the provider's API is reached.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiSettings {
    /// Its address, where the kind does not know it: that of the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The key or token. Never shown.
    #[serde(default, skip_serializing)]
    pub key: Option<String>,
    /// WooCommerce: the secret that belongs to the key. Never shown.
    #[serde(default, skip_serializing)]
    pub secret: Option<String>,
    /// A file with the key instead; for WooCommerce the secret is its second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl fmt::Debug for ApiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiSettings").field("url", &self.url).field("key_file", &self.key_file).finish_non_exhaustive()
    }
}

fn default_shop() -> String {
    "default".to_owned()
}

/// How a custom source proves itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SignatureSettings {
    /// A keyed hash in a header.
    Hmac {
        /// The header with the hash.
        header: String,
        /// What stands before the hash, such as `sha256=`.
        #[serde(default)]
        prefix: String,
        /// `hmac-sha256` or `hmac-sha512`.
        #[serde(default)]
        algorithm: Algorithm,
        /// `hex` or `base64`.
        #[serde(default)]
        encoding: Encoding,
        /// How the secret is written: `text`, `hex` or `base64`.
        #[serde(default)]
        key: KeyForm,
        /// What is signed: text with `{body}` and `{header:NAME}` in it.
        #[serde(default = "whole_body")]
        signed: String,
        /// The header with the time in seconds since 1970, where it is signed too: older deliveries are refused.
        #[serde(default)]
        time_header: Option<String>,
    },
    /// A detached JSON Web Signature (RS256) by a key that the sender publishes.
    Jws {
        /// The header with the signature.
        header: String,
        /// The https address of the keys.
        public_keys: String,
    },
    /// Standard Webhooks.
    StandardWebhooks,
    /// A header that equals the secret.
    Token {
        /// The header.
        header: String,
    },
    /// `Authorization: Basic`; the secret is `user:password`.
    Basic,
    /// A field of the body that equals the secret.
    Field {
        /// Where in the body, as a JSON pointer such as `/token`.
        pointer: String,
    },
}

fn whole_body() -> String {
    "{body}".to_owned()
}

impl SignatureSettings {
    /// The scheme that they describe.
    ///
    /// # Errors
    /// When what is signed cannot be read, with the reason.
    pub fn scheme(&self) -> Result<Scheme, String> {
        Ok(match self {
            SignatureSettings::Hmac { header, prefix, algorithm, encoding, key, signed, time_header } => {
                let parts = parts(signed)?;
                let time = time_header.as_deref().map(str::to_ascii_lowercase);
                if let Some(time) = &time
                    && !parts.iter().any(|part| matches!(part, Part::Header(name) if name == time))
                {
                    return Err(format!("signed: {time} is the time_header but is not signed; add {{header:{time}}}"));
                }
                Scheme::Signed(Signed {
                    headers: vec![header.to_ascii_lowercase()],
                    prefix: prefix.clone(),
                    algorithm: *algorithm,
                    encoding: *encoding,
                    key: *key,
                    parts,
                    time,
                })
            }
            SignatureSettings::Jws { header, public_keys } => Scheme::Jws(Jws::new(header, &https(public_keys)?)),
            SignatureSettings::StandardWebhooks => Scheme::StandardWebhooks,
            SignatureSettings::Token { header } => Scheme::Token { header: header.to_ascii_lowercase() },
            SignatureSettings::Basic => Scheme::Basic,
            SignatureSettings::Field { pointer } if pointer.starts_with('/') => {
                Scheme::Field { pointer: pointer.clone() }
            }
            SignatureSettings::Field { pointer } => {
                return Err(format!("pointer: {pointer:?} is no JSON pointer; they begin with /, as in /token"));
            }
        })
    }
}

/// Keys that come in the open could be anybody's.
pub(super) fn https(address: &str) -> Result<String, String> {
    match url::Url::parse(address) {
        Ok(url) if url.scheme() == "https" => Ok(url.into()),
        _ => Err(format!("public_keys: {address:?} is no https address")),
    }
}

/// The parts of a template such as `{header:x-time}.{body}`.
fn parts(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("signed: {template:?} has a {{ without its }}"))?;
        parts.push(match name.split_once(':') {
            None if name == "body" => Part::Body,
            Some(("header", header)) if !header.is_empty() => Part::Header(header.to_ascii_lowercase()),
            _ => return Err(format!("signed: {{{name}}} is not known; use {{body}} or {{header:NAME}}")),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    if !parts.contains(&Part::Body) {
        return Err(format!("signed: {template:?} has no {{body}}; then anybody could change the body on its way"));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_says_what_is_signed() {
        let expected =
            [Part::Text("v0:".to_owned()), Part::Header("x-time".to_owned()), Part::Text(":".to_owned()), Part::Body];
        assert_eq!(parts("v0:{header:X-Time}:{body}").unwrap(), expected);
        for (wrong, told) in [("{header:x-time}", "no {body}"), ("{bodi}", "{bodi} is not known"), ("{body", "without")]
        {
            assert!(parts(wrong).unwrap_err().contains(told), "{wrong}");
        }
    }
}
