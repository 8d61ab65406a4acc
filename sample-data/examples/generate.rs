//! Writes storefront events for benchmarks: NDJSON, about 285 bytes an event, seven days, nearly in order of time.
//!
//! `cargo run --release -p mizan-sample-data --example generate -- FILE [EVENTS]`
//!
//! This is load, not a believable shop: it cares for what storage engines feel (cardinalities, a random id each, repeated
//! and unique texts, order) and for speed. The same call writes the same file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use jiff::{SignedDuration, Timestamp};

/// 2026-03-01T00:00:00Z.
const START_MS: i64 = 1_772_323_200_000;
const WEEK_MS: u64 = 7 * 86_400_000;
/// Visits that go on at the same time.
const VISITS: usize = 3000;
const SKUS: u64 = 5000;
/// Three in ten thousand events come up to two minutes late.
const LATE_IN_10_000: u64 = 3;
const LATE_MS: u64 = 120_000;

const SOURCES: [(&str, &str, &str); 8] = [
    ("", "", ""),
    ("", "", ""),
    ("google", "cpc", "brand-search"),
    ("google", "cpc", "generic-gifts"),
    ("instagram", "paid-social", "always-on"),
    ("snapchat", "paid-social", "always-on"),
    ("tiktok", "paid-social", "creators"),
    ("newsletter", "email", "weekly"),
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[derive(Clone, Default)]
struct Visit {
    session: u64,
    visitor: u64,
    device: &'static str,
    country: &'static str,
    source: usize,
    left: u64,
    fresh: bool,
    has_cart: bool,
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || io::Error::other("usage: generate FILE [EVENTS]");
    let path = arguments.next().ok_or_else(usage)?;
    let events: u64 = arguments.next().map_or(Ok(5_000_000), |text| text.parse()).map_err(|_| usage())?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random(42);
    let mut visits = vec![Visit::default(); VISITS];
    let mut sessions = 0;
    let mut line = String::with_capacity(512);
    let mut bytes = 0;
    for number in 0..events {
        let place = random.below(VISITS as u64) as usize;
        if visits[place].left == 0 {
            sessions += 1;
            visits[place] = arrive(&mut random, sessions);
        }
        let on_time = (u128::from(WEEK_MS) * u128::from(number) / u128::from(events.max(1))) as i64;
        let late = if random.below(10_000) < LATE_IN_10_000 { random.below(LATE_MS) } else { random.below(40) };
        let millisecond = START_MS + (on_time - late as i64).max(0);
        line.clear();
        write_event(&mut line, &mut visits[place], millisecond, &mut random);
        bytes += line.len();
        out.write_all(line.as_bytes())?;
    }
    out.flush()?;
    eprintln!("{events} events, {sessions} sessions, {:.1} bytes an event", bytes as f64 / events.max(1) as f64);
    Ok(())
}

fn arrive(random: &mut Random, sessions: u64) -> Visit {
    let returning = random.below(100) < 30;
    Visit {
        session: sessions,
        visitor: if returning { random.below(sessions) } else { sessions },
        device: ["mobile", "mobile", "mobile", "mobile", "desktop", "tablet"][random.below(6) as usize],
        country: ["SA", "SA", "SA", "SA", "SA", "SA", "AE", "KW", "BH", "EG"][random.below(10) as usize],
        source: random.below(SOURCES.len() as u64) as usize,
        left: 1 + random.below(9),
        fresh: true,
        has_cart: false,
    }
}

fn write_event(line: &mut String, visit: &mut Visit, millisecond: i64, random: &mut Random) {
    let (high, low) = (random.next(), random.next());
    let time = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millisecond);
    let kind = match (visit.fresh, random.below(100)) {
        (true, _) => "page_view",
        (_, 0..=9) => "view_item_list",
        (_, 10..=16) => {
            visit.has_cart = true;
            "add_to_cart"
        }
        (_, 17..=18) if visit.has_cart => "begin_checkout",
        _ => "view_item",
    };
    visit.left -= 1;
    visit.fresh = false;
    // Few products are looked at often, many rarely.
    let draw = random.below(1 << 20);
    let sku = (draw * draw / (1 << 20)) * draw / (1 << 20) * SKUS / (1 << 20);
    // A random UUID, version 4. Writing into a String cannot fail.
    let _ = write!(
        line,
        r#"{{"specversion":"1.0","id":"{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}","source":"web","type":"storefront.{kind}","time":"{time}","data":{{"session_id":"s{:08x}","visitor_id":"v{:08x}","#,
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        (low >> 48 & 0x3fff) | 0x8000,
        low & 0xffff_ffff_ffff,
        visit.session.wrapping_mul(0x9e37_79b1) & 0xffff_ffff,
        visit.visitor.wrapping_mul(0x85eb_ca6b) & 0xffff_ffff,
    );
    let price = 900 + sku * 7 % 50_000;
    let _ = match kind {
        "page_view" => {
            let (source, medium, campaign) = SOURCES[visit.source];
            let _ = write!(line, r#""page_url":"https://shop.example/c/{}","#, sku % 40);
            if source.is_empty() {
                Ok(())
            } else {
                write!(line, r#""utm_source":"{source}","utm_medium":"{medium}","utm_campaign":"{campaign}","#)
            }
        }
        "view_item_list" => write!(line, r#""page_url":"https://shop.example/c/{}","#, sku % 40),
        "begin_checkout" => {
            write!(
                line,
                r#""cart_id":"c{:08x}","value":"{}.{:02}","currency":"SAR","#,
                visit.session,
                price / 50,
                price % 100
            )
        }
        "add_to_cart" => write!(
            line,
            r#""cart_id":"c{:08x}","sku":"SKU-{sku:05}","quantity":"{}","unit_price":"{}.{:02}","currency":"SAR","#,
            visit.session,
            1 + random.below(3),
            price / 100,
            price % 100
        ),
        _ => {
            write!(line, r#""sku":"SKU-{sku:05}","unit_price":"{}.{:02}","currency":"SAR","#, price / 100, price % 100)
        }
    };
    // Told once a visit, as tags do that send what cannot change only with the first page.
    let _ = if kind == "page_view" { write!(line, r#""device":"{}","#, visit.device) } else { Ok(()) };
    let _ = writeln!(line, r#""country":"{}"}}}}"#, visit.country);
}
