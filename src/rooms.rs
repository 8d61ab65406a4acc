//! Opening the rooms over one data directory, and giving each its part of the settings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use mizan_events::Unknown;
use mizan_ingest::connectors::{Connector, ConnectorSettings};
use mizan_ingest::pulls::Provider;
use mizan_ingest::rejected::{RejectedReader, RejectedStore};
use mizan_ingest::watch::Watch;
use mizan_ingest::{Intake, Worker, WorkerOptions};
use mizan_lake::{Lake, LakeOptions, RowsTable, SessionSettings};
use mizan_log::{Log, LogError};
use mizan_operations::Operations;
use mizan_query::{Engine, Limits};
use mizan_transform::Project;

use crate::commands::Context;
use crate::data_dir::Writing;
use crate::exit::{Code, Failure, OrFail};

/// Every room, open for writing. The lock is held as long as this lives.
pub struct Rooms {
    /// The log.
    pub log: Log,
    /// The Delta tables.
    pub lake: Lake,
    /// Live state.
    pub operations: Operations,
    /// What was refused.
    pub rejected: Arc<RejectedStore>,
    _writing: Writing,
}

impl Rooms {
    /// Takes the data directory and opens everything in it.
    pub async fn open(context: &Context) -> Result<Rooms, Failure> {
        let writing = context.data.lock()?;
        let options = mizan_log::Options { max_queue_bytes: context.settings.ingest.queue_bytes, ..Default::default() };
        let (log, recovery) = Log::open(context.data.log(), options).map_err(|error| log_failure(&error))?;
        if recovery.cut_bytes > 0 {
            tracing::warn!(
                bytes = recovery.cut_bytes,
                "cut the unfinished end of the log; nothing in it was acknowledged"
            );
        }
        let lake = Lake::open(&context.data.lake(), LakeOptions::default()).await.or_fail(Code::Io)?;
        let operations = operations(context).await?;
        let rejected = Arc::new(RejectedStore::open(context.data.root()).or_fail(Code::Io)?);
        Ok(Rooms { log, lake, operations, rejected, _writing: writing })
    }

    /// The gate for events.
    pub fn intake(&self, unknown: Unknown) -> Intake {
        Intake::new(self.log.clone(), Arc::clone(&self.rejected), unknown)
    }

    /// The worker from log to lake.
    pub async fn worker(&self, context: &Context) -> Result<Worker, Failure> {
        let options = WorkerOptions {
            flush_after: Duration::from_secs(context.settings.ingest.flush_seconds),
            flush_bytes: context.settings.ingest.flush_bytes,
        };
        Worker::open(self.log.clone(), self.lake.clone(), options).await.or_fail(Code::Io)
    }

    /// Brings what the log holds beyond the lake into the lake.
    pub async fn settle(&self, context: &Context) -> Result<(), Failure> {
        let mut worker = self.worker(context).await?.without_showing();
        worker.catch_up().await.or_fail(Code::Io)?;
        worker.flush().await.or_fail(Code::Io)
    }
}

/// Lets the log forget what both of its readers have.
pub async fn trim(log: &Log, operations: &Operations) -> Result<(), Failure> {
    let read = read_by_both(log, operations).await?;
    tokio::task::block_in_place(|| log.trim(read)).map(|_| ()).map_err(|error| log_failure(&error))
}

/// The same as far as it costs little, while the log is being written at full speed.
pub async fn trim_sealed(log: &Log, operations: &Operations) -> Result<(), Failure> {
    let read = read_by_both(log, operations).await?;
    tokio::task::block_in_place(|| log.trim_sealed(read)).map(|_| ()).map_err(|error| log_failure(&error))
}

async fn read_by_both(log: &Log, operations: &Operations) -> Result<u64, Failure> {
    Ok(mizan_ingest::flushed(log).min(operations.position().await.or_fail(Code::Io)?))
}

/// A log that cannot be opened, with what to do about it.
pub fn log_failure(error: &LogError) -> Failure {
    Failure::new(Code::Io, error)
}

/// The lake as another process may read it, with what the log holds beyond it.
pub async fn lake_for_reading(context: &Context) -> Result<Lake, Failure> {
    context.data.must_exist()?;
    let lake = Lake::open_read_only(&context.data.lake()).await.or_fail(Code::Io)?;
    // A lake without a log is a lake that was copied: there is nothing newer.
    if context.data.log().is_dir() {
        mizan_ingest::fill_tail(&lake, &context.data.log()).or_fail(Code::Io)?;
    }
    Ok(lake)
}

/// Live state.
pub async fn operations(context: &Context) -> Result<Operations, Failure> {
    Operations::open(&context.data.operations(), operations_settings(context)).await.or_fail(Code::Io)
}

/// What operations need to know of the shops.
pub fn operations_settings(context: &Context) -> mizan_operations::Settings {
    let shops = context.settings.shops.iter().map(|(name, shop)| {
        let settings = mizan_operations::ShopSettings {
            name: shop.name.clone(),
            currency: shop.currency.clone(),
            timezone: shop.timezone.clone(),
            prices_include_tax: shop.prices_include_tax,
            ..Default::default()
        };
        (name.clone(), settings)
    });
    mizan_operations::Settings {
        shops: shops.collect(),
        invoice_max_age_days: Some(context.settings.operations.invoice_max_age_days),
    }
}

/// What SQL sessions need to know of the shops.
pub fn session_settings(context: &Context) -> SessionSettings {
    let shops = context.settings.shops.iter().map(|(name, shop)| mizan_lake::Shop {
        shop: name.clone(),
        name: shop.name.clone(),
        currency: shop.currency.clone(),
        timezone: shop.timezone.clone(),
    });
    let reader = RejectedReader::new(context.data.root());
    let rejected = RowsTable::new("rejected", mizan_ingest::rejected::schema(), move || {
        Box::new(reader.batches().map(|batch| batch.map_err(Into::into)))
    });
    SessionSettings {
        shops: shops.collect(),
        beside: vec![rejected],
        reference: reference(context),
        ..Default::default()
    }
}

/// The reference tables, as SQL sees them. A fault in one must not keep people from the others: `mizan run` tells it.
fn reference(context: &Context) -> Vec<(String, RecordBatch)> {
    let tables = mizan_transform::reference_tables(context.settings.transform.models.as_deref());
    match tables {
        Ok(tables) => tables.iter().map(|table| (table.name.clone(), table.batch())).collect(),
        Err(error) => {
            tracing::warn!(%error, "the reference tables cannot be read");
            Vec::new()
        }
    }
}

/// The SQL engine over a lake.
pub fn engine(context: &Context, lake: Lake) -> Result<Engine, Failure> {
    let sql = &context.settings.sql;
    let limits = Limits {
        time: Duration::from_secs(sql.timeout_seconds),
        memory: sql.memory_bytes,
        rows: sql.max_rows,
        ..Limits::default()
    };
    Engine::new(lake, limits, session_settings(context)).or_fail(Code::Software)
}

/// The built-in models and the user's own.
pub fn project(context: &Context) -> Result<Project, Failure> {
    let project = Project::builtin().or_fail(Code::Software)?;
    match &context.settings.transform.models {
        Some(folder) => project.with_folder(folder).or_fail(Code::BadData),
        None => Ok(project),
    }
}

/// The connectors that the settings name.
pub fn connectors(context: &Context) -> Result<BTreeMap<String, Connector>, Failure> {
    let connectors = context.settings.connectors.iter().map(|(name, settings)| {
        let connector = Connector::new(name, settings, Path::new("."));
        let connector = connector.map_err(|error| {
            Failure::new(Code::Configuration, format!("settings: connectors.{name}.{error}"))
                .hint("docs/connectors/README.md shows each kind")
        })?;
        Ok((name.clone(), connector))
    });
    connectors.collect()
}

/// The API that a connector pulls from.
pub fn provider(name: &str, settings: &ConnectorSettings) -> Result<Provider, Failure> {
    Provider::new(name, &settings.kind, settings.api.as_ref(), Path::new(".")).map_err(|error| {
        Failure::new(Code::Configuration, format!("settings: connectors.{name}.{error}"))
            .hint("docs/pull.md shows what each kind needs")
    })
}

/// The folders that the settings have watched.
pub fn watches(context: &Context) -> Result<Vec<Watch>, Failure> {
    let watches = context.settings.watch.iter().map(|settings| {
        Watch::new(settings, Path::new(".")).map_err(|error| {
            let folder = settings.folder.display();
            Failure::new(Code::Configuration, format!("settings: watch ({folder}).{error}"))
                .hint("docs/import.md shows how a folder is watched")
        })
    });
    watches.collect()
}

/// What pages need to know of the shops.
pub fn shops(context: &Context) -> BTreeMap<String, mizan_dashboards::ShopInfo> {
    let shops = context.settings.shops.iter().map(|(name, shop)| {
        let info = mizan_dashboards::ShopInfo {
            name: shop.name.clone(),
            currency: shop.currency.clone(),
            timezone: shop.timezone.clone(),
        };
        (name.clone(), info)
    });
    shops.collect()
}
