//! How many numbers of other kinds are taken for cards, measured on numbers as shops, carriers and banks make them.

use super::Numbers;
use crate::redact::*;

/// How many of twenty thousand are cut, in a free text and in a field that is named as an identifier.
fn cut_of(name: &str, mut make: impl FnMut(&mut Numbers) -> String) -> (usize, usize) {
    const TRIES: usize = 20_000;
    let mut numbers = Numbers(name.len() as u64);
    let (mut free, mut named) = (0, 0);
    for _ in 0..TRIES {
        let text = make(&mut numbers);
        free += usize::from(redact_text(&text) != text);
        named += usize::from(in_field(&text, Context::Identifier) != text);
    }
    println!("{name}: {free} in text, {named} in identifiers, of {TRIES}");
    (free, named)
}

fn iban(country: &str, body: &str, spaced: bool) -> String {
    // Check digits by ISO 7064 MOD 97-10, in decimal text as the standard words it.
    let digits: String = format!("{body}{country}00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    let rest = digits.bytes().fold(0_u32, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    let iban = format!("{country}{:02}{body}", 98 - rest);
    let groups: Vec<&str> = (0..iban.len()).step_by(4).map(|at| &iban[at..iban.len().min(at + 4)]).collect();
    if spaced { groups.join(" ") } else { iban }
}

#[test]
fn phones_orders_parcels_and_accounts_are_left_alone() {
    type Make = fn(&mut Numbers) -> String;
    const TEXT_AND_NAMED: &[(&str, Make)] = &[
        ("phones of Gulf, Levant and Maghreb", |n| {
            let (code, mobile, rest) = [
                ("966", "5", 8),
                ("971", "5", 8),
                ("965", "5", 7),
                ("965", "9", 7),
                ("974", "3", 7),
                ("973", "3", 7),
                ("968", "9", 7),
                ("20", "1", 9),
                ("962", "7", 8),
                ("961", "3", 6),
                ("961", "71", 6),
                ("964", "7", 9),
                ("963", "9", 8),
                ("967", "7", 8),
                ("970", "59", 7),
                ("212", "6", 8),
                ("213", "5", 8),
                ("216", "2", 7),
                ("218", "91", 7),
                ("249", "9", 8),
            ][n.below(20) as usize];
            let number = format!("{mobile}{}", n.digits(rest));
            let (head, tail) = number.split_at(number.len() - 7);
            let (middle, end) = tail.split_at(3);
            let prefix = n.one(&["+", "00", "", "+", "tel:+", "whatsapp "]);
            let separator = n.one(&["", "", " ", "-", " ", "."]);
            format!("{prefix}{code}{separator}{head}{separator}{middle}{separator}{end}")
        }),
        ("two phones beside each other", |n| {
            let separator = n.one(&[" ", " / ", ", ", "-", " - "]);
            format!("05{}{separator}05{}", n.digits(8), n.digits(8))
        }),
        ("orders of Salla", |n| (100_000_000 + n.below(2_000_000_000)).to_string()),
        ("orders of Zid", |n| (10_000_000 + n.below(90_000_000)).to_string()),
        ("orders of WooCommerce", |n| format!("#{}", 1000 + n.below(900_000))),
        ("orders of Amazon", |n| format!("{}-{}-{}", 100 + n.below(600), n.digits(7), n.digits(7))),
        ("parcels of Aramex, SMSA, DHL, Naqel", |n| {
            let length = [10, 11, 12][n.below(3) as usize];
            format!("{}{}", 1 + n.below(9), n.digits(length - 1))
        }),
        ("parcels of Saudi Post, UPS, J&T, iMile", |n| match n.below(4) {
            0 => format!("RR{}SA", n.digits(9)),
            1 => format!("1Z{}", n.digits(16)),
            2 => format!("JTE{}", n.digits(12)),
            _ => format!("60{}", n.digits(11)),
        }),
        ("parcels of FedEx and USPS", |n| {
            let start = n.one(&["92", "94", "93", "96"]);
            format!("{start}{}", n.digits(20))
        }),
        ("IBANs of Saudi Arabia", |n| {
            let body =
                format!("{}{}", n.one(&["80", "20", "10", "05", "45", "40", "15", "60", "65", "55"]), n.digits(18));
            let spaced = n.below(2) == 0;
            iban("SA", &body, spaced)
        }),
        ("IBANs of the Emirates", |n| {
            let body = format!("{}{}", n.one(&["033", "026", "035", "046", "044", "024"]), n.digits(16));
            let spaced = n.below(2) == 0;
            iban("AE", &body, spaced)
        }),
        ("IBANs of Kuwait", |n| {
            let body = format!("{}{}", n.one(&["CBKU", "NBOK", "GULB", "KFHO"]), n.digits(22));
            let spaced = n.below(2) == 0;
            iban("KW", &body, spaced)
        }),
        ("tax numbers of Saudi Arabia", |n| {
            format!("3{}{}00003", n.one(&["00", "01", "02", "10", "11", "12"]), n.digits(7))
        }),
        ("times", |n| format!("{}", 1_500_000_000_000_u64 + n.below(400_000_000) * 1000 + n.below(1000))),
        ("UUIDs with few letters", |n| {
            let digit = |n: &mut Numbers| if n.below(12) == 0 { "a".to_owned() } else { n.digits(1) };
            let hex: String = (0..32).map(|_| digit(n)).collect();
            format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
        }),
        ("places in Riyadh", |n| format!("24.{},46.{}", n.digits(6), n.digits(6))),
        ("decimals", |n| format!("{}.{}", n.below(10), n.digits(16))),
        ("barcodes of Saudi Arabia, the Emirates, Egypt", |n| {
            format!("{}{}", n.one(&["628", "629", "622"]), n.digits(10))
        }),
        ("sizes", |n| {
            let start = 34 + n.below(9);
            let sizes: Vec<String> = (0..6 + n.below(4)).map(|size| (start + 2 * size).to_string()).collect();
            sizes.join(n.one(&[" ", "/", ", ", "-"]))
        }),
    ];
    let mut faults = Vec::new();
    for (name, make) in TEXT_AND_NAMED {
        let (free, named) = cut_of(name, make);
        if free.max(named) > 20 {
            faults.push((*name, free, named));
        }
    }
    // Ids as long as the shortest cards, where their place says what they are.
    const NAMED: &[(&str, Make)] = &[
        ("ids of Shopify's orders, customers, refunds", |n| format!("{}{}", 4 + n.below(4), n.digits(12))),
        ("ids of Shopify's lines and variants", |n| format!("{}{}", 1 + n.below(4), n.digits(13))),
        ("barcodes of Germany and Britain", |n| format!("{}{}", n.one(&["400", "405", "500", "506"]), n.digits(10))),
        ("identity cards of Egypt", |n| format!("3{}{}", n.one(&["00115", "01024", "05309"]), n.digits(8))),
        ("mobiles of Germany and Indonesia", |n| format!("{}{}", n.one(&["49151", "62812"]), n.digits(8))),
        ("parcels of YunExpress", |n| format!("YT2{}{}", 3 + n.below(4), n.digits(14))),
    ];
    for (name, make) in NAMED {
        let (_, named) = cut_of(name, make);
        if named > 20 {
            faults.push((*name, 0, named));
        }
    }
    let (free, _) = cut_of("ids of Shopify in its own words", |n| {
        format!("gid://shopify/Order/{}{}", 4 + n.below(4), n.digits(12))
    });
    assert!(free <= 20);
    assert!(faults.is_empty(), "more than 0.1 %: {faults:?}");
}

/// A marketplace's orders are named by 32 hexadecimal digits; in some, sixteen in a row would pass for a card.
#[test]
fn digits_within_a_hash_are_left_alone_and_beside_a_letter_they_are_not() {
    for text in ["a4242424242424242bcdef0123456789", "a4242424242424242bcdef0123456789-1"] {
        assert_eq!(redact_text(text), text);
    }
    assert_ne!(redact_text("a4242424242424242"), "a4242424242424242");
}
