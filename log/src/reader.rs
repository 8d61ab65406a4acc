//! Follows the log, in the process that writes it or beside it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{LogError, Positions, io_error};
use crate::format::{FrameHeader, Tags, for_each_record};
use crate::frames::{Frame, Frames, Step};
use crate::segment::{HEADER_BYTES, Header, list, path_of};
use crate::shared::{Readable, Shared};
use crate::types::Record;

/// Hands out records in order of position. Holds one file and at most one group of records.
pub struct Reader {
    source: Source,
    /// The last position handed out.
    position: u64,
    segment: Option<Segment>,
    /// Records of a frame that was read, not yet handed out.
    ready: VecDeque<Record>,
    /// The others are passed over.
    wanted: Tags,
    /// Everything up to here was read or passed over.
    passed: u64,
}

struct Segment {
    first_position: u64,
    path: PathBuf,
    frames: Frames,
    /// Where the frame that comes next has to begin.
    next_position: u64,
}

enum Source {
    /// The log is open in this process: what is durable is known.
    Live(Arc<Shared>),
    /// Another process may be writing: what is whole is taken.
    Files(PathBuf),
}

/// Reads the records after `after` from a log that another process may be writing. Stops quietly where the last segment
/// is not whole (yet); what comes next is seen by the next call of [`Reader::next`]. Takes no lock and changes nothing. A
/// directory that is not there is an empty log.
///
/// A record that the other process has written and not yet synced may be among them.
///
/// # Errors
/// When the directory cannot be listed, or the records asked for are trimmed.
pub fn read_only(dir: &Path, after: u64) -> Result<Reader, LogError> {
    let reader = Reader::new(Source::Files(dir.to_owned()), after);
    reader.source.locate(after)?;
    Ok(reader)
}

impl Reader {
    pub(crate) fn follow(shared: Arc<Shared>, after: u64) -> Reader {
        Reader::new(Source::Live(shared), after)
    }

    fn new(source: Source, after: u64) -> Reader {
        Reader { source, position: after, segment: None, ready: VecDeque::new(), wanted: Tags::ALL, passed: after }
    }

    /// The same reader for records with one of these tags. What holds none of them is passed over and hardly read.
    #[must_use]
    pub fn only(self, tags: &[u8]) -> Reader {
        Reader { wanted: Tags::of(tags), ..self }
    }

    /// The last position handed out or passed over, or the one it was made with.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next records, as many as have `max_bytes` of events together, at least one. None: caught up with what is
    /// durable. Reads files; call it where blocking is allowed.
    ///
    /// # Errors
    /// When the records are trimmed, the log ends before the reader's position, or a file is damaged. What was read before the
    /// damage is handed out first.
    pub fn next(&mut self, max_bytes: usize) -> Result<Option<Vec<Record>>, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        loop {
            while let Some(record) = self.ready.front() {
                if !records.is_empty() && bytes + record.bytes.len() > max_bytes {
                    return Ok(Some(records));
                }
                bytes += record.bytes.len();
                self.position = record.position;
                records.extend(self.ready.pop_front());
            }
            self.position = self.position.max(self.passed);
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return Ok((!records.is_empty()).then_some(records)),
                Err(error) if records.is_empty() => return Err(error),
                // It stays where it is and comes again.
                Err(_) => return Ok(Some(records)),
            }
        }
    }

    /// Reads or passes over one more frame; false when there is none yet.
    fn fill(&mut self) -> Result<bool, LogError> {
        loop {
            let step = match &mut self.segment {
                Some(segment) => segment.step(&self.source, self.wanted)?,
                None => None,
            };
            let Some((header, frame)) = step else {
                if self.move_on()? {
                    continue;
                }
                return Ok(false);
            };
            let after = self.position;
            if header.last_position() <= after {
                continue;
            }
            let Some(frame) = frame else {
                self.passed = header.last_position();
                return Ok(true);
            };
            let (ready, wanted) = (&mut self.ready, self.wanted);
            let whole = for_each_record(&frame.header, &frame.body(), |_, record| {
                if record.position > after && wanted.contains(record.tag) {
                    ready.push_back(record);
                }
            });
            if !whole {
                ready.clear();
                let damaged = self
                    .segment
                    .as_ref()
                    .map(|segment| segment.corrupt(frame.offset, "the records do not fill their frame", None));
                return damaged.map_or(Ok(false), Err);
            }
            self.passed = header.last_position();
            return Ok(true);
        }
    }

    /// Goes to the segment of the next record, or further in the present one. False when there is nothing new.
    fn move_on(&mut self) -> Result<bool, LogError> {
        let Some(readable) = self.source.locate(self.position)? else { return Ok(false) };
        match &mut self.segment {
            Some(segment) if segment.first_position == readable.first_position => {
                Ok(segment.frames.extend(readable.bytes))
            }
            other => {
                *other = Segment::open(&self.source, readable)?;
                Ok(other.is_some())
            }
        }
    }
}

impl Source {
    /// The segment in which the record after this position is or will be. None when there is no log yet.
    fn locate(&self, after: u64) -> Result<Option<Readable>, LogError> {
        match self {
            Source::Live(shared) => {
                let last_position = shared.last_position();
                if after > last_position {
                    return Err(LogError::Ahead { after, last_position });
                }
                let trimmed = || LogError::Trimmed { after, first_position: shared.first_position() };
                shared.locate(after + 1).ok_or_else(trimmed).map(Some)
            }
            Source::Files(dir) => loop {
                let firsts = list(dir)?;
                let Some(oldest) = firsts.first() else { return Ok(None) };
                let first_position = *firsts
                    .iter()
                    .rfind(|first| **first - 1 <= after)
                    .ok_or(LogError::Trimmed { after, first_position: *oldest })?;
                let path = path_of(dir, first_position);
                match std::fs::metadata(&path) {
                    Ok(metadata) => return Ok(Some(Readable { first_position, bytes: metadata.len() })),
                    // Trimmed since it was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(cause) => return Err(LogError::Io { action: "look at", path, cause }),
                }
            },
        }
    }

    fn dir(&self) -> &Path {
        match self {
            Source::Live(shared) => &shared.dir,
            Source::Files(dir) => dir,
        }
    }
}

impl Segment {
    /// Opens a segment; none when another process is still making it.
    fn open(source: &Source, readable: Readable) -> Result<Option<Segment>, LogError> {
        let Readable { first_position, bytes } = readable;
        let path = path_of(source.dir(), first_position);
        if matches!(source, Source::Files(_)) && bytes <= HEADER_BYTES {
            return Ok(None);
        }
        let file = File::open(&path).map_err(io_error("open", &path))?;
        let header = Header::read(&file, &path, first_position)?;
        let frames = Frames::new(file, header.marker, HEADER_BYTES, bytes);
        Ok(Some(Segment { first_position, path, frames, next_position: first_position }))
    }

    /// The next frame, its header alone when it has none of the wanted tags; none at the end of what may be read.
    fn step(&mut self, source: &Source, wanted: Tags) -> Result<Option<(FrameHeader, Option<Frame>)>, LogError> {
        let mut step = self.frames.step_to(wanted).map_err(io_error("read", &self.path))?;
        if let (Step::Bad(_), Source::Files(dir)) = (&step, source) {
            // Perhaps it was being written: look again. In a segment with a successor it is whole by now, or never.
            let has_successor = list(dir)?.last().is_some_and(|last| *last > self.first_position);
            self.frames.refresh().map_err(io_error("read", &self.path))?;
            step = self.frames.step_to(wanted).map_err(io_error("read", &self.path))?;
            if matches!(step, Step::Bad(_)) && !has_successor {
                return Ok(None);
            }
        }
        let (header, frame) = match step {
            Step::End => return Ok(None),
            Step::Frame(frame) => (frame.header, Some(frame)),
            Step::Passed(header) => (header, None),
            Step::Bad(what) => {
                let tail = self.frames.tail().map_err(io_error("read", &self.path))?;
                let next = tail.later_frame.map(|position| position - 1);
                return Err(self.corrupt(self.frames.offset(), what, next));
            }
        };
        if header.first_position != self.next_position {
            let what = format!("the frame begins at {}, not at {}", header.first_position, self.next_position);
            let offset = frame.map_or(self.frames.offset(), |frame| frame.offset);
            return Err(self.corrupt(offset, &what, header.first_position.checked_sub(1)));
        }
        self.next_position += u64::from(header.records);
        Ok(Some((header, frame)))
    }

    fn corrupt(&self, offset: u64, what: &str, to: Option<u64>) -> LogError {
        LogError::Corrupt {
            path: self.path.clone(),
            offset,
            what: what.to_owned(),
            positions: Positions { from: self.next_position, to },
            hint: "restore the file from a backup",
        }
    }
}
