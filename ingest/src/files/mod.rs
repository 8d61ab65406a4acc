//! Files: CSV, Excel, NDJSON and Parquet as streams of records, in memory that does not grow with the file.
//!
//! [`Source::open`] finds the files and says what each is; [`SourceFile::records`] reads one of them record by
//! record for a mapping, [`SourceFile::chunks`] hands NDJSON of ready events out in large blocks. Every record
//! knows its line and the [`Position`] to resume from after it; [`ImportState`] keeps that position on disk.
//!
//! A row that cannot be read is an item like any other, with its line and a reason: it never ends the file and
//! is never dropped silently. Only a file that is broken as a whole is an error.

mod chunks;
mod csv;
mod encoding;
mod error;
mod excel;
mod group;
mod input;
mod lines;
mod parquet;
mod record;
mod records;
mod source;
mod state;

pub use chunks::{Chunk, ChunkItem, Chunks};
pub use encoding::Encoding;
pub use error::FileError;
pub use group::GROUP_ROWS_MAX;
pub use input::Progress;
pub use lines::LINE_BYTES_MAX;
pub use record::{BadRow, Item, Position, Record, Row, Rows};
pub use records::{ReadOptions, Records};
pub use source::{Compression, Format, Source, SourceFile};
pub use state::{ImportState, StateError};
