//! CSV row by row.

use std::collections::{HashSet, VecDeque};
use std::io::{self, Read};
use std::sync::Arc;

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::encoding::{self, Encoding};
use super::error::FileError;
use super::input::{self, Progress};
use super::record::{BadRow, Item, Position, Record, Row, Rows};
use super::source::SourceFile;

/// The longest record; only an unclosed quote makes a longer one.
const RECORD_BYTES_MAX: u64 = 16 << 20;
/// Column names that an error shows.
const NAMES_SHOWN: usize = 20;

pub(super) struct Cells {
    source: SourceFile,
    reader: Reader<Bounded>,
    header: Arc<[String]>,
    /// The line where `record` begins.
    line: u64,
    record: ByteRecord,
    position: Position,
}

impl Cells {
    pub(super) fn open(
        source: &SourceFile,
        delimiter: u8,
        encoding: Encoding,
        from: Position,
        progress: &Progress,
    ) -> Result<Self, FileError> {
        let raw = input::open(source, 0, progress)?;
        let text = encoding::utf8(raw, encoding).map_err(|error| source.failed(error))?;
        let bounded = Bounded { inner: text, since_record: 0, offset: 0, newlines: VecDeque::new() };
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(128 << 10)
            .from_reader(bounded);
        let mut record = ByteRecord::new();
        let header = match read(source, &mut reader, &mut record)? {
            Some(_) => header(source, &record)?,
            None => Vec::new(),
        };
        let mut cells = Self {
            source: source.clone(),
            reader,
            header: header.into(),
            line: 1,
            record,
            position: Position::default(),
        };
        while cells.position.rows < from.rows && cells.advance()? {}
        Ok(cells)
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    fn advance(&mut self) -> Result<bool, FileError> {
        let line = read(&self.source, &mut self.reader, &mut self.record)?;
        self.position.rows += u64::from(line.is_some());
        self.line = line.unwrap_or(self.line);
        Ok(line.is_some())
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, FileError> {
        if !self.advance()? {
            return Ok(None);
        }
        let line = self.line;
        let (found, named) = (self.record.len(), self.header.len());
        if found != named {
            let cells = |count| if count == 1 { "cell" } else { "cells" };
            let reason = format!("the row has {found} {}, the header names {named}", cells(found));
            return Ok(Some(self.reject(line, reason)));
        }
        match StringRecord::from_byte_record(self.record.clone()) {
            Ok(cells) => Ok(Some(Item::Record(Record {
                line,
                position: self.position,
                rows: Rows::One(Row::Cells { header: Arc::clone(&self.header), cells }),
            }))),
            Err(error) => {
                let column = self.header.get(error.utf8_error().field());
                let reason = format!(
                    "column `{}` is not UTF-8; if the file is in another encoding, name it in the mapping, as in `# mizan: encoding latin1`",
                    column.map_or("", String::as_str)
                );
                Ok(Some(self.reject(line, reason)))
            }
        }
    }

    fn reject(&self, line: u64, reason: String) -> Item {
        let cells = self.record.iter().map(String::from_utf8_lossy);
        // As a list of cells: the row's own text is gone, and quoting it anew would only look like it.
        let body = serde_json::Value::from_iter(cells.map(|cell| cell.into_owned()));
        Item::Rejected(BadRow { line, position: self.position, reason, body: body.to_string() })
    }
}

/// Reads the next record and gives the line it begins on.
///
/// The reader's own position of a record is before the blank lines it skips, and before the second half of a
/// CR LF. What is certain is where a record ends: from there its own newlines are counted back.
fn read(source: &SourceFile, reader: &mut Reader<Bounded>, record: &mut ByteRecord) -> Result<Option<u64>, FileError> {
    reader.get_mut().since_record = 0;
    let begin = reader.position().line();
    let more = reader.read_byte_record(record).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<Endless>()) => {
            FileError::EndlessRecord { path: source.path.clone(), line: begin, limit: RECORD_BYTES_MAX }
        }
        csv::ErrorKind::Io(error) => source.failed(error),
        other => source.damaged(format!("{other:?}")),
    })?;
    let end = reader.position().clone();
    let ended_by_newline = reader.get_mut().is_newline(end.byte().saturating_sub(1));
    let within = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    let line = end.line().saturating_sub(within + u64::from(ended_by_newline));
    Ok(more.then_some(line))
}

fn header(source: &SourceFile, record: &ByteRecord) -> Result<Vec<String>, FileError> {
    let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
    let cells = cells.map_err(|_| {
        source.damaged(
            "its header is not UTF-8; if the file is in another encoding, name it in the mapping, as in `# mizan: encoding latin1`",
        )
    })?;
    column_names(source, cells.into_iter())
}

/// The names that the cells of a header give to the columns.
pub(super) fn column_names<'a>(
    source: &SourceFile,
    cells: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, FileError> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for (index, cell) in cells.enumerate() {
        let name = match cell.trim() {
            "" => format!("column_{}", index + 1),
            name => name.to_owned(),
        };
        if !seen.insert(name.clone()) {
            return Err(FileError::RepeatedColumn { path: source.path.clone(), column: name });
        }
        names.push(name);
    }
    Ok(names)
}

/// The error that a file without the column to group by gives.
pub(super) fn no_column<'a>(source: &SourceFile, column: &str, names: impl Iterator<Item = &'a str>) -> FileError {
    let known: Vec<&str> = names.take(NAMES_SHOWN).collect();
    FileError::NoColumn { path: source.path.clone(), column: column.to_owned(), known: known.join(", ") }
}

/// Ends a record that would take the rest of the file into memory, and knows where the newlines are.
struct Bounded {
    inner: Box<dyn Read + Send>,
    since_record: u64,
    offset: u64,
    /// Offsets of the newlines read and not yet asked about.
    newlines: VecDeque<u64>,
}

#[derive(Debug, thiserror::Error)]
#[error("a record without end")]
struct Endless;

impl Bounded {
    /// Whether the byte at `offset` is a newline. To be asked for growing offsets.
    fn is_newline(&mut self, offset: u64) -> bool {
        while self.newlines.front().is_some_and(|newline| *newline < offset) {
            self.newlines.pop_front();
        }
        self.newlines.front() == Some(&offset)
    }
}

impl Read for Bounded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.since_record > RECORD_BYTES_MAX {
            return Err(io::Error::other(Endless));
        }
        let count = self.inner.read(out)?;
        let newlines = out[..count].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        self.newlines.extend(newlines.map(|(at, _)| self.offset + at as u64));
        self.offset += count as u64;
        self.since_record += count as u64;
        Ok(count)
    }
}
