//! Reading the kept rejects, beside a writer or without one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::entry::RejectedEntry;
use super::error::RejectedError;
use super::segment::{self, Line};

/// Which entries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those after this id.
    pub after: Option<Uuid>,
    /// Only those of this road, such as `import`.
    pub kind: Option<String>,
    /// Only those of this file.
    pub file: Option<String>,
    /// Only those of this connector.
    pub connector: Option<String>,
    /// Only those that were, or were not, replayed.
    pub replayed: Option<bool>,
}

impl Filter {
    fn admits(&self, entry: &RejectedEntry) -> bool {
        let equal = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        let origin = &entry.origin;
        self.after.is_none_or(|after| entry.id > after)
            && equal(&self.kind, Some(&origin.kind))
            && equal(&self.file, origin.file.as_ref())
            && equal(&self.connector, origin.connector.as_ref())
            && self.replayed.is_none_or(|replayed| entry.replayed_at.is_some() == replayed)
    }
}

/// Reads the kept rejects. Changes nothing, and may run while another process writes.
#[derive(Clone, Debug)]
pub struct RejectedReader {
    folder: PathBuf,
}

impl RejectedReader {
    /// The rejects under the data directory `dir`; an empty list when there are none yet.
    pub fn new(dir: &Path) -> Self {
        Self { folder: dir.join("rejected") }
    }

    /// Up to `limit` entries that `filter` admits, oldest first. For the next page, filter by the last id.
    pub fn list(&self, limit: usize, filter: &Filter) -> Result<Vec<RejectedEntry>, RejectedError> {
        let marks = self.marks()?;
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        self.scan(|line| {
            if let Line::Rejected(mut entry) = line {
                entry.replayed_at = marks.get(&entry.id).cloned();
                if filter.admits(&entry) {
                    found.push(*entry);
                }
            }
            found.len() < limit
        })?;
        Ok(found)
    }

    /// The entry with this id.
    pub fn get(&self, id: Uuid) -> Result<RejectedEntry, RejectedError> {
        let mut found = None;
        self.scan(|line| {
            match line {
                Line::Rejected(entry) if entry.id == id => found = Some(*entry),
                Line::Replayed { id: marked, at } if marked == id => {
                    if let Some(entry) = &mut found {
                        entry.replayed_at = Some(at);
                    }
                }
                _ => {}
            }
            true
        })?;
        found.ok_or(RejectedError::NotFound(id))
    }

    /// How many entries are kept, and how many of them were replayed.
    pub fn count(&self) -> Result<(u64, u64), RejectedError> {
        let replayed = self.marks()?.len() as u64;
        let mut kept = 0;
        self.scan(|line| {
            kept += u64::from(matches!(line, Line::Rejected(_)));
            true
        })?;
        Ok((kept, replayed))
    }

    /// The entries of one segment after the other, oldest first.
    pub(super) fn segments(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<RejectedEntry>, RejectedError>> + Send + use<>, RejectedError> {
        let marks = self.marks()?;
        Ok(segment::list(&self.folder)?.into_iter().map(move |(path, _)| {
            let mut found = Vec::new();
            segment::read(&path, |line| {
                if let Line::Rejected(mut entry) = line {
                    entry.replayed_at = marks.get(&entry.id).cloned();
                    found.push(*entry);
                }
                true
            })?;
            Ok(found)
        }))
    }

    fn marks(&self) -> Result<HashMap<Uuid, String>, RejectedError> {
        let mut marks = HashMap::new();
        self.scan(|line| {
            if let Line::Replayed { id, at } = line {
                marks.insert(id, at);
            }
            true
        })?;
        Ok(marks)
    }

    fn scan(&self, mut visit: impl FnMut(Line) -> bool) -> Result<(), RejectedError> {
        for (path, _) in segment::list(&self.folder)? {
            if !segment::read(&path, &mut visit)? {
                break;
            }
        }
        Ok(())
    }
}
