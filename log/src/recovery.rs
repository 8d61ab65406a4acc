//! What opening does: every frame is read and checked, a torn end is cut off, anything else that is wrong stops it.
//!
//! How a torn write is told from rot. A frame that is not intact was either never whole (power went while it was
//! written) or was whole once (it was acknowledged, then the disk lost it). Only the last write can be torn, because each
//! write waits for the one before it to be on disk, and a segment is finished before the next one is made. So it is damage,
//! and not a torn write, when
//!
//! - it is in a segment that has a successor, or
//! - an intact frame follows further on in the file, or
//! - a saved position or a sealed file of identities is beyond what is left: it was durable when that was written.
//!
//! What remains is cut off. One case cannot be told: rot in the very last frame, before anybody read it. It is cut like a
//! torn write, and reported as [`Recovery::cut_bytes`].

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::active::{Active, WriteFailure};
use crate::disk::{remove_file, sync_dir};
use crate::error::{LogError, Positions, io_error};
use crate::format::for_each_record;
use crate::frames::{Frame, Frames, Step};
use crate::identities::Identities;
use crate::segment::{HEADER_BYTES, Header, list, path_of};
use crate::types::Options;

/// What [`Log::open`](crate::Log::open) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Position of the first record that is there; one beyond the last when there is none.
    pub first_position: u64,
    /// Position of the last record; 0 in a new log.
    pub last_position: u64,
    /// Segment files.
    pub segments: u64,
    /// Bytes of a torn last write that were cut off. Nothing in them was acknowledged.
    pub cut_bytes: u64,
    /// The file they were cut from.
    pub cut_path: Option<PathBuf>,
    /// Identities in sealed files.
    pub identities_sealed: u64,
    /// Identities read again from records that were not sealed yet.
    pub identities_read: u64,
}

pub(crate) struct Recovered {
    pub(crate) recovery: Recovery,
    pub(crate) active: Active,
    /// Durable bytes by first position.
    pub(crate) segments: BTreeMap<u64, u64>,
}

/// One segment, checked.
struct Checked {
    header: Header,
    /// Up to the end of the last intact frame.
    bytes: u64,
    last_position: u64,
    cut_bytes: u64,
    last_frame: Option<Frame>,
}

/// Something that says up to which position the log was durable once.
type Witness = (PathBuf, u64);

/// Checks everything in a log's directory and gets it ready for writing.
pub(crate) fn recover(
    dir: &Path,
    options: &Options,
    reader: Option<Witness>,
    identities: &mut Identities,
) -> Result<Recovered, LogError> {
    let mut firsts = list(dir)?;
    let unborn = remove_unborn(dir, &mut firsts)?;
    let sealed = Some((dir.join("identities"), identities.sealed_to()));
    let witness = [reader, sealed, unborn].into_iter().flatten().max_by_key(|(_, position)| *position);

    let mut recovery = Recovery { identities_sealed: identities.sealed(), ..Recovery::default() };
    let mut segments = BTreeMap::new();
    let mut last = None;
    if let Some(first) = firsts.first()
        && identities.sealed_to() + 1 < *first
    {
        let positions = Positions { from: identities.sealed_to() + 1, to: Some(first - 1) };
        return Err(missing(&dir.join("identities"), "identities of trimmed records are missing", positions));
    }
    let sealed_to = identities.sealed_to();
    for (index, first) in firsts.iter().enumerate() {
        let next = firsts.get(index + 1).copied();
        let checked = check(dir, *first, next, |frame| {
            if frame.header.last_position() <= sealed_to {
                return Ok(true);
            }
            recovery.identities_read += u64::from(frame.header.records);
            identities.recover(frame)
        })?;
        segments.insert(*first, checked.bytes);
        last = Some(checked);
    }

    recovery.last_position = last.as_ref().map_or(0, |last| last.last_position);
    if let Some((path, position)) = witness
        && position > recovery.last_position
    {
        let end =
            last.as_ref().map_or((dir.to_owned(), 0), |last| (path_of(dir, last.header.first_position), last.bytes));
        let positions = Positions { from: recovery.last_position + 1, to: Some(position) };
        let what = format!("the log ends here, but {} shows that it went to {position}", path.display());
        return Err(LogError::Corrupt { path: end.0, offset: end.1, what, positions, hint: RESTORE });
    }

    let active = match last {
        Some(last) => {
            let path = path_of(dir, last.header.first_position);
            if last.cut_bytes > 0 {
                tracing::warn!(path = %path.display(), offset = last.bytes, bytes = last.cut_bytes, "torn last write cut off");
                recovery.cut_bytes = last.cut_bytes;
                recovery.cut_path = Some(path.clone());
            }
            let last_frame = last.last_frame.as_ref().map(|frame| (frame.offset, &frame.bytes[..]));
            Active::reopen(dir, last.header, last.bytes, last_frame, options).map_err(io_error("reopen", &path))?
        }
        None => {
            let active = Active::create(dir, 1, 0, options).map_err(|failure| match failure {
                WriteFailure::Full => io_error("create a segment in", dir)(std::io::ErrorKind::StorageFull.into()),
                WriteFailure::Broken(reason) => LogError::Failed { reason },
            })?;
            segments.insert(1, active.bytes());
            active
        }
    };
    recovery.first_position = segments.keys().next().copied().unwrap_or(1);
    recovery.segments = segments.len() as u64;
    Ok(Recovered { recovery, active, segments })
}

/// What [`verify`] found intact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Records whose checksums hold.
    pub records: u64,
    /// Bytes at the end that are no whole write: torn by a crash, or still being written.
    pub unfinished_bytes: u64,
}

/// Reads every segment and compares every checksum, as [`Log::open`](crate::Log::open) does, but changes nothing. May run
/// beside a process that writes.
///
/// # Errors
/// [`LogError::Corrupt`] with the place, at the first damage.
pub fn verify(dir: &Path) -> Result<Verified, LogError> {
    let firsts = list(dir)?;
    let mut verified = Verified::default();
    for (index, first) in firsts.iter().enumerate() {
        let checked = check(dir, *first, firsts.get(index + 1).copied(), |frame| {
            verified.records += u64::from(frame.header.records);
            Ok(true)
        })?;
        verified.unfinished_bytes += checked.cut_bytes;
    }
    Ok(verified)
}

const RESTORE: &str = "restore the log directory from a backup";

/// A crash while a segment was made leaves a file without a whole header. Nothing is in it, so it goes; its name still
/// says how far the log had come.
fn remove_unborn(dir: &Path, firsts: &mut Vec<u64>) -> Result<Option<Witness>, LogError> {
    let Some(first) = firsts.last().copied() else { return Ok(None) };
    let path = path_of(dir, first);
    let file = File::open(&path).map_err(io_error("open", &path))?;
    let bytes = file.metadata().map_err(io_error("look at", &path))?.len();
    if bytes > HEADER_BYTES || !matches!(Header::read(&file, &path, first), Err(LogError::Corrupt { .. })) {
        return Ok(None);
    }
    firsts.pop();
    remove_file(&path).and_then(|()| sync_dir(dir)).map_err(io_error("delete", &path))?;
    Ok(Some((path, first - 1)))
}

/// Reads a segment from end to end. `next` is the first position of its successor; `visit` gets every frame and says
/// whether its records fill it.
fn check(
    dir: &Path,
    first: u64,
    next: Option<u64>,
    mut visit: impl FnMut(&Frame) -> Result<bool, LogError>,
) -> Result<Checked, LogError> {
    let path = path_of(dir, first);
    let file = File::open(&path).map_err(io_error("open", &path))?;
    let length = file.metadata().map_err(io_error("look at", &path))?.len();
    let header = Header::read(&file, &path, first)?;
    let mut frames = Frames::new(file, header.marker, HEADER_BYTES, length);
    let mut checked = Checked { header, bytes: HEADER_BYTES, last_position: first - 1, cut_bytes: 0, last_frame: None };
    let corrupt = |offset, what: &str, from: u64, to: Option<u64>| LogError::Corrupt {
        path: path.clone(),
        offset,
        what: what.to_owned(),
        positions: Positions { from, to },
        hint: RESTORE,
    };
    let damage = loop {
        match frames.step().map_err(io_error("read", &path))? {
            Step::Frame(frame) => {
                let expected = checked.last_position + 1;
                if frame.header.first_position != expected {
                    let what = format!("a frame begins at {}, not at {expected}", frame.header.first_position);
                    return Err(corrupt(frame.offset, &what, expected, frame.header.first_position.checked_sub(1)));
                }
                if !visit(&frame)? {
                    let what = "the records do not fill their frame";
                    return Err(corrupt(frame.offset, what, expected, Some(frame.header.last_position())));
                }
                checked.last_position = frame.header.last_position();
                checked.bytes = frames.offset();
                checked.last_frame = Some(frame);
            }
            Step::End => break None,
            // Every frame is wanted here.
            Step::Passed(_) => break Some("the frame was passed over"),
            Step::Bad(what) => break Some(what),
        }
    };
    let from = checked.last_position + 1;
    if let Some(what) = damage {
        let tail = frames.tail().map_err(io_error("read", &path))?;
        if let Some(next) = tail.later_frame.or(next) {
            return Err(corrupt(checked.bytes, what, from, Some((next - 1).max(from))));
        }
        checked.cut_bytes = tail.used_bytes;
    } else if let Some(next) = next
        && next != from
    {
        let what = format!("the segment ends, but the next one begins at {next}");
        return Err(corrupt(checked.bytes, &what, from, Some((next - 1).max(from))));
    }
    Ok(checked)
}

fn missing(path: &Path, what: &str, positions: Positions) -> LogError {
    LogError::Corrupt { path: path.to_owned(), offset: 0, what: what.to_owned(), positions, hint: RESTORE }
}

impl Identities {
    /// Takes up the identities of a frame that is not sealed. False when its records do not fill it.
    fn recover(&mut self, frame: &Frame) -> Result<bool, LogError> {
        let mut identities = Vec::with_capacity(frame.header.records as usize);
        if !for_each_record(&frame.header, &frame.body(), |identity, _| identities.push(identity)) {
            return Ok(false);
        }
        self.restore(&identities, frame.header.first_position - 1)?;
        Ok(true)
    }
}
