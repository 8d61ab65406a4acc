//! A file as a stream of plain bytes: opened, counted for the progress bar, decompressed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::error::FileError;
use super::source::{Compression, SourceFile};

const BUFFER: usize = 256 << 10;

/// How many bytes of the file, as it lies on disk, have been read. Cheap to clone, readable from any thread.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

struct Counted {
    file: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(out)?;
        self.progress.add(count as u64);
        Ok(count)
    }
}

/// Opens a file that is not compressed at byte `from`, for those who read much at once and count it themselves: nothing
/// stands between them and the system.
pub(super) fn open_plain(source: &SourceFile, from: u64, progress: &Progress) -> Result<File, FileError> {
    let failed = |error| source.failed(error);
    let mut file = File::open(&source.path).map_err(failed)?;
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    progress.set(from);
    Ok(file)
}

/// Opens the text of a file at byte `from` of the uncompressed text.
pub(super) fn open(source: &SourceFile, from: u64, progress: &Progress) -> Result<Box<dyn Read + Send>, FileError> {
    let failed = |error| source.failed(error);
    let mut file = File::open(&source.path).map_err(failed)?;
    progress.set(0);
    if source.compression == Compression::None && from > 0 {
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        progress.set(from);
    }
    let counted = Counted { file, progress: progress.clone() };
    let buffered = io::BufReader::with_capacity(BUFFER, counted);
    let mut plain: Box<dyn Read + Send> = match source.compression {
        Compression::None => Box::new(buffered),
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(buffered).map_err(failed)?),
    };
    if source.compression != Compression::None && from > 0 {
        io::copy(&mut plain.by_ref().take(from), &mut io::sink()).map_err(failed)?;
    }
    Ok(plain)
}
