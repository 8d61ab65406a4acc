use super::*;
use crate::{BatchBuilder, export};
use proptest::prelude::*;

fn now() -> EventTime {
    EventTime::parse("2026-03-02T00:00:00Z").unwrap()
}

fn event(event_type: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"e1","source":"test","type":"{event_type}","time":"2026-03-01T10:04:07.250Z","data":{data}}}"#
    )
}

/// The fault that is found in an event of this type with this data.
fn fault(event_type: &str, data: &str) -> String {
    parse(&event(event_type, data), Unknown::Refuse, now()).unwrap_err().to_string()
}

#[test]
fn the_event_of_the_guide_is_read_whole() {
    let text = r#"{"specversion":"1.0","id":"evt_91","source":"stripe","type":"payment.captured","time":"2026-03-01T10:04:07.250Z",
        "shop":"default","data":{"payment_id":"pi_1","attempt_id":"ch_1","order_id":1001,"provider":"stripe",
        "method":"card","amount":12.500,"currency":"KWD","fee":"0.350"}}"#;
    let event = parse(text, Unknown::Refuse, now()).unwrap();
    assert_eq!(event.event_type.name, "payment.captured");
    assert_eq!(event.get("order_id").as_text(), Some("1001"), "an id may be a number on the wire");
    assert_eq!(event.get("amount").as_decimal().unwrap().to_text(3), "12.500");
    assert_eq!(event.time.to_string(), "2026-03-01T10:04:07.25Z");
    assert!(!event.redacted);
}

#[test]
fn a_number_is_taken_by_its_own_text_never_through_a_float() {
    let data = r#"{"payment_id":"p","provider":"x","amount":90071992547409.93,"currency":"SAR"}"#;
    let text = event("payment.captured", data);
    assert_eq!(
        parse(&text, Unknown::Refuse, now()).unwrap().get("amount").as_decimal().unwrap().to_text(2),
        "90071992547409.93"
    );
}

#[test]
fn faults_name_field_value_and_rule() {
    let captured =
        |fields: &str| fault("payment.captured", &format!(r#"{{"payment_id":"p","provider":"x",{fields}}}"#));
    assert_eq!(
        captured(r#""amount":"12.345","currency":"SAR""#),
        "data.amount: 12.345 has more decimals than SAR allows (2)"
    );
    assert_eq!(
        captured(r#""amount":"12.5","currency":"JPY""#),
        "data.amount: 12.5 has more decimals than JPY allows (0)"
    );
    assert_eq!(
        captured(r#""amount":"1,250.00","currency":"SAR""#),
        r#"data.amount: "1,250.00" is not a plain decimal number such as 12.500 (no exponent, no thousands separator)"#
    );
    assert_eq!(
        captured(r#""amount":"1","currency":"SARR""#),
        r#"data.currency: "SARR" is not an ISO 4217 currency code such as SAR or KWD"#
    );
    assert_eq!(captured(r#""amount":[1],"currency":"SAR""#), r#"data.amount: "[1]" is not a decimal number"#);
    assert_eq!(captured(r#""amount":"1""#), "data.currency is missing; payment.captured needs it");
    assert_eq!(
        captured(r#""amount":"1","currency":"SAR","atempt_id":"x""#),
        "data.atempt_id is not a field of payments; did you mean attempt_id?"
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let text = r#"{"specversion":"0.3","id":"","source":"s","type":"payment.capture","time":"2026-03-01T10:04:07"}"#;
    let EventError::Invalid(problems) = parse(text, Unknown::Keep, now()).unwrap_err() else { panic!("it is JSON") };
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            r#"specversion: "\"0.3\"" is not "1.0", the version of CloudEvents that is read here"#
                .replace("\\\"", "\""),
            r#"id: "" must not be empty"#.to_owned(),
            r#"type: "payment.capture" is not a type of event; did you mean payment.captured?"#.to_owned(),
            r#"time: "2026-03-01T10:04:07" has no time zone; add Z or an offset such as +03:00"#.to_owned(),
        ]
    );
}

#[test]
fn times_far_ahead_or_before_the_year_2000_are_refused() {
    let at = |time: &str| {
        let text = event("order.paid", r#"{"order_id":"1"}"#).replace("2026-03-01T10:04:07.250Z", time);
        parse(&text, Unknown::Keep, now()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(at("2026-03-02T23:59:59Z").is_ok(), "clocks differ");
    assert!(
        at("2026-03-03T00:00:01Z").unwrap_err().starts_with("time: 2026-03-03T00:00:01Z is more than 24 hours ahead")
    );
    assert!(at("1970-01-21T12:00:00Z").unwrap_err().contains("before the year 2000"));
}

#[test]
fn lines_need_sku_quantity_and_price() {
    let placed =
        |lines: &str| fault("order.placed", &format!(r#"{{"order_id":"1","currency":"SAR","lines":{lines}}}"#));
    assert_eq!(placed("[]"), "data.lines is missing; order.placed needs it");
    assert_eq!(
        placed(r#"[{"sku":"A","quantity":-1,"unit_price":"2"},{"quantity":1,"unit_price":"2"}]"#),
        "data.lines[1].sku is missing; every line needs it; data.lines[0].quantity: -1 must be above zero; what comes back is an order.returned"
            .replace("data.lines[1].sku is missing; every line needs it; ", "")
            + "; data.lines[1].sku is missing; every line needs it"
    );
    assert_eq!(placed(r#"{"sku":"A"}"#).split(": ").next(), Some("data.lines"));
}

#[test]
fn stock_leaves_with_a_minus() {
    assert_eq!(
        fault("inventory.sold", r#"{"sku":"A","quantity":2}"#),
        "data.quantity: 2 must be below zero: quantity is the change of stock"
    );
}

#[test]
fn unknown_fields_are_kept_or_refused_as_asked() {
    let text = event("order.paid", r#"{"order_id":"1","gift":{"wrap":true},"customer":{"id":"c","tier":"gold"}}"#);
    let kept = parse(&text, Unknown::Keep, now()).unwrap();
    assert_eq!(kept.extra_json().unwrap(), r#"{"gift":{"wrap":true},"customer.tier":"gold"}"#);
    assert!(parse(&text, Unknown::Refuse, now()).is_err());
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    assert!(
        matches!(parse("{\"id\":", Unknown::Keep, now()), Err(EventError::NotJson(reason)) if reason.contains("line 1 column"))
    );
    assert!(matches!(parse("[1]", Unknown::Keep, now()), Err(EventError::NotJson(_))));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse(&event("order.paid", &format!(r#"{{"order_id":"1","x":{deep}}}"#)), Unknown::Keep, now()).is_err());
}

#[test]
fn card_data_is_cut_wherever_it_hides() {
    let text = event(
        "order.placed",
        r#"{"order_id":"1","currency":"SAR","lines":[{"sku":"A","name":"paid by 4242 4242 4242 4242","quantity":1,"unit_price":1}],
        "reason":"\u0035555555555554444","payment":{"cvv":"123","card":{"number":"378282246310005"}}}"#,
    );
    let event = parse(&text, Unknown::Keep, now()).unwrap();
    assert!(event.redacted);
    let json = event.to_json();
    for secret in ["4242 4242 4242", "5555555555", "\"123\"", "82246310"] {
        assert!(!json.contains(secret), "{secret} is still in {json}");
    }
    let again = parse(&json, Unknown::Keep, now()).unwrap();
    assert!(!again.redacted, "what was cut stays as it is");
}

#[test]
fn error_messages_never_show_a_card_number() {
    for data in [
        r#"{"payment_id":"p","provider":"x","amount":"4242424242424242","currency":"4242424242424242"}"#,
        r#""4242424242424242""#,
    ] {
        let told = fault("payment.captured", data);
        assert!(!told.contains("4242424242424242"), "{told}");
    }
}

#[test]
fn an_event_survives_the_table_and_comes_back_the_same() {
    let texts = [
        event(
            "storefront.add_to_cart",
            r#"{"session_id":"s","cart_id":"k","sku":"A","quantity":2,"unit_price":"3.125","currency":"KWD","value":"6.250","device":"mobile","items":[{"sku":"A","name":"عود","quantity":2}],"theme":"dark"}"#,
        ),
        event(
            "order.placed",
            r#"{"order_id":"1","currency":"KWD","customer":{"id":"c","email":"a@b.example"},"lines":[{"line_id":"1","sku":"A","quantity":"2","unit_price":"3.125"}],"shipping_address":{"city":"الكويت"},"total":"6.250"}"#,
        ),
        event(
            "payment.failed",
            r#"{"payment_id":"p","provider":"x","decline":{"network_code":"51"},"card":{"last4":"4242"}}"#,
        ),
        event(
            "purchase_order.placed",
            r#"{"purchase_order_id":"po","sku":"A","quantity":12,"lead_time_days":7,"eta":"2026-03-09T00:00:00+03:00"}"#,
        ),
    ];
    for text in texts {
        let first = parse(&text, Unknown::Keep, now()).unwrap();
        let mut builder = BatchBuilder::new(first.family());
        builder.append(&first, 1, now());
        let exported = export(&builder.finish(), 0).unwrap();
        assert_eq!(exported, first.to_json());
        let second = parse(&exported, Unknown::Keep, now()).unwrap();
        assert_eq!(second.row, first.row);
        assert_eq!(second.identity(), first.identity());
    }
}

/// A parser that has read other events before reads the next one as a new one does.
#[test]
fn what_was_read_before_does_not_show() {
    let texts = [
        event("order.paid", r#"{"order_id":"1","total":"5.00","currency":"SAR"}"#),
        event("order.paid", r#"{"order_id":"2","currency":"SAR","total":"5.00"}"#),
        event("order.paid", r#"{ "order_id" : "3" , "total":"5.00","currency":"SAR","order_id":"4"}"#),
        event("storefront.view_item", r#"{"session_id":"s","sku":"A","gift":true,"quantity":2}"#),
        event("storefront.view_item", r#"{"session_id":"s","skuu":"A","sku":"B"}"#),
        event("storefront.view_item", r#"{"session_id":"s"}"#),
        event("payment.failed", r#"{"payment_id":"p","provider":"x","card":{"last4":"4242","brand":"visa"}}"#),
        event("payment.failed", r#"{"payment_id":"p","provider":"x","card":{"brand":"visa"},"order_id":null}"#),
        event("order.paid", r#"{"order\u005fid":"5"}"#),
        "{".to_owned(),
        event("order.paid", r#"{"order_id":"6","total":"5.00"}"#),
    ];
    for rotation in 0..texts.len() {
        let mut parser = Parser::new(Unknown::Keep, now());
        for text in texts.iter().cycle().skip(rotation).take(2 * texts.len()) {
            let (fresh, again) = (parse(text, Unknown::Keep, now()), parser.parse(text));
            match (&fresh, &again) {
                (Ok(fresh), Ok(again)) => assert_eq!(fresh.to_json(), again.to_json()),
                _ => assert_eq!(fresh.as_ref().unwrap_err(), again.as_ref().unwrap_err()),
            }
            if let Ok(event) = again {
                parser.reuse(event);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = parse(&text, Unknown::Keep, now());
        let _ = crate::redact_json(&text);
    }

    #[test]
    fn no_data_makes_the_parser_panic(name in "[a-z_]{1,12}", value in r#"(null|true|-?[0-9]{1,25}(\.[0-9]{1,9})?(e5)?|"[^"\\]{0,30}"|\[\{\}\]|\{"sku":1\})"#) {
        let _ = parse(&event("order.placed", &format!(r#"{{"{name}":{value},"lines":{value},"customer":{value},"total":{value}}}"#)), Unknown::Keep, now());
    }

    #[test]
    fn a_card_number_never_survives(prefix in "[a-zء-ي ]{0,10}", separator in "(|-| )", suffix in "[a-zء-ي ,]{0,10}") {
        let number = ["4000", "0566", "5566", "5556"].join(&separator);
        let text = format!("{prefix}{number}{suffix}");
        prop_assert!(!crate::redact_text(&text).contains("0566"));
    }
}
