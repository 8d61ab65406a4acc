//! What a query reads of a table: the files of one version, and the rows of the tail beyond its position.
//!
//! The files become a plain Parquet scan, as any engine plans it, with row counts and bounds known beforehand, so
//! that files are skipped before they are opened and counts need not open them at all.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::pinned::{DataFile, Pinned};
use crate::prune::prune;

/// One version of a table with its tail, as a table of the query engine.
pub(crate) struct LakeTable {
    store: ObjectStoreUrl,
    /// Folder of the table within the store.
    folder: Path,
    pinned: Arc<Pinned>,
    tail: Vec<RecordBatch>,
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LakeTable")
            .field("folder", &self.folder.as_ref())
            .field("version", &self.pinned.version)
            .field("tail", &self.tail.len())
            .finish_non_exhaustive()
    }
}

impl LakeTable {
    pub(crate) fn new(store: ObjectStoreUrl, folder: &str, pinned: Arc<Pinned>, tail: Vec<RecordBatch>) -> LakeTable {
        LakeTable { store, folder: Path::from(folder), pinned, tail }
    }

    fn partitioned_file(&self, file: &DataFile) -> PartitionedFile {
        let location = Path::from_iter(self.folder.parts().chain(file.path.parts()));
        let meta = ObjectMeta {
            location,
            last_modified: chrono::DateTime::from_timestamp_millis(file.modified).unwrap_or_default(),
            size: file.size,
            e_tag: None,
            version: None,
        };
        let mut partitioned = PartitionedFile::new_from_meta(meta);
        if self.pinned.shape.partition.is_some() {
            partitioned.partition_values = vec![ScalarValue::Date32(file.date)];
        }
        partitioned.with_statistics(Arc::new(self.statistics_of(file)))
    }

    fn statistics_of(&self, file: &DataFile) -> Statistics {
        let columns = self.pinned.shape.query_files.fields().iter().map(|field| {
            let Some(bounds) = file.statistics.columns.get(field.name()) else {
                return ColumnStatistics::new_unknown();
            };
            let text = field.data_type().is_string();
            // Bounds of texts may be cut by other writers; numbers and instants are exact.
            let precision = |value: &Option<ScalarValue>| match value {
                Some(value) if value.data_type() != *field.data_type() => Precision::Absent,
                Some(value) if text => Precision::Inexact(value.clone()),
                Some(value) => Precision::Exact(value.clone()),
                None => Precision::Absent,
            };
            ColumnStatistics {
                min_value: precision(&bounds.min),
                max_value: precision(&bounds.max),
                null_count: bounds.nulls.map_or(Precision::Absent, Precision::Exact),
                ..ColumnStatistics::new_unknown()
            }
        });
        Statistics {
            num_rows: file.statistics.rows.map_or(Precision::Absent, Precision::Exact),
            total_byte_size: Precision::Absent,
            column_statistics: columns.collect(),
        }
    }

    fn scan_files(
        &self,
        state: &dyn Session,
        files: &[Arc<DataFile>],
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let shape = &self.pinned.shape;
        let partition: Vec<_> =
            shape.partition.map(|place| Arc::clone(&shape.query.fields()[place])).into_iter().collect();
        let schema = TableSchema::builder(Arc::clone(&shape.query_files)).with_table_partition_cols(partition).build();
        let partitioned: Vec<PartitionedFile> = files.iter().map(|file| self.partitioned_file(file)).collect();
        let statistics = Statistics::try_merge_iter(
            partitioned.iter().filter_map(|file| file.statistics.as_deref()),
            schema.table_schema(),
        )?;
        let factory = CachedParquetFileReaderFactory::new(
            state.runtime_env().object_store(&self.store)?,
            state.runtime_env().cache_manager.get_file_metadata_cache(),
        );
        let options =
            TableParquetOptions { global: state.config_options().execution.parquet.clone(), ..Default::default() };
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(factory));
        let scan = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(balanced(partitioned, state.config().target_partitions()))
            .with_statistics(statistics)
            .with_projection_indices(Some(shape.scan_indices(projection)))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

/// Spreads files over groups of like size.
fn balanced(mut files: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let groups = groups.clamp(1, files.len().max(1));
    files.sort_by_key(|file| std::cmp::Reverse(file.object_meta.size));
    let mut spread: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); groups];
    for file in files {
        if let Some((bytes, group)) = spread.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += file.object_meta.size;
            group.push(file);
        }
    }
    spread.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.pinned.shape.query)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Files and row groups are skipped by them; the rows themselves are filtered above the scan.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The filters may drop rows after the scan, so a limit holds only without them.
        let limit = limit.filter(|_| filters.is_empty());
        let files = prune(state, &self.schema(), &self.pinned.files, filters)?;
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if !files.is_empty() {
            plans.push(self.scan_files(state, &files, projection, limit)?);
        }
        if !self.tail.is_empty() {
            let source =
                MemorySourceConfig::try_new(std::slice::from_ref(&self.tail), self.schema(), projection.cloned())?
                    .with_limit(limit);
            plans.push(DataSourceExec::from_data_source(source));
        }
        match plans.len() {
            0 => {
                let schema: Arc<Schema> = project_schema(&self.schema(), projection)?;
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }

    fn statistics(&self) -> Option<Statistics> {
        let tail: usize = self.tail.iter().map(RecordBatch::num_rows).sum();
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let Some(rows) = self.pinned.rows() {
            statistics.num_rows = Precision::Exact(rows + tail);
        }
        Some(statistics)
    }
}
