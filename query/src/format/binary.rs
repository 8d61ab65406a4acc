//! Arrow's stream and Parquet.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::Encode;
use crate::QueryError;

/// Rows of a Parquet row group: what is held before it is written.
const ROW_GROUP: usize = 64 * 1024;

/// Where a writer puts its bytes and the encoder finds them.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<u8>>>);

impl Shelf {
    fn move_to(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl io::Write for Shelf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> QueryError {
    QueryError::internal(format!("the result cannot be written in this format: {error}"))
}

pub(super) struct Arrow {
    writer: StreamWriter<Shelf>,
    shelf: Shelf,
}

impl Arrow {
    pub(super) fn begin(schema: &SchemaRef, out: &mut Vec<u8>) -> Result<Self, QueryError> {
        let shelf = Shelf::default();
        let writer = StreamWriter::try_new(shelf.clone(), schema).map_err(failed)?;
        shelf.move_to(out);
        Ok(Self { writer, shelf })
    }
}

impl Encode for Arrow {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.write(batch).map_err(failed)?;
        self.shelf.move_to(out);
        Ok(())
    }

    fn finish(&mut self, _truncated: bool, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.finish().map_err(failed)?;
        self.shelf.move_to(out);
        Ok(())
    }
}

pub(super) struct Parquet {
    writer: ArrowWriter<Shelf>,
    shelf: Shelf,
}

impl Parquet {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        let shelf = Shelf::default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let writer = ArrowWriter::try_new(shelf.clone(), Arc::clone(schema), Some(properties)).map_err(failed)?;
        Ok(Self { writer, shelf })
    }
}

impl Encode for Parquet {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.write(batch).map_err(failed)?;
        self.shelf.move_to(out);
        Ok(())
    }

    fn finish(&mut self, truncated: bool, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.append_key_value_metadata(KeyValue::new("mizan.truncated".into(), truncated.to_string()));
        self.writer.finish().map_err(failed)?;
        self.shelf.move_to(out);
        Ok(())
    }
}
