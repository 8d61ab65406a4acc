//! Parquet batch by batch, each row as a JSON object.
//!
//! Decimals keep their digits. A timestamp with a zone becomes RFC 3339 in UTC, one without stays without: the
//! mapping must say which zone it means.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::error::FileError;
use super::input::Progress;
use super::record::{Item, Position, Record, Row, Rows};
use super::source::SourceFile;

const BATCH_ROWS: usize = 4096;

pub(super) struct Batches {
    source: SourceFile,
    reader: ParquetRecordBatchReader,
    columns: Vec<String>,
    rows: VecDeque<Bytes>,
    rows_total: u64,
    position: Position,
    progress: Progress,
}

impl Batches {
    pub(super) fn open(source: &SourceFile, from: Position, progress: &Progress) -> Result<Self, FileError> {
        let file = File::open(&source.path).map_err(|error| source.failed(error))?;
        let open = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
            let rows_total = builder.metadata().file_metadata().num_rows();
            let schema = builder.schema();
            let columns = schema.fields().iter().map(|field| field.name().clone());
            let columns: Vec<String> = columns.collect();
            let reader = builder
                .with_batch_size(BATCH_ROWS)
                .with_offset(usize::try_from(from.rows).unwrap_or(usize::MAX))
                .build()?;
            Ok::<_, parquet::errors::ParquetError>((reader, columns, rows_total))
        };
        let (reader, columns, rows_total) = guarded(source, open)?.map_err(|error| source.damaged(error))?;
        Ok(Self {
            source: source.clone(),
            reader,
            columns,
            rows: VecDeque::new(),
            rows_total: u64::try_from(rows_total).unwrap_or(0),
            position: from,
            progress: progress.clone(),
        })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, FileError> {
        while self.rows.is_empty() {
            let reader = &mut self.reader;
            let batch = guarded(&self.source, || reader.next())?;
            match batch {
                None => return Ok(None),
                Some(batch) => {
                    let batch = batch.map_err(|error| self.source.damaged(error))?;
                    self.rows = guarded(&self.source, || json(&batch))?.map_err(|error| self.source.damaged(error))?;
                }
            }
        }
        self.position.rows += 1;
        if self.rows.len() == 1 && self.rows_total > 0 {
            let done = u128::from(self.source.bytes) * u128::from(self.position.rows);
            let done = done / u128::from(self.rows_total);
            self.progress.set(u64::try_from(done).unwrap_or(self.source.bytes));
        }
        let record = self.rows.pop_front().map(|row| Record {
            line: self.position.rows,
            position: self.position,
            rows: Rows::One(Row::Json(row)),
        });
        Ok(record.map(Item::Record))
    }
}

/// Runs a part of the reader that panics on some damaged files.
fn guarded<T>(source: &SourceFile, work: impl FnOnce() -> T) -> Result<T, FileError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| source.damaged("the reader gave up on its content"))
}

fn json(batch: &RecordBatch) -> Result<VecDeque<Bytes>, arrow::error::ArrowError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    let text = Bytes::from(writer.into_inner());
    // JSON text has its newlines escaped, so each one in it ends a row.
    let rows = text.split(|byte| *byte == b'\n');
    Ok(rows.filter(|row| !row.is_empty()).map(|row| text.slice_ref(row)).collect())
}
