//! The log as callers see it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use crate::disk::{create_dir, lock, remove_file, sync_dir};
use crate::error::{AppendError, LogError, io_error};
use crate::identities::{Identities, Shelf};
use crate::positions::SavedPositions;
use crate::queue::{Answer, Queue};
use crate::reader::Reader;
use crate::recovery::{Recovery, recover};
use crate::segment::path_of;
use crate::shared::{Counters, Shared, Stats};
use crate::types::{Entry, Options, Outcome};
use crate::writer::Writer;

/// A log that is open for writing. Clones are the same log; the last one to go closes it.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

/// Entries that were offered and are not answered yet. Dropping this does not take them back.
#[must_use = "they are not stored for certain before they are answered"]
pub struct Offered {
    log: Log,
    answer: oneshot::Receiver<Answer>,
}

impl Offered {
    /// What became of each entry, in their order. Returns once they are on disk.
    ///
    /// # Errors
    /// As for [`append`](Log::append).
    ///
    /// # Panics
    /// When called from within an async task.
    pub fn wait(self) -> Result<Vec<Outcome>, AppendError> {
        self.answer.blocking_recv().unwrap_or_else(|_| Err(self.log.gone()))
    }
}

/// What [`Log::trim`] deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Segment files deleted.
    pub segments: u64,
    /// Bytes of disk they took.
    pub bytes: u64,
}

struct Inner {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    shelf: Arc<Shelf>,
    positions: SavedPositions,
    writer: Mutex<Option<JoinHandle<()>>>,
    trimming: Mutex<()>,
}

impl Log {
    /// Opens the log in a directory, making both if need be. Every record there is checked; a last write that a crash
    /// cut short is removed and reported.
    ///
    /// # Errors
    /// When the directory is in use, damaged, or of another version, or the system refuses.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<(Log, Recovery), LogError> {
        let dir = dir.as_ref();
        create_dir(dir).map_err(io_error("create", dir))?;
        let lock = lock_dir(dir)?;
        let positions = SavedPositions::open(&dir.join("positions"))?;
        let mut identities = Identities::open(&dir.join("identities"), options.recent_identities)?;
        let recovered = recover(dir, &options, positions.furthest(), &mut identities)?;
        let recovery = recovered.recovery;
        let shared = Arc::new(Shared::new(dir.to_owned(), recovered.segments, recovery.last_position));
        let queue = Arc::new(Queue::new(options.max_queue_bytes));
        let shelf = identities.shelf();
        let writer = Writer {
            dir: dir.to_owned(),
            options,
            active: recovered.active,
            next_position: recovery.last_position + 1,
            identities,
            queue: Arc::clone(&queue),
            shared: Arc::clone(&shared),
            lock,
        };
        let thread = std::thread::Builder::new().name("mizan-log".to_owned()).spawn(|| writer.run());
        let writer = Mutex::new(Some(thread.map_err(io_error("start the writer of", dir))?));
        let inner = Inner { queue, shared, shelf, positions, writer, trimming: Mutex::new(()) };
        Ok((Log { inner: Arc::new(inner) }, recovery))
    }

    /// Stores the entries of one request and says of each what became of it, in their order. Returns once they are on
    /// disk. Dropping the future does not take back what it offered.
    ///
    /// # Errors
    /// When they were not acknowledged; see [`AppendError`]. None of them is then stored, but for
    /// [`AppendError::Failed`], after which some may turn out to be: a second offer tells.
    pub async fn append(&self, received_at_us: i64, entries: Vec<Entry>) -> Result<Vec<Outcome>, AppendError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.offered(self.inner.queue.offer(received_at_us, entries))?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// The same for threads that load much and do nothing else. Waits for room instead of being told
    /// [`Busy`](AppendError::Busy), and large groups go past the page cache.
    ///
    /// # Errors
    /// As for [`append`](Log::append).
    ///
    /// # Panics
    /// When called from within an async task.
    pub fn append_blocking(&self, received_at_us: i64, entries: Vec<Entry>) -> Result<Vec<Outcome>, AppendError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.offer_blocking(received_at_us, entries)?.wait()
    }

    /// The same without waiting for the answer, so that the next entries can be made while these are written. What was
    /// offered first is stored first. Waits for room.
    ///
    /// # Errors
    /// When they cannot be offered; see [`AppendError`].
    pub fn offer_blocking(&self, received_at_us: i64, entries: Vec<Entry>) -> Result<Offered, AppendError> {
        let answer = self.offered(self.inner.queue.offer_blocking(received_at_us, entries))?;
        Ok(Offered { log: self.clone(), answer })
    }

    fn offered(
        &self,
        offered: Result<oneshot::Receiver<Answer>, AppendError>,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        match &offered {
            Err(AppendError::Busy) => Counters::add(&self.inner.shared.counters.busy, 1),
            Err(AppendError::Closed) => return Err(self.gone()),
            _ => {}
        }
        offered
    }

    /// Why nobody answers.
    fn gone(&self) -> AppendError {
        self.inner.shared.failure().map_or(AppendError::Closed, |reason| AppendError::Failed { reason })
    }

    /// The position of the last record on disk, as it moves; 0 before the first.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.inner.shared.watch()
    }

    /// Follows the records with positions beyond `after`.
    pub fn reader(&self, after: u64) -> Reader {
        Reader::follow(Arc::clone(&self.inner.shared), after)
    }

    /// Deletes the segments all of whose records are at or below `up_to`, never the one being written. Their identities
    /// are sealed before, so that repeats of what was trimmed stay duplicates. Blocks while it works.
    ///
    /// # Errors
    /// When identities cannot be sealed or files not deleted; then the segments in question are still there.
    pub fn trim(&self, up_to: u64) -> Result<Trimmed, LogError> {
        let inner = &self.inner;
        let _one_at_a_time = lock(&inner.trimming);
        let (segments, last) = inner.shared.segments_up_to(up_to);
        let mut trimmed = Trimmed::default();
        if segments.is_empty() {
            return Ok(trimmed);
        }
        self.seal(last)?;
        for segment in segments {
            let path = path_of(&inner.shared.dir, segment);
            let bytes = fs::metadata(&path).map_err(io_error("look at", &path))?.blocks() * 512;
            // Oldest first, each name gone for good before the next: a crash leaves no gap.
            remove_file(&path).map_err(io_error("delete", &path))?;
            sync_dir(&inner.shared.dir).map_err(io_error("sync", &inner.shared.dir))?;
            inner.shared.forget_segment(segment);
            trimmed.segments += 1;
            trimmed.bytes += bytes;
        }
        Ok(trimmed)
    }

    /// The same for what can be deleted at no further cost, because its identities are sealed already.
    ///
    /// # Errors
    /// As for [`trim`](Log::trim).
    pub fn trim_sealed(&self, up_to: u64) -> Result<Trimmed, LogError> {
        self.trim(up_to.min(self.inner.shelf.sealed_to()))
    }

    /// Begins to seal the identities so far, so that a [`trim`](Log::trim) soon after waits less. Returns at once.
    pub fn begin_seal(&self) {
        // A log that is closed, or has failed, seals nothing more; whoever trims it is told.
        let _ = self.inner.queue.ask_seal();
    }

    /// Returns once the identities of all records up to `position` are in sealed files.
    fn seal(&self, position: u64) -> Result<(), LogError> {
        if self.inner.shelf.sealed_to() >= position {
            return Ok(());
        }
        let gone = || self.inner.shared.failure().map_or(LogError::Closed, |reason| LogError::Failed { reason });
        let sealed = self.inner.queue.ask_seal().map_err(|_| gone())?;
        let to = sealed.recv().map_err(|_| gone())?;
        self.inner.shelf.wait_sealed(to)
    }

    /// Position of the first record that is not trimmed; one beyond the last when there is none.
    pub fn first_position(&self) -> u64 {
        self.inner.shared.first_position()
    }

    /// Position of the last record on disk; 0 before the first.
    pub fn last_position(&self) -> u64 {
        self.inner.shared.last_position()
    }

    /// Saves how far a reader has come. On disk when this returns; blocks for as long.
    ///
    /// # Errors
    /// When the name is not a plain one, the position is beyond the log, or the file cannot be written.
    pub fn save_position(&self, reader: &str, position: u64) -> Result<(), LogError> {
        let last_position = self.last_position();
        if position > last_position {
            return Err(LogError::Ahead { after: position, last_position });
        }
        self.inner.positions.save(reader, position)
    }

    /// How far a reader has come, if it ever saved that.
    pub fn position(&self, reader: &str) -> Option<u64> {
        self.inner.positions.get(reader)
    }

    /// Figures for metrics. Looks at the directory for what it takes on disk.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.shared.counters;
        let shelf = self.inner.shelf.stats();
        Stats {
            fsyncs: counters.fsyncs.load(Ordering::Relaxed),
            appended: counters.appended.load(Ordering::Relaxed),
            appended_bytes: counters.appended_bytes.load(Ordering::Relaxed),
            duplicates: counters.duplicates.load(Ordering::Relaxed),
            queue_bytes: self.inner.queue.bytes() as u64,
            busy: counters.busy.load(Ordering::Relaxed),
            recent_identities: counters.recent_identities.load(Ordering::Relaxed) + shelf.pending_identities,
            sealed_identities: shelf.sealed_identities,
            identity_files: shelf.files,
            identity_memory_bytes: shelf.memory_bytes,
            segments: self.inner.shared.segment_count(),
            disk_bytes: disk_bytes(&self.inner.shared.dir),
        }
    }

    /// Takes nothing more, writes and answers what is queued, seals the identities, and lets the directory go. Readers
    /// stay usable. Blocks while it works.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        if let Some(writer) = lock(&self.writer).take()
            && writer.join().is_err()
        {
            tracing::error!(dir = %self.shared.dir.display(), "the writer of the log panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock_dir(dir: &Path) -> Result<File, LogError> {
    let path = dir.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(cause)) => Err(LogError::Io { action: "lock", path, cause }),
    }
}

/// Bytes the directory takes, as far as it can be looked at while files come and go.
fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}
