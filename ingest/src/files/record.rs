//! What the readers give: records, rows that could not be read, and where each stands.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use csv::StringRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A place in a file to go on from: everything before it has been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Rows before it; for NDJSON, lines; of a sheet, rows that are not empty.
    pub rows: u64,
    /// Bytes of uncompressed text before it; only NDJSON uses it.
    pub bytes: u64,
}

/// One thing read from a file.
#[derive(Clone, Debug)]
pub enum Item {
    /// A record to map.
    Record(Record),
    /// A row that could not be read.
    Rejected(BadRow),
}

impl Item {
    /// Where to go on after this item.
    pub fn position(&self) -> Position {
        match self {
            Self::Record(record) => record.position,
            Self::Rejected(row) => row.position,
        }
    }
}

/// One record: a row, or the rows of a group.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it begins: the line in a text file, the number of the row in a sheet or in Parquet; from 1.
    pub line: u64,
    /// Where to go on after it.
    pub position: Position,
    /// Its content.
    pub rows: Rows,
}

/// A row that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Where it begins, from 1.
    pub line: u64,
    /// Where to go on after it (within a group: where the group begins).
    pub position: Position,
    /// What is wrong with it.
    pub reason: String,
    /// Its text, or the beginning of it when it is oversized.
    pub body: String,
}

/// The content of a record.
#[derive(Clone, Debug)]
pub enum Rows {
    /// A single row; the mapping gets an object.
    One(Row),
    /// The rows of a group; the mapping gets an array of objects.
    Group(Vec<Row>),
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Group(rows) => rows.len(),
        }
    }

    /// Whether there is none, which no reader gives.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as text, one JSON object a line, for a person to read.
    pub fn to_text(&self) -> String {
        match self {
            Self::One(row) => row.to_text(),
            Self::Group(rows) => {
                let lines: Vec<String> = rows.iter().map(Row::to_text).collect();
                lines.join("\n")
            }
        }
    }
}

/// One row, still as text.
#[derive(Clone, Debug)]
pub enum Row {
    /// Cells of a CSV file or of a sheet under their header.
    Cells {
        /// The column names.
        header: Arc<[String]>,
        /// As many cells.
        cells: StringRecord,
    },
    /// A JSON value; not yet checked.
    Json(Bytes),
}

impl Row {
    /// The row as one JSON object.
    pub fn to_text(&self) -> String {
        match self {
            Self::Cells { header, cells } => {
                let pairs = header.iter().zip(cells.iter());
                let object: serde_json::Map<String, serde_json::Value> =
                    pairs.map(|(name, cell)| (name.clone(), cell.into())).collect();
                serde_json::Value::Object(object).to_string()
            }
            Self::Json(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// The text of `column`: a cell as it is, a JSON value as it is written.
    pub(super) fn get(&self, column: &str) -> Result<Cow<'_, str>, String> {
        match self {
            Self::Cells { header, cells } => header
                .iter()
                .position(|name| name == column)
                .and_then(|index| cells.get(index))
                .map(Cow::Borrowed)
                .ok_or_else(|| format!("has no column `{column}`")),
            Self::Json(bytes) => {
                let fields: HashMap<Cow<'_, str>, &RawValue> =
                    serde_json::from_slice(bytes).map_err(|error| format!("is not a JSON object: {error}"))?;
                fields
                    .get(column)
                    .map(|value| Cow::Borrowed(value.get()))
                    .ok_or_else(|| format!("has no field `{column}` to group by"))
            }
        }
    }
}
