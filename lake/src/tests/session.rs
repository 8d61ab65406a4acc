//! What a session offers beside the tables.

use mizan_events::Family;
use tempfile::TempDir;

use super::{open, orders, texts};
use crate::{LakeError, SessionSettings, Shop, empty_session};

fn shop(name: &str, zone: &str) -> Shop {
    Shop { shop: name.to_owned(), name: name.to_uppercase(), currency: "KWD".to_owned(), timezone: zone.to_owned() }
}

fn settings() -> SessionSettings {
    SessionSettings {
        shops: vec![
            shop("default", "Asia/Riyadh"),
            shop("london", "Europe/London"),
            shop("nyc", "America/New_York"),
            shop("kathmandu", "Asia/Kathmandu"),
        ],
        ..SessionSettings::default()
    }
}

#[tokio::test]
async fn days_and_clocks_are_those_of_the_shop_also_when_the_clocks_change() {
    let context = empty_session(&settings()).unwrap();
    // Hand-worked: London puts its clocks forward at 01:00 UTC on 29 March 2026 and back at 01:00 UTC on 25 October;
    // New York forward at 07:00 UTC on 8 March 2026. Kathmandu is 5:45 ahead, Riyadh 3:00.
    let cases = [
        ("london", "2026-03-29T00:59:59.999999Z", "2026-03-29T00:59:59.999999"),
        ("london", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00"),
        ("london", "2026-03-29T23:30:00Z", "2026-03-30T00:30:00"),
        ("london", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00"),
        ("london", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00"),
        ("london", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00"),
        ("nyc", "2026-03-08T06:59:59Z", "2026-03-08T01:59:59"),
        ("nyc", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00"),
        ("nyc", "2026-03-08T04:30:00Z", "2026-03-07T23:30:00"),
        ("kathmandu", "2026-03-01T18:14:59Z", "2026-03-01T23:59:59"),
        ("kathmandu", "2026-03-01T18:15:00Z", "2026-03-02T00:00:00"),
        ("default", "2026-03-01T21:00:00Z", "2026-03-02T00:00:00"),
        ("unknown", "2026-03-01T20:59:59Z", "2026-03-01T23:59:59"),
        ("london", "1969-07-20T20:17:40Z", "1969-07-20T21:17:40"),
    ];
    let values: Vec<String> = cases.iter().map(|(shop, time, _)| format!("('{shop}', '{time}')")).collect();
    let query = format!(
        "SELECT shop_time(shop, at::timestamptz), shop_date(shop, at::timestamptz) FROM (VALUES {}) AS v(shop, at)",
        values.join(", ")
    );
    let expected: Vec<String> = cases.iter().map(|(_, _, local)| format!("{local} {}", &local[..10])).collect();
    assert_eq!(texts(&context, &query).await, expected);
    for ((shop, time, _), expected) in cases.iter().zip(&expected) {
        let one = format!("SELECT shop_time('{shop}', '{time}'), shop_date('{shop}', '{time}')");
        assert_eq!(texts(&context, &one).await, [expected.as_str()]);
    }
    let nothing = "SELECT shop_date('london', NULL), shop_time(NULL, '2026-03-01T21:00:00Z')";
    assert_eq!(texts(&context, nothing).await, [" 2026-03-02T00:00:00"]);
}

#[tokio::test]
async fn a_zone_that_does_not_exist_is_an_error_that_names_it() {
    for zone in ["Asia/Riyad", "", "+03:00"] {
        let settings = SessionSettings { shops: vec![shop("default", zone)], ..SessionSettings::default() };
        assert!(matches!(empty_session(&settings), Err(LakeError::TimeZone { zone: found, .. }) if found == zone));
    }
}

#[tokio::test]
async fn numbers_with_a_point_are_decimals() {
    let context = empty_session(&settings()).unwrap();
    assert_eq!(texts(&context, "SELECT 0.1 + 0.2 = 0.3, arrow_typeof(0.1)").await, ["true Decimal128(1, 1)"]);
    assert_eq!(
        texts(&context, "SELECT shop, timezone FROM settings.shops WHERE shop = 'nyc'").await,
        ["nyc America/New_York"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_found_by_schema_and_described_in_sql() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 3)], 0, 2).await.unwrap();
    let context = lake.session(settings()).await.unwrap();
    for table in ["events.orders", "mizan.events.orders"] {
        assert_eq!(texts(&context, &format!("SELECT count(*) FROM {table}")).await, ["2"]);
    }
    let comment = "SELECT comment, personal FROM settings.columns
        WHERE table_schema = 'events' AND table_name = 'orders' AND column_name = 'customer_email'";
    assert_eq!(texts(&context, comment).await, ["E-mail address yes"]);
    let listed = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'events' ORDER BY 1";
    assert_eq!(texts(&context, listed).await, ["inventory", "orders", "payments", "storefront", "webhooks"]);
    let typed = "SELECT arrow_typeof(total), arrow_typeof(event_time) FROM events.orders LIMIT 1";
    assert_eq!(texts(&context, typed).await, ["Decimal128(18, 4) Timestamp(µs, \"UTC\")"]);
}
