//! Writes a run: pages as identities come, fences and filter behind them, the header last.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::filter::{FilterBuilder, Hash};
use super::run::{PAGE_BYTES, PAGE_IDENTITIES, Run, encode_header, finish_page, path_of};
use crate::disk::{before_change, remove_file, rename, sync_dir};

/// Bytes collected before they are written.
const WRITE_BYTES: usize = 64 * PAGE_BYTES;
/// Bytes written before they are forced out. One flush of a large run at its end would hold up the log's own.
const FLUSH_BYTES: u64 = 16 * 1024 * 1024;

/// Removes what was not finished: on a full disk it would take the space that others wait for.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already when it was finished. What cannot be removed now is removed at the next start.
        let _ = remove_file(&self.0);
    }
}

/// A run in the making, under a temporary name.
pub(crate) struct RunWriter {
    path: PathBuf,
    temporary: Temporary,
    file: File,
    positions: RangeInclusive<u64>,
    identities: u64,
    fences: Vec<u128>,
    filter: FilterBuilder,
    page: Box<[u8; PAGE_BYTES]>,
    in_page: usize,
    buffer: Vec<u8>,
    written: u64,
    flushed: u64,
}

impl RunWriter {
    /// Begins a run of up to `identities` for these records.
    pub(crate) fn create(dir: &Path, positions: RangeInclusive<u64>, identities: u64) -> io::Result<RunWriter> {
        let path = path_of(dir, &positions);
        let temporary = Temporary(path.with_extension("tmp"));
        before_change(&temporary.0)?;
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&temporary.0)?;
        let fences = Vec::with_capacity(identities.div_ceil(PAGE_IDENTITIES as u64) as usize);
        Ok(RunWriter {
            path,
            temporary,
            file,
            positions,
            identities: 0,
            fences,
            filter: FilterBuilder::for_identities(identities),
            page: Box::new([0; PAGE_BYTES]),
            in_page: 0,
            buffer: Vec::with_capacity(WRITE_BYTES),
            written: PAGE_BYTES as u64,
            flushed: 0,
        })
    }

    /// Adds an identity, larger than the one before.
    pub(crate) fn push(&mut self, identity: u128) -> io::Result<()> {
        if self.in_page == 0 {
            self.fences.push(identity);
        }
        self.page[self.in_page * 16..self.in_page * 16 + 16].copy_from_slice(&identity.to_le_bytes());
        self.in_page += 1;
        self.identities += 1;
        self.filter.insert(Hash::of(identity));
        if self.in_page == PAGE_IDENTITIES { self.end_page() } else { Ok(()) }
    }

    fn end_page(&mut self) -> io::Result<()> {
        finish_page(&mut self.page, self.in_page);
        self.in_page = 0;
        self.buffer.extend_from_slice(&self.page[..]);
        if self.buffer.len() >= WRITE_BYTES { self.write_buffer() } else { Ok(()) }
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        before_change(&self.path)?;
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if self.written - self.flushed >= FLUSH_BYTES {
            self.file.sync_data()?;
            self.flushed = self.written;
        }
        Ok(())
    }

    /// Puts the run on disk under its name and opens it.
    pub(crate) fn finish(mut self) -> io::Result<Run> {
        if self.in_page > 0 {
            self.end_page()?;
        }
        self.write_buffer()?;
        let run = Run {
            file: self.file,
            path: self.path,
            positions: self.positions,
            identities: self.identities,
            fences: self.fences,
            filter: self.filter.finish(),
        };
        let mut tail = Vec::with_capacity(run.memory_bytes() as usize);
        for fence in &run.fences {
            tail.extend_from_slice(&fence.to_le_bytes());
        }
        run.filter.encode_into(&mut tail);
        before_change(&run.path)?;
        run.file.write_all_at(&tail, self.written)?;
        before_change(&run.path)?;
        run.file.write_all_at(&encode_header(&run, crc32c::crc32c(&tail)), 0)?;
        before_change(&run.path)?;
        run.file.sync_all()?;
        rename(&self.temporary.0, &run.path)?;
        sync_dir(run.path.parent().unwrap_or(Path::new(".")))?;
        Ok(run)
    }
}
