//! A shop to test with: a database file in its own folder, events in short, and a dump of every state table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mizan_events::EventTime;
use mizan_operations::{Applied, LoggedEvent, Operations, Settings, ShopSettings, StockFilter};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

pub(crate) struct Shop {
    pub(crate) operations: Operations,
    pub(crate) path: PathBuf,
    pub(crate) log: Vec<String>,
    _folder: tempfile::TempDir,
}

pub(crate) fn settings() -> Settings {
    let shop = ShopSettings {
        name: "دار العود".to_owned(),
        currency: "SAR".to_owned(),
        timezone: "Asia/Riyadh".to_owned(),
        tax_id: Some("300000000000003".to_owned()),
        ..ShopSettings::default()
    };
    Settings { shops: BTreeMap::from([("default".to_owned(), shop)]), invoice_max_age_days: Some(30) }
}

/// `minute` minutes after 2026-03-01T09:00Z.
pub(crate) fn minute(minute: i64) -> String {
    let start = EventTime::parse("2026-03-01T09:00:00Z").unwrap().micros();
    EventTime::from_micros(start + minute * 60_000_000).to_string()
}

/// An event of the shop `default`; its id is its type, its time and its data.
pub(crate) fn event(kind: &str, at: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": format!("{kind} {at} {data}"), "source": "test", "type": kind, "time": at, "data": data})
}

/// Events are taken in a second after the latest of them happened.
pub(crate) fn received(events: &[String]) -> EventTime {
    let time = |json: &String| {
        let event: Value = serde_json::from_str(json).unwrap();
        EventTime::parse(event["time"].as_str().unwrap()).unwrap().micros()
    };
    EventTime::from_micros(events.iter().map(time).max().unwrap_or(0) + 1_000_000)
}

pub(crate) fn logged(events: &[String], first: u64) -> Vec<LoggedEvent<'_>> {
    let received_at = received(events);
    (first..)
        .zip(events)
        .map(|(position, json)| LoggedEvent { position, received_at, json: Cow::Borrowed(json) })
        .collect()
}

impl Shop {
    pub(crate) async fn new() -> Shop {
        Shop::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operations.db");
        let operations = Operations::open(&path, settings).await.unwrap();
        Shop { operations, path, log: Vec::new(), _folder: folder }
    }

    /// Applies one batch and remembers it as the log.
    pub(crate) async fn apply(&mut self, events: impl IntoIterator<Item = Value>) -> Applied {
        let from = self.log.len();
        self.log.extend(events.into_iter().map(|event| event.to_string()));
        self.operations.apply(&logged(&self.log[from..], from as u64 + 1)).await.unwrap()
    }

    /// On hand, reserved, available and incoming of a product at a location.
    pub(crate) async fn stock(&self, sku: &str, location: &str) -> [String; 4] {
        let filter = StockFilter {
            shop: "default".to_owned(),
            sku: Some(sku.to_owned()),
            location: Some(location.to_owned()),
            limit: 1,
        };
        let (mut rows, _) = self.operations.stock(&filter).await.unwrap();
        let row = rows.pop().unwrap_or_else(|| panic!("no stock of {sku} at {location}"));
        [row.on_hand, row.reserved, row.available, row.incoming]
    }

    /// Kind and subject of the open alerts, sorted.
    pub(crate) async fn alerts(&self) -> Vec<String> {
        let alerts = self.operations.alerts("default", 100).await.unwrap();
        let mut alerts: Vec<String> =
            alerts.into_iter().map(|alert| format!("{} {}", alert.kind, alert.subject)).collect();
        alerts.sort();
        alerts
    }
}

/// Every row of every table that follows from the log, as text.
pub(crate) async fn dump(path: &Path) -> Vec<String> {
    dump_without(path, &[]).await
}

/// The same without some columns, told as `table.column`, or whole tables.
pub(crate) async fn dump_without(path: &Path, without: &[&str]) -> Vec<String> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('keys', '_sqlx_migrations') ORDER BY name",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let mut rows = Vec::new();
    for table in tables.iter().filter(|table| !without.contains(&table.as_str())) {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?) ORDER BY cid")
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let quoted: Vec<String> = columns
            .iter()
            .filter(|column| !without.contains(&format!("{table}.{column}").as_str()))
            .map(|column| format!("'{column}=' || quote({column})"))
            .collect();
        let select = format!("SELECT '{table} ' || {} FROM {table} ORDER BY 1", quoted.join(" || ' ' || "));
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap();
        rows.extend(found);
    }
    connection.close().await.unwrap();
    rows
}

/// An order of two products: 2 × 50.00 and 1 × 30.00, shipping 10.00, 15 % tax 21.00, total 161.00.
pub(crate) fn placed(order_id: &str, at: &str) -> Value {
    event(
        "order.placed",
        at,
        json!({
            "order_id": order_id, "currency": "SAR", "subtotal": "130.00", "shipping": "10.00", "tax": "21.00",
            "total": "161.00", "payment_method": "card", "channel": "online",
            "customer": {"id": "c1", "name": "Huda Al Salem", "email": "huda@example.com", "phone": "+966500000001"},
            "shipping_address": {"name": "Huda Al Salem", "line1": "12 Olaya St", "city": "Riyadh", "country": "SA"},
            "lines": [
                {"line_id": "1", "sku": "oud", "name": "Oud oil", "quantity": 2, "unit_price": "50.00", "tax_rate": 15},
                {"line_id": "2", "sku": "dates", "name": "Dates", "quantity": "1", "unit_price": "30.00", "tax_rate": "15"},
            ],
        }),
    )
}

pub(crate) fn captured(order_id: &str, attempt: &str, amount: &str, at: &str) -> Value {
    event(
        "payment.captured",
        at,
        json!({"payment_id": format!("pay-{order_id}"), "attempt_id": attempt, "order_id": order_id,
            "provider": "moyasar", "method": "mada", "amount": amount, "currency": "SAR", "fee": "1.61"}),
    )
}

pub(crate) fn refunded(order_id: &str, refund: &str, amount: &str, at: &str) -> Value {
    event(
        "payment.refunded",
        at,
        json!({"payment_id": format!("pay-{order_id}"), "order_id": order_id, "provider": "moyasar",
            "refund_id": refund, "amount": amount, "currency": "SAR"}),
    )
}
