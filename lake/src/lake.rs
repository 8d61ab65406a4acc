//! The lake itself: its tables, its tail, and the operations on them.

use std::collections::BTreeMap;
use std::path::Path as FsPath;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::SessionContext;
use futures::future::try_join_all;
use mizan_events::Family;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use crate::error::LakeError;
use crate::operations::append::{Appended, append};
use crate::operations::compact::{CompactLimits, Compacted, compact};
use crate::operations::replace_mart::{MartInfo, MartVersion, replace_mart};
use crate::operations::vacuum::{VacuumLimits, Vacuumed, vacuum};
use crate::operations::verify::{Finding, verify};
use crate::pinned::Pinned;
use crate::provider::LakeTable;
use crate::session::{EVENTS, MARTS, NamedTable, SETTINGS, SessionSettings, Tables, session, text_table};
use crate::store::DurableStore;
use crate::table::Table;
use crate::tail::{Tail, beyond};

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

/// A model's table as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MartState {
    /// Name of the model.
    pub name: String,
    /// Version of the table.
    pub version: u64,
    /// Rows in it.
    pub rows: usize,
    /// What is kept with it.
    pub info: MartInfo,
}

/// The lake in a folder. Clones share everything.
#[derive(Clone, Debug)]
pub struct Lake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: Url,
    store: DurableStore,
    /// Where queries find the files: nothing outside the folder can be reached through it.
    reading: Arc<LocalFileSystem>,
    reading_url: ObjectStoreUrl,
    options: LakeOptions,
    read_only: bool,
    events: [Table; Family::COUNT],
    marts: RwLock<BTreeMap<String, Arc<Table>>>,
    tail: Tail,
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

    fn events_table(&self, family: Family) -> &Table {
        &self.inner.events[family.index()]
    }

    fn writable(&self, what: &'static str) -> Result<(), LakeError> {
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

    /// Replaces a model's table as a whole. Readers see the old rows or the new ones, never a mixture.
    pub async fn replace_mart(
        &self,
        name: &str,
        schema: SchemaRef,
        rows: SendableRecordBatchStream,
        info: MartInfo,
    ) -> Result<MartVersion, LakeError> {
        self.writable("replace_mart")?;
        let table = self.mart_table(name)?;
        replace_mart(&table, &schema, rows, &info).await
    }

    /// Names of the models that have a table.
    pub async fn marts(&self) -> Result<Vec<String>, LakeError> {
        Ok(self.mart_tables().await?.into_iter().map(|(name, _)| name).collect())
    }

    /// A model's table as it is now; `None` when there is none.
    pub async fn mart(&self, name: &str) -> Result<Option<MartState>, LakeError> {
        let table = self.mart_table(name)?;
        if !table.exists().await? {
            return Ok(None);
        }
        let pinned = table.pin().await?;
        Ok(Some(MartState {
            name: name.to_owned(),
            version: pinned.version,
            rows: pinned.rows().unwrap_or(0),
            info: MartInfo::from_pinned(&pinned),
        }))
    }

    fn mart_table(&self, name: &str) -> Result<Arc<Table>, LakeError> {
        let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !plain {
            return Err(LakeError::MartName(name.to_owned()));
        }
        if let Some(table) = self.inner.marts.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(table));
        }
        let mut marts = self.inner.marts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = marts.get(name) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(Table::mart(&self.inner.url, &self.inner.store, name)?);
        marts.insert(name.to_owned(), Arc::clone(&table));
        Ok(table)
    }

    /// The models whose tables are there, those of other processes included.
    async fn mart_tables(&self) -> Result<Vec<(String, Arc<Table>)>, LakeError> {
        let folder = Path::from(MARTS);
        let listed = self.inner.reading.list_with_delimiter(Some(&folder)).await?;
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename()).map(str::to_owned);
        let found = try_join_all(names.map(|name| async move {
            let Ok(table) = self.mart_table(&name) else { return Ok(None) };
            // The first commit makes the table; before it the folder holds files nobody can read.
            let first = Path::from(format!("{MARTS}/{name}/_delta_log"));
            let log = self.inner.reading.list_with_delimiter(Some(&first)).await?;
            Ok::<_, LakeError>((!log.objects.is_empty()).then_some((name, table)))
        }))
        .await?;
        let mut tables: Vec<_> = found.into_iter().flatten().collect();
        tables.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(tables)
    }

    /// A SQL session over the lake as it is now: every table is held at one version with the rows of the tail beyond
    /// it, so that all queries of the session see the same rows.
    pub async fn session(&self, settings: SessionSettings) -> Result<SessionContext, LakeError> {
        // The tail is taken before the snapshots: what leaves it in between is in the snapshot then.
        let tail = self.inner.tail.snapshot();
        let events = try_join_all(Family::ALL.map(|family| self.events_table(family).pin())).await?;
        let marts = try_join_all(self.mart_tables().await?.into_iter().map(|(name, table)| async move {
            let pinned = table.pin().await?;
            Ok::<_, LakeError>((name, pinned))
        }))
        .await?;
        let mut tables = Tables::default();
        let mut described: Vec<(&str, String, Arc<Pinned>)> = Vec::new();
        for (family, pinned) in Family::ALL.into_iter().zip(events) {
            let rows = beyond(&tail[family.index()], pinned.position)?;
            let name = family.table();
            described.push((EVENTS, name.to_owned(), Arc::clone(&pinned)));
            tables.events.push((name.to_owned(), self.provider(&format!("{EVENTS}/{name}"), pinned, rows)));
        }
        for (name, pinned) in marts {
            described.push((MARTS, name.clone(), Arc::clone(&pinned)));
            let provider = self.provider(&format!("{MARTS}/{name}"), pinned, Vec::new());
            tables.marts.push((name, provider));
        }
        tables.settings.extend(descriptions(&described, &settings)?);
        settings.runtime.register_object_store(self.inner.reading_url.as_ref(), Arc::clone(&self.inner.reading) as _);
        session(&settings, tables)
    }

    fn provider(&self, folder: &str, pinned: Arc<Pinned>, tail: Vec<RecordBatch>) -> Arc<dyn TableProvider> {
        Arc::new(LakeTable::new(self.inner.reading_url.clone(), folder, pinned, tail))
    }

    /// The store under the tables, to see what reached the disk.
    pub fn store(&self) -> &DurableStore {
        &self.inner.store
    }
}

/// The comments of tables and columns as tables: `settings.tables` and `settings.columns`.
fn descriptions(
    pinned: &[(&str, String, Arc<Pinned>)],
    settings: &SessionSettings,
) -> Result<Vec<NamedTable>, LakeError> {
    let comment_of = |schema: &SchemaRef| schema.metadata().get("comment").cloned().unwrap_or_default();
    let pinned = pinned
        .iter()
        .map(|(schema, name, pinned)| (*schema, name.as_str(), pinned.comment.clone(), Arc::clone(&pinned.shape.table)));
    let beside =
        settings.beside.iter().map(|table| (EVENTS, table.name(), comment_of(table.fields()), table.fields().clone()));
    let reference = settings
        .reference
        .iter()
        .map(|(name, rows)| (SETTINGS, name.as_str(), comment_of(rows.schema_ref()), rows.schema()));
    let tables: Vec<(&str, &str, String, SchemaRef)> = pinned.chain(beside).chain(reference).collect();
    let table_columns = [
        ("table_schema", tables.iter().map(|(schema, ..)| *schema).collect()),
        ("table_name", tables.iter().map(|(_, name, ..)| *name).collect()),
        ("comment", tables.iter().map(|(_, _, comment, _)| comment.as_str()).collect::<Vec<_>>()),
    ];
    let columns: Vec<_> = tables
        .iter()
        .flat_map(|(schema, name, _, table)| table.fields().iter().map(move |field| (*schema, *name, field)))
        .collect();
    let types: Vec<String> = columns.iter().map(|(_, _, field)| field.data_type().to_string()).collect();
    let personal = |yes: bool| if yes { "yes" } else { "no" };
    let column_columns = [
        ("table_schema", columns.iter().map(|column| column.0).collect()),
        ("table_name", columns.iter().map(|column| column.1).collect()),
        ("column_name", columns.iter().map(|column| column.2.name().as_str()).collect()),
        ("data_type", types.iter().map(String::as_str).collect()),
        (
            "comment",
            columns
                .iter()
                .map(|column| column.2.metadata().get("comment").map(String::as_str).unwrap_or_default())
                .collect::<Vec<_>>(),
        ),
        ("personal", columns.iter().map(|column| personal(column.2.metadata().contains_key("personal"))).collect()),
    ];
    Ok(vec![("tables".to_owned(), text_table(&table_columns)?), ("columns".to_owned(), text_table(&column_columns)?)])
}
