//! What is cut and what is left, against numbers that are made here by the networks' published rules.

mod others;

use super::*;
use crate::columns::{Column, Kind};
use crate::{EventTime, Family, Unknown, parse};

/// Numbers that are alike in every run: a linear congruential sequence.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    /// A card number: beginning and length as the network publishes them, the last digit by Luhn (ISO/IEC 7812-1, annex B).
    fn card(&mut self, (_, prefix, length): &(&str, &str, usize)) -> String {
        let body = format!("{prefix}{}", self.digits(length - prefix.len() - 1));
        let doubled = |(place, digit): (usize, char)| {
            let digit = digit.to_digit(10).unwrap() * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        };
        let sum: u32 = body.chars().rev().enumerate().map(doubled).sum();
        format!("{body}{}", (10 - sum % 10) % 10)
    }
}

const BRANDS: &[(&str, &str, usize)] = &[
    ("Visa", "4", 16),
    ("Visa", "4", 19),
    ("mada on Visa", "440647", 16),
    ("mada", "588845", 16),
    ("mada", "968205", 16),
    ("Mastercard", "51", 16),
    ("Mastercard", "55", 16),
    ("Mastercard", "2223", 16),
    ("Mastercard", "2720", 16),
    ("American Express", "34", 15),
    ("American Express", "37", 15),
    ("Discover", "6011", 16),
    ("Discover", "644", 16),
    ("UnionPay", "62", 16),
    ("UnionPay", "62", 19),
    ("JCB", "3528", 16),
    ("JCB", "3589", 16),
    ("Maestro", "5018", 16),
    ("Maestro", "6759", 18),
    ("Meeza", "507803", 16),
    ("RuPay", "6521", 16),
    ("Mir", "2200", 16),
];

/// Those that are too like barcodes and order numbers to be cut in an identifier.
const SHORT: &[(&str, &str, usize)] = &[("Visa", "4", 13), ("Diners Club", "36", 14), ("Diners Club", "3095", 14)];

/// How people and programs write a number of so many digits.
fn written(number: &str, style: usize) -> String {
    let groups = match number.len() {
        15 => vec![4, 6, 5],
        14 => vec![4, 6, 4],
        length => std::iter::repeat_n(4, length / 4).chain((length % 4 > 0).then_some(length % 4)).collect(),
    };
    let mut rest = number;
    let parts: Vec<&str> = groups
        .iter()
        .map(|length| {
            let (part, after) = rest.split_at(*length);
            rest = after;
            part
        })
        .collect();
    let script = |zero: u32| number.chars().map(|c| char::from_u32(zero + c.to_digit(10).unwrap()).unwrap()).collect();
    let separators = [
        " ", "-", ".", "_", "/", ",", ", ", "  ", "\u{a0}", "\u{200f}", "\u{2013}", " - ", "\t", "\n", "%20", "+",
        "\u{200b}", ":",
    ];
    match style {
        0 => number.to_owned(),
        1 => script(0x660),
        2 => script(0x6f0),
        3 => script(0xff10),
        4 => number.chars().map(|c| c.to_string()).collect::<Vec<_>>().join(" "),
        5 => number.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
        6 => number.chars().map(|c| format!("%{:02x}", u32::from(c))).collect(),
        7 => format!("{}-{}", parts[..2].join(" "), parts[2..].join("-")),
        8 => parts.join("&nbsp;"),
        other => parts.join(separators[other - 9]),
    }
}

const STYLES: usize = 9 + 18;

/// Whether the digits of a number can still be read in a text, whatever stands between them.
fn shows(text: &str, number: &str) -> bool {
    let text = text.replace("%20", " ").replace("&nbsp;", " ");
    let digits: String = text.chars().filter_map(|c| Some(char::from(b'0' + numbers::digit_value(c)?))).collect();
    let coded: String = (0..10).fold(text.clone(), |text, digit| {
        text.replace(&format!("\\u{:04x}", 0x30 + digit), &digit.to_string())
            .replace(&format!("%{:02x}", 0x30 + digit), &digit.to_string())
    });
    digits.contains(number) || coded.contains(number)
}

#[test]
fn a_card_in_a_text_is_cut_however_it_is_written() {
    let mut numbers = Numbers(1);
    for brand in BRANDS.iter().chain(SHORT) {
        for style in 0..STYLES {
            for (before, after) in
                [("", ""), ("paid with ", "."), ("بطاقة ", " شكرا"), ("PAN", "x"), ("(", ")"), ("12 ", " 3")]
            {
                let number = numbers.card(brand);
                let text = format!("{before}{}{after}", written(&number, style));
                let cut = redact_text(&text);
                assert!(!shows(&cut, &number), "{brand:?}, style {style}: {text:?} became {cut:?}");
                assert_eq!(redact_text(&cut), cut, "what was cut stays as it is");
            }
        }
    }
}

fn each_column(columns: &'static [Column], at: &str, visit: &mut impl FnMut(String, Kind)) {
    for column in columns {
        let place = format!("{at}/{}", column.name);
        match column.kind {
            Kind::Struct(inner) | Kind::Flat(inner) => each_column(inner, &place, visit),
            Kind::List(inner) => each_column(inner, &format!("{place}/0"), visit),
            kind => visit(place, kind),
        }
    }
}

#[test]
fn no_field_of_no_event_lets_a_card_through() {
    let mut numbers = Numbers(2);
    let now = EventTime::parse("2026-03-02T00:00:00Z").unwrap();
    let mut places = vec![
        ("storefront.page_view".to_owned(), "/id".to_owned()),
        ("storefront.page_view".to_owned(), "/source".to_owned()),
        ("storefront.page_view".to_owned(), "/shop".to_owned()),
        ("storefront.page_view".to_owned(), "/note".to_owned()),
    ];
    for family in Family::ALL {
        let event_type = crate::EventType::all().iter().find(|known| known.family == family).unwrap().name;
        each_column(family.columns(), "/data", &mut |place, _| places.push((event_type.to_owned(), place)));
        for place in ["note", "order_number", "a/b/0/c", "a/0/0/order_id", "meta/4111111111111111", "raw"] {
            places.push((event_type.to_owned(), format!("/data/{place}")));
        }
    }
    for (event_type, place) in places {
        for (index, brand) in BRANDS.iter().enumerate() {
            let number = numbers.card(brand);
            let style = [0, 9, 10, 1, 4][index % 5];
            let as_number = style == 0 && index % 2 == 0 && number.len() < 19;
            let value = if as_number { number.clone() } else { format!("\"{}\"", written(&number, style)) };
            let value = if place.ends_with("raw") { format!("{:?}", format!("{{\"x\":[{value}]}}")) } else { value };
            let mut text = value;
            let mut names: Vec<&str> = place.split('/').skip(1).collect();
            let envelope = [
                ("specversion", "1.0"),
                ("id", "e1"),
                ("source", "s"),
                ("type", &event_type),
                ("time", "2026-03-01T00:00:00Z"),
            ];
            let top = names.remove(0);
            for name in names.iter().rev() {
                text = if *name == "0" { format!("[{text}]") } else { format!("{{\"{name}\":{text}}}") };
            }
            let others =
                envelope.iter().filter(|(name, _)| *name != top).map(|(name, value)| format!("\"{name}\":\"{value}\""));
            let text = format!("{{{},\"{top}\":{text}}}", others.collect::<Vec<_>>().join(","));
            match parse(&text, Unknown::Keep, now) {
                Ok(event) => {
                    assert!(event.redacted, "{place}: {text} is kept as it came");
                    assert!(!shows(&event.to_json(), &number), "{place}: {}", event.to_json());
                }
                Err(error) => assert!(!shows(&error.to_string(), &number), "{place}: {error}"),
            }
            let kept = redact_json(&text);
            assert!(!shows(&kept, &number), "{place}: {kept}");
        }
    }
}

#[test]
fn bodies_that_are_not_json_lose_their_secrets_too() {
    for body in [
        "cvv=737&amount=10",
        "card%5Bcvc%5D=737&x=1",
        "card[cvv]=737",
        "<card><cvv>737</cvv></card>",
        r#"{"a":1,"cvv":"737""#,
        r#"{"raw":"{\"cvv\":\"737\"}"#,
        "{\"a\":1}\n{\"cvv\":737}\n{\"b\":",
    ] {
        let redacted = redact_json(body);
        assert!(!redacted.contains("737") && redacted.contains(DROPPED), "{body} became {redacted}");
        assert_eq!(redact_json(&redacted), redacted);
    }
    let inside =
        redact_json(r#"{"raw":"{\"card\":{\"cvc\":737}}","security_code":{"value":["737"]},"pin":{"lat":1.25}}"#);
    assert_eq!(
        inside,
        r#"{"raw":"{\"card\":{\"cvc\":\"[removed]\"}}","security_code":{"value":["[removed]"]},"pin":{"lat":1.25}}"#
    );
    assert_eq!(redact_json("<pin>x</pin> <b>y</b>"), "<pin>[removed]</pin> <b>y</b>");
}

#[test]
fn what_is_not_cut_stays_to_the_byte() {
    let body = r#"{ "total": 10.50, "a":1e2, "n": "\u0627", "pan": "4242424242424242", "b" : [ 90071992547409.93 ] }"#;
    assert_eq!(redact_json(body), body.replace("4242424242424242", "424242******4242"));
    assert_eq!(redact_json(r#"{"4242424242424242":1}"#), r#"{"424242******4242":1}"#);
    assert_eq!(redact_text("4242424242424242.0"), "424242******4242.0");
    assert_eq!(redact_text("4.242424242424242e15"), "4.24242******4242e15");
}

#[test]
fn a_card_number_keeps_its_first_six_and_last_four_digits() {
    assert_eq!(redact_text("paid with 4242424242424242."), "paid with 424242******4242.");
    assert_eq!(redact_text("5555 5555-5555 4444"), "5555 55**-**** 4444");
    assert_eq!(redact_text("بطاقة ٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢ شكرا"), "بطاقة ٤٢٤٢٤٢******٤٢٤٢ شكرا");
    assert_eq!(redact_text("4242 4242 4242 4242 123 5555"), "4242 42** **** 4242 123 5555");
    assert_eq!(redact_text("4242424242424242,378282246310005"), "424242******4242,378282*****0005");
}

#[test]
fn other_numbers_stay_as_they_are() {
    for text in [
        "+966 50 123 4567",
        "2026-03-01T10:04:07.250Z",
        "order 1234567890123456",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    ] {
        assert_eq!(redact_text(text), text);
    }
}

#[test]
fn names_decide_before_digits() {
    let body = r#"{"card":{"number":"1111222233334445","cvc":"123","exp":"12/29"},"CVV2":999,"nested":[{"card_number":4242424242424242}],"note":"ok"}"#;
    let redacted = redact_json(body);
    for secret in ["22223333", "123\"", "999", "42424242424"] {
        assert!(!redacted.contains(secret), "{secret} is still in {redacted}");
    }
    assert!(redacted.contains("111122******4445") && redacted.contains("12/29"));
}

#[test]
fn a_broken_body_is_redacted_too() {
    let redacted = redact_json(r#"{"pan":"4242424242424242","cvv": "737", "pin":1234, "name":"#);
    assert_eq!(redacted, r#"{"pan":"424242******4242","cvv": "[removed]", "pin":[removed], "name":"#);
}

#[test]
fn few_random_ids_look_like_cards() {
    // A linear congruential sequence stands in for ids; by issuer range and Luhn about 2 % of random 16-digit numbers match.
    let mut state = 7_u64;
    let mut hits = 0;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = format!("{:016}", state % 10_000_000_000_000_000);
        hits += usize::from(redact_text(&id) != id);
    }
    assert!((200..900).contains(&hits), "{hits} of 20,000");
}
