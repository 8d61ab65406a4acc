//! What writer, readers and callers of one open log have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::disk::lock;

/// Figures of a log since it was opened, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times that data was forced to disk for appends.
    pub fsyncs: u64,
    /// Entries stored.
    pub appended: u64,
    /// Bytes of the entries stored, without overhead.
    pub appended_bytes: u64,
    /// Entries that were duplicates.
    pub duplicates: u64,
    /// Bytes waiting to be written, or being written.
    pub queue_bytes: u64,
    /// Requests answered with [`Busy`](crate::AppendError::Busy).
    pub busy: u64,
    /// Identities in memory, not yet in a sealed file.
    pub recent_identities: u64,
    /// Identities in sealed files.
    pub sealed_identities: u64,
    /// Sealed files.
    pub identity_files: u64,
    /// Bytes of memory that filters and fences of sealed files take.
    pub identity_memory_bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Bytes of disk that segments, identities and positions take.
    pub disk_bytes: u64,
}

/// Counters that only go up.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) fsyncs: AtomicU64,
    pub(crate) appended: AtomicU64,
    pub(crate) appended_bytes: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) recent_identities: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

/// A place in the log that may be read: this segment, up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) first_position: u64,
    pub(crate) bytes: u64,
}

/// The common part.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    /// Durable bytes by first position; the last one is being written.
    segments: Mutex<BTreeMap<u64, u64>>,
    durable: watch::Sender<u64>,
    failure: Mutex<Option<String>>,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn new(dir: PathBuf, segments: BTreeMap<u64, u64>, last_position: u64) -> Shared {
        Shared {
            dir,
            segments: Mutex::new(segments),
            durable: watch::Sender::new(last_position),
            failure: Mutex::new(None),
            counters: Counters::default(),
        }
    }

    /// Makes what was synced visible: first where it is, then that it is there.
    pub(crate) fn publish(&self, segment: u64, bytes: u64, last_position: u64) {
        lock(&self.segments).insert(segment, bytes);
        self.durable.send_replace(last_position);
    }

    pub(crate) fn add_segment(&self, segment: u64, bytes: u64) {
        lock(&self.segments).insert(segment, bytes);
    }

    pub(crate) fn last_position(&self) -> u64 {
        *self.durable.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }

    /// Position of the first record that is, or will be, in the oldest segment.
    pub(crate) fn first_position(&self) -> u64 {
        lock(&self.segments).keys().next().copied().unwrap_or(1)
    }

    /// The segment in which this position is or will be; none when it is trimmed.
    pub(crate) fn locate(&self, position: u64) -> Option<Readable> {
        let segments = lock(&self.segments);
        segments.range(..=position).next_back().map(|(first, bytes)| Readable { first_position: *first, bytes: *bytes })
    }

    /// First positions of the segments all of whose records are at or below `up_to`, and the last position in them.
    /// Never the one being written.
    pub(crate) fn segments_up_to(&self, up_to: u64) -> (Vec<u64>, u64) {
        let segments = lock(&self.segments);
        let firsts: Vec<u64> = segments.keys().copied().collect();
        let whole: Vec<u64> = firsts.windows(2).take_while(|pair| pair[1] - 1 <= up_to).map(|pair| pair[0]).collect();
        let last = firsts.get(whole.len()).map_or(0, |next| next - 1);
        (whole, last)
    }

    pub(crate) fn forget_segment(&self, segment: u64) {
        lock(&self.segments).remove(&segment);
    }

    pub(crate) fn segment_count(&self) -> u64 {
        lock(&self.segments).len() as u64
    }

    /// Remembers the first failure; there is no way back but to open the log again.
    pub(crate) fn fail(&self, reason: &str) {
        lock(&self.failure).get_or_insert_with(|| reason.to_owned());
    }

    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }
}
