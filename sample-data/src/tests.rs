//! What a simulated shop promises, held against sums and states worked out here a second time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use mizan_events::{EventTime, Unknown};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{Market, SAMPLE_FAMILIES, Shop, ShopConfig, ShopEvent, sample_config, sample_events};

fn config(market: Market, sessions: u32) -> ShopConfig {
    ShopConfig { sessions_per_day: sessions, ..ShopConfig::new(market, 11, "2026-01-10".parse().unwrap()) }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn events(market: Market, sessions: u32, until: &str) -> Vec<ShopEvent> {
    Shop::new(config(market, sessions)).until(instant(until)).collect()
}

fn read(event: &ShopEvent) -> Value {
    serde_json::from_str(&event.json).unwrap()
}

fn number(value: &Value) -> Decimal {
    value.as_str().unwrap_or("0").parse().unwrap()
}

#[test]
fn the_same_configuration_gives_the_same_events_and_another_seed_gives_others() {
    let first = events(Market::Riyadh, 60, "2026-01-14T00:00:00Z");
    assert_eq!(first, events(Market::Riyadh, 60, "2026-01-14T00:00:00Z"));
    let other = ShopConfig { seed: 12, ..config(Market::Riyadh, 60) };
    let other: Vec<_> = Shop::new(other).until(instant("2026-01-14T00:00:00Z")).collect();
    let ids: HashSet<_> = first.iter().map(|event| &event.id).collect();
    assert!(other.iter().all(|event| !ids.contains(&event.id)));
}

#[test]
fn a_feed_that_stopped_goes_on_where_it_was_and_nothing_is_told_twice() {
    let whole = events(Market::Riyadh, 60, "2026-01-20T00:00:00Z");
    let mut live = Shop::new(config(Market::Riyadh, 60));
    let mut told: Vec<_> = live.until(instant("2026-01-13T10:00:00Z")).collect();
    drop(live);
    let mut again = Shop::new(config(Market::Riyadh, 60));
    again.skip_past(instant("2026-01-13T10:00:00Z"));
    for hour in 11..24 {
        told.extend(again.until(instant(&format!("2026-01-13T{hour}:00:00Z"))));
    }
    told.extend(again.until(instant("2026-01-20T00:00:00Z")));
    assert_eq!(told, whole);
}

#[test]
fn events_come_in_the_order_of_their_times_with_ids_of_their_own() {
    let events = events(Market::Kuwait, 200, "2026-02-10T00:00:00Z");
    assert!(events.len() > 15_000, "{}", events.len());
    assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time));
    let ids: HashSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len());
    let names = |field: &str, of: &str| {
        let all: Vec<_> = events
            .iter()
            .filter(|event| event.event_type == of)
            .map(|event| read(event)["data"][field].to_string())
            .collect();
        (all.len(), all.into_iter().collect::<HashSet<_>>().len())
    };
    for (field, of) in [
        ("order_id", "order.placed"),
        ("checkout_id", "storefront.begin_checkout"),
        ("attempt_id", "payment.initiated"),
    ] {
        let (all, distinct) = names(field, of);
        assert_eq!(all, distinct, "{field} of {of}");
    }
}

#[test]
fn every_event_is_valid_and_has_no_field_that_the_tables_do_not() {
    let mut types = BTreeSet::new();
    for market in [Market::Riyadh, Market::Kuwait] {
        let now = EventTime::parse("2026-03-01T00:00:00Z").unwrap();
        for event in events(market, 300, "2026-02-20T00:00:00Z") {
            let parsed = mizan_events::parse(&event.json, Unknown::Refuse, now);
            let parsed = parsed.unwrap_or_else(|error| panic!("{error}\n{}", event.json));
            assert!(!parsed.redacted, "looks like card data: {}", event.json);
            assert_eq!((&*parsed.id, parsed.event_type.name), (&*event.id, event.event_type));
            types.insert(event.event_type);
        }
    }
    for expected in [
        "storefront.search",
        "storefront.remove_from_cart",
        "storefront.apply_coupon",
        "storefront.purchase",
        "order.cancelled",
        "order.delivery_failed",
        "order.returned",
        "order.delivered",
        "order.paid",
        "payment.failed",
        "payment.voided",
        "payment.refunded",
        "payment.captured",
        "payment.authorized",
        "inventory.counted",
        "inventory.adjusted",
        "inventory.received",
        "product.upserted",
        "supplier.upserted",
        "purchase_order.placed",
        "purchase_order.received",
        "purchase_order.cancelled",
    ] {
        assert!(types.contains(expected), "nobody ever tells {expected}");
    }
}

#[test]
fn every_order_adds_up_to_the_minor_unit() {
    for (market, rate) in [(Market::Riyadh, "0.15"), (Market::Kuwait, "0")] {
        let minor = Decimal::new(1, if market == Market::Riyadh { 2 } else { 3 });
        let rate: Decimal = rate.parse().unwrap();
        let mut orders = 0;
        for event in
            events(market, 400, "2026-02-24T00:00:00Z").iter().filter(|event| event.event_type == "order.placed")
        {
            let data = &read(event)["data"];
            let lines = data["lines"].as_array().unwrap();
            let sum = |field: &str| lines.iter().map(|line| number(&line[field])).sum::<Decimal>();
            let gross: Decimal = lines.iter().map(|line| number(&line["quantity"]) * number(&line["unit_price"])).sum();
            assert_eq!(gross, number(&data["subtotal"]));
            let net = gross - sum("discount") - number(&data["discount"]) + number(&data["shipping"]);
            assert_eq!(net + number(&data["tax"]), number(&data["total"]), "{}", event.json);
            // Tax is rounded by line, so that it may differ from tax on the sum by half a minor unit a line.
            let slack = minor * Decimal::from(lines.len() + 1) / Decimal::from(2);
            assert!((net * rate - number(&data["tax"])).abs() <= slack, "{}", event.json);
            orders += 1;
        }
        assert!(orders > 200, "{orders}");
    }
}

#[test]
fn what_was_captured_and_paid_back_agrees_with_the_orders() {
    let (mut totals, mut captured, mut refunded) = (HashMap::new(), HashMap::new(), HashMap::new());
    let events = events(Market::Riyadh, 400, "2026-03-10T00:00:00Z");
    for event in &events {
        let data = &read(event)["data"];
        let order = data["order_id"].as_str().unwrap_or_default().to_owned();
        match event.event_type {
            "order.placed" => drop(totals.insert(order, number(&data["total"]))),
            "payment.captured" => assert!(captured.insert(order, number(&data["amount"])).is_none(), "{}", event.json),
            "payment.refunded" => assert!(refunded.insert(order, number(&data["amount"])).is_none(), "{}", event.json),
            _ => {}
        }
    }
    assert!(captured.len() > 200 && refunded.len() > 10);
    for (order, amount) in &captured {
        assert_eq!(amount, &totals[order], "{order}");
    }
    for (order, amount) in &refunded {
        assert!(*amount > Decimal::ZERO && *amount <= captured[order], "{order}");
    }
}

#[test]
fn stock_follows_from_the_events_alone() {
    let mut shop = Shop::new(config(Market::Riyadh, 500));
    let mut on_hand: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut taken: HashMap<String, Vec<(String, Decimal)>> = HashMap::new();
    let (mut lowest, mut ran_out) = (Decimal::ZERO, BTreeSet::new());
    for event in shop.until(instant("2026-03-31T00:00:00Z")) {
        let data = &read(&event)["data"];
        let sku = data["sku"].as_str().unwrap_or_default().to_owned();
        let order = data["order_id"].as_str().unwrap_or_default().to_owned();
        let lines = data["lines"].as_array().map(|lines| {
            lines
                .iter()
                .map(|line| (line["sku"].as_str().unwrap().to_owned(), number(&line["quantity"])))
                .collect::<Vec<_>>()
        });
        match event.event_type {
            "order.placed" => {
                for (sku, pieces) in lines.iter().flatten() {
                    let left = on_hand.get_mut(sku).unwrap();
                    *left -= pieces;
                    lowest = lowest.min(*left);
                    if *left <= Decimal::ZERO {
                        ran_out.insert(sku.clone());
                    }
                }
                taken.insert(order, lines.unwrap());
            }
            "order.cancelled" => taken
                .remove(&order)
                .unwrap()
                .into_iter()
                .for_each(|(sku, pieces)| *on_hand.get_mut(&sku).unwrap() += pieces),
            "order.returned" => {
                lines.unwrap().into_iter().for_each(|(sku, pieces)| *on_hand.get_mut(&sku).unwrap() += pieces)
            }
            "inventory.received" | "inventory.adjusted" | "purchase_order.received" => {
                *on_hand.entry(sku).or_default() += number(&data["quantity"]);
            }
            "inventory.counted" => drop(on_hand.insert(sku, number(&data["on_hand"]))),
            _ => {}
        }
    }
    for (product, found) in shop.catalogue.iter().zip(&shop.stockroom.on_hand) {
        assert_eq!(on_hand[product.sku], Decimal::from(*found), "{}", product.sku);
    }
    assert!((2..25).contains(&ran_out.len()), "products that ran out: {ran_out:?}");
    assert!(lowest >= Decimal::from(-12), "oversold by {lowest}");
}

#[test]
fn visitors_behave_as_visitors_do() {
    let mut seen: HashMap<&str, HashSet<String>> = HashMap::new();
    let (mut carts, mut ordered, mut cash, mut declined, mut attempts) = (HashSet::new(), HashSet::new(), 0, 0, 0);
    let events = events(Market::Riyadh, 1000, "2026-02-14T00:00:00Z");
    for event in &events {
        let data = &read(event)["data"];
        if event.event_type.starts_with("storefront.") {
            seen.entry(event.event_type).or_default().insert(data["session_id"].to_string());
        }
        match event.event_type {
            "storefront.add_to_cart" => drop(carts.insert(data["cart_id"].to_string())),
            "order.placed" => {
                ordered.insert(data["cart_id"].to_string());
                cash += usize::from(data["payment_method"] == "cod");
            }
            "payment.initiated" if data["provider"] != "cod" => attempts += 1,
            "payment.failed" => declined += 1,
            _ => {}
        }
    }
    let per_mille = |part: usize, whole: usize| part * 1000 / whole.max(1);
    let sessions = seen["storefront.page_view"].len();
    let step = |name: &str| per_mille(seen[name].len(), sessions);
    let abandoned = per_mille(carts.difference(&ordered).count(), carts.len());
    let figures = format!(
        "{} events, {sessions} sessions; per mille: view {}, cart {}, checkout {}, purchase {}, abandoned {abandoned}, cash {}, declined {}",
        events.len(),
        step("storefront.view_item"),
        step("storefront.add_to_cart"),
        step("storefront.begin_checkout"),
        step("storefront.purchase"),
        per_mille(cash, ordered.len()),
        per_mille(declined, attempts)
    );
    println!("{figures}");
    assert!((20..=32).contains(&step("storefront.purchase")), "{figures}");
    assert!((60..=110).contains(&step("storefront.add_to_cart")), "{figures}");
    assert!((650..=750).contains(&abandoned), "{figures}");
    assert!((300..=400).contains(&per_mille(cash, ordered.len())), "{figures}");
    assert!((80..=200).contains(&per_mille(declined, attempts)), "{figures}");
    assert!(ordered.is_subset(&carts), "an order from no cart");
}

#[test]
fn the_committed_sample_is_what_the_shop_tells() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/small");
    let mut size = 0;
    for (family, prefixes) in SAMPLE_FAMILIES {
        let told: String = sample_events()
            .filter(|event| prefixes.iter().any(|prefix| event.event_type.starts_with(prefix)))
            .map(|event| event.json + "\n")
            .collect();
        let committed = std::fs::read_to_string(format!("{folder}/{family}.ndjson")).unwrap();
        assert!(committed == told, "{family}.ndjson is stale: cargo run -p mizan-sample-data --example small_sample");
        size += committed.len();
    }
    assert!(size <= 300 * 1024, "{size} bytes");
    assert_eq!(sample_config().market, Market::Riyadh);
}
