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
    Text(TextChunk),
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
            text::encode(&arrays, &column, properties).map(Encoded::Text)
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
