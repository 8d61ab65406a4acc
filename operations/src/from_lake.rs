//! The events of the lake in the order of the log, for making live state again.

use std::borrow::Cow;
use std::error::Error;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, stream};
use mizan_events::{EventTime, Family, export};
use mizan_lake::{Lake, LakeError, SessionSettings};

use crate::event::LoggedEvent;

type Failure = Box<dyn Error + Send + Sync>;

/// Every order, payment and inventory event of the lake, in the order of the log.
///
/// # Errors
/// When the lake cannot be read. The stream ends with the first row that cannot be read.
pub async fn events_of(lake: &Lake) -> Result<impl Stream<Item = Result<LoggedEvent<'static>, Failure>>, Failure> {
    let session = lake.session(SessionSettings::default()).await.map_err(|error: LakeError| Failure::from(error))?;
    let mut cursors = Vec::new();
    for family in [Family::Order, Family::Payment, Family::Inventory] {
        let sorted = session.sql(&format!("SELECT * FROM events.{} ORDER BY position", family.table())).await?;
        let mut cursor = Cursor { rows: sorted.execute_stream().await?, batch: None, row: 0 };
        cursor.settle().await?;
        cursors.push(cursor);
    }
    Ok(stream::try_unfold(cursors, |mut cursors| async move {
        let next = cursors.iter_mut().filter(|cursor| cursor.batch.is_some()).min_by_key(|cursor| cursor.position());
        let Some(cursor) = next else { return Ok(None) };
        let event = cursor.event()?;
        cursor.row += 1;
        cursor.settle().await?;
        Ok(Some((event, cursors)))
    }))
}

/// A place in the sorted rows of one table.
struct Cursor {
    rows: SendableRecordBatchStream,
    batch: Option<RecordBatch>,
    row: usize,
}

impl Cursor {
    /// Moves on to the next batch when this one is used up.
    async fn settle(&mut self) -> Result<(), Failure> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            self.batch = self.rows.next().await.transpose()?;
            self.row = 0;
            if self.batch.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn position(&self) -> i64 {
        let positions = self.batch.as_ref().and_then(|batch| batch.column_by_name("position"));
        positions
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .map_or(i64::MAX, |column| column.value(self.row))
    }

    fn event(&self) -> Result<LoggedEvent<'static>, Failure> {
        let batch = self.batch.as_ref().ok_or("no row left")?;
        let received = batch.column_by_name("received_at").ok_or("column received_at is missing")?;
        let received = received.as_primitive_opt::<TimestampMicrosecondType>().ok_or("received_at is not a time")?;
        Ok(LoggedEvent {
            position: u64::try_from(self.position())?,
            received_at: EventTime::from_micros(received.value(self.row)),
            json: Cow::Owned(export(batch, self.row)?),
        })
    }
}
