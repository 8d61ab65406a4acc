//! `mizan serve`: everything in one process.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use mizan_dashboards::{Gate, Progress, Rates, ServerOptions, State};
use mizan_events::{EventTime, Unknown};
use mizan_ingest::storefront::Storefront;
use mizan_ingest::watch::Watcher;
use mizan_lake::{CompactLimits, Lake};
use mizan_log::Log;
use mizan_operations::{Operations, Scope};
use mizan_transform::Selection;
use tokio::sync::watch;

use super::{Context, pull};
use crate::cli;
use crate::data_dir::write_private;
use crate::exit::{Code, Failure, OrFail};
use crate::rooms::{self, Rooms};
use crate::settings::Server;

pub async fn run(mut context: Context, options: cli::Serve) -> Result<ExitCode, Failure> {
    if let Some(http) = options.http {
        context.settings.server.http = http;
    }
    let rooms = Rooms::open(&context).await?;
    let key = first_key(&context, &rooms).await?;
    let said = |address: SocketAddr| announce(&context, address, key.as_deref());
    serve(&context, rooms, said, interrupted()).await?;
    Ok(ExitCode::SUCCESS)
}

fn announce(context: &Context, address: SocketAddr, key: Option<&str>) {
    if context.json {
        println!("{}", serde_json::json!({ "url": format!("http://{address}"), "admin_key": key }));
        return;
    }
    println!("Mizan is at http://{address}");
    if let Some(key) = key {
        println!("First start: this admin key is also in {}", context.data.admin_key().display());
        println!("  {key}");
    }
    if mizan_dashboards::is_placeholder() {
        eprintln!("The page was not built in (npm was missing); the API is whole. See docs/building.md.");
    }
}

/// On a fresh data directory an admin key is made, told once, and left for the owner alone.
pub async fn first_key(context: &Context, rooms: &Rooms) -> Result<Option<String>, Failure> {
    if !rooms.operations.list_keys().await.or_fail(Code::Io)?.is_empty() {
        return Ok(None);
    }
    let key = rooms.operations.create_key("admin", &[Scope::Admin], None).await.or_fail(Code::Io)?;
    let path = context.data.admin_key();
    write_private(&path, &format!("{}\n", key.secret))
        .map_err(|error| Failure::io(&path.display().to_string(), &error))?;
    Ok(Some(key.secret))
}

/// Ctrl-C, or a polite request to end.
pub async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Runs every room until `stop` is done, then ends each in order: no more requests, all events in the lake, log closed.
pub async fn serve(
    context: &Context,
    rooms: Rooms,
    listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let prometheus = PrometheusBuilder::new().build_recorder();
    let handle = prometheus.handle();
    // A second server in one process can only be a test's; the first one's counters go on.
    let _ = metrics::set_global_recorder(prometheus);
    let progress = Arc::new(Progress::default());
    let connectors = Arc::new(rooms::connectors(context)?);
    let pullers = pull::pullers(context, &connectors, &rooms.intake(Unknown::Keep))?;
    let state = State {
        intake: rooms.intake(Unknown::Keep),
        engine: rooms::engine(context, rooms.lake.clone())?,
        gate: Gate::new(rooms.operations.clone(), rates(&context.settings.server)),
        operations: rooms.operations.clone(),
        shops: Arc::new(rooms::shops(context)),
        connectors,
        storefront: Storefront::new().or_fail(Code::Software)?,
        prometheus: handle,
        progress: Arc::clone(&progress),
        max_body_bytes: context.settings.server.max_body_bytes,
    };
    let watches = rooms::watches(context)?;
    let (stopping, stopped) = watch::channel(false);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };

    let worker = rooms.worker(context).await?;
    let worker = tokio::spawn(worker.run(move || progress.set_ready(), until_stopped(stopped.clone())));
    let follower = tokio::spawn(mizan_operations::follow(
        rooms.operations.clone(),
        rooms.log.clone(),
        until_stopped(stopped.clone()),
    ));
    let models = tokio::spawn(keep_models_fresh(
        rooms::project(context)?,
        rooms.lake.clone(),
        Refresh::of(context),
        until_stopped(stopped.clone()),
    ));
    let pullers: Vec<_> =
        pullers.into_iter().map(|puller| tokio::spawn(puller.run(until_stopped(stopped.clone())))).collect();
    let compactor = tokio::spawn(tidy(
        rooms.lake.clone(),
        rooms.log.clone(),
        rooms.operations.clone(),
        context.settings.ingest.compact_seconds,
        until_stopped(stopped),
    ));

    let watcher = Watcher::start(watches, rooms.intake(Unknown::Keep), context.data.root());
    let watcher = watcher.map_err(|error| Failure::io("cannot start threads", &error))?;

    let options =
        ServerOptions { http: context.settings.server.http, max_connections: context.settings.server.max_connections };
    let served = mizan_dashboards::serve(mizan_dashboards::router(state), options, listening, stop).await;
    // It goes first, so that the worker brings what it took into the lake.
    tokio::task::spawn_blocking(move || watcher.stop()).await.or_fail(Code::Software)?;
    let _ = stopping.send(true);
    for puller in pullers {
        puller.await.or_fail(Code::Software)?;
    }
    let worker_ended = worker.await.or_fail(Code::Software)?;
    let follower_ended = follower.await.or_fail(Code::Software)?;
    models.await.or_fail(Code::Software)?;
    compactor.await.or_fail(Code::Software)?;
    rooms.log.close();
    served.or_fail(Code::Unavailable)?;
    worker_ended.or_fail(Code::Io)?;
    follower_ended.or_fail(Code::Io)
}

fn rates(server: &Server) -> Rates {
    Rates {
        per_key: NonZeroU32::new(server.key_requests_per_second),
        per_page_key: NonZeroU32::new(server.page_key_requests_per_second),
    }
}

/// Without a new event models run this often all the same: carts are left by time alone.
const TIME_TELLS: Duration = Duration::from_secs(5 * 60);

/// How the models are kept up to date.
struct Refresh {
    every: Duration,
    settings: mizan_lake::SessionSettings,
}

impl Refresh {
    fn of(context: &Context) -> Refresh {
        Refresh {
            every: Duration::from_secs(context.settings.transform.every_seconds),
            settings: rooms::session_settings(context),
        }
    }
}

async fn keep_models_fresh(
    project: mizan_transform::Project,
    lake: Lake,
    refresh: Refresh,
    stop: impl Future<Output = ()>,
) {
    if refresh.every.is_zero() {
        return;
    }
    tokio::pin!(stop);
    let mut seen = None;
    let mut last = Instant::now();
    loop {
        let tables = lake.tables().await.ok();
        let versions = tables.map(|tables| tables.iter().map(|table| table.version).collect::<Vec<_>>());
        // Rows that are not in a table yet count as well.
        let versions = versions.map(|versions| (versions, lake.tail().watermark()));
        if versions.is_some() && (versions != seen || last.elapsed() >= TIME_TELLS) {
            last = Instant::now();
            let runner = mizan_transform::Runner::new(&project);
            let settings = refresh.settings.clone();
            match runner.run(&lake, settings, &Selection::All, EventTime::now(), &mut |_| {}).await {
                Ok(report) => {
                    seen = versions;
                    for (model, error, _) in report.failures() {
                        tracing::error!(model, error = %error, "a model failed; its mart is as it was");
                    }
                }
                Err(error) => tracing::error!(error = %error, "models could not be brought up to date"),
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(refresh.every) => {}
        }
    }
}

/// Merges small files, and lets the log forget what both of its readers have.
async fn tidy(lake: Lake, log: Log, operations: Operations, every_seconds: u64, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(Duration::from_secs(every_seconds.max(1))) => {}
        }
        for family in mizan_events::Family::ALL {
            if let Err(error) = lake.compact(family, CompactLimits::default()).await {
                tracing::error!(error = %error, table = family.table(), "small files could not be merged");
            }
        }
        if let Err(failure) = rooms::trim(&log, &operations).await {
            tracing::error!(error = ?failure, "the log could not be trimmed");
        }
    }
}
