//! Following the log: every event exactly once, whatever stops it, and the same state again from the events alone.

use std::path::Path;

use futures::stream;
use mizan_operations::{LoggedEvent, Operations, OperationsError, Scope, Settings, ShopSettings, rebuild};
use serde_json::{Value, json};

use crate::shop::{Shop, captured, dump, event, logged, minute, placed, refunded, settings};

/// A month of a shop in two hundred events: stock, orders, payments, parcels, returns, purchase orders.
fn month() -> Vec<Value> {
    let mut events = vec![
        event("supplier.upserted", &minute(0), json!({"supplier": "s", "name": "S", "lead_time_days": 5})),
        event("product.upserted", &minute(0), json!({"sku": "oud", "name": "Oud", "supplier": "s", "pack_size": 6})),
        event("inventory.counted", &minute(1), json!({"sku": "oud", "on_hand": 60})),
        event("inventory.counted", &minute(1), json!({"sku": "dates", "on_hand": 20})),
    ];
    for n in 0..24 {
        let (order, at) = (format!("{n}"), n * 1_440);
        events.push(placed(&order, &minute(at)));
        if n % 3 == 0 {
            // Told before anything else of the payment is.
            events.push(event("order.paid", &minute(at + 1), json!({"order_id": order})));
        }
        events.push(captured(&order, "a", "161.00", &minute(at + 2)));
        events.push(event(
            "order.shipped",
            &minute(at + 60),
            json!({"order_id": order, "carrier": "smsa", "tracking_number": n}),
        ));
        match n % 6 {
            1 => events.push(event("order.cancelled", &minute(at + 70), json!({"order_id": order}))),
            2 => events.push(event("order.returned", &minute(at + 80), json!({"order_id": order}))),
            3 => events.push(refunded(&order, "r", "50.00", &minute(at + 90))),
            4 => events.push(event("order.delivered", &minute(at + 95), json!({"order_id": order}))),
            _ => {}
        }
        if n % 8 == 7 {
            let purchase = json!({"purchase_order_id": format!("P{n}"), "sku": "oud", "quantity": 24});
            events.push(event("purchase_order.placed", &minute(at + 100), purchase.clone()));
            events.push(event("purchase_order.received", &minute(at + 900), purchase));
        }
    }
    let mut other = placed("1", &minute(5));
    other["shop"] = json!("annex");
    events.push(other);
    events
}

fn texts(events: &[Value]) -> Vec<String> {
    events.iter().map(ToString::to_string).collect()
}

/// The same month, applied in batches of this size. Times of receipt are the same however it is cut.
async fn follow(operations: &Operations, events: &[LoggedEvent<'_>], batch: usize) {
    for batch in events.chunks(batch) {
        operations.apply(batch).await.unwrap();
    }
}

async fn straight(path: &Path, events: &[LoggedEvent<'_>]) -> Vec<String> {
    let operations = Operations::open(path, settings()).await.unwrap();
    follow(&operations, events, 7).await;
    dump_without_tokens(path).await
}

/// Tokens differ between files that were made apart, since each has its own secret.
async fn dump_without_tokens(path: &Path) -> Vec<String> {
    let rows = crate::shop::dump_without(path, &["orders.token"]).await;
    rows.into_iter().filter(|row| !row.starts_with("meta name='secret'")).collect()
}

#[tokio::test]
async fn events_given_again_count_once_and_batches_of_any_size_give_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(&month());
    let events = logged(&texts, 1);
    let expected = straight(&folder.path().join("sevens.db"), &events).await;
    assert!(expected.len() > 400, "{}", expected.len());
    for batch in [1, 50, 1_000] {
        let path = folder.path().join(format!("{batch}.db"));
        let operations = Operations::open(&path, settings()).await.unwrap();
        follow(&operations, &events, batch).await;
        let again = operations.apply(&events).await.unwrap();
        assert_eq!((again.applied, again.ignored, again.position), (0, events.len() as u64, events.len() as u64));
        assert_eq!(dump_without_tokens(&path).await, expected, "in batches of {batch}");
    }
}

#[tokio::test]
async fn a_batch_dropped_at_any_moment_is_applied_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(&month());
    let events = logged(&texts, 1);
    let expected = straight(&folder.path().join("straight.db"), &events).await;
    let path = folder.path().join("dropped.db");
    let mut dropped = 0;
    for (polls, batch) in events.chunks(10).enumerate() {
        let mut operations = Operations::open(&path, settings()).await.unwrap();
        let before = operations.position().await.unwrap();
        {
            // Let it go on for so many steps, then let it fall, as a cancelled task does.
            let mut apply = Box::pin(operations.apply(batch));
            for _ in 0..polls {
                if futures::poll!(&mut apply).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
                tokio::time::sleep(std::time::Duration::from_micros(300)).await;
            }
        }
        let after = Operations::open(&path, settings()).await.unwrap().position().await.unwrap();
        assert!(after == before || after == batch.last().unwrap().position, "half a batch: {before} to {after}");
        dropped += u32::from(after == before);
        if polls % 2 == 0 {
            operations.close().await;
            operations = Operations::open(&path, settings()).await.unwrap();
        }
        operations.apply(batch).await.unwrap();
        operations.close().await;
    }
    assert!(dropped > 3, "only {dropped} batches fell");
    assert_eq!(dump_without_tokens(&path).await, expected);
}

#[tokio::test]
async fn what_a_crash_leaves_on_the_disk_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(&month());
    let events = logged(&texts, 1);
    let expected = straight(&folder.path().join("straight.db"), &events).await;
    let live = folder.path().join("live.db");
    let operations = Operations::open(&live, settings()).await.unwrap();
    for (cut, batch) in events.chunks(20).enumerate() {
        operations.apply(batch).await.unwrap();
        // The files as a power cut would leave them: never closed, the write-ahead log beside.
        let crashed = folder.path().join(format!("crashed-{cut}.db"));
        std::fs::copy(&live, &crashed).unwrap();
        std::fs::copy(folder.path().join("live.db-wal"), folder.path().join(format!("crashed-{cut}.db-wal"))).unwrap();
        let after = Operations::open(&crashed, settings()).await.unwrap();
        assert_eq!(after.position().await.unwrap(), batch.last().unwrap().position);
        after.apply(&events).await.unwrap();
        assert_eq!(dump_without_tokens(&crashed).await, expected);
    }
}

pub(crate) fn streamed(
    texts: &[String],
) -> impl futures::Stream<Item = Result<LoggedEvent<'static>, Box<dyn std::error::Error + Send + Sync>>> {
    let events = logged(texts, 1);
    let owned: Vec<_> =
        events.into_iter().map(|event| Ok(LoggedEvent { json: event.json.into_owned().into(), ..event })).collect();
    stream::iter(owned)
}

#[tokio::test]
async fn a_rebuild_gives_the_same_rows_tokens_and_keys() {
    let mut shop = Shop::new().await;
    shop.apply(month()).await;
    let key = shop.operations.create_key("till", &[Scope::Read], None).await.unwrap();
    let before = dump(&shop.path).await;
    let token = shop.operations.order("default", "3").await.unwrap().unwrap().tracking_token;
    shop.operations.close().await;

    let applied = rebuild(&shop.path, settings(), streamed(&shop.log)).await.unwrap();
    assert_eq!((applied.applied, applied.documents), (shop.log.len() as u64, 0));
    assert_eq!(dump(&shop.path).await, before);
    let operations = Operations::open(&shop.path, settings()).await.unwrap();
    assert_eq!(operations.track(&token).await.unwrap().unwrap().order_id, "3");
    assert_eq!(operations.verify_key(&key.secret).await.unwrap().unwrap().name, "till");
    operations.close().await;

    // With the file lost, only the secret is another: documents are made again as they were.
    let lost = shop.path.with_file_name("lost.db");
    rebuild(&lost, settings(), streamed(&shop.log)).await.unwrap();
    assert_eq!(dump_without_tokens(&lost).await, dump_without_tokens(&shop.path).await);
}

#[tokio::test]
async fn a_rebuild_under_other_settings_leaves_issued_documents_as_they_are() {
    let mut shop = Shop::new().await;
    shop.apply(month()).await;
    shop.operations.close().await;
    let documents =
        |rows: Vec<String>| -> Vec<String> { rows.into_iter().filter(|row| row.starts_with("invoice")).collect() };
    let before = documents(dump(&shop.path).await);
    let renamed = ShopSettings { name: "Another name".to_owned(), ..settings().shops["default"].clone() };
    let changed = Settings { shops: [("default".to_owned(), renamed)].into(), invoice_max_age_days: Some(30) };
    rebuild(&shop.path, changed, streamed(&shop.log)).await.unwrap();
    assert_eq!(documents(dump(&shop.path).await), before);
}

#[tokio::test]
async fn a_rebuild_that_fails_leaves_the_old_state() {
    let mut shop = Shop::new().await;
    shop.apply(month()).await;
    let before = dump(&shop.path).await;
    // Somebody still works with it.
    let error = rebuild(&shop.path, settings(), streamed(&shop.log)).await.unwrap_err();
    assert!(matches!(error, OperationsError::InUse { .. }), "{error}");
    shop.operations.close().await;
    let broken = stream::iter([Err("the lake is gone".into())]);
    let error = rebuild(&shop.path, settings(), broken).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read the events to rebuild from: the lake is gone");
    assert_eq!(dump(&shop.path).await, before);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_set_aside_and_the_next_one_counts() {
    let shop = Shop::new().await;
    let good = placed("1", &minute(0)).to_string();
    let events = [r#"{"id":"x","source":"s","type":"order.paid"}"#.to_owned(), good];
    let received_at = crate::shop::received(&events[1..]);
    let events: Vec<_> =
        (1..).zip(&events).map(|(position, json)| LoggedEvent { position, received_at, json: json.into() }).collect();
    let applied = shop.operations.apply(&events).await.unwrap();
    assert_eq!((applied.applied, applied.unreadable, applied.position), (1, 1, 2));
    assert!(shop.operations.order("default", "1").await.unwrap().is_some());
    let rows = dump(&shop.path).await;
    assert!(
        rows.iter().any(|row| row.starts_with("unreadable_events position=1 reason='missing field `time`")),
        "{rows:?}"
    );
}

#[tokio::test]
async fn events_out_of_order_are_refused_and_the_position_can_pass_over_others() {
    let shop = Shop::new().await;
    let texts = texts(&[placed("1", &minute(0)), placed("2", &minute(0))]);
    let mut events = logged(&texts, 1);
    events.swap(0, 1);
    let error = shop.operations.apply(&events).await.unwrap_err();
    assert_eq!(error.to_string(), "event at position 1 comes after position 2; give events in the order of the log");
    shop.operations.advance(41).await.unwrap();
    shop.operations.advance(7).await.unwrap();
    assert_eq!(shop.operations.position().await.unwrap(), 41);
    assert_eq!(shop.operations.apply(&[]).await.unwrap().position, 41);
    assert_eq!(shop.operations.apply(&logged(&texts, 41)).await.unwrap().ignored, 1);
    assert!(shop.operations.order("default", "1").await.unwrap().is_none());
    assert!(shop.operations.order("default", "2").await.unwrap().is_some());
}
