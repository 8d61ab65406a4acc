//! Stock follows what happens, and the ledger says why.

use serde_json::json;

use crate::shop::{Shop, event, minute, placed};

fn pieces(texts: [&str; 4]) -> [String; 4] {
    texts.map(str::to_owned)
}

#[tokio::test]
async fn stock_follows_a_day_in_the_shop_by_itself() {
    let mut shop = Shop::new().await;
    let at = minute;
    shop.apply([
        event("inventory.received", &at(0), json!({"sku": "oud", "quantity": "100"})),
        event("inventory.received", &at(0), json!({"sku": "oud", "quantity": 40, "location": "jeddah"})),
        event("inventory.received", &at(0), json!({"sku": "dates", "quantity": "2.5"})),
    ])
    .await;
    // −2 oud, −1 dates
    shop.apply([placed("1", &at(1)), placed("2", &at(2)), placed("3", &at(3))]).await;
    assert_eq!(shop.stock("oud", "default").await, pieces(["94", "0", "94", "0"]));
    assert_eq!(shop.stock("dates", "default").await, pieces(["-0.5", "0", "-0.5", "0"]));
    assert_eq!(shop.alerts().await, ["oversold dates", "reorder dates", "stock_out dates"]);

    // Order 2 is edited from 2 to 5 oud and without dates: −3 oud, +1 dates.
    let edited =
        json!({"order_id": "2", "currency": "SAR", "lines": [{"sku": "oud", "quantity": 5, "unit_price": "50"}]});
    shop.apply([event("order.edited", &at(4), edited)]).await;
    assert_eq!(shop.stock("oud", "default").await[0], "91");
    assert_eq!(shop.stock("dates", "default").await[0], "0.5");
    assert_eq!(shop.alerts().await, ["reorder dates"]);

    // One oud of order 1 comes back, then the order is cancelled: the other oud and the dates come back, once.
    let back = json!({"order_id": "1", "lines": [{"sku": "oud", "quantity": 1}]});
    let cancelled = json!({"order_id": "1", "reason": "changed her mind"});
    shop.apply([event("order.returned", &at(5), back), event("order.cancelled", &at(6), cancelled.clone())]).await;
    shop.apply([event("order.cancelled", &at(7), cancelled)]).await;
    assert_eq!(shop.stock("oud", "default").await[0], "93");
    assert_eq!(shop.stock("dates", "default").await[0], "1.5");

    // Everything of order 3 comes back; what came back of an order we never saw comes back too.
    let unknown = json!({"order_id": "C17", "lines": [{"sku": "oud", "quantity": 4, "unit_price": "50"}]});
    shop.apply([event("order.returned", &at(8), json!({"order_id": "3"})), event("order.returned", &at(9), unknown)])
        .await;
    assert_eq!(shop.stock("oud", "default").await[0], "99");
    assert_eq!(shop.stock("dates", "default").await[0], "2.5");

    // Three go to Jeddah, a count finds 95, two are set aside and one of them let go.
    shop.apply([
        event("inventory.transferred", &at(10), json!({"sku": "oud", "location": "default", "quantity": -3})),
        event("inventory.transferred", &at(10), json!({"sku": "oud", "location": "jeddah", "quantity": 3})),
        event("inventory.counted", &at(11), json!({"sku": "oud", "on_hand": "95", "reason": "stocktaking"})),
        event("inventory.reserved", &at(12), json!({"sku": "oud", "quantity": 2})),
        event("inventory.released", &at(13), json!({"sku": "oud", "quantity": 1})),
        event("inventory.adjusted", &at(14), json!({"sku": "oud", "quantity": -1, "reason": "broken"})),
    ])
    .await;
    assert_eq!(shop.stock("oud", "default").await, pieces(["94", "1", "93", "0"]));
    assert_eq!(shop.stock("oud", "jeddah").await, pieces(["43", "0", "43", "0"]));

    // The ledger: every change with its cause, and its sum is what is there.
    let ledger = shop.operations.movements("default", "oud", 100).await.unwrap();
    let told: Vec<_> = ledger
        .iter()
        .rev()
        .filter(|row| row.location == "default")
        .map(|row| format!("{} {} {} {}", row.position, row.kind, row.change, row.on_hand))
        .collect();
    assert_eq!(
        told,
        [
            "1 inventory.received 100 100",
            "4 order.placed -2 98",
            "5 order.placed -2 96",
            "6 order.placed -2 94",
            "7 order.edited -3 91",
            "8 order.returned 1 92",
            "9 order.cancelled 1 93",
            "11 order.returned 2 95",
            "12 order.returned 4 99",
            "13 inventory.transferred -3 96",
            "15 inventory.counted -1 95",
            "16 inventory.reserved 0 95",
            "17 inventory.released 0 95",
            "18 inventory.adjusted -1 94",
        ]
    );
    assert_eq!((ledger[0].reason.as_deref(), ledger[0].source.as_str()), (Some("broken"), "test"));
}

#[tokio::test]
async fn purchase_orders_are_on_their_way_until_received_or_cancelled() {
    let mut shop = Shop::new().await;
    let order = |kind: &str, at: i64, id: &str, sku: &str, quantity: i64| {
        event(kind, &minute(at), json!({"purchase_order_id": id, "sku": sku, "quantity": quantity, "supplier": "s"}))
    };
    shop.apply([
        order("purchase_order.placed", 0, "P1", "oud", 50),
        order("purchase_order.placed", 0, "P1", "dates", 20),
    ])
    .await;
    assert_eq!(shop.stock("oud", "default").await, pieces(["0", "0", "0", "50"]));
    shop.apply([order("purchase_order.received", 1, "P1", "oud", 30)]).await;
    assert_eq!(shop.stock("oud", "default").await, pieces(["30", "0", "30", "20"]));
    // What is still open of it leaves: 20 oud and 20 dates. A later receipt comes in all the same.
    shop.apply([event("purchase_order.cancelled", &minute(2), json!({"purchase_order_id": "P1"}))]).await;
    assert_eq!(shop.stock("oud", "default").await, pieces(["30", "0", "30", "0"]));
    assert_eq!(shop.stock("dates", "default").await, pieces(["0", "0", "0", "0"]));
    shop.apply([order("purchase_order.received", 3, "P1", "dates", 5)]).await;
    assert_eq!(shop.stock("dates", "default").await, pieces(["5", "0", "5", "0"]));
    // A receipt told before its order leaves nothing on its way.
    shop.apply([order("purchase_order.received", 4, "P2", "oud", 10)]).await;
    shop.apply([order("purchase_order.placed", 5, "P2", "oud", 10)]).await;
    assert_eq!(shop.stock("oud", "default").await, pieces(["40", "0", "40", "0"]));
}

#[tokio::test]
async fn a_tills_report_of_a_sale_and_the_orders_own_lines_take_the_stock_once() {
    let mut shop = Shop::new().await;
    let sold = |at: i64, order_id: Option<&str>, location: &str| {
        event(
            "inventory.sold",
            &minute(at),
            json!({"sku": "oud", "quantity": -2, "order_id": order_id, "location": location}),
        )
    };
    shop.apply([event("inventory.received", &minute(0), json!({"sku": "oud", "quantity": 10}))]).await;
    shop.apply([sold(1, None, "default")]).await;
    assert_eq!(shop.stock("oud", "default").await[0], "8");
    // The order is known: its lines took the two already.
    shop.apply([placed("1", &minute(2)), sold(3, Some("1"), "default")]).await;
    assert_eq!(shop.stock("oud", "default").await[0], "6");
    // The order is not known yet: the sale counts, until the order itself is told.
    shop.apply([sold(4, Some("2"), "mall")]).await;
    assert_eq!(shop.stock("oud", "mall").await[0], "-2");
    assert!(shop.operations.order("default", "2").await.unwrap().is_none(), "a sale alone is no order");
    shop.apply([placed("2", &minute(5))]).await;
    assert_eq!(shop.stock("oud", "mall").await[0], "0");
    assert_eq!(shop.stock("oud", "default").await[0], "4");
}

#[tokio::test]
async fn out_and_low_come_first() {
    let mut shop = Shop::new().await;
    for (sku, quantity) in [("a-ok", 50), ("b-low", 10), ("c-out", 1), ("d-none", 0)] {
        shop.apply([
            event("product.upserted", &minute(0), json!({"sku": sku, "name": sku.to_uppercase(), "reorder_point": 10})),
            event("inventory.counted", &minute(1), json!({"sku": sku, "on_hand": quantity})),
        ])
        .await;
    }
    shop.apply([event("inventory.reserved", &minute(2), json!({"sku": "c-out", "quantity": 1}))]).await;
    let filter = mizan_operations::StockFilter { shop: "default".to_owned(), limit: 3, ..Default::default() };
    let (rows, total) = shop.operations.stock(&filter).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| json!([row.name, row.state, row.available]).to_string()).collect();
    assert_eq!(told, [r#"["C-OUT","out","0"]"#, r#"["D-NONE","out","0"]"#, r#"["B-LOW","low","10"]"#]);
    assert_eq!(total, 4);
}
