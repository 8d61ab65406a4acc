//! What goes in and what comes out.

use bytes::Bytes;

use crate::identities::key;

/// One event offered to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key among the identities.
    key: u128,
    /// Kept with the record; its meaning belongs to the caller.
    pub tag: u8,
    pub(crate) bytes: Bytes,
}

impl Entry {
    /// An event, opaque to the log. Two entries with the same identity are the same event; only the first is stored. 96 bits
    /// of it count.
    pub fn new(identity: u128, tag: u8, bytes: Bytes) -> Entry {
        // Made here, where the bytes were just read, and not by the one thread that writes for everybody.
        Entry { key: key(identity, crc32c::crc32c(&bytes)), tag, bytes }
    }

    /// The event.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn key(&self) -> u128 {
        self.key
    }
}

/// What became of one offered entry. What is stored, and was before, is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored under this position.
    Stored(u64),
    /// The same entry was stored before.
    Duplicate,
    /// Another entry was stored under this identity before; this one is not stored.
    Conflict,
}

/// One stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log: 1, 2, 3 … without gaps.
    pub position: u64,
    /// When its request arrived, in microseconds since 1970 UTC, as the caller said.
    pub received_at_us: i64,
    /// The tag it was offered with.
    pub tag: u8,
    /// The event, as it was offered. A slice of a larger read: keeping it keeps up to a mebibyte around it.
    pub bytes: Bytes,
}

/// How a log behaves. The defaults suit one machine; tests make things small.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment is closed when the next group would take it beyond this. A larger group gets a segment of its own.
    pub segment_bytes: u64,
    /// Bytes that may wait to be written. Beyond, [`append`](crate::Log::append) answers
    /// [`Busy`](crate::AppendError::Busy). A single larger request is taken when nothing else waits.
    pub max_queue_bytes: usize,
    /// Bytes written under one fsync, at most; a single larger request is written whole.
    pub max_group_bytes: usize,
    /// Identities kept in memory before they are sealed into a file. The default fills a table of 2²⁰ places as far as
    /// it goes without growing: 18 MB, 20 bytes an identity.
    pub recent_identities: usize,
    /// Failures to inject.
    #[cfg(test)]
    pub(crate) faults: crate::faults::Faults,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 64 * 1024 * 1024,
            max_queue_bytes: 64 * 1024 * 1024,
            max_group_bytes: 8 * 1024 * 1024,
            recent_identities: (1 << 20) / 8 * 7,
            #[cfg(test)]
            faults: crate::faults::Faults::default(),
        }
    }
}
