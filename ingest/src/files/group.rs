//! Consecutive rows with the same value in a column, as one record.

use super::error::FileError;
use super::record::{BadRow, Item, Position, Record, Row, Rows};
use super::source::SourceFile;

/// The most rows a group may have.
pub const GROUP_ROWS_MAX: usize = 100_000;

/// Collects rows until the value changes.
pub(super) struct Grouping {
    source: SourceFile,
    column: String,
    open: Option<Open>,
    /// Where a resumed import must begin so that the open group is read whole.
    safe: Position,
}

struct Open {
    value: String,
    line: u64,
    rows: Vec<Row>,
    end: Position,
}

impl Grouping {
    pub(super) fn new(source: &SourceFile, column: String, from: Position) -> Self {
        Self { source: source.clone(), column, open: None, safe: from }
    }

    /// Takes the next thing read; gives back what it completes, which may be nothing.
    pub(super) fn push(&mut self, item: Item) -> Result<Option<Item>, FileError> {
        let record = match item {
            Item::Record(record) => record,
            Item::Rejected(row) => return Ok(Some(Item::Rejected(self.within(row)))),
        };
        let Rows::One(row) = record.rows else {
            return Ok(None);
        };
        let value = match row.get(&self.column) {
            Ok(value) => value.into_owned(),
            Err(problem) => {
                let bad = BadRow {
                    line: record.line,
                    position: record.position,
                    reason: format!("the row {problem}"),
                    body: row.to_text(),
                };
                return Ok(Some(Item::Rejected(self.within(bad))));
            }
        };
        match &mut self.open {
            Some(open) if open.value == value => {
                if open.rows.len() == GROUP_ROWS_MAX {
                    return Err(FileError::GroupTooLarge {
                        path: self.source.path.clone(),
                        line: open.line,
                        column: self.column.clone(),
                        value,
                        limit: GROUP_ROWS_MAX,
                    });
                }
                open.rows.push(row);
                open.end = record.position;
                Ok(None)
            }
            _ => {
                let next = Open { value, line: record.line, rows: vec![row], end: record.position };
                let complete = self.open.replace(next);
                Ok(complete.map(|open| self.close(open)))
            }
        }
    }

    /// The group that the end of the file completes.
    pub(super) fn finish(&mut self) -> Option<Item> {
        let open = self.open.take()?;
        Some(self.close(open))
    }

    fn close(&mut self, open: Open) -> Item {
        self.safe = open.end;
        Item::Record(Record { line: open.line, position: open.end, rows: Rows::Group(open.rows) })
    }

    fn within(&mut self, row: BadRow) -> BadRow {
        if self.open.is_none() {
            self.safe = row.position;
        }
        BadRow { position: self.safe, ..row }
    }
}
