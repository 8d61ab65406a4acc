//! Following the log: what is durable there becomes live state a moment later.

use std::time::Duration;

use mizan_events::{EventTime, Family};
use mizan_log::{Log, LogError, Record};

use crate::apply::Operations;
use crate::error::OperationsError;
use crate::event::LoggedEvent;

/// Log bytes that are applied in one transaction, at most.
const READ_BYTES: usize = 2 << 20;
/// How long to wait before the state is tried again after it could not be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why following the log ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state cannot be written.
    #[error(transparent)]
    Operations(#[from] OperationsError),
}

/// Applies everything that is durable in the log. Returns the position reached.
///
/// # Errors
/// When the log cannot be read or the state not be written.
pub async fn catch_up(operations: &Operations, log: &Log) -> Result<u64, FollowError> {
    let from = operations.position().await?;
    // What visitors do does not change what is true of orders and stock.
    let followed = [Family::Order, Family::Payment, Family::Inventory].map(Family::tag);
    let mut reader = log.reader(from).only(&followed);
    let mut applied = from;
    while let Some(records) = tokio::task::block_in_place(|| reader.next(READ_BYTES))? {
        applied = apply(operations, &records).await?;
    }
    if reader.position() > applied {
        operations.advance(reader.position()).await?;
    }
    Ok(reader.position())
}

/// Follows the log until `stop` is done. A state that cannot be written, on a full disk say, is tried again.
///
/// # Errors
/// When the log cannot be read.
pub async fn follow(operations: Operations, log: Log, stop: impl Future<Output = ()>) -> Result<(), FollowError> {
    let mut durable = log.durable();
    tokio::pin!(stop);
    loop {
        durable.borrow_and_update();
        match catch_up(&operations, &log).await {
            Ok(_) => {}
            Err(FollowError::Operations(error)) => {
                tracing::error!(error = %error, "live state cannot be written; will try again");
                tokio::select! {
                    () = &mut stop => return Ok(()),
                    () = tokio::time::sleep(PATIENCE) => continue,
                }
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = &mut stop => break,
            changed = durable.changed() => if changed.is_err() { break },
        }
    }
    // What was acknowledged up to the end is in the state at the next start without a moment's wait.
    catch_up(&operations, &log).await.map(|_| ())
}

/// Applies records and returns the position of the last of them.
async fn apply(operations: &Operations, records: &[Record]) -> Result<u64, OperationsError> {
    let events: Vec<LoggedEvent<'_>> = records
        .iter()
        .map(|record| LoggedEvent {
            position: record.position,
            received_at: EventTime::from_micros(record.received_at_us),
            json: String::from_utf8_lossy(&record.bytes),
        })
        .collect();
    operations.apply(&events).await?;
    Ok(events.last().map_or(0, |event| event.position))
}
