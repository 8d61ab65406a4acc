//! The files rejects lie in: `000001.ndjson`, `000002.ndjson` …

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::RejectedEntry;
use super::error::RejectedError;

/// One line of a segment.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// An input.
    Rejected(Box<RejectedEntry>),
    /// The mark that one was replayed.
    Replayed {
        /// Which.
        id: Uuid,
        /// When.
        at: String,
    },
}

/// The segments of a folder with their sizes, oldest first; none when the folder is not there.
pub(super) fn list(folder: &Path) -> Result<Vec<(PathBuf, u64)>, RejectedError> {
    let failed = |source| RejectedError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if number(&path).is_some() {
            found.push((path, entry.metadata().map_err(failed)?.len()));
        }
    }
    found.sort();
    Ok(found)
}

/// The number in a segment's name.
pub(super) fn number(path: &Path) -> Option<u32> {
    let digits = path.file_name()?.to_str()?.strip_suffix(".ndjson")?;
    (digits.len() == 6).then(|| digits.parse().ok()).flatten()
}

/// The path of a segment.
pub(super) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.ndjson"))
}

/// Calls `visit` with each line of a segment. A line without an end, still being written, is left out.
pub(super) fn read(path: &Path, mut visit: impl FnMut(Line) -> bool) -> Result<bool, RejectedError> {
    let file = File::open(path).map_err(RejectedError::io(path))?;
    let mut file = BufReader::with_capacity(128 << 10, file);
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        file.read_until(b'\n', &mut text).map_err(RejectedError::io(path))?;
        if !text.ends_with(b"\n") {
            break;
        }
        let line = serde_json::from_slice(&text).map_err(|error| RejectedError::Damaged {
            path: path.to_owned(),
            line: number,
            problem: error.to_string(),
        })?;
        if !visit(line) {
            return Ok(false);
        }
    }
    Ok(true)
}
