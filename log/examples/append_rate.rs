//! How fast the log takes events: single ones from many clients, large requests, and identities alone.
//!
//! `cargo run --profile dist -p mizan-log --example append_rate [DIR [EVENTS]]`. DIR decides which disk is measured.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use mizan_log::{Entry, Log, Options};

/// Bytes of an event, as in the storefront load that others are measured with.
const EVENT_BYTES: usize = 283;
const CLIENTS: u64 = 64;
const SINGLE_EVENTS: u64 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("mizan-append-rate");
    let events = arguments.next().map_or(Ok(2_000_000), |events| events.parse())?;
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    single(&dir.join("single"))?;
    for request in [500, 20_000] {
        bulk(&dir.join(request.to_string()), events, request, EVENT_BYTES)?;
    }
    // Events without bytes leave identities and checksums.
    bulk(&dir.join("identities"), events * 3, 20_000, 0)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// One event a request, from many clients at once.
fn single(dir: &Path) -> Result<(), Box<dyn Error>> {
    let (log, _) = Log::open(dir, Options::default())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let started = Instant::now();
    let mut delays = runtime.block_on(async {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let log = log.clone();
                tokio::spawn(async move {
                    let mut delays = Vec::new();
                    for n in 0..SINGLE_EVENTS {
                        let offered = Instant::now();
                        log.append(0, vec![entry(client * SINGLE_EVENTS + n, EVENT_BYTES)]).await?;
                        delays.push(offered.elapsed());
                    }
                    Ok::<_, mizan_log::AppendError>(delays)
                })
            })
            .collect();
        let mut delays = Vec::new();
        for client in clients {
            delays.extend(client.await??);
        }
        Ok::<_, Box<dyn Error>>(delays)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    delays.sort_unstable();
    let (fsyncs, events) = (log.stats().fsyncs, delays.len());
    println!(
        "1 event a request, {CLIENTS} clients: {:.0} events/s, {:.0} fsyncs/s, p50 {:.1} ms, p99 {:.1} ms",
        events as f64 / seconds,
        fsyncs as f64 / seconds,
        delays[events / 2].as_secs_f64() * 1e3,
        delays[events * 99 / 100].as_secs_f64() * 1e3,
    );
    Ok(())
}

/// Large requests from two threads, as an import makes them; then the same again, all duplicates; then a reading.
fn bulk(dir: &Path, events: u64, request: u64, event_bytes: usize) -> Result<(), Box<dyn Error>> {
    let (log, _) = Log::open(dir, Options::default())?;
    for round in ["new", "duplicate"] {
        let started = Instant::now();
        let before = log.stats();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|thread| {
                    let log = &log;
                    scope.spawn(move || {
                        for first in (thread * request..events).step_by(2 * request as usize) {
                            let numbers = first..(first + request).min(events);
                            log.append_blocking(0, numbers.map(|n| entry(n, event_bytes)).collect())?;
                        }
                        Ok::<_, mizan_log::AppendError>(())
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
        })?;
        let seconds = started.elapsed().as_secs_f64();
        let stats = log.stats();
        println!(
            "{request} {round} events of {event_bytes} bytes a request, 2 threads: {:.0} identities/s, {:.0} MB/s, {:.0} fsyncs/s, {} identity files, {:.2} bytes of memory a sealed identity",
            events as f64 / seconds,
            (stats.appended_bytes - before.appended_bytes) as f64 / seconds / 1e6,
            (stats.fsyncs - before.fsyncs) as f64 / seconds,
            stats.identity_files,
            stats.identity_memory_bytes as f64 / stats.sealed_identities.max(1) as f64,
        );
    }
    let started = Instant::now();
    let mut reader = log.reader(0);
    let mut read = 0;
    while let Some(records) = reader.next(1 << 20)? {
        read += records.len();
    }
    let reading = started.elapsed().as_secs_f64();
    log.close();
    drop(log);
    let started = Instant::now();
    let (log, recovery) = Log::open(dir, Options::default())?;
    println!(
        "  read back {:.0} events/s; closed; opened again in {:.2} s with {} records and {} sealed identities",
        read as f64 / reading,
        started.elapsed().as_secs_f64(),
        recovery.last_position,
        recovery.identities_sealed,
    );
    drop(log);
    Ok(())
}

fn entry(n: u64, event_bytes: usize) -> Entry {
    // Shared text: what is measured is the log, not the making of events.
    static TEXT: [u8; EVENT_BYTES] = [b'x'; EVENT_BYTES];
    Entry::new(spread(n), 1, Bytes::from_static(&TEXT[..event_bytes]))
}

/// Numbers that look random and never repeat.
fn spread(n: u64) -> u128 {
    let mix = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    u128::from(mix(n)) << 64 | u128::from(mix(n ^ 0x5555_5555_5555_5555))
}
