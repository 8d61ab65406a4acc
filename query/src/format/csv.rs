//! Comma-separated values as RFC 4180 has them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::Encode;
use super::cell::Cells;
use crate::QueryError;

pub(super) struct Csv {
    text: String,
    value: String,
}

impl Csv {
    pub(super) fn begin(schema: &SchemaRef, out: &mut Vec<u8>) -> Self {
        let mut csv = Self { text: String::new(), value: String::new() };
        for (nth, field) in schema.fields().iter().enumerate() {
            csv.separate(nth);
            push(field.name(), &mut csv.text);
        }
        csv.text.push_str("\r\n");
        out.extend_from_slice(csv.text.as_bytes());
        csv
    }

    fn separate(&mut self, nth: usize) {
        if nth > 0 {
            self.text.push(',');
        }
    }
}

/// Quotes where the value needs it, and an empty text always: nothing at all means NULL.
fn push(value: &str, out: &mut String) {
    if !value.is_empty() && !value.contains(['"', ',', '\r', '\n']) {
        out.push_str(value);
        return;
    }
    out.push('"');
    out.push_str(&value.replace('"', "\"\""));
    out.push('"');
}

impl Encode for Csv {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let columns = batch.columns().iter().map(Cells::new).collect::<Result<Vec<_>, _>>()?;
        self.text.clear();
        for row in 0..batch.num_rows() {
            for (nth, cells) in columns.iter().enumerate() {
                self.separate(nth);
                if !cells.is_null(row) {
                    self.value.clear();
                    cells.text(row, &mut self.value)?;
                    push(&self.value, &mut self.text);
                }
            }
            self.text.push_str("\r\n");
        }
        out.extend_from_slice(self.text.as_bytes());
        Ok(())
    }

    fn finish(&mut self, _truncated: bool, _out: &mut Vec<u8>) -> Result<(), QueryError> {
        Ok(())
    }
}
