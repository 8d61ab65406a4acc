//! Results as bytes: for eyes, for spreadsheets, for programs.
//!
//! Every format is written batch by batch, except the table, which must know the widest cell first.
//! A failure after the first byte: JSON closes its brackets and says so in a member `error`; in the other
//! formats the bytes end early and the error goes to whoever reads the stream, so that a broken transfer
//! is never taken for a whole one.

mod binary;
mod cell;
mod csv;
mod json;
mod table;
mod width;

use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::names::nearest;
use crate::{QueryError, QueryResult};

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned columns, for eyes.
    Table,
    /// Comma-separated, as RFC 4180 has it; NULL is nothing, an empty text is `""`.
    Csv,
    /// One object: `schema`, `rows`, `truncated`. Decimals and 64-bit integers are texts, so that no
    /// reader rounds them.
    Json,
    /// One object a line, values as in [`Format::Json`].
    NdJson,
    /// Arrow's stream format.
    Arrow,
    /// One Parquet file, compressed with zstd.
    Parquet,
}

/// A name that no format has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format '{name}'{}: use table, csv, json, ndjson, arrow or parquet", hint.as_ref().map(|near| format!(", did you mean '{near}'")).unwrap_or_default())]
pub struct UnknownFormat {
    name: String,
    hint: Option<String>,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Table, Self::Csv, Self::Json, Self::NdJson, Self::Arrow, Self::Parquet];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::NdJson => "ndjson",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// The media type over HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The format of a media type, without its parameters; `None` when it is none of ours.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.content_type().split(';').next() == Some(essence.as_str()))
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let lower = name.to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.name() == lower).ok_or_else(|| UnknownFormat {
            name: name.to_owned(),
            hint: nearest(&lower, Self::ALL.map(Self::name)).map(str::to_owned),
        })
    }
}

/// What one format does; each appends to `out`.
trait Encode: Send {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError>;
    fn finish(&mut self, truncated: bool, out: &mut Vec<u8>) -> Result<(), QueryError>;
    /// Closes what was begun after an error; `false` when the format has no way to say it.
    fn fail(&mut self, _error: &QueryError, _out: &mut Vec<u8>) -> bool {
        false
    }
}

/// Writes one result, step by step.
pub struct Encoder {
    encode: Box<dyn Encode>,
    out: Vec<u8>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("waiting", &self.out.len()).finish_non_exhaustive()
    }
}

impl Encoder {
    /// Begins a result of this schema.
    ///
    /// # Errors
    /// When the format cannot hold one of the types.
    pub fn new(format: Format, schema: &SchemaRef) -> Result<Self, QueryError> {
        let mut out = Vec::new();
        let encode: Box<dyn Encode> = match format {
            Format::Table => Box::new(table::Table::new(schema)),
            Format::Csv => Box::new(csv::Csv::begin(schema, &mut out)),
            Format::Json => Box::new(json::Json::begin(schema, &mut out)),
            Format::NdJson => Box::new(json::NdJson::new(schema)),
            Format::Arrow => Box::new(binary::Arrow::begin(schema, &mut out)?),
            Format::Parquet => Box::new(binary::Parquet::new(schema)?),
        };
        Ok(Self { encode, out })
    }

    /// The bytes of a batch, with what came before it.
    ///
    /// # Errors
    /// When a value cannot be written.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Bytes, QueryError> {
        self.encode.batch(batch, &mut self.out)?;
        Ok(self.take())
    }

    /// The last bytes.
    ///
    /// # Errors
    /// When the format cannot be closed.
    pub fn finish(&mut self, truncated: bool) -> Result<Bytes, QueryError> {
        self.encode.finish(truncated, &mut self.out)?;
        Ok(self.take())
    }

    /// The last bytes after an error, if the format can say it.
    pub fn fail(&mut self, error: &QueryError) -> Option<Bytes> {
        self.encode.fail(error, &mut self.out).then(|| self.take())
    }

    fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows given out.
    pub rows: u64,
    /// Whether more rows were cut at the limit.
    pub truncated: bool,
}

/// The result as a stream of pieces for an HTTP body. Dropping it stops the query.
///
/// # Errors
/// The stream ends with the query's error, in JSON after closing its text.
pub fn byte_stream(
    result: QueryResult,
    format: Format,
) -> Result<impl Stream<Item = Result<Bytes, QueryError>> + Send + use<>, QueryError> {
    let encoder = Encoder::new(format, &result.schema())?;
    let pieces = futures::stream::unfold(State::Rows(Box::new((result, encoder))), next_piece);
    Ok(pieces.filter(|piece| std::future::ready(!matches!(piece, Ok(bytes) if bytes.is_empty()))))
}

enum State {
    Rows(Box<(QueryResult, Encoder)>),
    Over,
}

async fn next_piece(state: State) -> Option<(Result<Bytes, QueryError>, State)> {
    let State::Rows(mut open) = state else { return None };
    let (result, encoder) = open.as_mut();
    match result.next().await {
        Some(Ok(batch)) => match encoder.batch(&batch) {
            Ok(bytes) => Some((Ok(bytes), State::Rows(open))),
            Err(error) => Some((Err(error), State::Over)),
        },
        Some(Err(error)) => match encoder.fail(&error) {
            Some(bytes) => Some((Ok(bytes), State::Over)),
            None => Some((Err(error), State::Over)),
        },
        None => {
            let truncated = result.outcome().truncated();
            Some((encoder.finish(truncated), State::Over))
        }
    }
}

/// Writes the whole result, for files and terminals.
///
/// # Errors
/// The query's error, also when the format could write it; or that of `to`.
pub async fn write(
    mut result: QueryResult,
    format: Format,
    to: &mut (impl std::io::Write + ?Sized),
) -> Result<Written, WriteError> {
    let mut encoder = Encoder::new(format, &result.schema())?;
    while let Some(batch) = result.next().await {
        match batch {
            Ok(batch) => to.write_all(&encoder.batch(&batch)?)?,
            Err(error) => {
                if let Some(bytes) = encoder.fail(&error) {
                    to.write_all(&bytes)?;
                }
                return Err(error.into());
            }
        }
    }
    let outcome = result.outcome();
    to.write_all(&encoder.finish(outcome.truncated())?)?;
    to.flush()?;
    Ok(Written { rows: outcome.rows(), truncated: outcome.truncated() })
}

/// Why a result was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The query failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The bytes could not be written.
    #[error("the result could not be written: {0}")]
    Io(#[from] std::io::Error),
}

#[cfg(test)]
mod tests;
