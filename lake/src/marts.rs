//! Models' tables in the lake, and the views that models and queries read.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use futures::future::try_join_all;
use mizan_events::Family;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::operations::change_mart::{MartChange, Reads, change_mart};
use crate::operations::changes::file_changes;
use crate::operations::replace_mart::{MartInfo, MartVersion, Source, replace_mart};
use crate::pinned::{DataFile, Pinned};
use crate::session::{
    EVENTS, MARTS, NamedTable, SETTINGS, SessionSettings, Tables, empty_session, session, text_table,
};
use crate::statistics::FileStatistics;
use crate::table::Table;
use crate::tail::{beyond, reach};

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

/// The lake as it was at one moment.
#[derive(Clone)]
pub struct View {
    /// Every table, held at one version with the rows of the tail beyond it.
    pub session: SessionContext,
    /// How much of each table that is, by names such as `events.orders`.
    pub sources: BTreeMap<String, Source>,
}

/// What changed in a model's table between two versions: rows that are in both did not change.
#[derive(Clone)]
pub struct MartDifference {
    /// Rows of the files that went.
    pub removed: Arc<dyn TableProvider>,
    /// Rows of the files that came.
    pub added: Arc<dyn TableProvider>,
    /// Size of all these files; 0: nothing changed.
    pub bytes: u64,
}

/// The files of one table.
struct FilesOf<'a> {
    lake: &'a Lake,
    folder: String,
    pinned: Arc<Pinned>,
}

impl Reads for FilesOf<'_> {
    fn of(&self, files: Vec<Arc<DataFile>>) -> Arc<dyn TableProvider> {
        let pinned = Pinned { files: Arc::new(files), ..Pinned::clone(&self.pinned) };
        self.lake.provider(&self.folder, Arc::new(pinned), Vec::new())
    }
}

impl Lake {
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

    pub(crate) fn mart_table(&self, name: &str) -> Result<Arc<Table>, LakeError> {
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
    pub(crate) async fn mart_tables(&self) -> Result<Vec<(String, Arc<Table>)>, LakeError> {
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

    /// Exchanges some rows of a model's table in one commit; refused where the table has another version than the rows
    /// were computed against.
    pub async fn change_mart(
        &self,
        name: &str,
        change: MartChange,
        info: MartInfo,
        settings: &SessionSettings,
    ) -> Result<MartVersion, LakeError> {
        self.writable("change_mart")?;
        let table = self.mart_table(name)?;
        let reads = FilesOf { lake: self, folder: format!("{MARTS}/{name}"), pinned: table.pin().await? };
        self.register(settings);
        change_mart(&table, &reads, &empty_session(settings)?, change, &info).await
    }

    /// What changed in a model's table after version `since`. `None` where that cannot be told any more: the log was
    /// cleaned, files were removed, or the columns are others.
    pub async fn mart_difference(&self, name: &str, since: u64) -> Result<Option<MartDifference>, LakeError> {
        let table = self.mart_table(name)?;
        let pinned = table.pin().await?;
        let Some(changes) = file_changes(&table, since, pinned.version).await? else { return Ok(None) };
        if !changes.same_columns {
            return Ok(None);
        }
        for path in changes.removed.keys() {
            match table.files().head(&Path::from(path.as_str())).await {
                Ok(_) => {}
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        let gone = changes.removed.iter().map(|(path, size)| Arc::new(file_that_was(path, *size)));
        let removed: Vec<Arc<DataFile>> = gone.collect();
        let is_new = |file: &&Arc<DataFile>| changes.added.contains_key(&file.add.path);
        let added: Vec<Arc<DataFile>> = pinned.files.iter().filter(is_new).cloned().collect();
        let bytes = removed.iter().chain(&added).map(|file| file.size).sum();
        let reads = FilesOf { lake: self, folder: format!("{MARTS}/{name}"), pinned };
        Ok(Some(MartDifference { removed: reads.of(removed), added: reads.of(added), bytes }))
    }

    /// Whether an event table only gained rows after version `since`. False also where that cannot be told any more.
    pub async fn only_grew(&self, family: Family, since: u64) -> Result<bool, LakeError> {
        let table = self.events_table(family);
        let until = table.pin().await?.version;
        Ok(file_changes(table, since, until).await?.is_some_and(|changes| !changes.rows_went))
    }

    /// A model's table as it is now, to be read, and its version.
    pub async fn read_mart(&self, name: &str) -> Result<Option<(Arc<dyn TableProvider>, u64)>, LakeError> {
        let table = self.mart_table(name)?;
        if !table.exists().await? {
            return Ok(None);
        }
        let pinned = table.pin().await?;
        let version = pinned.version;
        Ok(Some((self.provider(&format!("{MARTS}/{name}"), pinned, Vec::new()), version)))
    }

    /// A SQL session over the lake as it is now: every table is held at one version with the rows of the tail beyond
    /// it, so that all queries of the session see the same rows.
    pub async fn session(&self, settings: SessionSettings) -> Result<SessionContext, LakeError> {
        Ok(self.view(settings).await?.session)
    }

    /// The same with how much of each table the session reads.
    pub async fn view(&self, settings: SessionSettings) -> Result<View, LakeError> {
        // The tail is taken before the snapshots: what leaves it in between is in the snapshot then.
        let tail = self.inner.tail.snapshot();
        let events = try_join_all(Family::ALL.map(|family| self.events_table(family).pin())).await?;
        let marts = try_join_all(self.mart_tables().await?.into_iter().map(|(name, table)| async move {
            let pinned = table.pin().await?;
            Ok::<_, LakeError>((name, pinned))
        }))
        .await?;
        let mut sources = BTreeMap::new();
        let mut tables = Tables::default();
        let mut described: Vec<(&str, String, Arc<Pinned>)> = Vec::new();
        for (family, pinned) in Family::ALL.into_iter().zip(events) {
            let rows = beyond(&tail[family.index()], pinned.position)?;
            let name = family.table();
            let position = pinned.position.max(reach(&tail[family.index()]));
            sources.insert(format!("{EVENTS}.{name}"), Source { version: pinned.version, position });
            described.push((EVENTS, name.to_owned(), Arc::clone(&pinned)));
            tables.events.push((name.to_owned(), self.provider(&format!("{EVENTS}/{name}"), pinned, rows)));
        }
        for (name, pinned) in marts {
            sources.insert(format!("{MARTS}.{name}"), Source { version: pinned.version, position: 0 });
            described.push((MARTS, name.clone(), Arc::clone(&pinned)));
            let provider = self.provider(&format!("{MARTS}/{name}"), pinned, Vec::new());
            tables.marts.push((name, provider));
        }
        tables.settings.extend(descriptions(&described, &settings)?);
        self.register(&settings);
        Ok(View { session: session(&settings, tables)?, sources })
    }

    fn register(&self, settings: &SessionSettings) {
        settings.runtime.register_object_store(self.inner.reading_url.as_ref(), Arc::clone(&self.inner.reading) as _);
    }
}

/// A file that is no longer in its table, of which the log tells path and size.
fn file_that_was(path: &str, size: u64) -> DataFile {
    DataFile {
        path: Path::from(path),
        size,
        date: None,
        statistics: FileStatistics::default(),
        checksum: None,
        modified: 0,
        add: Default::default(),
    }
}

/// The comments of tables and columns as tables: `settings.tables` and `settings.columns`.
fn descriptions(
    pinned: &[(&str, String, Arc<Pinned>)],
    settings: &SessionSettings,
) -> Result<Vec<NamedTable>, LakeError> {
    let comment_of = |schema: &SchemaRef| schema.metadata().get("comment").cloned().unwrap_or_default();
    let pinned = pinned.iter().map(|(schema, name, pinned)| {
        (*schema, name.as_str(), pinned.comment.clone(), Arc::clone(&pinned.shape.table))
    });
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
