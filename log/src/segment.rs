//! A segment file: its name and its first bytes.
//!
//! ```text
//! magic "MIZANLOG" | version u32 | zero u32 | first position u64 | marker u64 | crc32c of the above u32 | zero u32
//! ```
//!
//! All numbers in all files of the log are little-endian. The marker is drawn at random when the segment is made, and
//! every frame in it begins with it. So a frame can be found from anywhere in the file, and no sender can put bytes into
//! an event that look like one.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{LogError, Positions, io_error};

/// Bytes before the first frame.
pub(crate) const HEADER_BYTES: u64 = 40;

const MAGIC: &[u8; 8] = b"MIZANLOG";
const VERSION: u32 = 3;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) first_position: u64,
    pub(crate) marker: u64,
}

impl Header {
    /// For a new segment.
    pub(crate) fn draw(first_position: u64) -> Header {
        // Two hashes under keys from the system's random source; zero would look like empty space.
        let marker = RandomState::new().hash_one(first_position) ^ RandomState::new().hash_one(first_position);
        Header { first_position, marker: marker.max(1) }
    }

    pub(crate) fn encode(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_position.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.marker.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads and checks the header of the segment that is named after `first_position`.
    pub(crate) fn read(file: &File, path: &Path, first_position: u64) -> Result<Header, LogError> {
        let mut bytes = [0; HEADER_BYTES as usize];
        let corrupt = |what: &str| LogError::Corrupt {
            path: path.to_owned(),
            offset: 0,
            what: what.to_owned(),
            positions: Positions { from: first_position, to: None },
            hint: "restore the file from a backup",
        };
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(corrupt("the header is cut short"));
            }
            other => other.map_err(io_error("read", path))?,
        }
        if &bytes[..8] != MAGIC {
            return Err(corrupt("this is not the header of a segment"));
        }
        if u32_at(&bytes, 32) != crc32c::crc32c(&bytes[..32]) {
            return Err(corrupt("the header does not match its checksum"));
        }
        let found = u32_at(&bytes, 8);
        if found != VERSION {
            return Err(LogError::Version { path: path.to_owned(), found, known: VERSION });
        }
        let header = Header { first_position: u64_at(&bytes, 16), marker: u64_at(&bytes, 24) };
        if header.first_position != first_position {
            return Err(corrupt(&format!("the header says that it begins at {}", header.first_position)));
        }
        Ok(header)
    }
}

/// Where the segment that begins with this position is.
pub(crate) fn path_of(dir: &Path, first_position: u64) -> PathBuf {
    dir.join(format!("{first_position:020}.seg"))
}

/// First positions of the segments in a folder, in order. A folder that is not there has none.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, LogError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io_error("list", dir))?,
    };
    let mut firsts = Vec::new();
    for entry in entries {
        let name = entry.map_err(io_error("list", dir))?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".seg")).filter(|digits| digits.len() == 20);
        // Positions begin at 1: another name is not one of ours.
        firsts.extend(digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|first| *first > 0));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

pub(crate) fn u128_at(bytes: &[u8], at: usize) -> u128 {
    let mut number = [0; 16];
    number.copy_from_slice(&bytes[at..at + 16]);
    u128::from_le_bytes(number)
}
