//! Settings: `mizan.toml`, then `MIZAN_SECTION__KEY`, then flags.
//!
//! An unknown key is an error that names the nearest known one: a setting that is silently ignored is worse than none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mizan_ingest::connectors::ConnectorSettings;
use mizan_ingest::watch::WatchSettings;
use serde::{Deserialize, Serialize};

use crate::exit::{Code, Failure};

/// Everything that can be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// The HTTP server.
    pub server: Server,
    /// From log to lake.
    pub ingest: Ingest,
    /// Limits of SQL.
    pub sql: Sql,
    /// Models.
    pub transform: Transform,
    /// Live state.
    pub operations: Operations,
    /// The shops, by the name that events carry.
    pub shops: BTreeMap<String, Shop>,
    /// Webhooks: what is served at `/v1/webhooks/NAME`.
    pub connectors: BTreeMap<String, ConnectorSettings>,
    /// Folders whose files `mizan serve` imports.
    pub watch: Vec<WatchSettings>,
}

/// The HTTP server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port to listen on.
    pub http: SocketAddr,
    /// Largest request body, after decompression.
    pub max_body_bytes: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// Requests a second that one key may make; 0 is no limit.
    pub key_requests_per_second: u32,
    /// Requests a second that a key in a web page may make, for all its visitors together; 0 is no limit.
    pub page_key_requests_per_second: u32,
}

/// From log to lake.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// Events go to Delta at the latest after this many seconds …
    pub flush_seconds: u64,
    /// … or once they take this much memory.
    pub flush_bytes: usize,
    /// Bytes of events that may wait for the disk; beyond it senders are told to wait.
    pub queue_bytes: usize,
    /// Small files are merged this often.
    pub compact_seconds: u64,
}

/// Limits of SQL.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sql {
    /// Longest that a query may run.
    pub timeout_seconds: u64,
    /// Memory that all queries together may reserve.
    pub memory_bytes: usize,
    /// Most rows of an answer over HTTP.
    pub max_rows: usize,
}

/// Models.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transform {
    /// A folder of models of one's own beside the built-in ones.
    pub models: Option<PathBuf>,
    /// `mizan serve` brings models up to date this often; 0 never.
    pub every_seconds: u64,
}

/// Live state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// Orders older than this when they arrive are history, and get no invoice.
    pub invoice_max_age_days: u32,
}

/// One shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shop {
    /// Its name, as invoices and pages show it.
    pub name: String,
    /// ISO 4217 code of its main currency.
    pub currency: String,
    /// IANA name of its time zone; days are days there.
    pub timezone: String,
    /// Whether prices include tax.
    pub prices_include_tax: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            data: PathBuf::from("./mizan-data"),
            server: Server::default(),
            ingest: Ingest::default(),
            sql: Sql::default(),
            transform: Transform::default(),
            operations: Operations::default(),
            shops: BTreeMap::from([("default".to_owned(), Shop::default())]),
            connectors: BTreeMap::new(),
            watch: Vec::new(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Server {
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_body_bytes: 20 << 20,
            max_connections: 1024,
            key_requests_per_second: 0,
            page_key_requests_per_second: 500,
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Ingest { flush_seconds: 15, flush_bytes: 96 << 20, queue_bytes: 64 << 20, compact_seconds: 300 }
    }
}

impl Default for Sql {
    fn default() -> Self {
        Sql { timeout_seconds: 30, memory_bytes: 1 << 30, max_rows: 100_000 }
    }
}

impl Default for Transform {
    fn default() -> Self {
        Transform { models: None, every_seconds: 60 }
    }
}

impl Default for Operations {
    fn default() -> Self {
        Operations { invoice_max_age_days: 30 }
    }
}

impl Default for Shop {
    fn default() -> Self {
        Shop {
            name: "Shop".to_owned(),
            currency: "SAR".to_owned(),
            timezone: "Asia/Riyadh".to_owned(),
            prices_include_tax: true,
        }
    }
}

/// Reads the settings: the file (`mizan.toml` here, unless another is named), then the environment.
pub fn load(file: Option<&Path>) -> Result<Settings, Failure> {
    let mut builder = config::Config::builder();
    match file {
        Some(path) if !path.is_file() => {
            return Err(Failure::new(Code::Configuration, format!("there is no settings file {}", path.display())));
        }
        Some(path) => builder = builder.add_source(config::File::from(path)),
        None => builder = builder.add_source(config::File::new("mizan.toml", config::FileFormat::Toml).required(false)),
    }
    for (name, value) in std::env::vars() {
        // Only names with a section: others (MIZAN_DATA, MIZAN_LOG, …) are flags by another road.
        if let Some(key) = name.strip_prefix("MIZAN_").filter(|key| key.contains("__")) {
            let key = key.to_lowercase().replace("__", ".");
            builder = builder.set_override(&key, value).map_err(|error| wrong(&format!("{name}: {error}")))?;
        }
    }
    let config = builder.build().map_err(|error| wrong(&error.to_string()))?;
    let mut settings: Settings = config.try_deserialize().map_err(|error| wrong(&error.to_string()))?;
    settings.shops.entry("default".to_owned()).or_default();
    for (name, shop) in &settings.shops {
        check_shop(name, shop)?;
    }
    for (name, connector) in &settings.connectors {
        check_connector(name, connector, &settings.shops)?;
    }
    for watch in &settings.watch {
        check_watch(watch, &settings.shops)?;
    }
    Ok(settings)
}

fn check_shop(name: &str, shop: &Shop) -> Result<(), Failure> {
    if mizan_events::Currency::from_code(&shop.currency).is_none() {
        return Err(wrong(&format!("shops.{name}.currency: {:?} is not an ISO 4217 code such as SAR", shop.currency)));
    }
    if jiff::tz::TimeZone::get(&shop.timezone).is_ok() {
        return Ok(());
    }
    Err(wrong(&format!("shops.{name}.timezone: {:?} is not an IANA time zone such as Asia/Riyadh", shop.timezone)))
}

fn check_connector(name: &str, connector: &ConnectorSettings, shops: &BTreeMap<String, Shop>) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(wrong(&format!("connectors.{name}: a name has only a-z, 0-9, - and _; it is part of the address")));
    }
    if !shops.contains_key(&connector.shop) {
        let shop = &connector.shop;
        return Err(wrong(&format!("connectors.{name}.shop: there is no [shops.{shop}] in these settings")));
    }
    Ok(())
}

fn check_watch(watch: &WatchSettings, shops: &BTreeMap<String, Shop>) -> Result<(), Failure> {
    match &watch.shop {
        Some(shop) if !shops.contains_key(shop) => {
            let folder = watch.folder.display();
            Err(wrong(&format!("watch ({folder}).shop: there is no [shops.{shop}] in these settings")))
        }
        _ => Ok(()),
    }
}

fn wrong(message: &str) -> Failure {
    let failure = Failure::new(Code::Configuration, format!("settings: {message}"));
    match nearest_known(message) {
        Some(known) => failure.hint(format!("did you mean {known}?")),
        None => failure.hint("`mizan config show` prints every setting with its value"),
    }
}

/// Serde's message reads: unknown field `x`, expected one of `a`, `b`.
fn nearest_known(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    let candidates = rest.split('`').skip(1).step_by(2);
    candidates.min_by_key(|known| strsim::damerau_levenshtein(unknown, known)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> Result<Settings, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mizan.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path))
    }

    #[test]
    fn a_file_sets_what_it_names_and_leaves_the_rest() {
        let settings = from_text("[shops.default]\ncurrency = \"KWD\"\ntimezone = \"Asia/Kuwait\"\n").unwrap();
        assert_eq!(settings.shops["default"].currency, "KWD");
        assert!(settings.server.http.ip().is_loopback());
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let told = format!("{:?}", from_text("[server]\nhtpp = \"127.0.0.1:1\"\n").unwrap_err());
        assert!(told.contains("htpp") && told.contains("did you mean http?"), "{told}");
    }

    #[test]
    fn a_wrong_zone_or_currency_is_refused_by_name() {
        let zone = format!("{:?}", from_text("[shops.a]\ntimezone = \"Riyadh\"\n").unwrap_err());
        assert!(zone.contains("shops.a.timezone"), "{zone}");
        let currency = format!("{:?}", from_text("[shops.a]\ncurrency = \"RIYAL\"\n").unwrap_err());
        assert!(currency.contains("shops.a.currency"), "{currency}");
    }
}
