//! Late events: the same books as if they had come in time.

use mizan_operations::{Operations, rebuild};
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

use crate::following::streamed;
use crate::shop::{Shop, captured, dump, dump_without, event, minute, placed, refunded, settings};

fn moved(kind: &str, at: i64, quantity: i64) -> Value {
    event(kind, &minute(at), json!({"sku": "oud", "quantity": quantity}))
}

fn counted(at: i64, on_hand: i64) -> Value {
    event("inventory.counted", &minute(at), json!({"sku": "oud", "on_hand": on_hand}))
}

async fn on_hand(shop: &Shop) -> String {
    shop.stock("oud", "default").await[0].clone()
}

/// The ledger as a person reads it, oldest first: type, change, on hand after it, reason.
async fn ledger(shop: &Shop) -> Vec<String> {
    let rows = shop.operations.movements("default", "oud", 100).await.unwrap();
    let sum: i64 = rows.iter().map(|row| row.change.parse::<i64>().unwrap()).sum();
    assert_eq!(sum.to_string(), on_hand(shop).await, "the ledger adds up");
    let told = |row: &mizan_operations::MovementRow| {
        let reason = row.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {} {}{reason}", row.kind, row.change, row.on_hand)
    };
    rows.iter().rev().map(told).collect()
}

/// Every row that follows from the log is the same when the state is made again.
async fn assert_rebuilds(shop: Shop) {
    let before = dump(&shop.path).await;
    shop.operations.close().await;
    rebuild(&shop.path, settings(), streamed(&shop.log)).await.unwrap();
    assert_eq!(dump(&shop.path).await, before);
}

#[tokio::test]
async fn demand_is_seen_from_the_latest_day_whatever_arrives_last() {
    let day = |day: u32| format!("2026-03-{day:02}T10:00:00Z");
    let sale = |on: u32, quantity: i64| event("inventory.sold", &day(on), json!({"sku": "oud", "quantity": -quantity}));
    let mut shop = Shop::new().await;
    shop.apply([
        event("product.upserted", &day(1), json!({"sku": "oud", "supplier": "s"})),
        event("inventory.received", &day(1), json!({"sku": "oud", "quantity": 100})),
        sale(1, 30),
        sale(31, 60),
    ])
    .await;
    // From the 31st, thirty days begin on the 2nd: 60 sold; 60 / 30 × 7 × 1.5 = 21. Ten are left.
    let row = shop.operations.reorder("default").await.unwrap().remove(0);
    assert_eq!((row.reorder_point.as_deref(), row.available.as_str()), (Some("21"), "10"));

    // A sale of the 20th comes late: 63 in the same thirty days, 63 / 30 × 10.5 = 22.05. From the 20th it would be 33.
    shop.apply([sale(20, 3)]).await;
    let row = shop.operations.reorder("default").await.unwrap().remove(0);
    assert_eq!((row.reorder_point.as_deref(), row.demand_per_day.as_str()), (Some("23"), "2.1"));
    // 23 − 7 and seven days of demand, 14.7, make 31.
    assert_eq!(row.reason, "sells 2.1 a day, 7 left, supplier needs 7 days: order 31");

    // Nor does what the product or its supplier is told to be on an older day look from that day; and the supplier's
    // fourteen days count at once: 63 / 30 × 14 × 1.5 = 44.1.
    shop.apply([
        event("product.upserted", &day(5), json!({"sku": "oud", "name": "Oud"})),
        event("supplier.upserted", &day(6), json!({"supplier": "s", "lead_time_days": 14})),
    ])
    .await;
    let row = shop.operations.reorder("default").await.unwrap().remove(0);
    assert_eq!((row.reorder_point.as_deref(), row.name.as_deref()), (Some("45"), Some("Oud")));
    let filter = mizan_operations::StockFilter { shop: "default".to_owned(), limit: 9, ..Default::default() };
    let (stock, _) = shop.operations.stock(&filter).await.unwrap();
    assert_eq!((stock[0].updated_at.as_str(), stock[0].reorder_point.as_deref()), (day(31).as_str(), Some("45")));
    assert_rebuilds(shop).await;
}

#[tokio::test]
async fn what_comes_late_was_in_the_count_already() {
    let mut shop = Shop::new().await;
    shop.apply([counted(20, 7), moved("inventory.received", 30, 5)]).await;
    // Received before the count, sold before it, and moved at its very minute: whoever counted saw all of it.
    shop.apply([moved("inventory.received", 0, 10)]).await;
    shop.apply([moved("inventory.sold", 10, -2), moved("inventory.adjusted", 20, 4)]).await;
    assert_eq!(on_hand(&shop).await, "12");
    let was = "was in the count of 2026-03-01T09:20:00Z already";
    assert_eq!(
        ledger(&shop).await,
        [
            "inventory.counted 7 7".to_owned(),
            "inventory.received 5 12".to_owned(),
            "inventory.received 10 22".to_owned(),
            format!("inventory.counted -10 12: {was}"),
            "inventory.sold -2 10".to_owned(),
            format!("inventory.counted 2 12: {was}"),
            "inventory.adjusted 4 16".to_owned(),
            format!("inventory.counted -4 12: {was}"),
        ]
    );
    // The two sold are demand all the same: 2 / 30 × 10.5 = 0.7, so one.
    let filter = mizan_operations::StockFilter { shop: "default".to_owned(), limit: 9, ..Default::default() };
    assert_eq!(shop.operations.stock(&filter).await.unwrap().0[0].reorder_point.as_deref(), Some("1"));
    assert_rebuilds(shop).await;
}

#[tokio::test]
async fn a_late_count_takes_in_what_moved_since() {
    for batches in [1, 2, 5] {
        let mut shop = Shop::new().await;
        let events = [
            moved("inventory.received", 0, 10),
            moved("inventory.sold", 10, -2),
            moved("inventory.received", 30, 5),
            // 7 at minute 20 and 5 more since: 12, where there were 13.
            counted(20, 7),
            // Older than the count that stands.
            event("inventory.counted", &minute(15), json!({"sku": "oud", "on_hand": 3, "reason": "shelf"})),
        ];
        for batch in events.chunks(events.len().div_ceil(batches)) {
            shop.apply(batch.to_vec()).await;
        }
        assert_eq!(
            ledger(&shop).await,
            [
                "inventory.received 10 10",
                "inventory.sold -2 8",
                "inventory.received 5 13",
                "inventory.counted -1 12: 7 counted, +5 since",
                "inventory.counted 0 12: shelf; the later count of 2026-03-01T09:20:00Z stands",
            ],
            "in {batches} batches"
        );
        // The next count in its time sets the stock as ever.
        shop.apply([counted(40, 11), moved("inventory.sold", 41, -1)]).await;
        assert_eq!(on_hand(&shop).await, "10");
        assert_rebuilds(shop).await;
    }
}

#[tokio::test]
async fn an_order_takes_its_pieces_on_the_side_of_the_count_where_they_belong() {
    let lines = |quantity: i64| json!({"order_id": "1", "currency": "SAR", "lines": [{"sku": "oud", "quantity": quantity, "unit_price": "50"}]});
    // Two ordered, ten counted after that, edited to five after the count: three more went, seven are left.
    let events =
        [event("order.placed", &minute(0), lines(2)), counted(20, 10), event("order.edited", &minute(40), lines(5))];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut shop = Shop::new().await;
        for place in order {
            shop.apply([events[place].clone()]).await;
        }
        assert_eq!(on_hand(&shop).await, "7", "{order:?}");
        ledger(&shop).await;
        assert_rebuilds(shop).await;
    }
    // The edit first takes all five; the order then takes two of them at its own time and leaves three to the edit.
    let mut shop = Shop::new().await;
    shop.apply([events[2].clone(), events[0].clone()]).await;
    assert_eq!(ledger(&shop).await, ["order.edited -5 -5", "order.placed -2 -7", "order.edited 2 -5"]);
}

/// Some days with everything that may come late: terms, counts, orders, a till, purchase orders, payments.
fn days() -> Vec<Value> {
    let of = |kind: &str, at: i64, data: Value| event(kind, &minute(at), data);
    let lines = |id: &str, quantity: i64| json!({"order_id": id, "total": "100", "lines": [{"sku": "oud", "quantity": quantity, "unit_price": "50"}]});
    let day = 1_440;
    let payment = |kind: &str, at: i64, data: Value| {
        let mut data = data;
        data["payment_id"] = json!("p2");
        data["provider"] = json!("stripe");
        of(kind, at, data)
    };
    vec![
        of("supplier.upserted", 0, json!({"supplier": "s", "name": "S", "lead_time_days": 9})),
        of("supplier.upserted", day, json!({"supplier": "s", "lead_time_days": 4})),
        of("product.upserted", 0, json!({"sku": "oud", "name": "Oud", "supplier": "s"})),
        of("product.upserted", 5, json!({"sku": "oud", "name": "Oud oil", "pack_size": 6})),
        of("product.upserted", 9, json!({"sku": "oud", "unit_price": "50"})),
        of("inventory.received", 1, json!({"sku": "oud", "quantity": 80})),
        counted(2 * day, 60),
        counted(9 * day, 31),
        of("inventory.sold", day + 3, json!({"sku": "oud", "quantity": -4})),
        of("inventory.sold", 11 * day, json!({"sku": "oud", "quantity": -3})),
        of("inventory.sold", 10 * day, json!({"sku": "oud", "quantity": -2, "order_id": "2", "location": "mall"})),
        placed("1", &minute(10)),
        of("order.edited", 3 * day, lines("1", 5)),
        of("order.edited", 3 * day, lines("1", 7)),
        of("order.cancelled", 9 * day, json!({"order_id": "1"})),
        of("order.returned", 12 * day, json!({"order_id": "1"})),
        of("order.placed", 10 * day, lines("2", 2)),
        of(
            "order.returned",
            40 * day,
            json!({"order_id": "2", "lines": [{"sku": "oud", "quantity": 1}], "currency": "KWD"}),
        ),
        captured("1", "a", "161.00", &minute(11)),
        captured("1", "a", "161.00", &minute(12)),
        refunded("1", "r", "20.00", &minute(13)),
        refunded("1", "r", "21.00", &minute(14)),
        payment("payment.initiated", 15, json!({"order_id": "2", "currency": "SAR", "method": "card"})),
        payment("payment.captured", 16, json!({"amount": "100", "currency": "USD"})),
        payment("payment.failed", 14, json!({"decline": {"code": "51"}})),
        payment("payment.failed", 15, json!({"method": "mada"})),
        of(
            "purchase_order.placed",
            day,
            json!({"purchase_order_id": "P", "sku": "oud", "quantity": 20, "eta": minute(99)}),
        ),
        of(
            "purchase_order.received",
            8 * day,
            json!({"purchase_order_id": "P", "sku": "oud", "quantity": 12, "location": "mall"}),
        ),
        of("purchase_order.cancelled", 13 * day, json!({"purchase_order_id": "P"})),
    ]
}

/// What a person is told now, and what the ledger comes to by type.
async fn told(operations: &Operations, path: &std::path::Path) -> Vec<String> {
    let by_arrival =
        ["alerts", "order_events", "stock_movements", "invoices", "invoice_numbers", "meta", "orders.token"];
    // A day on which a sale was booked and moved away again is a day without sales.
    let mut told: Vec<String> = dump_without(path, &by_arrival).await;
    told.retain(|row| !(row.starts_with("stock_sold") && row.ends_with("sold=0")));
    let mut alerts = operations.alerts("default", 99).await.unwrap();
    alerts.sort_by_key(|alert| (alert.kind.clone(), alert.sku.clone(), alert.location.clone()));
    told.extend(alerts.into_iter().map(|alert| {
        format!("{} {} {} {} {:?}", alert.kind, alert.sku, alert.location, alert.message, alert.suggested_quantity)
    }));
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    let sums = "SELECT sku || ' ' || location || ' ' || type || ' ' || sum(on_hand_change)
        FROM stock_movements GROUP BY sku, location, type HAVING sum(on_hand_change) <> 0
        UNION ALL
        SELECT 'the ledger does not add up: ' || s.sku || ' ' || s.location
        FROM stock s JOIN stock_movements m ON m.shop = s.shop AND m.sku = s.sku AND m.location = s.location
        GROUP BY s.sku, s.location
        HAVING (s.on_hand, s.reserved, s.incoming)
            <> (sum(m.on_hand_change), sum(m.reserved_change), sum(m.incoming_change))
        ORDER BY 1";
    let sums: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sums)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert!(!sums.iter().any(|row| row.starts_with("the ledger")), "{sums:?}");
    told.extend(sums);
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_arrival_tells_the_same(events in Just(days()).prop_shuffle(), batch in 1_usize..12) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut in_time = days();
            in_time.sort_by_key(|event| event["time"].as_str().unwrap().to_owned());
            let mut straight = Shop::new().await;
            straight.apply(in_time).await;
            let expected = told(&straight.operations, &straight.path).await;
            let on_hand = &straight.stock("oud", "default").await[0];
            // 31 counted on day nine, then 3 sold, 2 ordered and 1 come back. Order 1 gave its pieces back that day.
            assert_eq!(on_hand, "27");

            let mut shuffled = Shop::new().await;
            for batch in events.chunks(batch) {
                shuffled.apply(batch.to_vec()).await;
            }
            let found = told(&shuffled.operations, &shuffled.path).await;
            let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).collect();
            let instead: Vec<_> = found.iter().filter(|row| !expected.contains(row)).collect();
            assert!(found.len() == expected.len() && missing.is_empty(), "missing {missing:#?}\ninstead {instead:#?}");
            assert_rebuilds(shuffled).await;
        });
    }
}
