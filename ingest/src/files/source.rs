//! Which files an import reads, and what each of them is.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::chunks::Chunks;
use super::error::FileError;
use super::excel;
use super::input::{self, Progress};
use super::record::Position;
use super::records::{ReadOptions, Records};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Rows of cells under a header, with this delimiter unless a mapping names another.
    Csv(u8),
    /// An Excel workbook: rows of cells under a header, in one of its sheets.
    Excel,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How a text file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not.
    None,
    /// gzip, also of several members.
    Gzip,
    /// Zstandard, also of several frames.
    Zstd,
}

/// One file to import.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub format: Format,
    /// How it is compressed.
    pub compression: Compression,
    /// Its size on disk.
    pub bytes: u64,
    /// When it was last changed, in microseconds since 1970.
    pub modified_us: i64,
}

/// The files of an import, in order.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Each file once.
    pub files: Vec<SourceFile>,
    /// Files in the folders and patterns asked for that are of no known type.
    pub skipped: Vec<PathBuf>,
}

impl Source {
    /// Finds the files that `paths` name. A folder stands for the files in it, a file name with `*` or `?` for
    /// those that match; both in the order of their names.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, FileError> {
        let mut source = Self::default();
        let mut seen = BTreeSet::new();
        for path in paths {
            let path = path.as_ref();
            let (found, several) = expand(path)?;
            for path in found {
                let same = path.canonicalize().unwrap_or_else(|_| path.clone());
                if !seen.insert(same) {
                    continue;
                }
                match SourceFile::open(&path) {
                    Ok(file) => source.files.push(file),
                    Err(FileError::UnknownType { path }) if several => source.skipped.push(path),
                    Err(error) => return Err(error),
                }
            }
        }
        match (source.files.is_empty(), source.skipped.first()) {
            (true, Some(path)) => Err(FileError::UnknownType { path: path.clone() }),
            _ => Ok(source),
        }
    }

    /// The size of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

fn expand(path: &Path) -> Result<(Vec<PathBuf>, bool), FileError> {
    let pattern = path.file_name().and_then(|name| name.to_str());
    let pattern = pattern.filter(|name| name.contains(['*', '?']) && !path.exists());
    let (folder, pattern, hint) = match pattern {
        Some(pattern) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            (folder, pattern, "matches this pattern")
        }
        None if path.is_dir() => (path, "*", "lies in this folder"),
        None if path.exists() => return Ok((vec![path.to_owned()], false)),
        None => {
            return Err(FileError::NotFound { path: path.to_owned(), hint: "is there, check the spelling" });
        }
    };
    let failed = |source| FileError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && entry.path().is_file() && matches(pattern, &name) {
            found.push(entry.path());
        }
    }
    if found.is_empty() {
        return Err(FileError::NotFound { path: path.to_owned(), hint });
    }
    found.sort();
    Ok((found, true))
}

/// Whether `name` matches `pattern`, where `*` stands for any text and `?` for one character.
fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for wanted in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        let mut any = false;
        for at in 0..=name.len() {
            any |= reached[at];
            next[at] = match wanted {
                '*' => any,
                '?' => at > 0 && reached[at - 1],
                _ => at > 0 && reached[at - 1] && name[at - 1] == wanted,
            };
        }
        reached = next;
    }
    reached[name.len()]
}

impl SourceFile {
    /// Looks at one file.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Read { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(failed)?;
        let modified = metadata.modified().map_err(failed)?;
        let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut head = Vec::new();
        File::open(path).and_then(|file| file.take(4).read_to_end(&mut head)).map_err(failed)?;
        let compression = match head.as_slice() {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            _ => Compression::None,
        };
        let mut file = Self {
            path: path.to_owned(),
            format: Format::Parquet,
            compression,
            bytes: metadata.len(),
            modified_us: i64::try_from(modified.as_micros()).unwrap_or(i64::MAX),
        };
        file.format = file.recognise(&head)?;
        Ok(file)
    }

    fn recognise(&self, head: &[u8]) -> Result<Format, FileError> {
        if head == b"PAR1" {
            return Ok(Format::Parquet);
        }
        if excel::recognise(&self.path, head)? {
            return Ok(Format::Excel);
        }
        let name = self.path.to_string_lossy().to_ascii_lowercase();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let first = || -> Result<Option<u8>, FileError> {
            let mut text = Vec::new();
            input::open(self, 0, &Progress::default())?
                .take(4096)
                .read_to_end(&mut text)
                .map_err(|error| self.failed(error))?;
            let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
            Ok(text.iter().copied().find(|byte| !byte.is_ascii_whitespace()))
        };
        match extension {
            "parquet" | "pq" => Ok(Format::Parquet),
            "csv" => Ok(Format::Csv(b',')),
            "tsv" | "tab" => Ok(Format::Csv(b'\t')),
            "ndjson" | "jsonl" => Ok(Format::Ndjson),
            // Says what is wrong with it when it is read.
            "xlsx" | "xlsm" => Ok(Format::Excel),
            _ => match first()? {
                Some(b'{') => Ok(Format::Ndjson),
                Some(b'[') if extension == "json" => Err(FileError::JsonArray { path: self.path.clone() }),
                _ => Err(FileError::UnknownType { path: self.path.clone() }),
            },
        }
    }

    /// Reads the file record by record, from a position on.
    pub fn records(&self, options: &ReadOptions, from: Position) -> Result<Records, FileError> {
        Records::open(self, options, from)
    }

    /// Reads NDJSON in large blocks of whole lines, from a position on. `file` is handed back in each chunk.
    pub fn chunks(&self, file: usize, from: Position) -> Result<Chunks, FileError> {
        Chunks::open(self, file, from)
    }

    pub(super) fn failed(&self, source: io::Error) -> FileError {
        match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                FileError::Damaged { path: self.path.clone(), problem: source.to_string() }
            }
            _ => FileError::Read { path: self.path.clone(), source },
        }
    }

    pub(super) fn damaged(&self, problem: impl std::fmt::Display) -> FileError {
        FileError::Damaged { path: self.path.clone(), problem: problem.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_a_shell_would_match() {
        for (pattern, name, expected) in [
            ("2010-*.csv", "2010-12-01.csv", true),
            ("2010-*.csv", "2011-12-01.csv", false),
            ("*", "anything", true),
            ("a?c*", "abcdef", true),
            ("a?c", "ac", false),
            ("*.csv", "طلبات.csv", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_folder_gives_its_files_in_order_and_names_what_it_skips() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.ndjson", "notes.md", ".hidden.csv"] {
            fs::write(folder.path().join(name), "x\n").unwrap();
        }
        let source = Source::open([folder.path(), &folder.path().join("b.csv")]).unwrap();
        let names: Vec<_> = source.files.iter().map(|file| file.path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.ndjson", "b.csv"]);
        assert_eq!(source.skipped, [folder.path().join("notes.md")]);
        assert_eq!(source.bytes(), 4);
    }

    #[test]
    fn an_unknown_type_lists_the_known_ones_and_a_json_array_says_how_to_convert_it() {
        let folder = tempfile::tempdir().unwrap();
        let (notes, array) = (folder.path().join("notes.md"), folder.path().join("all.json"));
        fs::write(&notes, "# notes").unwrap();
        fs::write(&array, " [{}]").unwrap();
        let error = Source::open([&notes]).unwrap_err().to_string();
        assert!(error.contains(".csv, .tsv, .ndjson"), "{error}");
        let error = Source::open([&array]).unwrap_err().to_string();
        assert!(error.contains("jq -c"), "{error}");
        assert!(matches!(Source::open([folder.path().join("*.parquet")]), Err(FileError::NotFound { .. })));
    }
}
