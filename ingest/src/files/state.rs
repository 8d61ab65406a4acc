//! How far an import has come, so that the next run of the same import goes on there.
//!
//! One small file for each imported file, under a name made of what must be the same for the position to mean
//! anything: path, size, time of change, and the mapping. It is written only after the log has acknowledged
//! everything before the position. A crash in between repeats some records, which the log knows as duplicates:
//! it costs time and never doubles.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128;

use super::record::Position;
use super::source::SourceFile;
use crate::durable;

const VERSION: u32 = 1;

/// The position could not be kept.
#[derive(Debug, Error)]
#[error("cannot keep the position of the import in {path}: {source}")]
pub struct StateError {
    path: PathBuf,
    source: io::Error,
}

/// How far the import of one file has come.
#[derive(Debug)]
pub struct ImportState {
    path: PathBuf,
    saved: Saved,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Saved {
    version: u32,
    file: String,
    bytes: u64,
    modified_us: i64,
    mapping: String,
    position: Position,
    finished: bool,
}

impl ImportState {
    /// The state of `file` under the data directory `dir`; `mapping` is the mapping's hash, 0 without one.
    ///
    /// A state that cannot be read counts as none: the import begins anew.
    pub fn open(dir: &Path, file: &SourceFile, mapping: u128) -> Result<Self, StateError> {
        let path = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
        let fresh = Saved {
            version: VERSION,
            file: path.to_string_lossy().into_owned(),
            bytes: file.bytes,
            modified_us: file.modified_us,
            mapping: format!("{mapping:032x}"),
            position: Position::default(),
            finished: false,
        };
        let key = format!("{}\0{}\0{}\0{}", fresh.file, fresh.bytes, fresh.modified_us, fresh.mapping);
        let folder = dir.join("imports");
        let name = format!("{:032x}.json", xxh3_128(key.as_bytes()));
        fs::create_dir_all(&folder).map_err(|source| StateError { path: folder.clone(), source })?;
        let path = folder.join(name);
        let saved = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Saved>(&bytes)
                .ok()
                .filter(|saved| saved.version == VERSION && saved.file == fresh.file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(StateError { path, source }),
        };
        Ok(Self { path, saved: saved.unwrap_or(fresh) })
    }

    /// Where to go on.
    pub fn position(&self) -> Position {
        self.saved.position
    }

    /// Whether the whole file is imported.
    pub fn finished(&self) -> bool {
        self.saved.finished
    }

    /// Keeps a position; everything before it must be acknowledged by the log.
    pub fn save(&mut self, position: Position) -> Result<(), StateError> {
        self.saved.position = position;
        self.write()
    }

    /// Keeps that the file is imported to its end.
    pub fn finish(&mut self) -> Result<(), StateError> {
        self.saved.finished = true;
        self.write()
    }

    /// Forgets the position, for an import that is to run again.
    pub fn restart(&mut self) -> Result<(), StateError> {
        self.saved.position = Position::default();
        self.saved.finished = false;
        self.write()
    }

    fn write(&self) -> Result<(), StateError> {
        let json = serde_json::to_vec(&self.saved).map_err(io::Error::from);
        let written = json.and_then(|json| durable::replace(&self.path, &json));
        written.map_err(|source| StateError { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_found_again_only_for_the_same_file_and_mapping() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        fs::write(&path, "{}\n{}\n").unwrap();
        let file = SourceFile::open(&path).unwrap();
        let position = Position { rows: 1, bytes: 3 };

        let mut state = ImportState::open(folder.path(), &file, 7).unwrap();
        assert_eq!(state.position(), Position::default());
        state.save(position).unwrap();

        let mut state = ImportState::open(folder.path(), &file, 7).unwrap();
        assert_eq!((state.position(), state.finished()), (position, false));
        state.finish().unwrap();
        assert!(ImportState::open(folder.path(), &file, 7).unwrap().finished());

        let other = ImportState::open(folder.path(), &file, 8).unwrap();
        assert_eq!(other.position(), Position::default());
        fs::write(&path, "{}\n{}\n{}\n").unwrap();
        let grown = SourceFile::open(&path).unwrap();
        let grown = ImportState::open(folder.path(), &grown, 7).unwrap();
        assert!(!grown.finished());
    }

    #[test]
    fn a_damaged_state_means_beginning_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        fs::write(&path, "{}\n").unwrap();
        let file = SourceFile::open(&path).unwrap();
        let mut state = ImportState::open(folder.path(), &file, 7).unwrap();
        state.finish().unwrap();
        fs::write(&state.path, "{\"version\":").unwrap();
        let state = ImportState::open(folder.path(), &file, 7).unwrap();
        assert_eq!((state.position(), state.finished()), (Position::default(), false));
    }
}
