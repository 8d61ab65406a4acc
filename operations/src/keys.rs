//! Keys: who may send, read and administer.
//!
//! A key is `mzn_`, 256 random bits and a checksum, in an alphabet without look-alikes. Only its SHA-256 is stored
//! (there is nothing to guess in 256 random bits, so that a slow hash would protect nothing), in the table `keys`,
//! which does not follow from the log: a rebuild carries it over.

mod recent;

use std::fmt;
use std::str::FromStr;

use mizan_events::EventTime;
use rand::TryRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::apply::Operations;
use crate::error::{Doing, OperationsError};

pub(crate) use recent::Recent;

const PREFIX: &str = "mzn_";
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM_DIGITS: usize = 52;
const CHECK_DIGITS: usize = 7;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Sending what visitors do in the shop and nothing else: a key that may stand in a web page.
    Collect,
    /// Sending events.
    Ingest,
    /// Reading everything of its shop.
    Read,
    /// Everything.
    Admin,
}

impl Scope {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Collect => "collect",
            Scope::Ingest => "ingest",
            Scope::Read => "read",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = OperationsError;

    fn from_str(name: &str) -> Result<Scope, OperationsError> {
        match name {
            "collect" => Ok(Scope::Collect),
            "ingest" => Ok(Scope::Ingest),
            "read" => Ok(Scope::Read),
            "admin" => Ok(Scope::Admin),
            _ => Err(OperationsError::KeyRule { rule: "scopes out of collect, ingest, read and admin" }),
        }
    }
}

/// A key that was shown and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The only shop that it is for; every shop where absent.
    pub shop: Option<String>,
}

impl Key {
    /// Whether it allows this; an admin key allows everything.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| *own == scope || *own == Scope::Admin)
    }
}

/// A key just made. Its secret is shown this once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The key.
    pub key: Key,
    /// What its holder sends.
    pub secret: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("key", &self.key).field("secret", &"…").finish()
    }
}

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The only shop that it is for.
    pub shop: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
}

#[derive(sqlx::FromRow)]
struct StoredKey {
    name: String,
    scopes: String,
    shop: Option<String>,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl Operations {
    /// Makes a key. The secret in the answer is not stored and cannot be shown again.
    ///
    /// # Errors
    /// When a key of this name is in use, or name or scopes are empty.
    pub async fn create_key(
        &self,
        name: &str,
        scopes: &[Scope],
        shop: Option<&str>,
    ) -> Result<NewKey, OperationsError> {
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(OperationsError::KeyRule { rule: "a name of 1 to 100 printable characters" });
        }
        if scopes.is_empty() {
            return Err(OperationsError::KeyRule { rule: "at least one scope out of collect, ingest, read and admin" });
        }
        let mut scopes = scopes.to_vec();
        scopes.sort();
        scopes.dedup();
        let mut random = [0_u8; 32];
        rand::rngs::SysRng.try_fill_bytes(&mut random).map_err(|error| OperationsError::Random(error.to_string()))?;
        let secret = secret_of(&random);
        let made = sqlx::query(
            "INSERT INTO keys (hash, name, scopes, shop, created_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING",
        )
        .bind(hash(&secret).to_vec())
        .bind(name)
        .bind(scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(","))
        .bind(shop)
        .bind(EventTime::now().micros())
        .execute(self.writer())
        .await
        .doing("store a key")?;
        if made.rows_affected() == 0 {
            return Err(OperationsError::KeyExists { name: name.to_owned() });
        }
        Ok(NewKey { key: Key { name: name.to_owned(), scopes, shop: shop.map(str::to_owned) }, secret })
    }

    /// The key with this secret, unless it is unknown, mistyped or revoked.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn verify_key(&self, secret: &str) -> Result<Option<Key>, OperationsError> {
        if !is_well_formed(secret) {
            return Ok(None);
        }
        let asked = hash(secret);
        if let Some(key) = self.recent_keys().get(&asked) {
            return Ok(Some(key));
        }
        let stamp = self.recent_keys().stamp();
        let row: Option<(Vec<u8>, String, String, Option<String>)> =
            sqlx::query_as("SELECT hash, name, scopes, shop FROM keys WHERE hash = ? AND revoked_at IS NULL")
                .bind(asked.to_vec())
                .fetch_optional(self.readers())
                .await
                .doing("look up a key")?;
        match row {
            Some((stored, name, scopes, shop)) if bool::from(stored.as_slice().ct_eq(&asked)) => {
                let key = Key { name, scopes: read_scopes(&scopes)?, shop };
                self.recent_keys().keep(stamp, asked, key.clone());
                Ok(Some(key))
            }
            _ => Ok(None),
        }
    }

    /// Every key, oldest first, revoked ones too.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list_keys(&self) -> Result<Vec<KeyRow>, OperationsError> {
        let rows: Vec<StoredKey> =
            sqlx::query_as("SELECT name, scopes, shop, created_at, revoked_at FROM keys ORDER BY created_at, name")
                .fetch_all(self.readers())
                .await
                .doing("list keys")?;
        rows.into_iter()
            .map(|row| {
                Ok(KeyRow {
                    name: row.name,
                    scopes: read_scopes(&row.scopes)?,
                    shop: row.shop,
                    created_at: EventTime::from_micros(row.created_at).to_string(),
                    revoked_at: row.revoked_at.map(|at| EventTime::from_micros(at).to_string()),
                })
            })
            .collect()
    }

    /// Ends a key at once.
    ///
    /// # Errors
    /// When no key of this name is in use.
    pub async fn revoke_key(&self, name: &str) -> Result<(), OperationsError> {
        let revoked = sqlx::query("UPDATE keys SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL")
            .bind(EventTime::now().micros())
            .bind(name)
            .execute(self.writer())
            .await
            .doing("revoke a key")?;
        if revoked.rows_affected() == 0 {
            return Err(OperationsError::NoSuchKey { name: name.to_owned() });
        }
        self.recent_keys().forget().map_err(|source| OperationsError::Revoked { name: name.to_owned(), source })
    }
}

fn read_scopes(text: &str) -> Result<Vec<Scope>, OperationsError> {
    text.split(',').map(str::parse).collect()
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Five bits a digit, the last digit filled up with zeros.
fn digits(bytes: &[u8], count: usize) -> String {
    let bit = |place: usize| bytes.get(place / 8).is_some_and(|byte| byte >> (7 - place % 8) & 1 == 1);
    let digit = |place: usize| (0..5).fold(0_usize, |value, offset| value * 2 + usize::from(bit(place * 5 + offset)));
    (0..count).map(|place| char::from(ALPHABET[digit(place)])).collect()
}

fn checksum(body: &str) -> String {
    digits(&Sha256::digest([b"mizan key ", body.as_bytes()].concat()), CHECK_DIGITS)
}

fn secret_of(random: &[u8; 32]) -> String {
    let body = digits(random, RANDOM_DIGITS);
    let check = checksum(&body);
    format!("{PREFIX}{body}{check}")
}

/// Whether it can be a key at all: a slip of the pen is told without looking anything up.
fn is_well_formed(secret: &str) -> bool {
    let Some(rest) = secret.strip_prefix(PREFIX) else { return false };
    if rest.len() != RANDOM_DIGITS + CHECK_DIGITS || !rest.is_ascii() {
        return false;
    }
    let (body, check) = rest.split_at(RANDOM_DIGITS);
    bool::from(checksum(body).as_bytes().ct_eq(check.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_five_bits_each() {
        // 0xff = 11111 111(00), 0x00 0x44 0x32 = 00000 00001 00010 00011 0010(0)
        assert_eq!(digits(&[0xff], 2), "zw");
        assert_eq!(digits(&[0x00, 0x44, 0x32], 5), "01234");
    }

    #[test]
    fn a_slip_of_the_pen_breaks_the_checksum() {
        let secret = secret_of(&[7; 32]);
        assert_eq!(secret.len(), 63);
        assert!(is_well_formed(&secret));
        for place in PREFIX.len()..secret.len() {
            let mut slip = secret.clone().into_bytes();
            slip[place] = if slip[place] == b'0' { b'1' } else { b'0' };
            assert!(!is_well_formed(&String::from_utf8(slip).unwrap()), "at {place}");
        }
        assert!(!is_well_formed("mzn_"));
        assert!(!is_well_formed(""));
    }

    #[test]
    fn a_new_keys_secret_is_not_in_its_debug_text() {
        let key = Key { name: "till".to_owned(), scopes: vec![Scope::Ingest], shop: None };
        let new = NewKey { key, secret: secret_of(&[9; 32]) };
        assert!(!format!("{new:?}").contains(&new.secret));
    }
}
