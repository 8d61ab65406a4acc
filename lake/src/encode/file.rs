//! One Parquet file, written and hashed.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use deltalake_core::kernel::Add;
use futures::future::BoxFuture;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::{AsyncArrowWriter, AsyncFileWriter};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use tokio::io::AsyncWriteExt;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::encode::properties::{ROW_GROUP_ROWS, properties};
use crate::encode::row_group;
use crate::encode::sort::in_order;
use crate::encode::split::Chunk;
use crate::error::LakeError;
use crate::pinned::{CHECKSUM_TAG, date_of};
use crate::schema::{PARTITION, Shape, cast_batch};
use crate::statistics::FileStatistics;

/// Encoded rows of one chunk.
pub(crate) struct Encoded {
    pub(crate) date: i32,
    pub(crate) bytes: Bytes,
    pub(crate) checksum: String,
    pub(crate) statistics: FileStatistics,
}

/// Text of a checksum.
pub(crate) fn checksum_text(checksum: u128) -> String {
    format!("{checksum:032x}")
}

/// Sorts, encodes and hashes a chunk. Takes as many cores for as long as it runs.
pub(crate) fn encode(chunk: Chunk, shape: &Shape, threads: usize) -> Result<Encoded, LakeError> {
    let mut statistics = FileStatistics::empty();
    for batch in &chunk.batches {
        statistics.add(batch, &shape.statistics);
    }
    // Readers take the types from Parquet itself, so Arrow's own copy of the schema is left out.
    let schema = ArrowSchemaConverter::new().convert(&shape.files)?.root_schema_ptr();
    let properties = Arc::new(properties(&shape.files, chunk.rows));
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let (mut group, mut rows) = (Vec::new(), 0);
    in_order(&chunk.batches, |piece| {
        let mut rest = cast_batch(piece, &shape.files)?;
        while rest.num_rows() > 0 {
            let taken = rest.slice(0, rest.num_rows().min(ROW_GROUP_ROWS - rows));
            rest = rest.slice(taken.num_rows(), rest.num_rows() - taken.num_rows());
            rows += taken.num_rows();
            group.push(taken);
            if rows == ROW_GROUP_ROWS {
                row_group::write(&mut file, &shape.files, &std::mem::take(&mut group), threads)?;
                rows = 0;
            }
        }
        Ok(())
    })?;
    if rows > 0 {
        row_group::write(&mut file, &shape.files, &group, threads)?;
    }
    let bytes = Bytes::from(file.into_inner()?);
    Ok(Encoded { date: chunk.date, checksum: checksum_text(xxh3_128(&bytes)), bytes, statistics })
}

/// Stores an encoded file and gives the action that adds it.
pub(crate) async fn store(files: &dyn ObjectStore, path: &Path, encoded: Encoded) -> Result<Add, LakeError> {
    let add =
        add_action(path, encoded.bytes.len() as u64, Some(encoded.date), &encoded.statistics, encoded.checksum, true);
    files.put(path, encoded.bytes.into()).await?;
    Ok(add)
}

/// The action that adds a file.
pub(crate) fn add_action(
    path: &Path,
    size: u64,
    date: Option<i32>,
    statistics: &FileStatistics,
    checksum: String,
    data_change: bool,
) -> Add {
    Add {
        path: path.to_string(),
        partition_values: date.map(|date| (PARTITION.to_owned(), Some(date_of(date)))).into_iter().collect(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        modification_time: chrono::Utc::now().timestamp_millis(),
        data_change,
        stats: Some(statistics.to_json()),
        tags: Some(HashMap::from([(CHECKSUM_TAG.to_owned(), Some(checksum))])),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

/// A file written batch by batch, for rows that need not fit into memory.
pub(crate) struct FileWriter {
    path: Path,
    writer: AsyncArrowWriter<HashingWriter>,
    schema: SchemaRef,
    statistics: FileStatistics,
    names: Vec<String>,
}

impl FileWriter {
    pub(crate) fn new(
        files: Arc<dyn ObjectStore>,
        path: Path,
        shape: &Shape,
        properties: WriterProperties,
    ) -> Result<FileWriter, LakeError> {
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let output = HashingWriter { output: BufWriter::new(files, path.clone()), hash: Xxh3::new(), size: 0 };
        let schema = Arc::clone(&shape.files);
        let writer = AsyncArrowWriter::try_new_with_options(output, Arc::clone(&schema), options)?;
        Ok(FileWriter { path, writer, schema, statistics: FileStatistics::empty(), names: shape.statistics.clone() })
    }

    pub(crate) async fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let batch = cast_batch(batch, &self.schema)?;
        self.statistics.add(&batch, &self.names);
        Ok(self.writer.write(&batch).await?)
    }

    pub(crate) fn rows(&self) -> usize {
        self.statistics.rows.unwrap_or(0)
    }

    /// Bytes so far, those not yet encoded estimated.
    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Completes the file; it is on disk when this returns.
    pub(crate) async fn finish(mut self, date: Option<i32>, data_change: bool) -> Result<Add, LakeError> {
        self.writer.finish().await?;
        let output = self.writer.into_inner();
        let checksum = checksum_text(output.hash.digest128());
        Ok(add_action(&self.path, output.size, date, &self.statistics, checksum, data_change))
    }
}

/// Hashes bytes on their way to the store.
struct HashingWriter {
    output: BufWriter,
    hash: Xxh3,
    size: u64,
}

impl AsyncFileWriter for HashingWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, parquet::errors::Result<()>> {
        Box::pin(async move {
            self.hash.update(&bytes);
            self.size += bytes.len() as u64;
            self.output.put(bytes).await.map_err(|error| parquet::errors::ParquetError::External(Box::new(error)))
        })
    }

    fn complete(&mut self) -> BoxFuture<'_, parquet::errors::Result<()>> {
        Box::pin(async move {
            self.output.shutdown().await.map_err(|error| parquet::errors::ParquetError::External(Box::new(error)))
        })
    }
}
