//! A sealed file of identities, sorted, never changed.
//!
//! ```text
//! page 0:  magic "MIZANIDS" | version u32 | crc32c of tail u32 | first position u64 | last position u64 |
//!          identities u64 | pages u64 | filter blocks u64 | crc32c of the above u32 | zeros
//! pages:   255 keys u128, ascending by name | count u32 | zeros | crc32c of the above u32
//! tail:    fences: the first identity of each page u128 | filter blocks
//! ```
//!
//! A page is 4096 bytes. Fences and filter are read when the run is opened and stay in memory, so that a lookup that
//! the filter lets through is one read of one page.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::filter::{BLOCK_BYTES, Filter};
use super::name;
use crate::error::{LogError, Positions, io_error};
use crate::segment::{u32_at, u64_at, u128_at};

pub(crate) const PAGE_BYTES: usize = 4096;
/// Identities in a full page.
pub(crate) const PAGE_IDENTITIES: usize = 255;
/// Where in a page the number of identities is.
const COUNT_AT: usize = PAGE_IDENTITIES * 16;
/// Where in a page its checksum is.
const PAGE_CRC_AT: usize = PAGE_BYTES - 4;
/// Where in page 0 its checksum is.
const HEADER_CRC_AT: usize = 56;
const MAGIC: &[u8; 8] = b"MIZANIDS";
const VERSION: u32 = 2;
/// Pages that a cursor reads at once.
const CURSOR_PAGES: u64 = 64;

/// A sealed run, open for lookups.
pub(crate) struct Run {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    /// The records whose identities these are.
    pub(crate) positions: RangeInclusive<u64>,
    pub(crate) identities: u64,
    pub(crate) fences: Vec<u128>,
    pub(crate) filter: Filter,
}

/// `<first position>-<last position>.ids`
pub(crate) fn path_of(dir: &Path, positions: &RangeInclusive<u64>) -> PathBuf {
    dir.join(format!("{:020}-{:020}.ids", positions.start(), positions.end()))
}

/// Page 0 of a run.
pub(crate) fn encode_header(run: &Run, tail_crc: u32) -> Vec<u8> {
    let mut page = Vec::with_capacity(PAGE_BYTES);
    page.extend_from_slice(MAGIC);
    page.extend_from_slice(&VERSION.to_le_bytes());
    page.extend_from_slice(&tail_crc.to_le_bytes());
    let pages = run.fences.len() as u64;
    for number in [*run.positions.start(), *run.positions.end(), run.identities, pages, run.filter.blocks()] {
        page.extend_from_slice(&number.to_le_bytes());
    }
    let crc = crc32c::crc32c(&page);
    page.extend_from_slice(&crc.to_le_bytes());
    page.resize(PAGE_BYTES, 0);
    page
}

/// A page of up to [`PAGE_IDENTITIES`], which are already in place.
pub(crate) fn finish_page(page: &mut [u8; PAGE_BYTES], count: usize) {
    page[count * 16..].fill(0);
    page[COUNT_AT..COUNT_AT + 4].copy_from_slice(&(count as u32).to_le_bytes());
    let crc = crc32c::crc32c(&page[..PAGE_CRC_AT]);
    page[PAGE_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
}

impl Run {
    /// Opens a run: header, fences and filter are read and checked; pages are checked when they are read.
    pub(crate) fn open(path: &Path) -> Result<Run, LogError> {
        let file = File::open(path).map_err(io_error("open", path))?;
        let corrupt = |what: &str| LogError::Corrupt {
            path: path.to_owned(),
            offset: 0,
            what: what.to_owned(),
            positions: Positions { from: 1, to: None },
            hint: "restore the log directory from a backup",
        };
        let mut page = [0; PAGE_BYTES];
        let read = file.read_exact_at(&mut page, 0);
        if matches!(&read, Err(error) if error.kind() == io::ErrorKind::UnexpectedEof) || &page[..8] != MAGIC {
            return Err(corrupt("this is not a file of identities"));
        }
        read.map_err(io_error("read", path))?;
        if u32_at(&page, HEADER_CRC_AT) != crc32c::crc32c(&page[..HEADER_CRC_AT]) {
            return Err(corrupt("the header does not match its checksum"));
        }
        let found = u32_at(&page, 8);
        if found != VERSION {
            return Err(LogError::Version { path: path.to_owned(), found, known: VERSION });
        }
        let positions = u64_at(&page, 16)..=u64_at(&page, 24);
        let (identities, pages, blocks) = (u64_at(&page, 32), u64_at(&page, 40), u64_at(&page, 48));
        let tail_at = (pages + 1) * PAGE_BYTES as u64;
        let fence_bytes = pages as usize * 16;
        let mut tail = vec![0; fence_bytes + blocks as usize * BLOCK_BYTES];
        if file.metadata().map_err(io_error("look at", path))?.len() != tail_at + tail.len() as u64 {
            return Err(corrupt("the file does not have the length that its header says"));
        }
        file.read_exact_at(&mut tail, tail_at).map_err(io_error("read", path))?;
        if u32_at(&page, 12) != crc32c::crc32c(&tail) {
            return Err(corrupt("the filter does not match its checksum"));
        }
        let fences = (0..pages as usize).map(|fence| u128_at(&tail, fence * 16)).collect();
        let filter = Filter::decode(&tail[fence_bytes..]);
        Ok(Run { file, path: path.to_owned(), positions, identities, fences, filter })
    }

    /// The key with the name of this one, which the filter lets through, if it is in this run.
    #[cold]
    pub(crate) fn look_up(&self, identity: u128) -> Result<Option<u128>, LogError> {
        let wanted = name(identity);
        let Some(page) = self.fences.partition_point(|fence| name(*fence) <= wanted).checked_sub(1) else {
            return Ok(None);
        };
        let mut bytes = [0; PAGE_BYTES];
        let offset = (page as u64 + 1) * PAGE_BYTES as u64;
        self.file.read_exact_at(&mut bytes, offset).map_err(io_error("read", &self.path))?;
        let count = self.check_page(&bytes, offset)?;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if name(u128_at(&bytes, middle * 16)) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let found = (low < count).then(|| u128_at(&bytes, low * 16));
        Ok(found.filter(|found| name(*found) == wanted))
    }

    /// How many identities a page has, if it is the one that was written.
    fn check_page(&self, page: &[u8], offset: u64) -> Result<usize, LogError> {
        let count = u32_at(page, COUNT_AT) as usize;
        if u32_at(page, PAGE_CRC_AT) != crc32c::crc32c(&page[..PAGE_CRC_AT]) || !(1..=PAGE_IDENTITIES).contains(&count)
        {
            return Err(LogError::Corrupt {
                path: self.path.clone(),
                offset,
                what: "the page does not match its checksum".to_owned(),
                positions: Positions { from: *self.positions.start(), to: Some(*self.positions.end()) },
                hint: "restore the log directory from a backup",
            });
        }
        Ok(count)
    }

    /// Bytes of memory that fences and filter take.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.fences.len() as u64 * 16 + self.filter.blocks() * BLOCK_BYTES as u64
    }
}

/// Walks a run in order.
pub(crate) struct Cursor<'a> {
    run: &'a Run,
    next_page: u64,
    buffer: Vec<u8>,
    /// Byte of the identity that comes next, and the end of its page's.
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(run: &'a Run) -> Cursor<'a> {
        Cursor { run, next_page: 0, buffer: Vec::new(), at: 0, end: 0 }
    }

    /// The next identity, upwards.
    pub(crate) fn next(&mut self) -> Result<Option<u128>, LogError> {
        while self.at == self.end {
            let page_start = self.at.next_multiple_of(PAGE_BYTES);
            if page_start < self.buffer.len() {
                let offset = (self.next_page + 1) * PAGE_BYTES as u64 - (self.buffer.len() - page_start) as u64;
                let count = self.run.check_page(&self.buffer[page_start..page_start + PAGE_BYTES], offset)?;
                (self.at, self.end) = (page_start, page_start + count * 16);
                continue;
            }
            let pages = CURSOR_PAGES.min(self.run.fences.len() as u64 - self.next_page);
            if pages == 0 {
                return Ok(None);
            }
            self.buffer.resize(pages as usize * PAGE_BYTES, 0);
            let offset = (self.next_page + 1) * PAGE_BYTES as u64;
            self.run.file.read_exact_at(&mut self.buffer, offset).map_err(io_error("read", &self.run.path))?;
            self.next_page += pages;
            let count = self.run.check_page(&self.buffer[..PAGE_BYTES], offset)?;
            (self.at, self.end) = (0, count * 16);
        }
        let identity = u128_at(&self.buffer, self.at);
        self.at += 16;
        Ok(Some(identity))
    }
}
