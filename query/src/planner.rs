//! Planning on threads of its own.
//!
//! Planning cannot be interrupted, and it walks the statement's tree by recursion: on a thread of usual
//! size a chain of 2,000 terms ends the whole process. So each statement is planned on a new thread with a
//! large stack. When the time is over the caller has its answer and the thread ends later; until then it
//! holds its place, so that there are never more such threads than [`Planners::new`] was told.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::QueryError;

/// Enough for chains several times as long as the guard lets through, in a build without optimisation.
/// Only the part that is used becomes real memory.
const STACK: usize = 64 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Planners {
    places: Arc<Semaphore>,
    count: usize,
    runtime: Handle,
}

impl Planners {
    pub(crate) fn new(count: usize, runtime: Handle) -> Self {
        Self { places: Arc::new(Semaphore::new(count)), count, runtime }
    }

    /// Runs `work` on a thread with a large stack, and answers by `deadline` whatever the thread does.
    pub(crate) async fn run<T, F>(&self, deadline: Instant, limit: Duration, work: F) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: FnOnce(&Handle) -> Result<T, QueryError> + Send + 'static,
    {
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| QueryError::Busy { running: self.count })?
            .map_err(|_| QueryError::internal("the engine is closing"))?;
        let (answer, answered) = oneshot::channel();
        let runtime = self.runtime.clone();
        std::thread::Builder::new()
            .name("mizan-plan".into())
            .stack_size(STACK)
            .spawn(move || {
                let result = {
                    // Handles of the runtime are needed by what planning calls, such as timers and file reads.
                    let _inside = runtime.enter();
                    work(&runtime)
                };
                // Nobody listens when the time is over; the result is dropped here, on the large stack.
                drop(answer.send(result));
                drop(place);
            })
            .map_err(|error| QueryError::internal(format!("no thread to plan on: {error}")))?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(QueryError::internal("planning ended without an answer")),
            Err(_) => {
                tracing::warn!(seconds = limit.as_secs(), "planning did not end in time");
                Err(QueryError::Timeout { seconds: limit.as_secs() })
            }
        }
    }
}
