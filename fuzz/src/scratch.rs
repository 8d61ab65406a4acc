//! Folders for targets that need files: in memory where the system has such a place, since thousands are made a second.

use std::path::Path;

use tempfile::TempDir;

/// A folder that goes when it is dropped.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap()
}
