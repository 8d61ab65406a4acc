//! Records as the interpreter's values. Numbers keep their own text.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use csv::StringRecord;
use jaq_json::{Map, Val, read};
use serde::de::IgnoredAny;

use super::error::MapError;
use crate::files::{Row, Rows};

/// Nesting that a record, or a text read by `fromjson`, may have.
pub(super) const DEPTH_MAX: usize = 128;

/// Makes values of records. Keeps the column names of the last header, which the next record mostly shares.
#[derive(Default)]
pub(super) struct Values {
    header: Option<Arc<[String]>>,
    names: Vec<Val>,
}

impl Values {
    /// The value a record is to the program: an object, or an array of them for a group.
    pub(super) fn of(&mut self, rows: &Rows) -> Result<Val, MapError> {
        match rows {
            Rows::One(row) => self.row(row),
            Rows::Group(rows) => rows.iter().map(|row| self.row(row)).collect(),
        }
    }

    fn row(&mut self, row: &Row) -> Result<Val, MapError> {
        match row {
            Row::Cells { header, cells } => Ok(self.object(header, cells)),
            Row::Json(bytes) => json(bytes),
        }
    }

    fn object(&mut self, header: &Arc<[String]>, cells: &StringRecord) -> Val {
        if !self.header.as_ref().is_some_and(|known| Arc::ptr_eq(known, header)) {
            self.names = header.iter().map(|name| Val::from(name.clone())).collect();
            self.header = Some(Arc::clone(header));
        }
        // One copy for all cells of the row; each is a slice of it.
        let text = Bytes::copy_from_slice(cells.as_slice().as_bytes());
        let mut object = Map::with_capacity_and_hasher(self.names.len(), Default::default());
        for (index, name) in self.names.iter().enumerate() {
            if let Some(range) = cells.range(index) {
                object.insert(name.clone(), Val::utf8_str(text.slice(range)));
            }
        }
        Val::obj(object)
    }
}

/// One JSON value, strictly: the interpreter's own reader takes more than JSON and any depth.
pub(super) fn json(bytes: &[u8]) -> Result<Val, MapError> {
    let wrong = |error: &dyn fmt::Display| MapError::Input(format!("is not valid JSON: {error}"));
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(&error))?;
    if depth(bytes) > DEPTH_MAX {
        return Err(MapError::Input(format!("nests deeper than {DEPTH_MAX} levels")));
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| wrong(&error))?;
    read::parse_single(bytes).map_err(|error| wrong(&error))
}

/// How deeply brackets and braces nest outside of strings.
pub(super) fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut inside, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
