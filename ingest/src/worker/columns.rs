//! Records of the log as columns of the lake.

use std::path::Path;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use bytes::Bytes;
use mizan_events::{BatchBuilder, EventTime, Family, Unknown, parse};
use mizan_lake::Lake;
use mizan_log::{LogError, Record};

use super::{POSITION, READ_BYTES, WorkerError};

/// The rows beyond a position, and the position of the last of them; nothing when there are none.
pub(super) fn beyond(batch: RecordBatch, position: u64) -> Result<Option<(RecordBatch, u64)>, ArrowError> {
    let column = batch.column(batch.schema().index_of("position")?).clone();
    let positions = column.as_primitive::<Int64Type>().values();
    let is_beyond = |value: &i64| u64::try_from(*value).is_ok_and(|value| value > position);
    // Rows stand in the order of the log, so that the first and the last tell of all.
    let Some(last) = positions.last().and_then(|last| u64::try_from(*last).ok()) else { return Ok(None) };
    if positions.first().is_some_and(is_beyond) {
        return Ok(Some((batch, last)));
    }
    if last <= position {
        return Ok(None);
    }
    let wanted: BooleanArray = positions.iter().map(|value| Some(is_beyond(value))).collect();
    Ok(Some((filter_record_batch(&batch, &wanted)?, last)))
}

/// Columns by family.
pub type Columns = Vec<(Family, RecordBatch)>;

/// Records of the log as columns by family, and the last position among them.
pub(super) fn columns(records: &[Record]) -> Result<(u64, Columns), WorkerError> {
    let mut builders: [Option<BatchBuilder>; Family::COUNT] = [const { None }; Family::COUNT];
    let mut last = 0;
    for record in records {
        let Record { position, received_at_us, bytes, .. } = record;
        let received_at = EventTime::from_micros(*received_at_us);
        let text = text_of(bytes, *position)?;
        // By the clock of its arrival: it was valid then.
        let event = parse(text, Unknown::Keep, received_at)
            .map_err(|source| WorkerError::Event { position: *position, source })?;
        let family = event.family();
        let builder = builders[family.index()].get_or_insert_with(|| BatchBuilder::new(family));
        builder.append(&event, *position, received_at);
        last = last.max(*position);
    }
    let batches = Family::ALL.into_iter().zip(&mut builders);
    Ok((last, batches.filter_map(|(family, builder)| Some((family, builder.as_mut()?.finish()))).collect()))
}

fn text_of(bytes: &Bytes, position: u64) -> Result<&str, WorkerError> {
    std::str::from_utf8(bytes).map_err(|_| WorkerError::NotText(position))
}

/// Shows a lake of another process what the log in `dir` holds beyond it: for queries beside a running server.
///
/// # Errors
/// When the log cannot be read.
pub fn fill_tail(lake: &Lake, dir: &Path) -> Result<(), WorkerError> {
    let mut reader = loop {
        let flushed = mizan_log::saved_position(dir, POSITION)?.unwrap_or(0);
        match mizan_log::read_only(dir, flushed) {
            Ok(reader) => break reader,
            // The server went on and trimmed in between: it saved a newer position first.
            Err(LogError::Trimmed { .. }) if mizan_log::saved_position(dir, POSITION)? > Some(flushed) => {}
            Err(error) => return Err(error.into()),
        }
    };
    while let Some(records) = reader.next(READ_BYTES)? {
        let (last, batches) = columns(&records)?;
        for (family, batch) in batches {
            let Some((batch, position)) = beyond(batch, 0)? else { continue };
            lake.tail().push(family, batch, position)?;
        }
        lake.tail().reached(last);
    }
    Ok(())
}
