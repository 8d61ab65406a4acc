//! The lake itself: its tables, its tail, and the operations on them.

use std::collections::BTreeMap;
use std::path::Path as FsPath;
use std::sync::{Arc, RwLock};

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::future::try_join_all;
use mizan_events::Family;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::error::LakeError;
use crate::operations::append::{Appended, append};
use crate::operations::compact::{CompactLimits, Compacted, compact};
use crate::operations::vacuum::{VacuumLimits, Vacuumed, vacuum};
use crate::operations::verify::{Finding, verify};
use crate::pinned::Pinned;
use crate::provider::LakeTable;
use crate::store::DurableStore;
use crate::table::Table;
use crate::tail::Tail;

/// How the lake works.
#[derive(Clone, Copy, Debug)]
pub struct LakeOptions {
    /// Files encoded at the same time; each takes a core.
    pub encoders: usize,
}

impl Default for LakeOptions {
    fn default() -> LakeOptions {
        LakeOptions { encoders: std::thread::available_parallelism().map_or(2, usize::from) }
    }
}

/// An event table as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableState {
    /// The family.
    pub family: Family,
    /// Version of the table.
    pub version: u64,
    /// Every event of the log up to here is in it.
    pub position: u64,
    /// Data files.
    pub files: usize,
    /// Rows in them.
    pub rows: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// The lake in a folder. Clones share everything.
#[derive(Clone, Debug)]
pub struct Lake {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) url: Url,
    pub(crate) store: DurableStore,
    /// Where queries find the files: nothing outside the folder can be reached through it.
    pub(crate) reading: Arc<LocalFileSystem>,
    pub(crate) reading_url: ObjectStoreUrl,
    pub(crate) options: LakeOptions,
    pub(crate) read_only: bool,
    pub(crate) events: [Table; Family::COUNT],
    pub(crate) marts: RwLock<BTreeMap<String, Arc<Table>>>,
    pub(crate) tail: Tail,
}

impl Lake {
    /// Opens the lake in a folder for reading and writing; folder and event tables are made if they are not there.
    pub async fn open(root: &FsPath, options: LakeOptions) -> Result<Lake, LakeError> {
        std::fs::create_dir_all(root).map_err(|source| LakeError::Folder { path: root.to_owned(), source })?;
        let lake = Lake::at(root, options, false)?;
        try_join_all(Family::ALL.map(|family| {
            let table = lake.events_table(family);
            async move {
                let schema = mizan_events::schema(family);
                if !table.exists().await? {
                    table.create(&schema, family.comment(), Default::default(), Vec::new()).await?;
                }
                table.settle().await?;
                table.widen().await
            }
        }))
        .await?;
        Ok(lake)
    }

    /// Opens the lake in a folder for reading only, beside a program that writes to it.
    pub async fn open_read_only(root: &FsPath) -> Result<Lake, LakeError> {
        let lake = Lake::at(root, LakeOptions::default(), true)?;
        try_join_all(Family::ALL.map(|family| lake.events_table(family).pin())).await?;
        Ok(lake)
    }

    fn at(root: &FsPath, options: LakeOptions, read_only: bool) -> Result<Lake, LakeError> {
        let folder = |source| LakeError::Folder { path: root.to_owned(), source };
        let root = std::fs::canonicalize(root).map_err(folder)?;
        let url = Url::from_directory_path(&root).map_err(|()| LakeError::Path(root.clone()))?;
        let reading = LocalFileSystem::new_with_prefix(&root)?;
        let store = DurableStore::new();
        // One address a folder, so that lakes that share a runtime do not meet.
        let id = xxhash_rust::xxh3::xxh3_64(url.as_str().as_bytes());
        let reading_url = ObjectStoreUrl::parse(format!("mizan-lake://{id:016x}/"))?;
        let table = |family: Family| Table::events(&url, &store, family.table(), mizan_events::schema(family));
        let [first, second, third, fourth, fifth] = Family::ALL;
        let events = [table(first)?, table(second)?, table(third)?, table(fourth)?, table(fifth)?];
        Ok(Lake {
            inner: Arc::new(Inner {
                url,
                store,
                reading: Arc::new(reading),
                reading_url,
                options,
                read_only,
                events,
                marts: RwLock::default(),
                tail: Tail::new(),
            }),
        })
    }

    pub(crate) fn events_table(&self, family: Family) -> &Table {
        &self.inner.events[family.index()]
    }

    pub(crate) fn writable(&self, what: &'static str) -> Result<(), LakeError> {
        if self.inner.read_only { Err(LakeError::ReadOnly(what)) } else { Ok(()) }
    }

    /// The log position that a family's table has reached; 0 in a new one.
    pub async fn position(&self, family: Family) -> Result<u64, LakeError> {
        Ok(self.events_table(family).pin().await?.position)
    }

    /// Writes rows of the log positions in `(from, to]` and the position `to` in one commit, and drops them from the
    /// tail. `from` is the table's position: anything else is refused, except that rows which are in already (an
    /// earlier call did not hear of its success) are not written twice.
    ///
    /// Without rows nothing is committed and the position stays at `from`; [`advance`](Lake::advance) moves it.
    pub async fn append(
        &self,
        family: Family,
        batches: Vec<RecordBatch>,
        from: u64,
        to: u64,
    ) -> Result<Appended, LakeError> {
        self.writable("append")?;
        let table = self.events_table(family);
        if batches.iter().all(|batch| batch.num_rows() == 0) {
            let pinned = table.pin().await?;
            if pinned.position != from && pinned.position < to {
                return Err(LakeError::Position { table: table.name.clone(), found: pinned.position, from, to });
            }
            let (version, position) = (pinned.version, pinned.position);
            return Ok(Appended { version, position, rows: 0, files: 0, bytes: 0, already: position >= to });
        }
        let appended = append(table, batches, from, to, self.inner.options.encoders).await?;
        self.inner.tail.committed(family, appended.position);
        Ok(appended)
    }

    /// Moves a family's position on over a stretch of the log that has none of its events.
    pub async fn advance(&self, family: Family, from: u64, to: u64) -> Result<Appended, LakeError> {
        self.writable("advance")?;
        append(self.events_table(family), Vec::new(), from, to, 1).await
    }

    /// Rows acknowledged but not yet committed.
    pub fn tail(&self) -> &Tail {
        &self.inner.tail
    }

    /// The event tables as they are now: what has changed since is what has another version.
    pub async fn tables(&self) -> Result<Vec<TableState>, LakeError> {
        try_join_all(Family::ALL.map(|family| async move {
            let pinned = self.events_table(family).pin().await?;
            Ok(TableState {
                family,
                version: pinned.version,
                position: pinned.position,
                files: pinned.files.len(),
                rows: pinned.rows().unwrap_or(0),
                bytes: pinned.files.iter().map(|file| file.size).sum(),
            })
        }))
        .await
    }

    /// Joins small files of a family's table.
    pub async fn compact(&self, family: Family, limits: CompactLimits) -> Result<Compacted, LakeError> {
        self.writable("compact")?;
        compact(self.events_table(family), limits).await
    }

    /// Removes files that nothing refers to any more, and expired entries of the tables' logs.
    pub async fn vacuum(&self, limits: VacuumLimits) -> Result<Vacuumed, LakeError> {
        self.writable("vacuum")?;
        let mut all = Vacuumed::default();
        let marts = self.mart_tables().await?;
        for table in self.inner.events.iter().chain(marts.iter().map(|(_, table)| table.as_ref())) {
            let one = vacuum(table, limits).await?;
            all.files += one.files;
            all.bytes += one.bytes;
            all.log_entries += one.log_entries;
        }
        Ok(all)
    }

    /// Reads every file of every table and compares it with what was written.
    pub async fn verify(&self) -> Result<Vec<Finding>, LakeError> {
        let mut findings = Vec::new();
        let marts = self.mart_tables().await?;
        for table in self.inner.events.iter().chain(marts.iter().map(|(_, table)| table.as_ref())) {
            findings.extend(verify(table).await?);
        }
        Ok(findings)
    }

    pub(crate) fn provider(&self, folder: &str, pinned: Arc<Pinned>, tail: Vec<RecordBatch>) -> Arc<dyn TableProvider> {
        Arc::new(LakeTable::new(self.inner.reading_url.clone(), folder, pinned, tail))
    }

    /// The store under the tables, to see what reached the disk.
    pub fn store(&self) -> &DurableStore {
        &self.inner.store
    }
}
