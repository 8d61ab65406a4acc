//! The bytes of a group: everything that one fsync makes durable is one frame under one checksum.
//!
//! ```text
//! frame:   marker u64 | crc32c of header from here and body u32 | body length u32 | first position u64 | records u32 |
//!          requests u32 | tags u32 | gap u32 | gap zeros | body
//! body:    requests, one after the other
//! request: received at, microseconds i64 | records u32 | records
//! record:  length u32 | tag u8 | key u128 | bytes
//! ```
//!
//! Tags are those of the records, a bit each, so that a reader passes over frames without what it wants. The gap lets the
//! body of a large frame begin on a block of the disk, which can then be written without a copy in the page cache.
//!
//! Why a frame for a group and not for a request: the disk may keep any part of a write that was not synced, also a
//! later part without an earlier one. A group is written only after the group before it was synced; so when a whole frame
//! follows a damaged one, the damaged one was whole once, and the damage is rot. Frames of single requests within one
//! write could not tell.

use bytes::Bytes;

use crate::segment::{u32_at, u64_at, u128_at};
use crate::types::{Entry, Record};

/// Bytes of a frame before gap and body.
pub(crate) const FRAME_HEADER_BYTES: usize = 40;
/// What begins here, in file and in memory, can be written without a copy.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// Where the checksum begins to count.
const CHECKED_FROM: usize = 12;
/// Bytes of a request and of a record beside the events themselves.
pub(crate) const REQUEST_OVERHEAD: usize = 12;
pub(crate) const RECORD_OVERHEAD: usize = 21;

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) marker: u64,
    pub(crate) crc: u32,
    pub(crate) body_bytes: usize,
    pub(crate) first_position: u64,
    pub(crate) records: u32,
    pub(crate) requests: u32,
    pub(crate) tags: Tags,
    pub(crate) gap: usize,
}

/// A set of tags; tags that differ by 32 are one to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tags(u32);

impl Tags {
    pub(crate) const ALL: Tags = Tags(u32::MAX);

    pub(crate) fn of(tags: &[u8]) -> Tags {
        let mut set = Tags::default();
        tags.iter().for_each(|tag| set.add(*tag));
        set
    }

    fn one(tag: u8) -> Tags {
        Tags(1 << (tag % 32))
    }

    fn add(&mut self, tag: u8) {
        self.0 |= Tags::one(tag).0;
    }

    pub(crate) fn contains(self, tag: u8) -> bool {
        self.meets(Tags::one(tag))
    }

    pub(crate) fn meets(self, other: Tags) -> bool {
        self.0 & other.0 != 0
    }
}

impl FrameHeader {
    /// Reads the first [`FRAME_HEADER_BYTES`] of a frame.
    pub(crate) fn decode(bytes: &[u8]) -> FrameHeader {
        FrameHeader {
            marker: u64_at(bytes, 0),
            crc: u32_at(bytes, 8),
            body_bytes: u32_at(bytes, 12) as usize,
            first_position: u64_at(bytes, 16),
            records: u32_at(bytes, 24),
            requests: u32_at(bytes, 28),
            tags: Tags(u32_at(bytes, 32)),
            gap: u32_at(bytes, 36) as usize,
        }
    }

    /// Bytes from the beginning of the frame to its end; none for a header that cannot be right.
    pub(crate) fn frame_bytes(&self) -> Option<usize> {
        let has_positions =
            self.first_position > 0 && self.first_position.checked_add(u64::from(self.records)).is_some();
        let can_be = self.gap < BLOCK_BYTES && self.records > 0 && has_positions;
        can_be.then_some(FRAME_HEADER_BYTES + self.gap + self.body_bytes)
    }

    pub(crate) fn last_position(&self) -> u64 {
        self.first_position + u64::from(self.records) - 1
    }
}

/// Whether the bytes of a whole frame are the ones that were written.
pub(crate) fn is_intact(frame: &[u8], header: &FrameHeader) -> bool {
    let checked = &frame[CHECKED_FROM..FRAME_HEADER_BYTES];
    crc32c::crc32c_append(crc32c::crc32c(checked), &frame[FRAME_HEADER_BYTES + header.gap..]) == header.crc
}

/// Puts a frame together. Its memory is used again for the next one.
pub(crate) struct FrameBuilder {
    /// Unused bytes, so that the body is aligned in memory; the header; the body.
    bytes: Vec<u8>,
    header_at: usize,
    first_position: u64,
    records: u32,
    requests: u32,
    tags: Tags,
    request_at: usize,
    request_records: u32,
}

/// A frame that is ready to be written.
pub(crate) struct Frame<'a> {
    /// Header and body, one after the other.
    bytes: &'a [u8],
    /// Zeros to leave between them in the file.
    pub(crate) gap: usize,
}

impl<'a> Frame<'a> {
    pub(crate) fn header(&self) -> &'a [u8] {
        &self.bytes[..FRAME_HEADER_BYTES]
    }

    pub(crate) fn body(&self) -> &'a [u8] {
        &self.bytes[FRAME_HEADER_BYTES..]
    }

    /// The whole frame, if it has no gap.
    pub(crate) fn whole(&self) -> Option<&'a [u8]> {
        (self.gap == 0).then_some(self.bytes)
    }

    /// Bytes that it takes in the file.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.gap
    }
}

impl FrameBuilder {
    pub(crate) fn new() -> FrameBuilder {
        FrameBuilder {
            bytes: Vec::new(),
            header_at: 0,
            first_position: 0,
            records: 0,
            requests: 0,
            tags: Tags::default(),
            request_at: 0,
            request_records: 0,
        }
    }

    /// Begins a frame of about `body_bytes`; `keep_bytes` is how much memory may stay from the last one.
    pub(crate) fn begin(&mut self, first_position: u64, body_bytes: usize, keep_bytes: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(keep_bytes);
        self.bytes.reserve(BLOCK_BYTES + FRAME_HEADER_BYTES + body_bytes);
        let body_at = self.bytes.as_ptr().wrapping_add(FRAME_HEADER_BYTES);
        // An offset that cannot be found, or memory that moves later, costs a copy and nothing else.
        self.header_at = Some(body_at.align_offset(BLOCK_BYTES)).filter(|offset| *offset < BLOCK_BYTES).unwrap_or(0);
        self.bytes.resize(self.header_at + FRAME_HEADER_BYTES, 0);
        self.first_position = first_position;
        self.records = 0;
        self.requests = 0;
        self.tags = Tags::default();
    }

    pub(crate) fn begin_request(&mut self, received_at_us: i64) {
        self.request_at = self.bytes.len();
        self.request_records = 0;
        self.bytes.extend_from_slice(&received_at_us.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
    }

    /// Adds a record and returns its position.
    pub(crate) fn push(&mut self, entry: &Entry) -> u64 {
        let position = self.first_position + u64::from(self.records);
        // Requests are refused before they come near 4 GiB.
        // Piece by piece into its place: put together elsewhere first, it would be read back while it is still being written,
        // and the processor waits for that.
        self.bytes.extend_from_slice(&(entry.bytes.len() as u32).to_le_bytes());
        self.bytes.push(entry.tag);
        self.bytes.extend_from_slice(&entry.key().to_le_bytes());
        self.bytes.extend_from_slice(&entry.bytes);
        self.tags.add(entry.tag);
        self.records += 1;
        self.request_records += 1;
        position
    }

    /// Ends a request; one without records leaves no trace.
    pub(crate) fn end_request(&mut self) {
        if self.request_records == 0 {
            self.bytes.truncate(self.request_at);
            return;
        }
        let at = self.request_at + 8;
        self.bytes[at..at + 4].copy_from_slice(&self.request_records.to_le_bytes());
        self.requests += 1;
    }

    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    /// Bytes the frame takes on disk, without a gap.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.header_at
    }

    /// The finished frame, for a place in a segment with this marker. Where it is `aligned`, its body begins on a block.
    pub(crate) fn finish(&mut self, marker: u64, offset: u64, aligned: bool) -> Frame<'_> {
        let body_at = offset + FRAME_HEADER_BYTES as u64;
        let gap = if aligned { (body_at.next_multiple_of(BLOCK_BYTES as u64) - body_at) as usize } else { 0 };
        let frame = &mut self.bytes[self.header_at..];
        let body_bytes = (frame.len() - FRAME_HEADER_BYTES) as u32;
        frame[..8].copy_from_slice(&marker.to_le_bytes());
        frame[12..16].copy_from_slice(&body_bytes.to_le_bytes());
        frame[16..24].copy_from_slice(&self.first_position.to_le_bytes());
        frame[24..28].copy_from_slice(&self.records.to_le_bytes());
        frame[28..32].copy_from_slice(&self.requests.to_le_bytes());
        frame[32..36].copy_from_slice(&self.tags.0.to_le_bytes());
        frame[36..40].copy_from_slice(&(gap as u32).to_le_bytes());
        let crc = crc32c::crc32c(&frame[CHECKED_FROM..]);
        frame[8..12].copy_from_slice(&crc.to_le_bytes());
        Frame { bytes: frame, gap }
    }
}

/// Walks the records of an intact frame. Returns false when lengths do not add up, which only a program error can make.
#[must_use]
pub(crate) fn for_each_record(header: &FrameHeader, body: &Bytes, mut visit: impl FnMut(u128, Record)) -> bool {
    let mut at = 0;
    let mut position = header.first_position;
    for _ in 0..header.requests {
        if body.len() - at < REQUEST_OVERHEAD {
            return false;
        }
        let received_at_us = u64_at(body, at).cast_signed();
        let records = u32_at(body, at + 8);
        at += REQUEST_OVERHEAD;
        for _ in 0..records {
            if body.len() - at < RECORD_OVERHEAD {
                return false;
            }
            let length = u32_at(body, at) as usize;
            let tag = body[at + 4];
            let identity = u128_at(body, at + 5);
            at += RECORD_OVERHEAD;
            if body.len() - at < length {
                return false;
            }
            visit(identity, Record { position, received_at_us, tag, bytes: body.slice(at..at + length) });
            at += length;
            position += 1;
        }
    }
    at == body.len() && position == header.first_position + u64::from(header.records)
}
