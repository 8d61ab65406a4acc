//! How far each reader has come: one small file a reader, replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::disk::{create_dir, lock, remove_file, replace};
use crate::error::{LogError, Positions, io_error};

/// First word of every file, with the version of its format.
const HEAD: &str = "mizan-position-1";

/// The saved positions of one log.
pub(crate) struct SavedPositions {
    dir: PathBuf,
    saved: Mutex<BTreeMap<String, u64>>,
}

impl SavedPositions {
    /// Reads what is saved.
    pub(crate) fn open(dir: &Path) -> Result<SavedPositions, LogError> {
        create_dir(dir).map_err(io_error("create", dir))?;
        let mut saved = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
            let path = entry.map_err(io_error("list", dir))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if check_name(name).is_ok() {
                saved.insert(name.to_owned(), read(&path)?);
            } else if name.ends_with(".tmp") {
                remove_file(&path).map_err(io_error("delete", &path))?;
            }
        }
        Ok(SavedPositions { dir: dir.to_owned(), saved: Mutex::new(saved) })
    }

    pub(crate) fn get(&self, reader: &str) -> Option<u64> {
        lock(&self.saved).get(reader).copied()
    }

    /// The reader that is furthest on, and where.
    pub(crate) fn furthest(&self) -> Option<(PathBuf, u64)> {
        let saved = lock(&self.saved);
        let (reader, position) = saved.iter().max_by_key(|(_, position)| **position)?;
        Some((self.dir.join(reader), *position))
    }

    pub(crate) fn save(&self, reader: &str, position: u64) -> Result<(), LogError> {
        check_name(reader)?;
        // The lock is held over the write, so that the file of two concurrent saves is the one remembered.
        let mut saved = lock(&self.saved);
        let path = self.dir.join(reader);
        let temporary = self.dir.join(format!("{reader}.tmp"));
        replace(&path, &temporary, encode(position).as_bytes()).map_err(io_error("write", &path))?;
        saved.insert(reader.to_owned(), position);
        Ok(())
    }
}

/// How far a reader of the log in `dir` has come, if it ever saved that. For other processes: it changes nothing.
///
/// # Errors
/// When the name is not a plain one, or the file is damaged or cannot be read.
pub fn saved_position(dir: &Path, reader: &str) -> Result<Option<u64>, LogError> {
    check_name(reader)?;
    let path = dir.join("positions").join(reader);
    if path.exists() { read(&path).map(Some) } else { Ok(None) }
}

fn check_name(name: &str) -> Result<(), LogError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(LogError::ReaderName { name: name.to_owned() })
}

/// `mizan-position-1 <position> <crc32c of what is before it, hexadecimal>`
fn encode(position: u64) -> String {
    let said = format!("{HEAD} {position}");
    format!("{said} {:08x}\n", crc32c::crc32c(said.as_bytes()))
}

fn read(path: &Path) -> Result<u64, LogError> {
    let text = fs::read(path).map_err(io_error("read", path))?;
    let text = String::from_utf8_lossy(&text);
    let position = text.split(' ').nth(1).and_then(|position| position.parse().ok());
    position.filter(|position| encode(*position) == text).ok_or_else(|| LogError::Corrupt {
        path: path.to_owned(),
        offset: 0,
        what: "this is not a saved position".to_owned(),
        positions: Positions { from: 1, to: None },
        hint: "delete the file to let this reader start again from the beginning of the log",
    })
}
