//! Files and folders, with what it takes to find them again after a power cut.

use std::cell::OnceCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::format::BLOCK_BYTES;
use crate::types::Options;

/// Asked before every change of the disk: tests let it fail.
#[cfg(not(test))]
#[inline]
pub(crate) fn before_change(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use crate::faults::before_change;

/// A file under construction or a segment being written. Tests make it fail.
pub(crate) struct DataFile {
    file: File,
    /// The same file, past the page cache, where system and disk allow it.
    direct: OnceCell<Option<File>>,
    path: PathBuf,
    #[cfg(test)]
    faults: crate::faults::Faults,
}

impl DataFile {
    /// Makes a new file; an existing one is an error.
    pub(crate) fn create(path: &Path, options: &Options) -> io::Result<DataFile> {
        before_change(path)?;
        DataFile::from(OpenOptions::new().write(true).create_new(true).open(path), path, options)
    }

    /// Opens an existing file to write on.
    pub(crate) fn open(path: &Path, options: &Options) -> io::Result<DataFile> {
        DataFile::from(OpenOptions::new().write(true).open(path), path, options)
    }

    #[cfg_attr(not(test), expect(unused_variables, reason = "only tests inject faults"))]
    fn from(file: io::Result<File>, path: &Path, options: &Options) -> io::Result<DataFile> {
        Ok(DataFile {
            file: file?,
            direct: OnceCell::new(),
            path: path.to_owned(),
            #[cfg(test)]
            faults: options.faults.clone(),
        })
    }

    pub(crate) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some((written, error)) = self.faults.on_write(bytes.len()) {
            self.file.write_all_at(&bytes[..written], offset)?;
            return Err(error);
        }
        #[cfg(test)]
        if let Err(error) = before_change(&self.path) {
            // A write that fails is rarely one of which nothing is written.
            self.file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.file.write_all_at(bytes, offset)
    }

    /// The same for much that is hardly read again soon: what is aligned in file and memory goes to the disk without a
    /// copy in the page cache, which costs more than all else that the log does with it.
    pub(crate) fn write_bulk_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let aligned = offset.is_multiple_of(BLOCK_BYTES as u64) && bytes.as_ptr().align_offset(BLOCK_BYTES) == 0;
        let direct = self.direct.get_or_init(|| open_direct(&self.path)).as_ref().filter(|_| aligned);
        let Some(direct) = direct else { return self.write_all_at(bytes, offset) };
        let (blocks, rest) = bytes.split_at(bytes.len() - bytes.len() % BLOCK_BYTES);
        #[cfg(test)]
        if let Some((_, error)) = self.faults.on_write(blocks.len()) {
            return Err(error);
        }
        before_change(&self.path)?;
        match direct.write_all_at(blocks, offset) {
            // A file system may open such files and then not write them; and a write may be cut short off a block.
            Err(error) if error.kind() == ErrorKind::InvalidInput => self.write_all_at(blocks, offset)?,
            written => written?,
        }
        self.write_all_at(rest, offset + blocks.len() as u64)
    }

    /// Content and, where the length changed, that too.
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.on_sync()?;
        before_change(&self.path)?;
        self.file.sync_data()
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.on_sync()?;
        before_change(&self.path)?;
        self.file.sync_all()
    }

    pub(crate) fn set_len(&self, bytes: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.on_set_len()?;
        before_change(&self.path)?;
        self.file.set_len(bytes)
    }
}

#[cfg(target_os = "linux")]
fn open_direct(path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_direct(_path: &Path) -> Option<File> {
    None
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    before_change(dir)?;
    File::open(dir)?.sync_all()
}

/// Takes a name away; the folder is not synced.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    before_change(path)?;
    fs::remove_file(path)
}

/// Gives a file another name; the folder is not synced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    before_change(to)?;
    fs::rename(from, to)
}

/// Makes a folder and the ones above it, and their names durable.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_dir(parent)?;
    }
    before_change(dir)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_dir(parent.unwrap_or(Path::new(".")))
}

/// Replaces a small file as a whole: after a crash there is the old one or the new one.
pub(crate) fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    before_change(temporary)?;
    let file = File::create(temporary)?;
    before_change(temporary)?;
    file.write_all_at(bytes, 0)?;
    before_change(temporary)?;
    file.sync_all()?;
    rename(temporary, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Whether an error says that space, or what one may use of it, has run out.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Locks; what a panicking thread left behind is as valid as before, for every lock here guards plain values.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
