//! Visits as shops send them: Segment's own SDKs, and the beacon in a real browser.

use std::process::Command;

use super::support::program::plain;
use super::support::tools::{python, repository, tool};
use super::support::{Mizan, Server};

fn key(mizan: &Mizan, scope: &str) -> String {
    mizan.ok(&["keys", "create", scope, "--scope", scope]).trim().to_owned()
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    let told = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
}

/// What both scripts below send: a product seen by one visitor, an order of another, a name that is the shop's own.
fn check_what_the_sdks_sent(server: &Server) {
    let visits = server
        .rows("SELECT type, visitor_id, sku, unit_price, currency, order_id FROM events.storefront ORDER BY type", 3);
    let of = |row: &serde_json::Value, name: &str| plain(&row[name]);
    assert_eq!(of(&visits[0], "type"), "storefront.page_view");
    assert_eq!(
        ["type", "visitor_id", "order_id", "currency"].map(|name| of(&visits[1], name)),
        ["storefront.purchase", "v-2", "1001", "KWD"]
    );
    assert_eq!(
        ["type", "visitor_id", "sku", "unit_price", "currency"].map(|name| of(&visits[2], name)),
        ["storefront.view_item", "v-1", "OUD-1", "12.5000", "KWD"]
    );
    let orders =
        server.rows("SELECT type, order_id, total, currency, lines[1]['quantity'] AS pieces FROM events.orders", 1);
    assert_eq!(
        ["type", "order_id", "total", "currency", "pieces"].map(|name| of(&orders[0], name)),
        ["order.placed", "1001", "26.0000", "KWD", "2.0000"]
    );
}

#[test]
fn segments_sdk_for_python_works_as_it_is() {
    let Some(python) = python("segment.analytics") else { return };
    let mizan = Mizan::new();
    let server = mizan.serve();
    let mut command = Command::new(python);
    command.arg(repository().join("tests/clients/send_by_segment.py"));
    command.env("MIZAN_URL", format!("http://{}", server.address)).env("MIZAN_KEY", key(&mizan, "ingest"));
    run(command);
    check_what_the_sdks_sent(&server);
}

#[test]
fn segments_sdk_for_node_works_as_it_is() {
    let Some(node) = tool("MIZAN_TEST_NODE", &["node"]) else { return };
    let web = repository().join("dashboards/web");
    if !web.join("node_modules/@segment/analytics-node").is_dir() {
        assert!(std::env::var_os("MIZAN_TEST_REQUIRE_ALL").is_none(), "@segment/analytics-node is not installed");
        println!("passed over: @segment/analytics-node is not installed; run npm ci in dashboards/web");
        return;
    }
    let mizan = Mizan::new();
    let server = mizan.serve();
    let mut command = Command::new(node);
    command.arg("tests/segment.mjs").current_dir(&web);
    command.env("MIZAN_URL", format!("http://{}", server.address)).env("MIZAN_KEY", key(&mizan, "ingest"));
    run(command);
    check_what_the_sdks_sent(&server);
}

#[test]
fn a_key_that_may_stand_in_a_page_gives_visits_and_nothing_else() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let collect = key(&mizan, "collect");
    let batch = r#"{"batch":[{"type":"track","event":"Order Completed","messageId":"m1","anonymousId":"v-9","timestamp":"2026-03-01T10:00:00Z",
        "properties":{"order_id":"9","currency":"SAR","products":[{"sku":"A","price":10,"quantity":1}]}}]}"#;
    let post = |path: &str, key: &str, body: &str| {
        let client = server.client();
        client.post(path, Some(key), "application/json", body.as_bytes()).unwrap()
    };
    assert_eq!(post("/v1/segment/batch", &collect, batch).json(), serde_json::json!({"success": true}));
    assert_eq!(plain(&server.rows("SELECT order_id FROM events.storefront", 1)[0]["order_id"]), "9");
    assert_eq!(server.value("SELECT count(*) FROM events.orders"), "0");
    // Nor may it use any other road, or read.
    let event = r#"{"specversion":"1.0","id":"1","source":"x","type":"order.paid","time":"2026-03-01T10:00:00Z","data":{"order_id":"9"}}"#;
    assert_eq!(post("/v1/events", &collect, event).status, 403);
    assert_eq!(post("/v1/sql", &collect, r#"{"query":"SELECT 1"}"#).status, 403);
    assert_eq!(post("/v1/segment/batch", "mzn_nothing", batch).status, 401);
    // What cannot be mapped is kept, with its sender's trust.
    let broken = r#"{"batch":[{"type":"track","event":"Product Viewed","messageId":"m2","timestamp":"2026-03-01T10:00:00Z","properties":{}}]}"#;
    assert_eq!(post("/v1/segment/batch", &collect, broken).status, 200);
    assert_eq!(plain(&server.rows("SELECT kind FROM events.rejected", 1)[0]["kind"]), "segment");
}

#[test]
fn the_beacon_sends_what_a_visitor_does_even_while_leaving() {
    let Some(chromium) = tool("MIZAN_TEST_CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]) else {
        return;
    };
    let Some(node) = tool("MIZAN_TEST_NODE", &["node"]) else { return };
    let web = repository().join("dashboards/web");
    if !web.join("node_modules/playwright-core").is_dir() {
        assert!(std::env::var_os("MIZAN_TEST_REQUIRE_ALL").is_none(), "npm ci was not run in dashboards/web");
        println!("passed over: run npm ci in dashboards/web");
        return;
    }
    let mizan = Mizan::new();
    let server = mizan.serve();
    let mut command = Command::new(node);
    command.arg("tests/beacon.mjs").current_dir(&web);
    command.env("MIZAN_URL", format!("http://{}", server.address)).env("MIZAN_KEY", key(&mizan, "collect"));
    command.env("CHROMIUM", chromium);
    run(command);

    let rows = server.rows(
        "SELECT type, session_id, visitor_id, cart_id, sku, unit_price, coalesce(sku, items[1]['sku']) AS item, utm_source, device, order_id, \
         language FROM events.storefront ORDER BY event_time, position",
        7,
    );
    let types: Vec<String> = rows.iter().map(|row| plain(&row["type"]).replace("storefront.", "")).collect();
    assert_eq!(
        types,
        ["page_view", "add_to_cart", "begin_checkout", "page_view", "page_view", "view_item", "purchase"]
    );
    let all = |name: &str| rows.iter().map(|row| plain(&row[name])).collect::<Vec<_>>();
    // Before consent: an id for the page and none for the visitor; another page is another session.
    assert_eq!(all("visitor_id")[..4], ["null", "null", "null", "null"]);
    let sessions = all("session_id");
    assert!(sessions[0] == sessions[1] && sessions[1] == sessions[2] && sessions[2] != sessions[3], "{sessions:?}");
    // After it the same visitor and session on every page.
    let visitors = all("visitor_id");
    assert!(visitors[4] != "null" && visitors[4] == visitors[5] && visitors[5] == visitors[6], "{visitors:?}");
    assert!(sessions[4] == sessions[5] && sessions[5] == sessions[6], "{sessions:?}");
    assert_eq!(plain(&rows[0]["utm_source"]), "newsletter");
    assert_eq!([plain(&rows[1]["sku"]), plain(&rows[1]["unit_price"])], ["OUD-1", "12.5000"]);
    assert!(rows[1]["cart_id"] == rows[2]["cart_id"] && plain(&rows[1]["cart_id"]) != "null", "{rows:?}");
    assert_eq!(plain(&rows[0]["language"]), "ar");
    // From GA4's dataLayer.
    assert_eq!(plain(&rows[5]["item"]), "OUD-2");
    assert_eq!(plain(&rows[6]["order_id"]), "1002");
}
