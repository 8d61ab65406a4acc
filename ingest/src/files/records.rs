//! One file, record by record, whatever its format.

use super::csv::{self, Cells};
use super::encoding::Encoding;
use super::error::FileError;
use super::excel::Sheet;
use super::group::Grouping;
use super::input::Progress;
use super::lines::Lines;
use super::parquet::Batches;
use super::record::{Item, Position};
use super::source::{Format, SourceFile};

/// How to read files, mostly said by the mapping's directives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The encoding of text files; UTF-8 when absent. A byte order mark decides over it.
    pub encoding: Option<Encoding>,
    /// The delimiter of CSV files; by their extension when absent.
    pub delimiter: Option<u8>,
    /// The sheet of a workbook; the first one that holds anything when absent.
    pub sheet: Option<String>,
    /// The column whose runs of equal values make groups.
    pub group_by: Option<String>,
}

/// The records of one file.
pub struct Records {
    reader: Reader,
    grouping: Option<Grouping>,
    progress: Progress,
    ended: bool,
}

enum Reader {
    Csv(Box<Cells>),
    Excel(Box<Sheet>),
    Ndjson(Lines),
    Parquet(Box<Batches>),
}

impl Records {
    pub(super) fn open(source: &SourceFile, options: &ReadOptions, from: Position) -> Result<Self, FileError> {
        let progress = Progress::default();
        let encoding = options.encoding.unwrap_or_default();
        let group_by = options.group_by.as_deref();
        let missing = |names: &[String]| {
            let column = group_by.filter(|column| !names.iter().any(|name| name == column))?;
            let names = names.iter().map(String::as_str);
            Some(csv::no_column(source, column, names))
        };
        let (reader, missing) = match source.format {
            Format::Csv(usual) => {
                let delimiter = options.delimiter.unwrap_or(usual);
                let cells = Cells::open(source, delimiter, encoding, from, &progress)?;
                // A file without even a header has no rows to group either.
                let missing = match cells.header() {
                    [] => None,
                    names => missing(names),
                };
                (Reader::Csv(Box::new(cells)), missing)
            }
            Format::Excel => {
                let sheet = Sheet::open(source, options.sheet.as_deref(), from, &progress)?;
                let missing = match sheet.header() {
                    [] => None,
                    names => missing(names),
                };
                (Reader::Excel(Box::new(sheet)), missing)
            }
            Format::Ndjson => {
                let lines = Lines::open(source, encoding, from, &progress)?;
                (Reader::Ndjson(lines), None)
            }
            Format::Parquet => {
                let batches = Batches::open(source, from, &progress)?;
                let missing = missing(batches.columns());
                (Reader::Parquet(Box::new(batches)), missing)
            }
        };
        if let Some(error) = missing {
            return Err(error);
        }
        let grouping = group_by.map(|column| Grouping::new(source, column.to_owned(), from));
        Ok(Self { reader, grouping, progress, ended: false })
    }

    /// How far the file has been read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn read(&mut self) -> Result<Option<Item>, FileError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let item = match &mut self.reader {
                Reader::Csv(cells) => cells.next()?,
                Reader::Excel(sheet) => sheet.next()?,
                Reader::Ndjson(lines) => lines.next()?,
                Reader::Parquet(batches) => batches.next()?,
            };
            self.ended = item.is_none();
            let item = match (&mut self.grouping, item) {
                (None, item) => item,
                (Some(grouping), Some(item)) => match grouping.push(item)? {
                    None => continue,
                    complete => complete,
                },
                (Some(grouping), None) => grouping.finish(),
            };
            return Ok(item);
        }
    }
}

impl Iterator for Records {
    type Item = Result<Item, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if matches!(item, Some(Err(_))) {
            self.ended = true;
        }
        item
    }
}
