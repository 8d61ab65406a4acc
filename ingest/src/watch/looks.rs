//! What is known of the files of a folder from one look to the next.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names of files that another program is still writing, or holds open.
const UNFINISHED: [&str; 4] = [".part", ".tmp", ".filepart", ".crdownload"];

/// What tells two versions of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    bytes: u64,
    modified: Option<SystemTime>,
}

/// What became of a file whose turn it was.
pub(super) enum Turn {
    /// It is imported, or will never be.
    Done,
    /// The import was asked to end.
    Stopped,
    /// It cannot be imported; whether that may change by itself.
    Failed { error: String, again: bool },
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Seen once like this.
    New,
    /// The same at two looks.
    Due,
    /// Nothing is to be done before it changes.
    Settled,
}

struct Known {
    version: Version,
    state: State,
    /// Whether it was told that this version cannot be imported.
    told: bool,
}

/// The files of one folder.
#[derive(Default)]
pub(super) struct Looks(BTreeMap<PathBuf, Known>);

impl Looks {
    /// Takes note of what a look has found.
    pub(super) fn saw(&mut self, found: BTreeMap<PathBuf, Version>) {
        self.0.retain(|path, _| found.contains_key(path));
        for (path, version) in found {
            match self.0.get_mut(&path) {
                Some(known) if known.version == version => {
                    if known.state == State::New {
                        known.state = State::Due;
                    }
                }
                _ => {
                    self.0.insert(path, Known { version, state: State::New, told: false });
                }
            }
        }
    }

    /// The files whose turn it is, in the order of their names.
    pub(super) fn due(&self) -> Vec<PathBuf> {
        let due = self.0.iter().filter(|(_, known)| known.state == State::Due);
        due.map(|(path, _)| path.clone()).collect()
    }

    /// Whether nobody was told yet that this version of a file cannot be imported.
    pub(super) fn is_news(&self, path: &Path) -> bool {
        self.0.get(path).is_some_and(|known| !known.told)
    }

    /// Takes note of what became of a file.
    pub(super) fn took(&mut self, path: &Path, turn: &Turn) {
        let Some(known) = self.0.get_mut(path) else { return };
        match turn {
            Turn::Done => known.state = State::Settled,
            Turn::Stopped => {}
            Turn::Failed { again, .. } => {
                known.told = true;
                if !again {
                    known.state = State::Settled;
                }
            }
        }
    }
}

/// The files in a folder that may be imported; folders in it are left alone.
pub(super) fn list(folder: &Path) -> io::Result<BTreeMap<PathBuf, Version>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // What is gone or closed to us at this very moment is looked at again next time.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_file() && metadata.len() > 0 && is_whole(&path) {
            found.insert(path, Version { bytes: metadata.len(), modified: metadata.modified().ok() });
        }
    }
    Ok(found)
}

/// Whether the name is not one that programs give to what they have not finished.
fn is_whole(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    // Excel keeps `~$book.xlsx` beside a book that is open.
    !name.starts_with('.') && !name.starts_with("~$") && !UNFINISHED.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: &[(&str, u64)]) -> BTreeMap<PathBuf, Version> {
        files.iter().map(|(name, bytes)| (PathBuf::from(name), Version { bytes: *bytes, modified: None })).collect()
    }

    fn due(looks: &Looks) -> Vec<String> {
        looks.due().iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_file_is_due_when_two_looks_find_it_the_same() {
        let mut looks = Looks::default();
        looks.saw(seen(&[("a", 1), ("b", 1)]));
        assert_eq!(due(&looks), [""; 0]);
        looks.saw(seen(&[("a", 2), ("b", 1)]));
        assert_eq!(due(&looks), ["b"]);
        looks.took(Path::new("b"), &Turn::Done);
        looks.saw(seen(&[("a", 2), ("b", 1)]));
        assert_eq!(due(&looks), ["a"]);
        looks.took(Path::new("a"), &Turn::Stopped);
        assert_eq!(due(&looks), ["a"]);
        // Another version of a finished file is another file.
        looks.saw(seen(&[("b", 3)]));
        looks.saw(seen(&[("b", 3)]));
        assert_eq!(due(&looks), ["b"]);
    }

    #[test]
    fn a_failure_is_told_once_a_version_and_tried_again_only_where_that_helps() {
        let mut looks = Looks::default();
        for _ in 0..2 {
            looks.saw(seen(&[("full", 1), ("bad", 1)]));
        }
        for (name, again) in [("bad", false), ("full", true)] {
            let path = Path::new(name);
            assert!(looks.is_news(path));
            looks.took(path, &Turn::Failed { error: String::new(), again });
            assert!(!looks.is_news(path));
        }
        assert_eq!(due(&looks), ["full"]);
        looks.saw(seen(&[("bad", 2)]));
        looks.saw(seen(&[("bad", 2)]));
        assert!(looks.is_news(Path::new("bad")));
    }

    #[test]
    fn what_others_are_still_writing_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", ".b.csv", "~$c.xlsx", "d.csv.part", "E.TMP"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::write(folder.path().join("empty.csv"), "").unwrap();
        std::fs::create_dir(folder.path().join("done")).unwrap();
        let found: Vec<_> = list(folder.path()).unwrap().into_keys().collect();
        assert_eq!(found, [folder.path().join("a.csv")]);
    }
}
