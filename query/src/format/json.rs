//! JSON and JSON lines.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::Encode;
use super::cell::{Cells, quote, quoted};
use crate::{QueryError, type_name};

/// One row as an object. Names are quoted once for the whole result.
struct Rows {
    names: Vec<String>,
    text: String,
}

impl Rows {
    fn new(schema: &SchemaRef) -> Self {
        let names = schema.fields().iter().map(|field| quoted(field.name())).collect();
        Self { names, text: String::new() }
    }

    /// Appends every row, with `between` before each that is not the first of the result.
    fn write(
        &mut self,
        batch: &RecordBatch,
        first: &mut bool,
        between: &str,
        after: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), QueryError> {
        let columns = batch.columns().iter().map(Cells::new).collect::<Result<Vec<_>, _>>()?;
        self.text.clear();
        for row in 0..batch.num_rows() {
            if !std::mem::take(first) {
                self.text.push_str(between);
            }
            self.text.push('{');
            for (nth, (name, cells)) in self.names.iter().zip(&columns).enumerate() {
                if nth > 0 {
                    self.text.push(',');
                }
                self.text.push_str(name);
                self.text.push(':');
                cells.json(row, &mut self.text)?;
            }
            self.text.push('}');
            self.text.push_str(after);
        }
        out.extend_from_slice(self.text.as_bytes());
        Ok(())
    }
}

pub(super) struct Json {
    rows: Rows,
    first: bool,
}

impl Json {
    pub(super) fn begin(schema: &SchemaRef, out: &mut Vec<u8>) -> Self {
        let mut head = String::from("{\"schema\":[");
        for (nth, field) in schema.fields().iter().enumerate() {
            if nth > 0 {
                head.push(',');
            }
            head.push_str("{\"name\":");
            quote(field.name(), &mut head);
            head.push_str(",\"type\":");
            quote(&type_name(field.data_type()), &mut head);
            head.push('}');
        }
        head.push_str("],\"rows\":[");
        out.extend_from_slice(head.as_bytes());
        Self { rows: Rows::new(schema), first: true }
    }
}

impl Encode for Json {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.rows.write(batch, &mut self.first, ",\n", "", out)
    }

    fn finish(&mut self, truncated: bool, out: &mut Vec<u8>) -> Result<(), QueryError> {
        out.extend_from_slice(format!("],\"truncated\":{truncated}}}\n").as_bytes());
        Ok(())
    }

    fn fail(&mut self, error: &QueryError, out: &mut Vec<u8>) -> bool {
        let message = quoted(&error.to_string());
        let code = quoted(error.code());
        out.extend_from_slice(
            format!("],\"truncated\":true,\"error\":{{\"code\":{code},\"message\":{message}}}}}\n").as_bytes(),
        );
        true
    }
}

pub(super) struct NdJson {
    rows: Rows,
}

impl NdJson {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { rows: Rows::new(schema) }
    }
}

impl Encode for NdJson {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.rows.write(batch, &mut true, "", "\n", out)
    }

    fn finish(&mut self, _truncated: bool, _out: &mut Vec<u8>) -> Result<(), QueryError> {
        Ok(())
    }
}
