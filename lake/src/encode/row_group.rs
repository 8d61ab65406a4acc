//! A row group, its columns encoded on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use crate::encode::text::{self, TextChunk};

/// A column that waits to be encoded.
enum Waiting {
    Text(ColumnDescPtr),
    Other(Vec<ArrowColumnWriter>),
}

/// A column that is encoded; one that is nested is several chunks.
enum Encoded {
    Text(Box<TextChunk>),
    Other(Vec<ArrowColumnChunk>),
}

/// Writes batches, which together are one row group.
pub(crate) fn write(
    file: &mut SerializedFileWriter<Vec<u8>>,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    threads: usize,
) -> Result<()> {
    let properties = file.properties().clone();
    let waiting = columns(file, schema, &properties)?;
    let next = AtomicUsize::new(0);
    let waiting: Vec<_> = waiting.into_iter().map(|column| Mutex::new(Some(column))).collect();
    let encoded: Vec<_> = waiting.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(column) = waiting.get(place) else { break };
            let Some(column) = column.lock().unwrap_or_else(PoisonError::into_inner).take() else { break };
            let done = encode(column, schema.field(place), place, batches, &properties);
            *encoded[place].lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Without another thread this one does everything.
            let _ = std::thread::Builder::new().name("mizan-encode".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    let mut row_group = file.next_row_group()?;
    for column in encoded {
        // Every place was taken by a thread, and a thread that panics takes this one with it.
        match column.into_inner().unwrap_or_else(PoisonError::into_inner).transpose()? {
            Some(Encoded::Text(chunk)) => row_group.append_column(&chunk.bytes, chunk.close)?,
            Some(Encoded::Other(chunks)) => {
                for chunk in chunks {
                    chunk.append_to_row_group(&mut row_group)?;
                }
            }
            None => {}
        }
    }
    row_group.close()?;
    Ok(())
}

/// The columns of the schema, each with what it takes to encode it.
fn columns(
    file: &SerializedFileWriter<Vec<u8>>,
    schema: &SchemaRef,
    properties: &WriterProperties,
) -> Result<Vec<Waiting>> {
    let factory = ArrowRowGroupWriterFactory::new(file, schema.clone());
    let writers = factory.create_column_writers(file.flushed_row_groups().len())?;
    let mut leaves = file.schema_descr().columns().iter().zip(writers).peekable();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let (mut description, mut writers) = (None, Vec::new());
        while let Some((leaf, writer)) = leaves.next_if(|(leaf, _)| leaf.path().parts().first() == Some(field.name())) {
            description = Some(leaf);
            writers.push(writer);
        }
        columns.push(match description {
            Some(leaf) if field.data_type() == &DataType::Utf8 && text::takes(leaf, properties) => {
                Waiting::Text(leaf.clone())
            }
            _ => Waiting::Other(writers),
        });
    }
    Ok(columns)
}

fn encode(
    column: Waiting,
    field: &Field,
    place: usize,
    batches: &[RecordBatch],
    properties: &WriterProperties,
) -> Result<Encoded> {
    match column {
        Waiting::Text(column) => {
            let arrays: Vec<&StringArray> = batches.iter().map(|batch| batch.column(place).as_string()).collect();
            text::encode(&arrays, &column, properties).map(|chunk| Encoded::Text(Box::new(chunk)))
        }
        Waiting::Other(mut writers) => {
            for batch in batches {
                for (writer, leaf) in writers.iter_mut().zip(compute_leaves(field, batch.column(place))?) {
                    writer.write(&leaf)?;
                }
            }
            let chunks: Result<Vec<_>> = writers.into_iter().map(ArrowColumnWriter::close).collect();
            chunks.map(Encoded::Other)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, Int64Array};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Schema;
    use bytes::Bytes;
    use parquet::arrow::ArrowSchemaConverter;
    use parquet::arrow::arrow_reader::{
        ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    };
    use parquet::file::metadata::PageIndexPolicy;

    use super::*;
    use crate::encode::properties::properties;

    const ROWS: usize = 120_000;

    fn schema() -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let ranged = HashMap::from([("statistics".to_owned(), "true".to_owned())]);
        Arc::new(Schema::new(vec![
            text("few"),
            text("session_id").with_metadata(ranged),
            text("long"),
            text("absent"),
            text("one"),
            Field::new("number", DataType::Int64, true),
        ]))
    }

    /// Rows from `from` on: few texts, some NULL; many of every length; now and then a very long one.
    fn rows(from: usize, count: usize) -> RecordBatch {
        let text = |make: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
            Arc::new((from..from + count).map(make).collect::<StringArray>())
        };
        let columns = vec![
            text(&|row| (row % 3 != 0).then(|| format!("text {}", row * row % 7))),
            text(&|row| Some(format!("{:x}{}", row.wrapping_mul(0x9e37_79b9), &"0123456789abcdef01"[..row % 19]))),
            text(&|row| (row % 1000 == 7).then(|| row.to_string().repeat(20_000))),
            text(&|_| None),
            text(&|_| Some(String::new())),
            Arc::new((from..from + count).map(|row| Some(row as i64)).collect::<Int64Array>()),
        ];
        RecordBatch::try_new(schema(), columns).unwrap()
    }

    /// A file of all rows in batches of uneven lengths, some of them slices.
    fn file(threads: usize) -> Bytes {
        let mut batches = Vec::new();
        let mut at = 0;
        for length in [1, 9_999, 10_001, 3, 20_000, 64, 40_000].into_iter().cycle() {
            let length = length.min(ROWS - at);
            batches.push(rows(at.saturating_sub(5), length + at.min(5)).slice(at.min(5), length));
            at += length;
            if at == ROWS {
                break;
            }
        }
        let root = ArrowSchemaConverter::new().convert(&schema()).unwrap().root_schema_ptr();
        let mut file = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties(&schema(), ROWS))).unwrap();
        write(&mut file, &schema(), &batches, threads).unwrap();
        file.into_inner().unwrap().into()
    }

    #[test]
    fn columns_come_back_as_they_were_on_one_thread_and_on_several() {
        let one = file(1);
        assert_eq!(one, file(3));
        let reader = ParquetRecordBatchReaderBuilder::try_new(one).unwrap().with_batch_size(ROWS).build().unwrap();
        let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let read = concat_batches(&read[0].schema(), &read).unwrap();
        let written = rows(0, ROWS);
        for (read, written) in read.columns().iter().zip(written.columns()) {
            assert_eq!(read.to_data(), written.to_data());
        }
    }

    #[test]
    fn pages_are_found_by_their_rows_and_texts_by_bounds_and_filter() {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file(2), options).unwrap();
        let chunk = builder.metadata().row_group(0).column(1).clone();
        let statistics = chunk.statistics().unwrap();
        assert_eq!(statistics.null_count_opt(), Some(0));
        assert!(statistics.min_bytes_opt() < statistics.max_bytes_opt());
        assert!(chunk.bloom_filter_offset().is_some());
        assert!(builder.metadata().row_group(0).column(0).statistics().is_none());
        let selection = RowSelection::from(vec![RowSelector::skip(70_123), RowSelector::select(2)]);
        let read = builder.with_row_selection(selection).build().unwrap().next().unwrap().unwrap();
        let written = rows(70_123, 2);
        for (read, written) in read.columns().iter().zip(written.columns()) {
            assert_eq!(read.to_data(), written.to_data());
        }
    }
}
