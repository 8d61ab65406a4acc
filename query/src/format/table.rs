//! A table for eyes: aligned, numbers to the right, NULL to be seen, one line a row.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::{Cells, leaf};
use super::{Encode, width};
use crate::QueryError;

/// Room for one cell; what is longer is cut and ends in `…`.
const WIDEST: usize = 120;

pub(super) struct Table {
    names: Vec<String>,
    to_the_right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let names = schema.fields().iter().map(|field| shown(field.name())).collect();
        let to_the_right = schema.fields().iter().map(|field| leaf(field.data_type()).is_numeric()).collect();
        Self { names, to_the_right, rows: Vec::new() }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| width::of(name)).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width::of(cell));
            }
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize], out: &mut String) {
        let start = out.len();
        for (nth, ((cell, widest), right)) in cells.iter().zip(widths).zip(&self.to_the_right).enumerate() {
            out.push_str(if nth > 0 { " │ " } else { " " });
            let room = " ".repeat(widest - width::of(cell));
            let (before, after) = if *right { (room.as_str(), "") } else { ("", room.as_str()) };
            out.push_str(before);
            out.push_str(cell);
            out.push_str(after);
        }
        let end = out.trim_end_matches(' ').len().max(start);
        out.truncate(end);
        out.push('\n');
    }
}

impl Encode for Table {
    fn batch(&mut self, batch: &RecordBatch, _out: &mut Vec<u8>) -> Result<(), QueryError> {
        let columns = batch.columns().iter().map(Cells::new).collect::<Result<Vec<_>, _>>()?;
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                value.clear();
                if column.is_null(row) {
                    value.push_str("NULL");
                } else {
                    column.text(row, &mut value)?;
                }
                cells.push(shown(&value));
            }
            self.rows.push(cells);
        }
        Ok(())
    }

    fn finish(&mut self, truncated: bool, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let widths = self.widths();
        let mut text = String::new();
        if !self.names.is_empty() {
            self.line(&self.names, &widths, &mut text);
            let rules: Vec<String> = widths.iter().map(|widest| "─".repeat(widest + 2)).collect();
            text.push_str(&rules.join("┼"));
            text.push('\n');
        }
        for row in &self.rows {
            self.line(row, &widths, &mut text);
        }
        let count = self.rows.len();
        let unit = if count == 1 { "row" } else { "rows" };
        let cut = if truncated { "; there are more, cut at the limit" } else { "" };
        text.push_str(&format!("({count} {unit}{cut})\n"));
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// A value on one line. Control characters are spelt out: what a customer typed must not steer a terminal.
fn shown(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut room = WIDEST;
    for character in value.chars() {
        let piece = match character {
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            steering
                if steering.is_control() || matches!(steering, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}') =>
            {
                steering.escape_unicode().to_string()
            }
            plain => plain.to_string(),
        };
        let wide = width::of(&piece);
        if wide > room {
            while room == 0 {
                let Some(last) = out.pop() else { break };
                room += width::of_char(last);
            }
            out.push('…');
            return out;
        }
        room -= wide;
        out.push_str(&piece);
    }
    out
}
