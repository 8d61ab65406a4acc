//! `mizan demo`: a simulated shop, fed over HTTP like a real one, and its dashboard.
//!
//! The first start feeds the history; then the shop goes on living. A later start finds its data again and goes on from there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use mizan_operations::{OperationsError, Scope};
use mizan_sample_data::{Market, Shop, ShopConfig, ShopEvent};
use serde::{Deserialize, Serialize};

use super::Context;
use super::serve::{interrupted, serve};
use crate::cli;
use crate::data_dir::{DataDir, write_private};
use crate::exit::{Code, Failure, OrFail};
use crate::output::{grouped, step_bar};
use crate::rooms::Rooms;
use crate::settings;

/// Where the demo lives unless `--data` says otherwise: apart from a real shop's data.
const DEMO_DATA: &str = "./mizan-demo";
/// Events of one request.
const BATCH: usize = 2_000;
/// So much of the history is kept back and lived through faster than the clock, so that the page moves.
const LIVE_LAG: SignedDuration = SignedDuration::from_hours(8);
/// How often live events are sent.
const LIVE_STEP: Duration = Duration::from_millis(1_000);

/// What has to be known to go on with the same shop.
#[derive(Serialize, Deserialize)]
struct Saved {
    config: ShopConfig,
    /// Every event up to here was acknowledged.
    #[serde(with = "instant")]
    fed_until: Timestamp,
}

/// An instant as RFC 3339 text.
mod instant {
    use jiff::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(instant)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

pub async fn run(mut context: Context, options: cli::Demo) -> Result<ExitCode, Failure> {
    if context.settings.data == settings::Settings::default().data {
        context.settings.data = PathBuf::from(DEMO_DATA);
        context.data = DataDir::new(DEMO_DATA);
    }
    context.settings.server.http = options.http;
    // A demo is looked at from the start: quick commits and quick models.
    // A simulated shop takes nothing from a real one's accounts.
    for connector in context.settings.connectors.values_mut() {
        connector.pull_every_minutes = 0;
    }
    context.settings.ingest.flush_seconds = context.settings.ingest.flush_seconds.min(5);
    context.settings.transform.every_seconds = context.settings.transform.every_seconds.min(20);
    let market = Market::Riyadh;
    context.settings.shops.insert(
        "default".to_owned(),
        settings::Shop {
            name: market.shop_name().to_owned(),
            currency: market.currency().to_owned(),
            timezone: market.timezone().to_owned(),
            prices_include_tax: false,
        },
    );

    // A real shop's files have no place in a simulated one.
    context.settings.watch.clear();

    let rooms = Rooms::open(&context).await?;
    let keys = demo_keys(&context, &rooms).await?;
    let saved_at = context.data.root().join("demo.json");
    let now = Timestamp::now();
    let (mut shop, mut saved) = match std::fs::read_to_string(&saved_at) {
        Ok(text) => {
            let saved: Saved = serde_json::from_str(&text)
                .map_err(|error| Failure::new(Code::BadData, format!("{}: {error}", saved_at.display())))?;
            eprintln!("Found the shop of an earlier start in {}; going on from there.", context.data.root().display());
            let mut shop = Shop::new(saved.config.clone());
            shop.skip_past(saved.fed_until);
            (shop, saved)
        }
        Err(_) => {
            let zone = TimeZone::get(market.timezone()).or_fail(Code::Software)?;
            let start = zone.to_datetime(now).date().saturating_sub(i64::from(options.days).days());
            let config = ShopConfig::new(market, options.seed, start);
            eprintln!(
                "Simulating {} days of {} in {}.",
                options.days,
                market.shop_name(),
                context.data.root().display()
            );
            (Shop::new(config.clone()), Saved { config, fed_until: Timestamp::MIN })
        }
    };

    let (send_address, address) = tokio::sync::oneshot::channel::<SocketAddr>();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let speed = options.speed;
    let json = context.json;
    let demo_key = keys.admin.clone();
    let feeder = tokio::spawn(async move {
        let Ok(address) = address.await else { return Ok(()) };
        let mut feed = Feed { client: reqwest::Client::new(), address, key: keys.feeder, sent: 0 };
        let history_end = (now - LIVE_LAG).max(saved.fed_until);
        let mut stopped = stopped;
        tokio::select! {
            fed = feed_history(&mut feed, &mut shop, &mut saved, history_end) => fed?,
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
        }
        save(&saved_at, &saved)?;
        announce(json, address, &demo_key);
        loop {
            tokio::select! {
                () = tokio::time::sleep(LIVE_STEP) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return save(&saved_at, &saved),
            }
            let step = SignedDuration::try_from(LIVE_STEP * speed).unwrap_or(SignedDuration::ZERO);
            let until = (saved.fed_until + step).min(Timestamp::now());
            let events: Vec<ShopEvent> = shop.until(until).collect();
            for batch in events.chunks(BATCH) {
                feed.post(batch).await?;
            }
            saved.fed_until = until;
            save(&saved_at, &saved)?;
        }
    });
    let feeder_failed = async {
        match feeder.await {
            Ok(Err(failure)) => failure,
            Ok(Ok(())) => std::future::pending().await,
            Err(error) => Failure::new(Code::Software, error),
        }
    };
    let mut failed = None;
    let until = async {
        tokio::select! {
            () = interrupted() => {}
            failure = feeder_failed => failed = Some(failure),
        }
        let _ = stop.send(true);
    };
    serve(
        &context,
        rooms,
        |address| {
            let _ = send_address.send(address);
        },
        until,
    )
    .await?;
    match failed {
        Some(failure) => Err(failure),
        None => {
            eprintln!(
                "\nStopped. `mizan demo` goes on from here; delete {} to begin anew.",
                context.data.root().display()
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

struct DemoKeys {
    admin: String,
    feeder: String,
}

/// An admin key for the person, and one for the simulated shop, which may only send.
async fn demo_keys(context: &Context, rooms: &Rooms) -> Result<DemoKeys, Failure> {
    let admin = match super::serve::first_key(context, rooms).await? {
        Some(key) => key,
        None => {
            let path = context.data.admin_key();
            std::fs::read_to_string(&path)
                .map_err(|error| Failure::io(&path.display().to_string(), &error))?
                .trim()
                .to_owned()
        }
    };
    // Made anew at each start: it is kept nowhere but in this process.
    match rooms.operations.revoke_key("demo-shop").await {
        Ok(()) | Err(OperationsError::NoSuchKey { .. }) => {}
        Err(error) => return Err(Failure::new(Code::Io, error)),
    }
    let feeder = rooms.operations.create_key("demo-shop", &[Scope::Ingest], None).await.or_fail(Code::Io)?;
    Ok(DemoKeys { admin, feeder: feeder.secret })
}

fn announce(json: bool, address: SocketAddr, key: &str) {
    if json {
        println!("{}", serde_json::json!({ "url": format!("http://{address}"), "admin_key": key }));
        return;
    }
    println!();
    println!("  The dashboard:  http://{address}/#key={key}");
    println!("  The key:        {key}");
    println!();
    println!("  New events keep coming. Ctrl-C ends it.");
}

async fn feed_history(feed: &mut Feed, shop: &mut Shop, saved: &mut Saved, end: Timestamp) -> Result<(), Failure> {
    let started = Instant::now();
    let first = shop.next_time().unwrap_or(end);
    let days = |at: Timestamp| u64::try_from(at.duration_since(first).as_hours() / 24).unwrap_or(0);
    let bar: ProgressBar = step_bar(days(end), "feeding days");
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        batch.extend(shop.until(end).take(BATCH));
        let Some(last) = batch.last() else { break };
        bar.set_position(days(last.time));
        feed.post(&batch).await?;
    }
    bar.finish_and_clear();
    saved.fed_until = end;
    if feed.sent > 0 {
        eprintln!("Fed {} events in {:.1} s.", grouped(feed.sent), started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn save(path: &std::path::Path, saved: &Saved) -> Result<(), Failure> {
    let text = serde_json::to_string(saved).or_fail(Code::Software)?;
    // Written whole or not at all: a torn file would end the shop's life.
    let part = path.with_extension("part");
    write_private(&part, &text)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|error| Failure::io(&path.display().to_string(), &error))
}

/// The simulated shop's side of the line: it speaks HTTP like any other shop.
struct Feed {
    client: reqwest::Client,
    address: SocketAddr,
    key: String,
    sent: u64,
}

impl Feed {
    async fn post(&mut self, events: &[ShopEvent]) -> Result<(), Failure> {
        let body = events.iter().map(|event| event.json.as_str()).collect::<Vec<_>>().join("\n");
        let mut patience = Duration::from_millis(100);
        loop {
            let request = self
                .client
                .post(format!("http://{}/v1/events", self.address))
                .bearer_auth(&self.key)
                .header("content-type", "application/x-ndjson")
                .body(body.clone());
            let answer = request.send().await.or_fail(Code::Unavailable)?;
            let status = answer.status().as_u16();
            if status == 503 && patience < Duration::from_secs(30) {
                tokio::time::sleep(patience).await;
                patience *= 2;
                continue;
            }
            let told: serde_json::Value = answer.json().await.or_fail(Code::Unavailable)?;
            let rejected = told["rejected"].as_array().map_or(0, Vec::len);
            if status != 200 || rejected > 0 {
                return Err(Failure::new(
                    Code::Software,
                    format!("the simulated shop's events were not taken: {told}"),
                ));
            }
            self.sent += events.len() as u64;
            return Ok(());
        }
    }
}
