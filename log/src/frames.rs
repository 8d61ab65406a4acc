//! Walks the frames of one segment, in large reads, and tells an end from damage.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use crate::format::{FRAME_HEADER_BYTES, FrameHeader, Tags, is_intact};

/// Bytes taken from the file at once; a larger frame is read whole.
const CHUNK_BYTES: u64 = 1024 * 1024;
/// The same where only a header is looked for.
const HEADER_CHUNK_BYTES: u64 = 4096;
/// Unit in which empty space is skipped.
const ZEROS: [u8; 4096] = [0; 4096];

/// One intact frame.
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) header: FrameHeader,
    /// All of it, header and body.
    pub(crate) bytes: Bytes,
}

impl Frame {
    pub(crate) fn body(&self) -> Bytes {
        self.bytes.slice(FRAME_HEADER_BYTES + self.header.gap..)
    }
}

/// What is at the next place.
pub(crate) enum Step {
    /// A frame; the walk moves on behind it.
    Frame(Frame),
    /// A frame with none of the tags that are wanted, not looked at further; the walk moves on behind it.
    Passed(FrameHeader),
    /// Exactly the limit.
    End,
    /// No intact frame; the walk stays.
    Bad(&'static str),
}

/// What lies behind the last intact frame.
pub(crate) struct Tail {
    /// First position of an intact frame further on.
    pub(crate) later_frame: Option<u64>,
    /// Bytes up to the last that is not zero.
    pub(crate) used_bytes: u64,
}

/// A walk through a segment file.
pub(crate) struct Frames {
    file: File,
    marker: u64,
    offset: u64,
    limit: u64,
    chunk: Bytes,
    chunk_at: u64,
    /// Bytes to read at once, should they have to be read.
    look: u64,
}

impl Frames {
    /// Walks from `offset` up to `limit`.
    pub(crate) fn new(file: File, marker: u64, offset: u64, limit: u64) -> Frames {
        Frames { file, marker, offset, limit, chunk: Bytes::new(), chunk_at: 0, look: CHUNK_BYTES }
    }

    /// Where the walk stands.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Lets the walk go up to another limit; false when it is the one it has. What was read ahead is read again: it may
    /// have changed since.
    pub(crate) fn extend(&mut self, limit: u64) -> bool {
        let is_new = limit != self.limit;
        if is_new {
            self.limit = limit;
            self.chunk = Bytes::new();
        }
        is_new
    }

    /// Forgets what was read ahead and takes the file's present length as the limit.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        self.chunk = Bytes::new();
        self.limit = self.file.metadata()?.len();
        Ok(())
    }

    /// The next frame, if it is whole.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        self.step_to(Tags::ALL)
    }

    /// The next frame, if it is whole; one without any of these tags is passed over by its header.
    pub(crate) fn step_to(&mut self, wanted: Tags) -> io::Result<Step> {
        if self.offset >= self.limit {
            return Ok(Step::End);
        }
        let Some(bytes) = self.bytes(FRAME_HEADER_BYTES)? else {
            return Ok(Step::Bad("the rest is too short for a frame"));
        };
        let header = FrameHeader::decode(&bytes);
        if header.marker != self.marker {
            return Ok(Step::Bad("no frame begins here"));
        }
        let Some(frame_bytes) = header.frame_bytes() else {
            return Ok(Step::Bad("the header of the frame is not one"));
        };
        if wanted != Tags::ALL && !header.tags.meets(wanted) && self.offset + frame_bytes as u64 <= self.limit {
            self.offset += frame_bytes as u64;
            // Behind a frame that is larger than what is read at once comes most likely another one to pass over.
            self.look = if frame_bytes as u64 > CHUNK_BYTES { HEADER_CHUNK_BYTES } else { CHUNK_BYTES };
            return Ok(Step::Passed(header));
        }
        self.look = CHUNK_BYTES;
        let Some(bytes) = self.bytes(frame_bytes)? else {
            return Ok(Step::Bad("the frame is cut short"));
        };
        if !is_intact(&bytes, &header) {
            return Ok(Step::Bad("the frame does not match its checksum"));
        }
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        Ok(Step::Frame(Frame { offset, header, bytes }))
    }

    /// The next bytes, shared with the chunk they came in; none when the limit is nearer.
    fn bytes(&mut self, need: usize) -> io::Result<Option<Bytes>> {
        if self.limit - self.offset < need as u64 {
            return Ok(None);
        }
        let start = self.offset.wrapping_sub(self.chunk_at);
        if start > self.chunk.len() as u64 || self.chunk.len() - (start as usize) < need {
            let want = self.look.min(self.limit - self.offset).max(need as u64);
            self.chunk = Bytes::from(self.read(self.offset, want as usize)?);
            self.chunk_at = self.offset;
        }
        let start = (self.offset - self.chunk_at) as usize;
        Ok((self.chunk.len() >= start + need).then(|| self.chunk.slice(start..start + need)))
    }

    fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; bytes];
        let mut filled = 0;
        while filled < bytes {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.truncate(filled);
        Ok(buffer)
    }

    /// Looks at everything from where the walk stands: is there an intact frame, and where does empty space begin?
    pub(crate) fn tail(&self) -> io::Result<Tail> {
        let marker = self.marker.to_le_bytes();
        let mut tail = Tail { later_frame: None, used_bytes: 0 };
        let mut at = self.offset;
        // Windows overlap by the length of a marker, so that none is cut in two.
        while at < self.limit {
            let window = self.read(at, (self.limit - at).min(CHUNK_BYTES) as usize)?;
            if window.is_empty() {
                break;
            }
            for (index, block) in window.chunks(ZEROS.len()).enumerate() {
                if block == &ZEROS[..block.len()] {
                    continue;
                }
                let start = index * ZEROS.len();
                let last = block.iter().rposition(|byte| *byte != 0).unwrap_or(0);
                tail.used_bytes = at + (start + last + 1) as u64 - self.offset;
                let end = (start + block.len() + marker.len() - 1).min(window.len());
                for (place, _) in window[start..end].windows(8).enumerate().filter(|(_, bytes)| **bytes == marker) {
                    let mut walk = self.at(at + (start + place) as u64)?;
                    if tail.later_frame.is_none()
                        && let Step::Frame(frame) = walk.step()?
                    {
                        tail.later_frame = Some(frame.header.first_position);
                    }
                }
            }
            if window.len() < marker.len() {
                break;
            }
            at += (window.len() - marker.len() + 1) as u64;
        }
        Ok(tail)
    }

    fn at(&self, offset: u64) -> io::Result<Frames> {
        Ok(Frames::new(self.file.try_clone()?, self.marker, offset, self.limit))
    }
}
