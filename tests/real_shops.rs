//! Two real shops, whose sums others have computed, through import, models and SQL, to the cent.

use crate::support::Mizan;
use crate::support::tools::{real_data, repository};

fn map(name: &str) -> String {
    repository().join("sample-data/maps").join(name).display().to_string()
}

/// Of all models those that tell of what these shops have; a year of pairs of products takes minutes in a debug build.
const TRIED: [&str; 13] = [
    "abandonment_daily",
    "carts",
    "checkouts",
    "funnel_daily",
    "order_lines",
    "ordered_lines",
    "orders",
    "payment_attempts",
    "returned_lines",
    "sales_daily",
    "sessions",
    "stock_daily",
    "stock_movements",
];

#[test]
fn a_gift_shops_whole_year_comes_out_to_the_cent() {
    let Some(folder) = real_data("uci_online_retail") else { return };
    let mizan = Mizan::new();
    mizan.ok(&["import", folder.to_str().unwrap(), "--map", &map("uci_online_retail.jq")]);
    mizan.ok(&[&["run"], &TRIED[..]].concat());
    // Every line, returns against sales: 541,909 rows of the publisher.
    assert_eq!(mizan.value("SELECT CAST(sum(net_sales) AS DECIMAL(20,3)) FROM marts.order_lines"), "9747747.934");
    let known = mizan.sql(
        "SELECT count(*) AS lines, CAST(sum(l.quantity * l.unit_price) AS DECIMAL(20,3)) AS value,
                count(DISTINCT o.customer_id) AS customers, count(DISTINCT o.order_id) AS orders
           FROM marts.order_lines l JOIN marts.orders o ON o.shop = l.shop AND o.order_id = l.order_id
          WHERE l.quantity > 0 AND l.unit_price > 0 AND o.customer_id IS NOT NULL",
    );
    let expected =
        serde_json::json!({"lines": "397884", "value": "8911407.904", "customers": "4338", "orders": "18532"});
    assert_eq!(known[0], expected);
    // By order and by day the same sum.
    let by_order = mizan.value("SELECT CAST(sum(net_sales) AS DECIMAL(20,3)) FROM marts.orders");
    let by_day = mizan.value("SELECT CAST(sum(net_sales) AS DECIMAL(20,3)) FROM marts.sales_daily");
    assert_eq!((by_order.as_str(), by_day.as_str()), ("9747747.934", "9747747.934"));
    mizan.ok(&[&["test"], &TRIED[..]].concat());
    // A second import of the same files finds nothing new.
    let again =
        mizan.ok(&["--json", "import", folder.to_str().unwrap(), "--map", &map("uci_online_retail.jq"), "--again"]);
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["accepted"], 0, "{again}");
}

#[test]
fn a_marketplaces_payments_items_and_orders_come_out_to_the_cent() {
    let Some(folder) = real_data("olist") else { return };
    let file = |name: &str| folder.join(name).display().to_string();
    let mizan = Mizan::new();
    mizan.ok(&["import", &file("order_payments.parquet"), "--map", &map("olist_order_payments.jq")]);
    assert_eq!(mizan.value("SELECT CAST(sum(amount) AS DECIMAL(20,2)) FROM events.payments"), "16008872.12");

    let mizan = Mizan::new();
    mizan.ok(&["import", &file("order_items.parquet"), "--map", &map("olist_order_items.jq")]);
    mizan.ok(&["run", "orders"]);
    let known = mizan.sql(
        "SELECT CAST(sum(gross_sales) AS DECIMAL(20,2)) AS items, CAST(sum(shipping) AS DECIMAL(20,2)) AS freight FROM marts.orders",
    );
    assert_eq!(known[0], serde_json::json!({"items": "13591643.70", "freight": "2251909.54"}));
}

#[test]
fn a_marketplaces_whole_orders_are_joined_from_three_files() {
    let Some(folder) = real_data("olist/linked_subset") else { return };
    let file = |name: &str| folder.join(name).display().to_string();
    let mizan = Mizan::new();
    for (name, mapping) in [
        ("order_items.csv", "olist_order_items.jq"),
        ("order_payments.csv", "olist_order_payments.jq"),
        ("orders.csv", "olist_orders.jq"),
    ] {
        mizan.ok(&["import", &file(name), "--map", &map(mapping)]);
    }
    // Sums and counts of the CSV files themselves, by another program.
    assert_eq!(mizan.value("SELECT CAST(sum(amount) AS DECIMAL(20,2)) FROM events.payments"), "659682.58");
    let placed = "SELECT count(*) AS orders, CAST(sum(subtotal) AS DECIMAL(20,2)) AS items,
                         CAST(sum(shipping) AS DECIMAL(20,2)) AS freight FROM events.orders WHERE type = 'order.placed'";
    let expected = serde_json::json!({"orders": "4045", "items": "561316.40", "freight": "91181.30"});
    assert_eq!(mizan.sql(placed)[0], expected);
    mizan.ok(&["run", "orders"]);
    // Every order of the files is one row, and those that arrived say so.
    let known = mizan
        .sql("SELECT count(*) AS orders, count(*) FILTER (WHERE status = 'delivered') AS delivered FROM marts.orders");
    assert_eq!(known[0], serde_json::json!({"orders": "4071", "delivered": "3964"}));
}
