//! One Delta table: the handle that commits, and the version that readers hold.
//!
//! delta-rs enforces neither one committer nor a rising position, slows down with every commit through the same
//! handle, and leaves open what happened when a commit fails late. So here: one commit at a time, as a strict
//! compare-and-swap on the version, position checked by the caller under the same lock, handle reopened regularly
//! and after every failure.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, MetadataExt, Transaction};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, logstore_with};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use crate::error::LakeError;
use crate::pinned::{DataFile, Pinned};
use crate::schema::{PARTITION, Shape, from_delta, to_delta};
use crate::store::DurableStore;

/// Commits through one handle before it is opened anew; a held handle slows with each (measured: 19 ms after 100
/// commits, 114 ms after 600).
const COMMITS_A_HANDLE: u32 = 20;
/// Commits between checkpoints.
const CHECKPOINT_INTERVAL: &str = "20";
/// Attempts of one commit, with a growing pause between them.
pub(crate) const COMMIT_ATTEMPTS_MAX: u32 = 5;

/// Where a table is and what commits are signed with.
#[derive(Debug)]
pub(crate) struct Table {
    /// Name in errors and log lines, such as `events.orders`.
    pub(crate) name: String,
    /// Part of the names of new files: two writers, however they came to be, never overwrite each other's.
    pub(crate) writer: String,
    log: LogStoreRef,
    store: DurableStore,
    kind: Kind,
    committer: Mutex<Committer>,
    pinned: RwLock<Option<Arc<Pinned>>>,
    /// Held while files are rewritten: two at once would double rows silently.
    pub(crate) rewriting: Mutex<()>,
}

/// What sort of table it is.
#[derive(Debug)]
enum Kind {
    /// Rows of the log, with the log position as the application's transaction.
    Events { application: String, schema: SchemaRef },
    /// A model's result.
    Mart,
}

/// The handle that commits.
#[derive(Default)]
pub(crate) struct Committer {
    table: Option<DeltaTable>,
    commits: u32,
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Committer").field("commits", &self.commits).finish_non_exhaustive()
    }
}

/// What a commit changes besides its actions' own effect.
pub(crate) struct Change {
    pub(crate) actions: Vec<Action>,
    pub(crate) operation: DeltaOperation,
    pub(crate) transaction: Option<Transaction>,
    /// Position after the commit.
    pub(crate) position: u64,
    /// Files added and removed; `None` where the schema changes, so that the version is read anew.
    pub(crate) files: Option<(Vec<Arc<DataFile>>, HashSet<Path>)>,
}

impl Table {
    /// An event table.
    pub(crate) fn events(root: &Url, store: &DurableStore, table: &str, schema: SchemaRef) -> Result<Table, LakeError> {
        let kind = Kind::Events { application: format!("mizan/{table}"), schema };
        Table::new(root, store, format!("events.{table}"), &format!("events/{table}"), kind)
    }

    /// A model's table.
    pub(crate) fn mart(root: &Url, store: &DurableStore, name: &str) -> Result<Table, LakeError> {
        Table::new(root, store, format!("marts.{name}"), &format!("marts/{name}"), Kind::Mart)
    }

    fn new(root: &Url, store: &DurableStore, name: String, folder: &str, kind: Kind) -> Result<Table, LakeError> {
        let url = root.join(&format!("{folder}/")).map_err(|_| LakeError::Path(root.path().into()))?;
        let log =
            logstore_with(Arc::new(store.clone()), &url, StorageConfig::default()).map_err(LakeError::delta(&name))?;
        Ok(Table {
            name,
            writer: format!("{:08x}", uuid::Uuid::new_v4().as_fields().0),
            log,
            store: store.clone(),
            kind,
            committer: Mutex::default(),
            pinned: RwLock::new(None),
            rewriting: Mutex::new(()),
        })
    }

    /// The store whose paths begin at the table.
    pub(crate) fn files(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
    }

    /// The application that this table's positions are signed with.
    pub(crate) fn application(&self) -> Option<&str> {
        match &self.kind {
            Kind::Events { application, .. } => Some(application),
            Kind::Mart => None,
        }
    }

    /// Whether the table is there.
    pub(crate) async fn exists(&self) -> Result<bool, LakeError> {
        self.log.is_delta_table_location().await.map_err(self.delta())
    }

    pub(crate) fn delta<E: Into<DeltaTableError>>(&self) -> impl Fn(E) -> LakeError + use<'_, E> {
        LakeError::delta(&self.name)
    }

    /// Creates the table with its first actions, all in one commit, unless it is there.
    pub(crate) async fn create(
        &self,
        schema: &SchemaRef,
        comment: &str,
        configuration: HashMap<String, String>,
        first: Vec<Action>,
    ) -> Result<(), LakeError> {
        let mut properties = HashMap::from([("delta.checkpointInterval".to_owned(), CHECKPOINT_INTERVAL.to_owned())]);
        let shape = self.shape(Arc::clone(schema));
        // Listed even when empty: the default is the first 32 columns, personal ones among them.
        properties.insert("delta.dataSkippingStatsColumns".to_owned(), shape.statistics.join(","));
        properties.extend(configuration);
        let partitions: Vec<&str> = if shape.partition.is_some() { vec![PARTITION] } else { Vec::new() };
        CreateBuilder::new()
            .with_log_store(Arc::clone(&self.log))
            .with_table_name(self.name.clone())
            .with_comment(comment)
            .with_columns(to_delta(schema)?.fields().cloned())
            .with_partition_columns(partitions)
            .with_configuration(properties.into_iter().map(|(key, value)| (key, Some(value))))
            .with_raise_if_key_not_exists(false)
            .with_actions(first)
            .with_save_mode(SaveMode::Ignore)
            .await
            .map_err(self.delta())?;
        Ok(())
    }

    fn shape(&self, schema: SchemaRef) -> Shape {
        Shape::new(schema, matches!(self.kind, Kind::Events { .. }))
    }

    /// Makes what earlier runs published last for good: they may have ended between a commit and its folder's sync.
    pub(crate) async fn settle(&self) -> Result<(), LakeError> {
        let root = Path::from_url_path(self.log.root_url().path()).map_err(object_store::Error::from)?;
        Ok(self.store.settle(&root.join("_delta_log")).await?)
    }

    /// Adds columns that this version of the program has and the stored table has not.
    pub(crate) async fn widen(&self) -> Result<(), LakeError> {
        let Kind::Events { schema, .. } = &self.kind else { return Ok(()) };
        let mut committer = self.committer.lock().await;
        let table = self.handle(&mut committer).await?;
        let state = table.snapshot().map_err(self.delta())?;
        let stored = from_delta(state.schema().as_ref())?;
        let bare = Shape::new(Arc::clone(schema), false);
        let stored_bare = Shape::new(Arc::clone(&stored), false);
        for field in stored_bare.query.fields() {
            match bare.query.field_with_name(field.name()) {
                Ok(expected) if expected.data_type() == field.data_type() => {}
                found => {
                    return Err(LakeError::Schema {
                        table: self.name.clone(),
                        column: field.name().clone(),
                        stored: field.data_type().to_string(),
                        expected: found.map_or("no such column".to_owned(), |field| field.data_type().to_string()),
                    });
                }
            }
        }
        if stored.fields().len() == schema.fields().len() {
            return Ok(());
        }
        let statistics = self.shape(Arc::clone(schema)).statistics.join(",");
        let metadata = state
            .metadata()
            .clone()
            .with_schema(&to_delta(schema)?)
            .and_then(|metadata| metadata.add_config_key("delta.dataSkippingStatsColumns".to_owned(), statistics))
            .map_err(self.delta())?;
        let position = self.position_of(table).await?;
        let change = Change {
            actions: vec![Action::Metadata(metadata)],
            operation: DeltaOperation::SetTableProperties { properties: HashMap::new() },
            transaction: None,
            position,
            files: None,
        };
        tracing::info!(table = %self.name, "adding columns to the table");
        self.commit(&mut committer, change).await.map_err(self.delta())?;
        Ok(())
    }

    async fn position_of(&self, table: &DeltaTable) -> Result<u64, LakeError> {
        let Some(application) = self.application() else { return Ok(0) };
        let state = table.snapshot().map_err(self.delta())?;
        let version = state.transaction_version(self.log.as_ref(), application).await.map_err(self.delta())?;
        Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
    }

    /// Waits for the right to commit.
    pub(crate) async fn lock(&self) -> MutexGuard<'_, Committer> {
        self.committer.lock().await
    }

    /// The committer's handle: opened when there is none or it has grown slow.
    async fn handle<'c>(&self, committer: &'c mut Committer) -> Result<&'c mut DeltaTable, LakeError> {
        if committer.commits >= COMMITS_A_HANDLE {
            *committer = Committer::default();
        }
        if committer.table.is_none() {
            let mut table = DeltaTable::new(Arc::clone(&self.log));
            table.load().await.map_err(self.delta())?;
            committer.table = Some(table);
        }
        committer.table.as_mut().ok_or_else(|| LakeError::batch(&self.name, "the table has no handle"))
    }

    /// The state that a commit under this lock builds on.
    pub(crate) async fn base(&self, committer: &mut Committer) -> Result<Arc<Pinned>, LakeError> {
        let reopened = committer.table.is_none() || committer.commits >= COMMITS_A_HANDLE;
        let table = self.handle(committer).await?;
        let version = table.version().unwrap_or(0);
        if !reopened && let Some(pinned) = self.cached().filter(|pinned| pinned.version == version) {
            return Ok(pinned);
        }
        let table: &DeltaTable = table;
        self.read(table).await
    }

    /// Forgets the handle after a failure whose outcome is unknown; what is in the table is read anew.
    pub(crate) fn forget(&self, committer: &mut Committer) {
        *committer = Committer::default();
    }

    /// One attempt to commit on top of [`base`](Table::base): a strict compare-and-swap.
    pub(crate) async fn commit(
        &self,
        committer: &mut Committer,
        change: Change,
    ) -> Result<Arc<Pinned>, DeltaTableError> {
        let Some(table) = committer.table.as_mut() else { return Err(DeltaTableError::NotInitialized) };
        let mut properties = CommitProperties::default().with_max_retries(0).with_cleanup_expired_logs(Some(false));
        if let Some(transaction) = change.transaction {
            properties = properties.with_application_transaction(transaction);
        }
        let state = table.snapshot()?.clone();
        let finalized = CommitBuilder::from(properties)
            .with_actions(change.actions)
            .build(Some(&state), Arc::clone(&self.log), change.operation)
            .await?;
        let version = finalized.version();
        table.state = Some(finalized.snapshot());
        committer.commits += 1;
        let next = match (change.files, self.cached().filter(|pinned| pinned.version == state.version())) {
            (Some((added, removed)), Some(pinned)) => pinned.after(version, change.position, added, &removed),
            _ => {
                let snapshot = finalized.snapshot();
                let schema = from_delta(snapshot.schema().as_ref())?;
                let shape = self.read_shape(&schema);
                Pinned::new(&snapshot, change.position, Arc::new(shape))
            }
        };
        let next = Arc::new(next);
        self.pin_newer(Arc::clone(&next));
        Ok(next)
    }

    /// Event tables take comments and marks from the program's own schema; Delta keeps no marks.
    fn read_shape(&self, stored: &SchemaRef) -> Shape {
        match &self.kind {
            Kind::Events { schema, .. } if schema.fields().len() == stored.fields().len() => {
                self.shape(Arc::clone(schema))
            }
            _ => self.shape(Arc::clone(stored)),
        }
    }

    async fn read(&self, table: &DeltaTable) -> Result<Arc<Pinned>, LakeError> {
        let state = table.snapshot().map_err(self.delta())?;
        let position = self.position_of(table).await?;
        let shape = self.read_shape(&from_delta(state.schema().as_ref())?);
        let pinned = Arc::new(Pinned::new(state, position, Arc::new(shape)));
        self.pin_newer(Arc::clone(&pinned));
        Ok(pinned)
    }

    fn cached(&self) -> Option<Arc<Pinned>> {
        self.pinned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn pin_newer(&self, next: Arc<Pinned>) {
        let mut pinned = self.pinned.write().unwrap_or_else(PoisonError::into_inner);
        if pinned.as_ref().is_none_or(|known| known.version <= next.version) {
            *pinned = Some(next);
        }
    }

    /// The newest version, for reading. Commits of other processes are seen as well: the next entry of the table's
    /// log is looked for, which costs one `stat`.
    pub(crate) async fn pin(&self) -> Result<Arc<Pinned>, LakeError> {
        if let Some(pinned) = self.cached() {
            let next = Path::from(format!("_delta_log/{:020}.json", pinned.version + 1));
            match self.files().head(&next).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(pinned),
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            // A commit of this process is under way. What is pinned stays whole with the tail, so do not wait for it.
            let Ok(mut committer) = self.committer.try_lock() else { return Ok(pinned) };
            return self.refresh(&mut committer).await;
        }
        let mut committer = self.committer.lock().await;
        self.refresh(&mut committer).await
    }

    async fn refresh(&self, committer: &mut Committer) -> Result<Arc<Pinned>, LakeError> {
        let opened = committer.table.is_none();
        let table = self.handle(committer).await?;
        if !opened && let Err(error) = table.update_state().await {
            self.forget(committer);
            return Err(self.delta()(error));
        }
        let table: &DeltaTable = table;
        self.read(table).await
    }

    /// One entry of the table's log, while it is kept.
    pub(crate) async fn log_entry(&self, version: u64) -> Result<Option<bytes::Bytes>, LakeError> {
        self.log.read_commit_entry(version).await.map_err(self.delta())
    }

    /// Writes a checkpoint and removes expired entries of the table's log.
    pub(crate) async fn clean_log(&self) -> Result<usize, LakeError> {
        let mut committer = self.committer.lock().await;
        self.refresh(&mut committer).await?;
        let table: &DeltaTable = self.handle(&mut committer).await?;
        deltalake_core::checkpoints::create_checkpoint(table, None).await.map_err(self.delta())?;
        deltalake_core::checkpoints::cleanup_metadata(table, None).await.map_err(self.delta())
    }

    /// Files that were taken out of the table, with the time (milliseconds since 1970) where the log says it.
    pub(crate) async fn tombstones(&self) -> Result<HashMap<String, i64>, LakeError> {
        use futures::TryStreamExt;
        let mut committer = self.committer.lock().await;
        self.refresh(&mut committer).await?;
        let table: &DeltaTable = self.handle(&mut committer).await?;
        let state = table.snapshot().map_err(self.delta())?;
        let tombstones: Vec<_> = state.all_tombstones(self.log.as_ref()).try_collect().await.map_err(self.delta())?;
        Ok(tombstones
            .iter()
            .map(|tombstone| (tombstone.path().into_owned(), tombstone.deletion_timestamp().unwrap_or(0)))
            .collect())
    }

    /// The metadata of the committer's version, for a commit that replaces schema or comment.
    pub(crate) async fn metadata(
        &self,
        committer: &mut Committer,
    ) -> Result<deltalake_core::kernel::Metadata, LakeError> {
        let table: &DeltaTable = self.handle(committer).await?;
        Ok(table.snapshot().map_err(self.delta())?.metadata().clone())
    }

    /// The last transaction of some other application on this table.
    pub(crate) async fn transaction(&self, committer: &mut Committer, application: &str) -> Result<i64, LakeError> {
        let table: &DeltaTable = self.handle(committer).await?;
        let state = table.snapshot().map_err(self.delta())?;
        let version = state.transaction_version(self.log.as_ref(), application).await.map_err(self.delta())?;
        Ok(version.unwrap_or(0))
    }
}

/// The pause before attempt `attempt` (from 1) of a commit.
pub(crate) async fn back_off(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(20 << attempt.min(8))).await;
}
