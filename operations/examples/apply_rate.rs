//! How fast live state follows: a year of a gift shop (25,900 orders of 21 lines each, 3,900 products), then a stream
//! of small orders with their payments and parcels. Prints events a second, through a real file with every commit synced.
//!
//! `cargo run --release -p mizan-operations --example apply_rate [events a batch]`

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Instant;

use mizan_events::EventTime;
use mizan_operations::{LoggedEvent, Operations, Settings, StockFilter};

const ORDERS: u64 = 25_900;
const LINES: u64 = 541_909;
const PRODUCTS: u64 = 3_900;

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn event(kind: &str, id: &str, at: i64, data: &str) -> String {
    let time = EventTime::from_micros(at);
    format!(r#"{{"specversion":"1.0","id":"{id}","source":"rate","type":"{kind}","time":"{time}","data":{data}}}"#)
}

fn year() -> Vec<String> {
    let mut dice = Dice(1);
    let start = 1_291_190_760_000_000;
    let mut told = 0;
    (0..ORDERS)
        .map(|order| {
            let lines = LINES * (order + 1) / ORDERS - told;
            told += lines;
            let mut data = format!(r#"{{"order_id":"{order}","currency":"GBP","customer":{{"id":"{}"}},"lines":["#, order % 4_300);
            for line in 0..lines {
                let separator = if line == 0 { "" } else { "," };
                // Some products sell far more than others.
                let sku = dice.roll(PRODUCTS).min(dice.roll(PRODUCTS));
                let (quantity, pence) = (1 + dice.roll(24), 29 + dice.roll(900));
                let _ = write!(
                    data,
                    r#"{separator}{{"sku":"{sku}","name":"Product {sku}","quantity":"{quantity}","unit_price":"{}.{:02}"}}"#,
                    pence / 100,
                    pence % 100
                );
            }
            data.push_str("]}");
            event("order.placed", &format!("o{order}"), start + 1_217_000_000 * i64::try_from(order).unwrap_or(0), &data)
        })
        .collect()
}

fn stream() -> Vec<String> {
    let mut dice = Dice(2);
    let start = 1_767_225_600_000_000;
    let mut events = Vec::new();
    for order in 0..40_000 {
        let at = start + order * 30_000_000;
        let sku = dice.roll(500);
        let order_id = format!(r#""order_id":"s{order}""#);
        let payment =
            format!(r#""payment_id":"p{order}","provider":"moyasar","amount":"115.00","currency":"SAR",{order_id}"#);
        let lines = format!(r#""lines":[{{"sku":"{sku}","quantity":1,"unit_price":"100.00","tax_rate":15}}]"#);
        for (step, (kind, data)) in [
            ("order.placed", format!(r#"{{{order_id},"currency":"SAR","total":"115.00",{lines}}}"#)),
            ("payment.captured", format!(r#"{{{payment},"attempt_id":"a","fee":"1.15"}}"#)),
            ("order.paid", format!("{{{order_id}}}")),
            ("order.shipped", format!(r#"{{{order_id},"carrier":"smsa","tracking_number":"T{order}"}}"#)),
            ("order.delivered", format!("{{{order_id}}}")),
        ]
        .into_iter()
        .enumerate()
        {
            events.push(event(
                kind,
                &format!("s{order}-{step}"),
                at + 1_000_000 * i64::try_from(step).unwrap_or(0),
                &data,
            ));
        }
    }
    events
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let batch: usize = std::env::args().nth(1).map_or(Ok(5_000), |batch| batch.parse())?;
    let path = std::env::temp_dir().join(format!("mizan-apply-rate-{}.db", std::process::id()));
    let operations = Operations::open(&path, Settings { invoice_max_age_days: None, ..Settings::default() }).await?;
    let mut position = 0;
    for (name, events) in [("a year of large orders", year()), ("small orders, whole lives", stream())] {
        let logged: Vec<LoggedEvent<'_>> = (position + 1..)
            .zip(&events)
            .map(|(position, json)| LoggedEvent {
                position,
                received_at: EventTime::from_micros(1_768_500_000_000_000),
                json: Cow::Borrowed(json),
            })
            .collect();
        let started = Instant::now();
        let mut documents = 0;
        for batch in logged.chunks(batch) {
            documents += operations.apply(batch).await?.documents;
        }
        let seconds = started.elapsed().as_secs_f64();
        position += events.len() as u64;
        println!(
            "{name}: {} events in {seconds:.1} s, {:.0} a second; {documents} documents",
            events.len(),
            events.len() as f64 / seconds
        );
    }
    let (_, rows) =
        operations.stock(&StockFilter { shop: "default".to_owned(), limit: 1, ..StockFilter::default() }).await?;
    let started = Instant::now();
    for order in 0..1_000 {
        operations.order("default", &format!("s{}", order * 37)).await?;
    }
    println!("{rows} stock rows; an order looked up in {:.2} ms", started.elapsed().as_secs_f64());
    operations.close().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    Ok(())
}
