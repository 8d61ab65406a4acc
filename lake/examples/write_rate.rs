//! How fast the lake takes storefront events in, and how small it keeps them.
//!
//! `cargo run --release -p mizan-lake --example write_rate -- [ROWS] [DAYS] [FOLDER]` makes synthetic events in memory,
//! appends them, joins the files, and prints rows a second and bytes a row. Without a folder a temporary one is used.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use mizan_events::Family;
use mizan_lake::{CompactLimits, Lake, LakeOptions, SessionSettings};

const BATCH_ROWS: u64 = 64 * 1024;
const FLUSH_BATCHES: usize = 16;
const DAY_MICROS: u64 = 86_400_000_000;
/// 1 March 2026.
const START_MICROS: u64 = 1_772_323_200_000_000;
const TYPES: [(&str, u64); 6] = [
    ("storefront.page_view", 50),
    ("storefront.view_item", 25),
    ("storefront.search", 8),
    ("storefront.add_to_cart", 10),
    ("storefront.begin_checkout", 5),
    ("storefront.purchase", 2),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| -> Result<u64, std::num::ParseIntError> {
        arguments.get(place).map_or(Ok(default), |text| text.parse())
    };
    let (rows, days) = (number(0, 1_000_000)?, number(1, 30)?.max(1));
    let folder = arguments
        .get(2)
        .map_or_else(|| std::env::temp_dir().join(format!("mizan-write-rate-{}", std::process::id())), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(rows, days, &folder))?;
    if arguments.len() < 3 {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

async fn measure(rows: u64, days: u64, folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let lake = Lake::open(folder, LakeOptions::default()).await?;
    let schema = mizan_events::schema(Family::Storefront);
    let mut shop = Simulated::new(days * DAY_MICROS / rows.max(1));
    let (mut position, mut spent, mut files, mut bytes) = (0, Duration::ZERO, 0, 0);
    while position < rows {
        let from = position;
        let mut batches = Vec::new();
        while batches.len() < FLUSH_BATCHES && position < rows {
            let count = BATCH_ROWS.min(rows - position);
            batches.push(shop.batch(&schema, position, count)?);
            position += count;
        }
        let started = Instant::now();
        let done = lake.append(Family::Storefront, batches, from, position).await?;
        spent += started.elapsed();
        files += done.files;
        bytes += done.bytes;
    }
    report("append", rows, spent, files, bytes);
    let started = Instant::now();
    let limits = CompactLimits { small_files: 1, partitions: usize::MAX, ..CompactLimits::default() };
    let joined = lake.compact(Family::Storefront, limits).await?;
    if joined.files_after > 0 {
        report("compact", joined.rows as u64, started.elapsed(), joined.files_after, joined.bytes_after);
    }
    let context = lake.session(SessionSettings::default()).await?;
    let started = Instant::now();
    let query = "SELECT type, count(*), count(DISTINCT session_id) FROM events.storefront GROUP BY 1 ORDER BY 2 DESC";
    context.sql(query).await?.show().await?;
    println!("counting sessions by type took {:.2} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn report(what: &str, rows: u64, spent: Duration, files: usize, bytes: u64) {
    let seconds = spent.as_secs_f64();
    println!(
        "{what}: {rows} rows in {seconds:.2} s, {:.0} rows/s, {files} files, {:.2} bytes/row",
        rows as f64 / seconds,
        bytes as f64 / rows as f64
    );
}

/// A shop whose visitors click at random, the same in every run.
struct Simulated {
    state: u64,
    step_micros: u64,
    /// Visits under way: session, visitor, device, country, source.
    visits: Vec<[u64; 5]>,
}

impl Simulated {
    fn new(step_micros: u64) -> Simulated {
        Simulated { state: 0x9e37_79b9_7f4a_7c15, step_micros: step_micros.max(1), visits: Vec::new() }
    }

    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random() % limit
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.random(), self.random());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high & 0xffff,
            low >> 52,
            low >> 36 & 0xffff,
            low & 0xffff_ffff_ffff
        )
    }

    fn visit(&mut self) -> [u64; 5] {
        let place = self.below(300) as usize;
        if place >= self.visits.len() || self.below(12) == 0 {
            let visit = [self.random(), self.random(), self.below(3), self.below(6), self.below(8)];
            if place < self.visits.len() {
                self.visits[place] = visit;
            } else {
                self.visits.push(visit);
            }
            return visit;
        }
        self.visits[place]
    }

    fn batch(&mut self, schema: &SchemaRef, first: u64, count: u64) -> Result<RecordBatch, Box<dyn Error>> {
        let names = [
            "event_id",
            "type",
            "session_id",
            "visitor_id",
            "sku",
            "page_url",
            "device",
            "country",
            "utm_source",
            "order_id",
            "currency",
        ];
        let mut texts: Vec<StringBuilder> = names.iter().map(|_| StringBuilder::new()).collect();
        let (mut times, mut quantities, mut prices, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for row in first..first + count {
            let visit = self.visit();
            let mut dice = self.below(100);
            let mut event_type = TYPES[0].0;
            for (name, weight) in TYPES {
                if dice < weight {
                    event_type = name;
                    break;
                }
                dice -= weight;
            }
            let sku = self.below(500);
            let product = matches!(event_type, "storefront.view_item" | "storefront.add_to_cart");
            let money =
                matches!(event_type, "storefront.add_to_cart" | "storefront.begin_checkout" | "storefront.purchase");
            let cells: [Option<String>; 11] = [
                Some(self.uuid()),
                Some(event_type.to_owned()),
                Some(format!("s-{:016x}", visit[0])),
                Some(format!("v-{:016x}", visit[1])),
                product.then(|| format!("SKU-{sku:04}")),
                Some(if product {
                    format!("https://shop.example/p/{sku}")
                } else {
                    format!("https://shop.example/c/{}", sku % 20)
                }),
                Some(["mobile", "desktop", "tablet"][visit[2] as usize].to_owned()),
                Some(["SA", "AE", "KW", "BH", "OM", "QA"][visit[3] as usize].to_owned()),
                (visit[4] < 4).then(|| ["google", "instagram", "newsletter", "tiktok"][visit[4] as usize].to_owned()),
                (event_type == "storefront.purchase").then(|| format!("{}", 100_000 + row)),
                money.then(|| "SAR".to_owned()),
            ];
            for (builder, cell) in texts.iter_mut().zip(cells) {
                builder.append_option(cell);
            }
            times.push((START_MICROS + row * self.step_micros + self.below(900_000)) as i64);
            quantities.push(product.then_some(10_000i128));
            prices.push(product.then(|| i128::from(sku % 90 + 10) * 10_000));
            values.push(money.then(|| i128::from(sku % 300 + 20) * 10_000));
        }
        let received: Vec<i64> = times.iter().map(|time| time + 250_000).collect();
        let dates: Vec<i32> = times.iter().map(|time| (time / DAY_MICROS as i64) as i32).collect();
        let mut made: Vec<(&str, ArrayRef)> =
            names.into_iter().zip(texts.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef)).collect();
        let constant = |text: &str| {
            let mut builder = StringBuilder::new();
            (0..count).for_each(|_| builder.append_value(text));
            Arc::new(builder.finish()) as ArrayRef
        };
        let decimals = |values: Vec<Option<i128>>| -> Result<ArrayRef, Box<dyn Error>> {
            Ok(Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 4)?))
        };
        made.push(("source", constant("web")));
        made.push(("shop", constant("default")));
        made.push(("event_time", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))));
        made.push(("received_at", Arc::new(TimestampMicrosecondArray::from(received).with_timezone("UTC"))));
        made.push(("event_date", Arc::new(Date32Array::from(dates))));
        made.push((
            "position",
            Arc::new(Int64Array::from_iter_values((first + 1..=first + count).map(|place| place as i64))),
        ));
        made.push(("quantity", decimals(quantities)?));
        made.push(("unit_price", decimals(prices)?));
        made.push(("value", decimals(values)?));
        let columns = schema.fields().iter().map(|field| {
            made.iter()
                .find(|(name, _)| name == field.name())
                .map_or_else(|| empty(field.data_type(), count), |(_, array)| Arc::clone(array))
        });
        Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
    }
}

fn empty(data_type: &DataType, count: u64) -> ArrayRef {
    let nothing = new_null_array(data_type, count as usize);
    debug_assert_eq!(nothing.null_count(), count as usize);
    nothing
}
