//! What was rejected as columns, for SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringViewBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use mizan_events::EventTime;

use super::entry::RejectedEntry;
use super::error::RejectedError;
use super::reader::RejectedReader;

/// Entries of a batch: bodies may have a megabyte each.
const BATCH_ENTRIES: usize = 256;

/// Why rows cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ColumnsError {
    /// The store cannot be read.
    #[error(transparent)]
    Rejected(#[from] RejectedError),
    /// Columns cannot be put together.
    #[error("rejects cannot be brought into columns: {0}")]
    Arrow(#[from] ArrowError),
}

/// The columns of `events.rejected`, with their comments.
pub fn schema() -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = [
        ("id", DataType::Utf8View, "Id of the reject, for `mizan rejected replay`"),
        ("rejected_at", time(), "When it was rejected"),
        ("kind", DataType::Utf8View, "The road it came by: http, import, webhook, segment, beacon"),
        ("connector", DataType::Utf8View, "The connector or key that it came through"),
        ("file", DataType::Utf8View, "The file of an import"),
        ("line", DataType::Int64, "The line in the file, from 1"),
        ("reason", DataType::Utf8View, "Why it was rejected"),
        ("body", DataType::Utf8View, "Its text as it came, card data cut"),
        ("replayed_at", time(), "When it was taken after all"),
    ];
    let comment = |text: &str| [("comment".to_owned(), text.to_owned())].into();
    let fields: Vec<Field> = columns
        .into_iter()
        .map(|(name, data_type, text)| Field::new(name, data_type, true).with_metadata(comment(text)))
        .collect();
    let table = "Input that could not become events: one row a reject; `mizan rejected replay` tries again";
    Arc::new(Schema::new_with_metadata(fields, comment(table)))
}

impl RejectedReader {
    /// Everything kept as columns of [`schema`], oldest first, a few entries at a time.
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ColumnsError>> + Send + use<> {
        // Each segment is read once; one has a few megabytes.
        let (segments, failure) = match self.segments() {
            Ok(segments) => (Some(segments), None),
            Err(error) => (None, Some(Err(error))),
        };
        failure.into_iter().chain(segments.into_iter().flatten()).flat_map(|segment| match segment {
            Ok(entries) => entries.chunks(BATCH_ENTRIES).map(|part| Ok(batch(part)?)).collect(),
            Err(error) => vec![Err(ColumnsError::from(error))],
        })
    }
}

fn batch(entries: &[RejectedEntry]) -> Result<RecordBatch, ArrowError> {
    let micros = |text: &str| EventTime::parse(text).ok().map(EventTime::micros);
    let utc = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
    let (mut rejected_at, mut replayed_at, mut line) = (utc(), utc(), Int64Builder::new());
    let mut texts: [StringViewBuilder; 6] = std::array::from_fn(|_| StringViewBuilder::new());
    for entry in entries {
        let origin = &entry.origin;
        let id = entry.id.to_string();
        let values = [
            Some(id.as_str()),
            Some(origin.kind.as_str()),
            origin.connector.as_deref(),
            origin.file.as_deref(),
            Some(entry.reason.as_str()),
            Some(entry.body.as_str()),
        ];
        texts.iter_mut().zip(values).for_each(|(column, value)| column.append_option(value));
        rejected_at.append_option(micros(&entry.at));
        replayed_at.append_option(entry.replayed_at.as_deref().and_then(micros));
        line.append_option(origin.line.and_then(|line| i64::try_from(line).ok()));
    }
    let [id, kind, connector, file, reason, body] = texts.map(|mut column| Arc::new(column.finish()) as ArrayRef);
    let columns = vec![
        id,
        Arc::new(rejected_at.finish()) as ArrayRef,
        kind,
        connector,
        file,
        Arc::new(line.finish()),
        reason,
        body,
        Arc::new(replayed_at.finish()),
    ];
    RecordBatch::try_new(schema(), columns)
}
