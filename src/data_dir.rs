//! The data directory: where each room keeps its files, and the lock that keeps a second writer out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::exit::{Code, Failure};

/// Paths below one data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// Held by the one process that writes; let go when dropped.
#[derive(Debug)]
pub struct Writing {
    _lock: File,
}

impl DataDir {
    /// A data directory at this path, whether it exists or not.
    pub fn new(root: impl Into<PathBuf>) -> DataDir {
        DataDir { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Segments of the log.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Delta tables.
    pub fn lake(&self) -> PathBuf {
        self.root.join("lake")
    }

    /// Live state.
    pub fn operations(&self) -> PathBuf {
        self.root.join("operations.db")
    }

    /// The first key, readable by the owner alone.
    pub fn admin_key(&self) -> PathBuf {
        self.root.join("admin.key")
    }

    /// Whether anything was ever written here.
    pub fn exists(&self) -> bool {
        self.lake().is_dir()
    }

    /// Creates the directory if needed and takes its lock.
    pub fn lock(&self) -> Result<Writing, Failure> {
        let shown = self.root.display();
        create_private(&self.root).map_err(|error| Failure::io(&format!("cannot create {shown}"), &error))?;
        let path = self.root.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| Failure::io(&format!("cannot open {}", path.display()), &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
                let owner = if owner.trim().is_empty() {
                    "another process".to_owned()
                } else {
                    format!("process {}", owner.trim())
                };
                return Err(Failure::new(
                    Code::Unavailable,
                    format!("the data directory {shown} is in use by {owner}"),
                )
                .hint("stop it first, send events to it over HTTP, or choose another directory with --data"));
            }
            Err(TryLockError::Error(error)) => {
                return Err(Failure::io(&format!("cannot lock {}", path.display()), &error));
            }
        }
        // The number only helps a person; the lock itself is the kernel's and ends with the process.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| Failure::io(&format!("cannot write {}", path.display()), &error))?;
        Ok(Writing { _lock: file })
    }

    /// For commands that only read: the directory must be there.
    pub fn must_exist(&self) -> Result<(), Failure> {
        if self.exists() {
            return Ok(());
        }
        Err(Failure::new(Code::Unavailable, format!("there is no Mizan data in {}", self.root.display()))
            .hint("run `mizan demo`, `mizan serve` or `mizan import` first, or name another directory with --data"))
    }
}

/// A directory that only its owner may read: it holds customers' data.
fn create_private(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a secret into a file that only its owner may read.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_has_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path().join("shop"));
        let held = data.lock().unwrap();
        let refused = data.lock().unwrap_err();
        let told = format!("{refused:?}");
        assert!(told.contains(&std::process::id().to_string()) && told.contains("in use"), "{told}");
        drop(held);
        data.lock().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn secrets_and_the_directory_are_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path().join("shop"));
        let _held = data.lock().unwrap();
        write_private(&data.admin_key(), "mzn_x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(data.root()), mode(&data.admin_key())), (0o700, 0o600));
    }
}
