//! Keeping rejects: the one writer of the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mizan_events::EventTime;
use uuid::Uuid;

use super::entry::{Reject, RejectedEntry};
use super::error::RejectedError;
use super::reader::{Filter, RejectedReader};
use super::segment::{self, Line};

/// How much may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size at which a new segment is begun.
    pub segment_bytes: u64,
    /// The size of all segments together.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20, total_bytes: 1 << 30 }
    }
}

/// Keeps rejects. Blocking; to be called from threads that may wait for the disk.
#[derive(Debug)]
pub struct RejectedStore {
    folder: PathBuf,
    limits: Limits,
    reader: RejectedReader,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    path: PathBuf,
    file: File,
    /// Length of the segment up to which it is synced and whole.
    length: u64,
    /// Length of all segments together.
    total: u64,
}

impl RejectedStore {
    /// Opens the rejects under the data directory `dir`. A last line that a crash left unfinished is cut off:
    /// it was never reported.
    pub fn open(dir: &Path) -> Result<Self, RejectedError> {
        Self::open_with(dir, Limits::default())
    }

    /// The same with other limits.
    pub fn open_with(dir: &Path, limits: Limits) -> Result<Self, RejectedError> {
        let folder = dir.join("rejected");
        fs::create_dir_all(&folder).map_err(RejectedError::io(&folder))?;
        sync_folder(dir)?;
        let segments = segment::list(&folder)?;
        let before: u64 = segments.iter().map(|(_, bytes)| bytes).sum();
        let last = segments.last().map(|(path, _)| path.clone());
        let path = last.unwrap_or_else(|| segment::path(&folder, 1));
        let (file, length, cut) = open_segment(&folder, &path)?;
        let writer = Mutex::new(Writer { path, file, length, total: before - cut });
        Ok(Self { reader: RejectedReader::new(dir), folder, limits, writer })
    }

    /// Keeps `rejected`; when it returns, they are on the disk. All of them are kept, or none.
    pub fn append(&self, rejected: Vec<Reject>) -> Result<Vec<RejectedEntry>, RejectedError> {
        // Ids are made under the lock, so that their order is the order of the lines.
        let mut writer = self.lock();
        let now = EventTime::now();
        let entries: Vec<RejectedEntry> =
            rejected.into_iter().map(|rejected| RejectedEntry::new(rejected, now)).collect();
        let mut text = Vec::new();
        for entry in &entries {
            write_line(&mut text, &Line::Rejected(Box::new(entry.clone())));
        }
        if writer.total + text.len() as u64 > self.limits.total_bytes {
            return Err(RejectedError::Full { path: self.folder.clone(), limit: self.limits.total_bytes });
        }
        self.write(&mut writer, &text)?;
        Ok(entries)
    }

    /// Marks the entry with this id as replayed. Marks are kept even when the store is full.
    pub fn mark_replayed(&self, id: Uuid) -> Result<(), RejectedError> {
        self.reader.get(id)?;
        let mut text = Vec::new();
        let at = EventTime::now().to_string();
        write_line(&mut text, &Line::Replayed { id, at });
        self.write(&mut self.lock(), &text)
    }

    /// Up to `limit` entries that `filter` admits, oldest first.
    pub fn list(&self, limit: usize, filter: &Filter) -> Result<Vec<RejectedEntry>, RejectedError> {
        self.reader.list(limit, filter)
    }

    /// The entry with this id.
    pub fn get(&self, id: Uuid) -> Result<RejectedEntry, RejectedError> {
        self.reader.get(id)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        // A writer that panicked left the file as `length` says, which the next write restores.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, writer: &mut Writer, text: &[u8]) -> Result<(), RejectedError> {
        if text.is_empty() {
            return Ok(());
        }
        if writer.length >= self.limits.segment_bytes {
            let number = segment::number(&writer.path).unwrap_or(0) + 1;
            let path = segment::path(&self.folder, number);
            let (file, length, _) = open_segment(&self.folder, &path)?;
            (writer.path, writer.file, writer.length) = (path, file, length);
        }
        let length = writer.length;
        let written = append(&mut writer.file, length, text);
        if let Err(error) = written {
            // Half a line must not stand before the next one.
            let restored = writer.file.set_len(length);
            let source = restored.err().unwrap_or(error);
            return Err(RejectedError::Io { path: writer.path.clone(), source });
        }
        writer.length += text.len() as u64;
        writer.total += text.len() as u64;
        Ok(())
    }
}

fn append(file: &mut File, length: u64, text: &[u8]) -> std::io::Result<()> {
    if file.metadata()?.len() != length {
        file.set_len(length)?;
    }
    file.seek(SeekFrom::Start(length))?;
    file.write_all(text)?;
    file.sync_data()
}

fn write_line(text: &mut Vec<u8>, line: &Line) {
    let begin = text.len();
    // Texts, numbers and ids always have a JSON form; a line that had none would be left out whole.
    match serde_json::to_writer(&mut *text, line) {
        Ok(()) => text.push(b'\n'),
        Err(error) => {
            text.truncate(begin);
            tracing::error!(%error, "a rejected input could not be written");
        }
    }
}

/// Opens or creates a segment and cuts an unfinished last line: file, length, bytes cut.
fn open_segment(folder: &Path, path: &Path) -> Result<(File, u64, u64), RejectedError> {
    let failed = RejectedError::io(path);
    let open = || {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let found = file.metadata()?.len();
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
        if whole < found {
            file.set_len(whole)?;
        }
        file.sync_all()?;
        Ok((file, whole, found - whole))
    };
    let opened = open().map_err(failed)?;
    sync_folder(folder)?;
    Ok(opened)
}

fn sync_folder(folder: &Path) -> Result<(), RejectedError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(RejectedError::io(folder))
}

#[cfg(test)]
mod tests;
