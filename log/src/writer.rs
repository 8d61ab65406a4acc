//! The one thread that writes: takes what is queued, writes it once, syncs once, then lets everybody know.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::active::{Active, WriteFailure};
use crate::error::AppendError;
use crate::format::{BLOCK_BYTES, FrameBuilder};
use crate::group::Group;
use crate::identities::{Identities, IdentityError};
use crate::queue::{Queue, Request};
use crate::shared::{Counters, Shared};
use crate::types::Options;

/// A load of less is not worth the way past the page cache.
const BULK_BYTES: usize = 1 << 20;

/// Everything the thread owns.
pub(crate) struct Writer {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) active: Active,
    pub(crate) next_position: u64,
    pub(crate) identities: Identities,
    pub(crate) queue: Arc<Queue>,
    pub(crate) shared: Arc<Shared>,
    /// Held until the last byte is written.
    pub(crate) lock: File,
}

/// Requests of which nothing was stored, and why.
type Refused = (Vec<Request>, AppendError);

/// Lets nobody wait for a thread that is gone, however it went.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let _abandon = Abandon(Arc::clone(&self.queue));
        let mut frame = FrameBuilder::new();
        while let Some(work) = self.queue.take(self.options.max_group_bytes) {
            let written = self.write(work.requests, work.bytes, &mut frame);
            // The room first: who has an answer finds what it took free again.
            self.queue.release(work.bytes);
            match written {
                Ok(group) => group.answer(),
                Err((requests, error)) => refuse(requests, &error),
            }
            if !work.seals.is_empty() {
                self.identities.freeze(self.next_position - 1);
            }
            for seal in work.seals {
                let _ = seal.send(self.next_position - 1);
            }
            self.count_identities();
        }
        self.close();
    }

    fn write(&mut self, requests: Vec<Request>, bytes: usize, frame: &mut FrameBuilder) -> Result<Group, Refused> {
        if let Some(reason) = self.shared.failure() {
            return Err((requests, AppendError::Failed { reason }));
        }
        let bulk = frame_is_bulk(&requests, bytes);
        frame.begin(self.next_position, bytes, self.options.max_group_bytes * 2);
        let group = match Group::build(requests, self.next_position, frame, &mut self.identities) {
            Ok(group) => group,
            Err((requests, error)) => return Err((requests, self.identity_failure(error))),
        };
        // Without a new record there is nothing to write: what the duplicates repeat is on disk since its own group.
        if frame.records() > 0 {
            if let Err(failure) = self.store(frame, bulk) {
                self.identities.forget(group.fresh());
                let error = self.write_failure(failure);
                return Err((group.into_requests(), error));
            }
            self.next_position += u64::from(frame.records());
            Counters::add(&self.shared.counters.fsyncs, 1);
            Counters::add(&self.shared.counters.appended, u64::from(frame.records()));
            Counters::add(&self.shared.counters.appended_bytes, group.stored_bytes());
            self.shared.publish(self.active.header().first_position, self.active.bytes(), self.next_position - 1);
        }
        Counters::add(&self.shared.counters.duplicates, group.duplicates());
        Ok(group)
    }

    /// Writes a frame, into a new segment if it has to be.
    fn store(&mut self, frame: &mut FrameBuilder, bulk: bool) -> Result<(), WriteFailure> {
        let frame_bytes = (frame.len() + if bulk { BLOCK_BYTES } else { 0 }) as u64;
        if !self.active.has_room(frame_bytes) {
            self.active.finish()?;
            self.active = Active::create(&self.dir, self.next_position, frame_bytes, &self.options)?;
            self.shared.add_segment(self.next_position, self.active.bytes());
        }
        let (marker, offset) = (self.active.header().marker, self.active.bytes());
        self.active.append(&frame.finish(marker, offset, bulk))
    }

    fn write_failure(&self, failure: WriteFailure) -> AppendError {
        match failure {
            WriteFailure::Full => {
                tracing::warn!(dir = %self.dir.display(), "disk full, append refused");
                AppendError::DiskFull
            }
            WriteFailure::Broken(reason) => self.fail(reason),
        }
    }

    fn identity_failure(&self, error: IdentityError) -> AppendError {
        match error {
            IdentityError::Full => AppendError::DiskFull,
            // Sealing is tried again by itself; until it succeeds, memory bounds what can be taken.
            IdentityError::Stuck => AppendError::Busy,
            IdentityError::Unreadable(error) => self.fail(error.to_string()),
        }
    }

    fn fail(&self, reason: String) -> AppendError {
        tracing::error!(dir = %self.dir.display(), reason, "the log stops taking events");
        self.shared.fail(&reason);
        AppendError::Failed { reason }
    }

    fn count_identities(&self) {
        let recent = self.identities.recent() as u64;
        self.shared.counters.recent_identities.store(recent, std::sync::atomic::Ordering::Relaxed);
    }

    /// Leaves the files as small and as quick to open as they can be. What fails here costs time at the next start only.
    fn close(mut self) {
        if self.shared.failure().is_none()
            && let Err(WriteFailure::Broken(reason)) = self.active.finish()
        {
            tracing::warn!(reason, "the last segment keeps its full length");
        }
        self.identities.freeze(self.next_position - 1);
        self.identities.close();
        drop(self.lock);
    }
}

/// Whether a group goes to the disk past the page cache: not what is part of a conversation and read back at once.
fn frame_is_bulk(requests: &[Request], bytes: usize) -> bool {
    bytes >= BULK_BYTES && requests.iter().all(|request| request.bulk)
}

fn refuse(requests: Vec<Request>, error: &AppendError) {
    for request in requests {
        let _ = request.answer.send(Err(error.clone()));
    }
}
