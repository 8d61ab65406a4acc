//! Orders and payments, whatever order their events come in.

use mizan_operations::Operations;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::shop::{Shop, captured, dump_without, event, logged, minute, placed, refunded, settings};

fn step(kind: &str, at: i64, data: Value) -> Value {
    let mut data = data;
    data["order_id"] = json!("1");
    event(kind, &minute(at), data)
}

/// A card order: a declined try, paid, sent in two parcels, one tried in vain, one piece returned and refunded.
fn realistic() -> Vec<Value> {
    let payment = |kind: &str, at: i64, data: Value| {
        let mut data = data;
        data["payment_id"] = json!("pay-1");
        data["provider"] = json!("moyasar");
        data["currency"] = json!("SAR");
        event(kind, &minute(at), data)
    };
    vec![
        placed("1", &minute(0)),
        payment("payment.initiated", 1, json!({"order_id": "1", "amount": "161.00"})),
        payment("payment.failed", 2, json!({"order_id": "1", "attempt_id": "a1", "decline": {"code": "51"}})),
        payment("payment.authorized", 3, json!({"order_id": "1", "attempt_id": "a2", "amount": "161.00"})),
        captured("1", "a2", "161.00", &minute(4)),
        step("order.paid", 5, json!({})),
        step("order.packed", 6, json!({"parcel_id": "p1"})),
        step("order.shipped", 7, json!({"parcel_id": "p1", "carrier": "smsa", "tracking_number": "SM1"})),
        step("order.shipped", 8, json!({"parcel_id": "p2", "carrier": "smsa", "tracking_number": "SM2"})),
        step("order.out_for_delivery", 9, json!({"parcel_id": "p1"})),
        step("order.delivery_failed", 10, json!({"parcel_id": "p1", "reason": "nobody home"})),
        step("order.delivered", 12, json!({"parcel_id": "p1"})),
        step("order.delivered", 13, json!({"parcel_id": "p2"})),
        step(
            "order.returned",
            20,
            json!({"lines": [{"sku": "oud", "quantity": 1, "unit_price": "50"}], "total": "57.50", "currency": "SAR"}),
        ),
        refunded("1", "r1", "57.50", &minute(21)),
        // The same refund, told again under another event id.
        event(
            "payment.refunded",
            &minute(22),
            json!({"payment_id": "pay-1", "order_id": "1", "provider": "moyasar",
            "refund_id": "r1", "amount": "57.50", "currency": "SAR"}),
        ),
        // The shop edits the note of the order: one more box of dates, before it is packed.
        event(
            "order.edited",
            &minute(1),
            json!({"order_id": "1", "currency": "SAR", "total": "161.00", "lines": [
            {"sku": "oud", "quantity": 2, "unit_price": "50.00"}, {"sku": "dates", "quantity": 1, "unit_price": "30.00"}]}),
        ),
    ]
}

#[tokio::test]
async fn an_order_tells_its_whole_story() {
    let mut shop = Shop::new().await;
    shop.apply([event("inventory.counted", &minute(-1), json!({"sku": "oud", "on_hand": 10}))]).await;
    shop.apply(realistic()).await;
    let order = shop.operations.order("default", "1").await.unwrap().unwrap();
    assert_eq!((order.status.as_str(), order.payment_status.as_str()), ("returned", "partially_refunded"));
    assert_eq!((order.captured.as_str(), order.refunded.as_str()), ("161.00", "57.50"));
    assert_eq!(order.paid_at.as_deref(), Some("2026-03-01T09:04:00Z"));
    let lines: Vec<_> = order.lines.iter().map(|line| (line.sku.as_str(), line.returned_quantity.as_str())).collect();
    assert_eq!(lines, [("oud", "1"), ("dates", "0")]);
    let parcels: Vec<_> = order
        .parcels
        .iter()
        .map(|parcel| (parcel.parcel_id.as_str(), parcel.status.as_str(), parcel.tracking_number.as_deref()))
        .collect();
    assert_eq!(parcels, [("p1", "delivered", Some("SM1")), ("p2", "delivered", Some("SM2"))]);
    let payment = &order.payments[0];
    assert_eq!((payment.status.as_str(), payment.failures, payment.fee.as_str()), ("partially_refunded", 1, "1.61"));
    assert_eq!(payment.decline_code.as_deref(), Some("51"));
    let times: Vec<_> = order.timeline.iter().map(|entry| &entry.time).collect();
    assert_eq!(times.len(), 17);
    assert!(times.is_sorted());
    assert_eq!(order.timeline[3].reason.as_deref(), Some("51"));
    assert_eq!(order.invoice_number.as_deref(), Some("INV-2026-000001"));
    assert_eq!(order.credit_notes, ["CRN-2026-000001"]);
    assert_eq!(shop.stock("oud", "default").await[0], "9");
}

#[tokio::test]
async fn a_payment_or_parcel_told_before_its_order_is_not_lost() {
    let mut shop = Shop::new().await;
    shop.apply([captured("1", "a", "161.00", &minute(4)), step("order.shipped", 7, json!({"carrier": "smsa"}))]).await;
    let early = shop.operations.order("default", "1").await.unwrap().unwrap();
    assert_eq!((early.status.as_str(), early.payment_status.as_str()), ("shipped", "authorized"));
    assert_eq!((early.placed_at, early.invoice_number, early.captured.as_str()), (None, None, "161.00"));
    shop.apply([placed("1", &minute(0))]).await;
    let order = shop.operations.order("default", "1").await.unwrap().unwrap();
    assert_eq!((order.status.as_str(), order.payment_status.as_str()), ("shipped", "paid"));
    assert_eq!(order.invoice_number.as_deref(), Some("INV-2026-000001"));
    assert_eq!(order.paid_at.as_deref(), Some("2026-03-01T09:04:00Z"));
}

#[tokio::test]
async fn a_payment_without_order_id_finds_its_order_by_the_payment() {
    let mut shop = Shop::new().await;
    let bare = |kind: &str, at: i64| {
        event(
            kind,
            &minute(at),
            json!({"payment_id": "pi", "provider": "stripe", "amount": "161.00", "currency": "SAR"}),
        )
    };
    let mut linked = bare("payment.initiated", 1);
    linked["data"]["order_id"] = json!("1");
    shop.apply([placed("1", &minute(0)), bare("payment.captured", 2)]).await;
    shop.apply([linked]).await;
    shop.apply([bare("payment.refunded", 9)]).await;
    let order = shop.operations.order("default", "1").await.unwrap().unwrap();
    assert_eq!((order.payment_status.as_str(), order.credit_notes.len()), ("refunded", 1));
}

#[tokio::test]
async fn state_never_goes_backwards() {
    let mut shop = Shop::new().await;
    let mut seen = Vec::new();
    for event in [
        placed("1", &minute(0)),
        step("order.delivered", 9, json!({})),
        step("order.packed", 3, json!({})),
        step("order.out_for_delivery", 8, json!({})),
        step("order.delivery_failed", 10, json!({})),
    ] {
        shop.apply([event]).await;
        seen.push(shop.operations.order("default", "1").await.unwrap().unwrap().status);
    }
    assert_eq!(seen, ["placed", "delivered", "delivered", "delivered", "delivered"]);
}

#[tokio::test]
async fn cash_on_delivery_is_pending_until_it_is_paid() {
    let mut shop = Shop::new().await;
    let mut order = placed("1", &minute(0));
    order["data"]["payment_method"] = json!("cod");
    shop.apply([order]).await;
    let status = |order: Option<mizan_operations::OrderView>| order.unwrap().payment_status;
    assert_eq!(status(shop.operations.order("default", "1").await.unwrap()), "cod_pending");
    shop.apply([step("order.delivered", 5, json!({})), step("order.paid", 6, json!({}))]).await;
    assert_eq!(status(shop.operations.order("default", "1").await.unwrap()), "paid");
}

#[tokio::test]
async fn the_customers_view_tells_no_more_than_first_name_and_city() {
    let mut shop = Shop::new().await;
    shop.apply(realistic()).await;
    let token = shop.operations.order("default", "1").await.unwrap().unwrap().tracking_token;
    assert_eq!(token.len(), 32);
    let view = shop.operations.track(&token).await.unwrap().unwrap();
    assert_eq!((view.first_name.as_deref(), view.city.as_deref()), (Some("Huda"), Some("Riyadh")));
    assert_eq!(view.parcels[0].tracking_number.as_deref(), Some("SM1"));
    let text = serde_json::to_string(&view).unwrap();
    for hidden in ["Salem", "example.com", "+966", "Olaya", "c1", "moyasar"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    assert!(shop.operations.track("00000000000000000000000000000000").await.unwrap().is_none());
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page() {
    let mut shop = Shop::new().await;
    shop.apply((0..5).map(|n| placed(&format!("o{n}"), &minute(n / 2)))).await;
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = shop.operations.orders("default", 2, before.as_ref()).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor.clone());
        found.extend(page.into_iter().map(|order| order.order_id));
    }
    assert_eq!(found, ["o4", "o3", "o2", "o1", "o0"]);
    let other = shop.operations.orders("another", 2, None).await.unwrap();
    assert!(other.is_empty());
}

/// What is left out depends on the order of arrival by its nature: places in the log, the ledger's running figures,
/// what alerts were raised on the way, and how the credit was split.
const BY_ARRIVAL: [&str; 5] = ["alerts", "order_events", "stock_movements", "invoices", "meta"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_arrival_ends_in_the_same_state(events in Just(realistic()).prop_shuffle(), cut in 0_usize..17) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut straight = Shop::new().await;
            straight.apply(realistic()).await;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("shuffled.db");
            let shuffled = Operations::open(&path, settings()).await.unwrap();
            let texts: Vec<String> = events.iter().map(ToString::to_string).collect();
            shuffled.apply(&logged(&texts[..cut], 1)).await.unwrap();
            shuffled.apply(&logged(&texts[cut..], 1 + cut as u64)).await.unwrap();
            let mut without = BY_ARRIVAL.to_vec();
            without.push("orders.token");
            assert_eq!(dump_without(&path, &without).await, dump_without(&straight.path, &without).await);
            let view = shuffled.order("default", "1").await.unwrap().unwrap();
            assert_eq!(view.invoice_number.as_deref(), Some("INV-2026-000001"));
            let invoice = mizan_operations::InvoiceQuery::OfOrder { shop: "default", order_id: "1" };
            let both = (shuffled.invoice(invoice).await.unwrap(), straight.operations.invoice(invoice).await.unwrap());
            let totals = |invoice: Option<mizan_operations::Invoice>| invoice.unwrap().totals.total;
            assert_eq!(totals(both.0), totals(both.1));
        });
    }
}
