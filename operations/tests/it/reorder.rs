//! The reorder rule on the shop's own sales.

use serde_json::{Value, json};

use crate::shop::{Shop, event};

fn day(day: u32, hour: u32) -> String {
    format!("2026-03-{day:02}T{hour:02}:00:00Z")
}

fn sale(id: &str, at: &str, quantity: i64) -> Value {
    let lines = json!([{"sku": "coffee", "quantity": quantity, "unit_price": "40"}]);
    event("order.placed", at, json!({"order_id": id, "currency": "SAR", "lines": lines}))
}

#[tokio::test]
async fn an_alert_comes_once_a_crossing_and_says_why() {
    let mut shop = Shop::new().await;
    let product = json!({"sku": "coffee", "name": "Coffee", "supplier": "yemen", "pack_size": 12});
    shop.apply([
        event("supplier.upserted", &day(1, 0), json!({"supplier": "yemen", "name": "Haraz", "lead_time_days": 7})),
        event("product.upserted", &day(1, 0), product),
        event("inventory.counted", &day(1, 1), json!({"sku": "coffee", "on_hand": 400})),
    ])
    .await;
    // Twelve a day for thirty days: 360 sold. The point is ceil(sold / 30 × 7 × 1.5): after n days 12 n / 30 × 10.5
    // = 4.2 n, and 400 − 12 n are left. 400 − 12 n ≤ ceil(4.2 n) first holds on day 25: 100 ≤ 105.
    let mut raised = Vec::new();
    for n in 1..=30 {
        shop.apply([sale(&format!("o{n}"), &day(n, 12), 12)]).await;
        raised.push(shop.operations.reorder("default").await.unwrap().len());
    }
    assert_eq!(raised.iter().position(|open| *open == 1), Some(24));
    let row = shop.operations.reorder("default").await.unwrap().remove(0);
    assert_eq!((row.since.as_str(), row.supplier_name.as_deref()), ("2026-03-25T12:00:00Z", Some("Haraz")));
    // Day 30: 40 left, 12 a day, point ceil(126) = 126; 126 − 40 + 84 = 170, in packs of twelve 180.
    assert_eq!(row.reason, "sells 12 a day, 40 left, supplier needs 7 days: order 180");
    assert_eq!((row.reorder_point.as_deref(), row.demand_per_day.as_str()), (Some("126"), "12"));

    // An open purchase order that covers it is quiet; cancelled, the alert is raised again.
    let purchase = json!({"purchase_order_id": "P1", "sku": "coffee", "quantity": 180, "supplier": "yemen"});
    shop.apply([event("purchase_order.placed", &day(30, 13), purchase)]).await;
    assert!(shop.operations.reorder("default").await.unwrap().is_empty());
    shop.apply([event("purchase_order.cancelled", &day(30, 14), json!({"purchase_order_id": "P1"}))]).await;
    let again = shop.operations.reorder("default").await.unwrap();
    assert_eq!(again[0].since, "2026-03-30T14:00:00Z");
    let alerts = shop.operations.alerts("default", 10).await.unwrap();
    assert_eq!((alerts.len(), alerts[0].kind.as_str(), alerts[0].subject.as_str()), (1, "reorder", "Coffee"));
}

#[tokio::test]
async fn sales_that_are_cancelled_are_no_demand_and_returns_do_not_lower_it() {
    let mut shop = Shop::new().await;
    shop.apply([
        event("inventory.counted", &day(1, 1), json!({"sku": "coffee", "on_hand": 1000})),
        sale("1", &day(2, 10), 60),
        sale("2", &day(2, 11), 30),
        event("order.cancelled", &day(2, 12), json!({"order_id": "1"})),
        event("order.returned", &day(2, 13), json!({"order_id": "2"})),
        event("inventory.sold", &day(2, 14), json!({"sku": "coffee", "quantity": -30})),
        event("inventory.counted", &day(2, 15), json!({"sku": "coffee", "on_hand": 5})),
    ])
    .await;
    // 30 of order 2 and 30 over the counter in thirty days: 2 a day, 7 days: 14, and half as much again: 21.
    let row = shop.operations.reorder("default").await.unwrap().remove(0);
    assert_eq!(row.reason, "sells 2 a day, 5 left, supplier needs 7 days: order 30");
    assert_eq!(row.reorder_point.as_deref(), Some("21"));
}

#[tokio::test]
async fn a_sale_counts_for_thirty_shop_days() {
    let mut shop = Shop::new().await;
    shop.apply([event("inventory.counted", &day(1, 1), json!({"sku": "coffee", "on_hand": 40}))]).await;
    // 22:00Z on the 1st is the 2nd of March in Riyadh; thirty days end with the 31st.
    shop.apply([sale("1", &day(1, 22), 30)]).await;
    assert_eq!(shop.operations.reorder("default").await.unwrap()[0].demand_per_day, "1");
    let look = |at: &str| event("inventory.adjusted", at, json!({"sku": "coffee", "quantity": 0}));
    shop.apply([look("2026-03-31T20:59:00Z")]).await;
    assert_eq!(shop.operations.reorder("default").await.unwrap().len(), 1);
    shop.apply([look("2026-03-31T21:00:00Z")]).await;
    assert!(shop.operations.reorder("default").await.unwrap().is_empty(), "no demand is left");
}
