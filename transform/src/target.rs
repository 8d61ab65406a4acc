//! Where built rows go: into the lake, or in tests into memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use mizan_lake::{Lake, MartInfo, SessionSettings};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::TransformError;
use crate::project::Model;
use crate::session;

/// Takes a model's rows and gives the table to read them from.
pub(crate) trait Target {
    /// Puts `rows` in place of what the mart held, all or nothing.
    async fn replace(
        &self,
        model: &Model,
        schema: SchemaRef,
        rows: SendableRecordBatchStream,
    ) -> Result<Arc<dyn TableProvider>, TransformError>;
}

/// The marts of a lake.
pub(crate) struct LakeTarget<'a> {
    lake: &'a Lake,
    settings: SessionSettings,
    /// Versions of the event tables that the run reads.
    versions: BTreeMap<String, u64>,
}

impl<'a> LakeTarget<'a> {
    /// Notes the versions of the event tables, so it must be made before the session of the run: a version that is too
    /// old makes a later run do too much, one that is too new would make it do too little.
    pub(crate) async fn new(lake: &'a Lake, settings: SessionSettings) -> Result<LakeTarget<'a>, TransformError> {
        let tables = lake.tables().await.map_err(TransformError::lake("read the versions of the event tables"))?;
        let versions = tables.iter().map(|state| (format!("events.{}", state.family.table()), state.version)).collect();
        Ok(LakeTarget { lake, settings, versions })
    }

    fn info(&self, model: &Model) -> MartInfo {
        let sources = self.versions.iter().filter(|(table, _)| model.reads.contains(table));
        MartInfo {
            comment: model.head.description.clone(),
            columns: model.head.columns.iter().cloned().collect(),
            model_hash: format!("{:016x}", xxh3_64(model.sql.as_bytes())),
            sources: sources.map(|(table, version)| (table.clone(), *version)).collect(),
        }
    }
}

impl Target for LakeTarget<'_> {
    async fn replace(
        &self,
        model: &Model,
        schema: SchemaRef,
        rows: SendableRecordBatchStream,
    ) -> Result<Arc<dyn TableProvider>, TransformError> {
        let doing = || format!("write {}", model.table());
        let replaced = self.lake.replace_mart(&model.head.name, schema, rows, self.info(model)).await;
        replaced.map_err(|error| of_model(model, error))?;
        let fresh = self.lake.session(self.settings.clone()).await.map_err(TransformError::lake(doing()))?;
        let mart = session::table(&fresh, &model.table()).await.map_err(TransformError::engine(doing()))?;
        let gone = || DataFusionError::Plan(format!("{} was removed while it was read again", model.table()));
        mart.ok_or_else(gone).map_err(TransformError::engine(doing()))
    }
}

/// Rows are made while they are written, so what the query does wrong comes out of the lake; it is the model's fault all the same.
fn of_model(model: &Model, error: mizan_lake::LakeError) -> TransformError {
    match error {
        mizan_lake::LakeError::Query(source) => TransformError::sql(&model.file, &source),
        other => TransformError::lake(format!("write {}", model.table()))(other),
    }
}

/// Keeps marts in memory, so that tests of models need no disk.
#[cfg(test)]
pub(crate) struct Memory;

#[cfg(test)]
impl Target for Memory {
    async fn replace(
        &self,
        model: &Model,
        schema: SchemaRef,
        rows: SendableRecordBatchStream,
    ) -> Result<Arc<dyn TableProvider>, TransformError> {
        use futures::TryStreamExt;
        let batches: Vec<_> = rows.try_collect().await.map_err(|error| TransformError::sql(&model.file, &error))?;
        let table = datafusion::catalog::MemTable::try_new(schema, vec![batches]);
        Ok(Arc::new(table.map_err(TransformError::engine("keep a mart"))?))
    }
}
