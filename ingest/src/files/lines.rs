//! NDJSON line by line, for a mapping.

use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;

use super::encoding::{self, Encoding, Mark};
use super::error::FileError;
use super::input::{self, Progress};
use super::record::{BadRow, Item, Position, Record, Row, Rows};
use super::source::SourceFile;

/// The longest line that is read; a longer one is rejected without being held in memory.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// How much of an oversized line is kept with the rejection.
pub(super) const EXCERPT_BYTES: usize = 1 << 10;

pub(super) struct Lines {
    source: SourceFile,
    input: BufReader<Box<dyn Read + Send>>,
    position: Position,
}

impl Lines {
    pub(super) fn open(
        source: &SourceFile,
        encoding: Encoding,
        from: Position,
        progress: &Progress,
    ) -> Result<Self, FileError> {
        let mark = Mark::of(source)?;
        let plain = mark == Mark::Utf8 || (mark == Mark::None && encoding == Encoding::Utf8);
        let mut position = from;
        let failed = |error| source.failed(error);
        let text = if plain {
            position.bytes = position.bytes.max(mark.bytes());
            input::open(source, position.bytes, progress)?
        } else {
            // Positions count bytes of the decoded text, which cannot be sought, only read again.
            let raw = input::open(source, 0, progress)?;
            let mut text = encoding::utf8(raw, encoding).map_err(failed)?;
            io::copy(&mut text.by_ref().take(from.bytes), &mut io::sink()).map_err(failed)?;
            text
        };
        Ok(Self { source: source.clone(), input: BufReader::with_capacity(256 << 10, text), position })
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, FileError> {
        loop {
            let mut line = Vec::new();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = self
                .input
                .by_ref()
                .take(limit)
                .read_until(b'\n', &mut line)
                .map_err(|error| self.source.failed(error))?;
            if read == 0 {
                return Ok(None);
            }
            self.position.rows += 1;
            self.position.bytes += read as u64;
            let complete = line.ends_with(b"\n");
            if !complete && read as u64 == limit {
                return self.oversized(&line).map(Some);
            }
            let trimmed = line.trim_ascii_end().len();
            line.truncate(trimmed);
            if line.trim_ascii_start().is_empty() {
                continue;
            }
            return Ok(Some(Item::Record(Record {
                line: self.position.rows,
                position: self.position,
                rows: Rows::One(Row::Json(Bytes::from(line))),
            })));
        }
    }

    fn oversized(&mut self, begin: &[u8]) -> Result<Item, FileError> {
        let skipped = self.input.skip_until(b'\n').map_err(|error| self.source.failed(error))?;
        self.position.bytes += skipped as u64;
        Ok(Item::Rejected(oversized(self.position.rows, self.position, begin)))
    }
}

/// The rejection of a line that is too long.
pub(super) fn oversized(line: u64, position: Position, begin: &[u8]) -> BadRow {
    let excerpt = &begin[..begin.len().min(EXCERPT_BYTES)];
    BadRow {
        line,
        position,
        reason: format!("the line is longer than {LINE_BYTES_MAX} bytes, only its beginning is kept"),
        body: String::from_utf8_lossy(excerpt).into_owned(),
    }
}
