//! What becomes of Stripe's objects, down to the events; worked out by hand.

use http::HeaderMap;
use mizan_events::EventTime;
use serde_json::{Value, json};

use super::*;
use crate::connectors::{Kind, envelope_of_sample};

/// The events of an object, each as `type id seconds amount`, those of one webhook after those of another.
fn events(of: impl Fn(Object, &mut Vec<Pulled>), object: &Value) -> Vec<String> {
    let raw = RawValue::from_string(object.to_string()).unwrap();
    let mut pulled = Vec::new();
    of(Object::parse(&raw, "/test").unwrap(), &mut pulled);
    let mapping = Kind::from_name("stripe").unwrap().mapping().unwrap().for_source("pay", "default");
    let mut told = Vec::new();
    for one in pulled {
        let now = EventTime::from_micros(0);
        let envelope = envelope_of_sample(&HeaderMap::new(), one.body.as_bytes(), now).unwrap();
        let mapped = mapping.apply_json(&envelope).unwrap_or_else(|error| vec![json!(error.to_string()).to_string()]);
        for event in mapped {
            let event: Value = serde_json::from_str(&event).unwrap();
            let Some(time) = event["time"].as_str() else {
                told.push(event.to_string());
                continue;
            };
            let seconds = EventTime::parse(time).unwrap().micros() / 1_000_000;
            let data = &event["data"];
            let amount = data["amount"].as_str().or(data["fee"].as_str()).unwrap_or("-");
            let [event_type, id] = ["type", "id"].map(|name| event[name].as_str().unwrap());
            told.push(format!("{event_type} {id} {seconds} {amount}"));
        }
    }
    told
}

fn held(more: Value) -> Value {
    let mut charge = json!({
        "id": "ch_1", "amount": 12_500, "amount_captured": 0, "amount_refunded": 0, "captured": false, "created": 100,
        "currency": "kwd", "metadata": {}, "refunded": false, "status": "succeeded", "balance_transaction": null,
        "payment_intent": {"id": "pi_1", "capture_method": "manual", "canceled_at": null, "cancellation_reason": null}
    });
    for (name, value) in more.as_object().unwrap() {
        charge[name] = value.clone();
    }
    charge
}

#[test]
fn a_hold_is_told_and_then_how_it_ended() {
    const HELD: &str = "payment.authorized ch_1/authorized/12.500 100 12.500";
    assert_eq!(events(charge, &held(json!({}))), [HELD]);
    let canceled = |reason: &str| json!({"id": "pi_1", "capture_method": "manual", "canceled_at": 700, "cancellation_reason": reason});
    let released =
        held(json!({"refunded": true, "amount_refunded": 12_500, "payment_intent": canceled("requested_by_customer")}));
    let expired = held(json!({"refunded": true, "amount_refunded": 12_500, "payment_intent": canceled("automatic")}));
    for ended in [released, expired] {
        assert_eq!(events(charge, &ended), [HELD, "payment.voided ch_1/voided 700 12.500"]);
    }
    let booking = json!({"id": "txn_1", "created": 400, "currency": "kwd", "fee": 125});
    let taken = json!({"captured": true, "amount_captured": 10_000, "balance_transaction": booking});
    let after = ["payment.captured ch_1/captured/10.000 400 10.000", "payment.fee txn_1/fee 400 0.125"];
    assert_eq!(events(charge, &held(taken.clone())), [HELD, after[0], after[1]]);
    // In parts: their sum, under the id of the last one.
    let mut parts = taken.clone();
    parts["payment_method_details"] = json!({"type": "card", "card": {"multicapture": {"status": "available"}}});
    assert_eq!(events(charge, &held(parts)), [HELD, after[0], after[1]]);
}

#[test]
fn a_charge_without_a_hold_is_told_once() {
    let at_once = json!({"captured": true, "amount_captured": 12_500, "payment_intent": null});
    assert_eq!(events(charge, &held(at_once.clone())), ["payment.captured ch_1/captured/12.500 100 12.500"]);
    // A bank debit that took four days.
    let mut late = at_once.clone();
    late["balance_transaction"] = json!({"id": "txn_1", "created": 345_700, "currency": "kwd", "fee": 0});
    assert_eq!(events(charge, &held(late)), ["payment.captured ch_1/captured/12.500 345700 12.500"]);
    assert_eq!(events(charge, &held(json!({"status": "pending"}))), ["payment.initiated ch_1/initiated 100 12.500"]);
    assert_eq!(events(charge, &held(json!({"status": "failed"}))), ["payment.failed ch_1/failed 100 12.500"]);
    let odd = events(charge, &held(json!({"status": "frozen"})));
    assert!(odd[0].contains("charge.frozen is not an event this connector knows"), "{odd:?}");
}

#[test]
fn refunds_disputes_and_payouts_tell_their_end() {
    let mut back = json!({"id": "re_1", "amount": 5_000, "currency": "sar", "created": 200, "charge": "ch_1",
        "payment_intent": "pi_1", "metadata": {}, "status": "pending", "balance_transaction": null});
    let told = |back: &Value| events(|object, pulled| refund(&object, pulled), back);
    assert_eq!(told(&back), [""; 0]);
    back["balance_transaction"] = json!("txn_2");
    back["status"] = json!("succeeded");
    assert_eq!(told(&back), ["payment.refunded re_1/refunded 200 50.00"]);
    back["status"] = json!("failed");
    assert_eq!(told(&back), ["payment.refunded re_1/refunded 200 50.00", "payment.refunded re_1/failed 200 -50.00"]);

    let open = json!({"id": "dp_1", "amount": 5_000, "currency": "sar", "created": 300, "charge": "ch_1",
        "payment_intent": "pi_1", "status": "won", "balance_transactions": [
            {"id": "txn_3", "created": 300, "currency": "sar", "fee": 1_500},
            {"id": "txn_4", "created": 900, "currency": "sar", "fee": -1_500}]});
    let told = events(|object, pulled| dispute(&object, pulled), &open);
    let fees = ["payment.fee txn_3/fee 300 15.00", "payment.fee txn_4/fee 900 -15.00"];
    let expected = [
        "payment.disputed dp_1/disputed 300 50.00",
        fees[0],
        fees[1],
        "payment.dispute_closed dp_1/closed 900 50.00",
        fees[0],
        fees[1],
    ];
    assert_eq!(told, expected);

    let mut out = json!({"id": "po_1", "amount": 9_000, "currency": "sar", "created": 400, "arrival_date": 500, "status": "in_transit"});
    let told = |out: &Value| events(|object, pulled| payout(&object, pulled), out);
    assert_eq!(told(&out), [""; 0]);
    out["status"] = json!("failed");
    assert_eq!(told(&out), ["payment.settled po_1/settled 500 90.00", "payment.settled po_1/failed 500 -90.00"]);
}
