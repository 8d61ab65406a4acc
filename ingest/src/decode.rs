//! Many events at once, from text to columns and log entries in one reading.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use bytes::Bytes;
use mizan_events::{BatchBuilder, EventError, EventTime, Family, Parser, Unknown};
use mizan_log::{Entry, Outcome};

use crate::intake::entry_of;

/// Lines read, checked and built into columns, not yet in the log.
pub struct Decoded {
    /// What the log shall store, in the order of the lines.
    pub entries: Vec<Entry>,
    /// The same events as columns, by family, without positions.
    batches: Vec<(Family, RecordBatch)>,
    /// Lines that cannot be taken.
    pub refused: Vec<Refused>,
}

/// One line that cannot be taken.
pub struct Refused {
    /// Its place among the lines, from 0.
    pub index: usize,
    /// The line, card data not yet cut.
    pub text: String,
    /// What is wrong.
    pub error: EventError,
}

/// Decodes block after block.
pub struct Decoder {
    unknown: Unknown,
    received_at: EventTime,
    /// Kept from block to block: the next one is much like the last.
    builders: [BatchBuilder; Family::COUNT],
}

impl Decoder {
    /// For events that came at this moment.
    pub fn new(unknown: Unknown, received_at: EventTime) -> Decoder {
        Decoder { unknown, received_at, builders: Family::ALL.map(BatchBuilder::new) }
    }

    /// Reads event lines out of one block of bytes. Entries share the block; nothing is copied but what had to be redacted.
    pub fn decode<'a>(&mut self, block: &'a Bytes, lines: impl Iterator<Item = &'a str>) -> Decoded {
        let mut entries = Vec::with_capacity(lines.size_hint().0);
        let mut refused = Vec::new();
        let mut parser = Parser::new(self.unknown, self.received_at);
        for (index, line) in lines.enumerate() {
            match parser.parse(line) {
                Ok(event) => {
                    self.builders[event.family().index()].append(&event, 0, self.received_at);
                    entries.push(entry_of(&event, || block.slice_ref(line.as_bytes())));
                    parser.reuse(event);
                }
                Err(error) => refused.push(Refused { index, text: line.to_owned(), error }),
            }
        }
        let filled = Family::ALL.into_iter().zip(&mut self.builders).filter(|(_, builder)| !builder.is_empty());
        let batches = filled.map(|(family, builder)| (family, builder.finish())).collect();
        Decoded { entries, batches, refused }
    }
}

impl Decoded {
    /// The columns of what the log stored, with their positions; repeats are left out. `tags` are the families of the
    /// entries offered, in order, and `outcomes` what the log said to each.
    ///
    /// # Errors
    /// When Arrow cannot filter the columns, which their making excludes.
    pub fn positioned(
        batches: Vec<(Family, RecordBatch)>,
        tags: &[u8],
        outcomes: &[Outcome],
        received_at: EventTime,
    ) -> Result<Vec<(Family, RecordBatch)>, ArrowError> {
        let mut positioned = Vec::with_capacity(batches.len());
        for (family, batch) in batches {
            let of_family = tags.iter().zip(outcomes).filter(|(tag, _)| **tag == family.tag());
            let positions: Vec<Option<i64>> = of_family
                .map(|(_, outcome)| match outcome {
                    Outcome::Stored(position) => i64::try_from(*position).ok(),
                    Outcome::Duplicate | Outcome::Conflict => None,
                })
                .collect();
            let positions = Int64Array::from(positions);
            let stored = (positions.null_count() > 0)
                .then(|| BooleanArray::from_iter((0..positions.len()).map(|row| Some(positions.is_valid(row)))));
            let mut columns = batch.columns().to_vec();
            let received = TimestampMicrosecondArray::from(vec![received_at.micros(); batch.num_rows()]);
            columns[batch.schema().index_of("position")?] = Arc::new(positions);
            columns[batch.schema().index_of("received_at")?] = Arc::new(received.with_timezone("UTC"));
            let batch = RecordBatch::try_new(batch.schema(), columns)?;
            let batch = match stored {
                Some(stored) => arrow::compute::filter_record_batch(&batch, &stored)?,
                None => batch,
            };
            if batch.num_rows() > 0 {
                positioned.push((family, batch));
            }
        }
        Ok(positioned)
    }

    /// Entries for the log and columns for the lake, apart.
    pub fn into_parts(self) -> (Vec<Entry>, Vec<(Family, RecordBatch)>, Vec<Refused>) {
        (self.entries, self.batches, self.refused)
    }
}
