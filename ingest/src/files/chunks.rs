//! NDJSON of ready events in large blocks of whole lines: the fast path, with no work per line.

use std::collections::VecDeque;
use std::io::Read;

use bytes::Bytes;
use memchr::{memchr_iter, memrchr};

use super::encoding::Mark;
use super::error::FileError;
use super::input::{self, Progress};
use super::lines::{EXCERPT_BYTES, LINE_BYTES_MAX, oversized};
use super::record::{BadRow, Position};
use super::source::{Compression, Format, SourceFile};

/// How much is read before it is cut at the last newline.
const BLOCK_BYTES: usize = 4 << 20;
/// An oversized line covers at least one window of this size without a newline in it.
const WINDOW_BYTES: usize = LINE_BYTES_MAX / 2;

/// A block of whole lines.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Which file, as the caller numbered it.
    pub file: usize,
    /// The number of its first line, from 1.
    pub first_line: u64,
    /// The lines, each with its newline but perhaps the last of a file. Blank lines are left in.
    pub bytes: Bytes,
    /// Where the file's text goes on after it.
    pub end_offset: u64,
    /// Where to resume after it.
    pub position: Position,
}

/// One thing read from an NDJSON file.
#[derive(Clone, Debug)]
pub enum ChunkItem {
    /// Lines.
    Chunk(Chunk),
    /// A line that was too long.
    Rejected(BadRow),
}

/// The blocks of one file.
pub struct Chunks {
    source: SourceFile,
    file: usize,
    input: Box<dyn Read + Send>,
    /// Read, not yet given.
    buffer: Vec<u8>,
    /// Of the first byte of `buffer`.
    position: Position,
    ready: VecDeque<ChunkItem>,
    progress: Progress,
    ended: bool,
}

impl Chunks {
    pub(super) fn open(source: &SourceFile, file: usize, from: Position) -> Result<Self, FileError> {
        if source.format != Format::Ndjson {
            return Err(source.damaged("only NDJSON can hold ready events, other files need a mapping"));
        }
        let progress = Progress::default();
        let mark = Mark::of(source)?;
        if mark == Mark::Utf16 {
            return Err(source.damaged("it is UTF-16, events are UTF-8: convert it first"));
        }
        let mut position = from;
        position.bytes = position.bytes.max(mark.bytes());
        let input: Box<dyn Read + Send> = match source.compression {
            Compression::None => Box::new(input::open_plain(source, position.bytes, &progress)?),
            _ => input::open(source, position.bytes, &progress)?,
        };
        Ok(Self {
            source: source.clone(),
            file,
            input,
            buffer: Vec::with_capacity(BLOCK_BYTES),
            position,
            ready: VecDeque::new(),
            progress,
            ended: false,
        })
    }

    /// How far the file has been read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn read(&mut self) -> Result<Option<ChunkItem>, FileError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.ended && self.buffer.is_empty() {
                return Ok(None);
            }
            self.fill()?;
            let newline = memrchr(b'\n', &self.buffer);
            let cut = match newline {
                Some(at) => at + 1,
                None if self.ended => self.buffer.len(),
                None => {
                    self.skip_line()?;
                    continue;
                }
            };
            if cut > 0 {
                let mut rest = Vec::with_capacity(BLOCK_BYTES + WINDOW_BYTES);
                rest.extend_from_slice(&self.buffer[cut..]);
                let mut block = std::mem::replace(&mut self.buffer, rest);
                block.truncate(cut);
                self.give(Bytes::from(block));
            }
        }
    }

    fn fill(&mut self) -> Result<(), FileError> {
        if self.buffer.len() >= BLOCK_BYTES || self.ended {
            return Ok(());
        }
        let wanted = BLOCK_BYTES - self.buffer.len();
        let read = self
            .input
            .by_ref()
            .take(wanted as u64)
            .read_to_end(&mut self.buffer)
            .map_err(|error| self.source.failed(error))?;
        if self.source.compression == Compression::None {
            self.progress.add(read as u64);
        }
        self.ended = read < wanted;
        Ok(())
    }

    /// The buffer begins with a line that does not end in it: drops that line, wherever it ends.
    fn skip_line(&mut self) -> Result<(), FileError> {
        let line = self.position.rows + 1;
        let begin = self.buffer[..self.buffer.len().min(EXCERPT_BYTES)].to_vec();
        loop {
            match self.buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => {
                    self.position.bytes += at as u64 + 1;
                    self.buffer.drain(..=at);
                    break;
                }
                None => {
                    self.position.bytes += self.buffer.len() as u64;
                    self.buffer.clear();
                    if self.ended {
                        break;
                    }
                    self.fill()?;
                }
            }
        }
        self.position.rows = line;
        let row = oversized(line, self.position, &begin);
        self.ready.push_back(ChunkItem::Rejected(row));
        Ok(())
    }

    /// Gives a block of whole lines, without the oversized ones among them.
    fn give(&mut self, block: Bytes) {
        let newlines = |bytes: &[u8]| memchr_iter(b'\n', bytes).count() as u64;
        let windows: Vec<u64> = block.chunks(WINDOW_BYTES).map(newlines).collect();
        if block.len() < LINE_BYTES_MAX || windows.iter().all(|count| *count > 0) {
            let unended = u64::from(!block.ends_with(b"\n"));
            self.push(block, windows.iter().sum::<u64>() + unended);
            return;
        }
        let (mut begin, mut at, mut lines) = (0, 0, 0);
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            if line.trim_ascii_end().len() > LINE_BYTES_MAX {
                self.push(block.slice(begin..at), lines);
                self.position.rows += 1;
                self.position.bytes += line.len() as u64;
                let row = oversized(self.position.rows, self.position, line);
                self.ready.push_back(ChunkItem::Rejected(row));
                (begin, lines) = (at + line.len(), 0);
            } else {
                lines += 1;
            }
            at += line.len();
        }
        self.push(block.slice(begin..), lines);
    }

    fn push(&mut self, bytes: Bytes, lines: u64) {
        if bytes.is_empty() {
            return;
        }
        let first_line = self.position.rows + 1;
        self.position.rows += lines;
        self.position.bytes += bytes.len() as u64;
        self.ready.push_back(ChunkItem::Chunk(Chunk {
            file: self.file,
            first_line,
            bytes,
            end_offset: self.position.bytes,
            position: self.position,
        }));
    }
}

impl Iterator for Chunks {
    type Item = Result<ChunkItem, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if matches!(item, Some(Err(_))) {
            self.ended = true;
            self.buffer.clear();
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Source;

    /// Every line of the text, cut by hand, against what the chunks hold.
    fn check(text: &[u8], from: Position) -> (Vec<(u64, String)>, Vec<BadRow>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ndjson");
        std::fs::write(&path, text).unwrap();
        let source = Source::open([&path]).unwrap();
        let (mut lines, mut bad) = (Vec::new(), Vec::new());
        for item in source.files[0].chunks(7, from).unwrap() {
            match item.unwrap() {
                ChunkItem::Chunk(chunk) => {
                    assert_eq!(chunk.file, 7);
                    assert_eq!(
                        &text[..chunk.end_offset as usize][chunk.end_offset as usize - chunk.bytes.len()..],
                        &chunk.bytes[..]
                    );
                    for (at, line) in std::str::from_utf8(&chunk.bytes).unwrap().lines().enumerate() {
                        lines.push((chunk.first_line + at as u64, line.to_owned()));
                    }
                }
                ChunkItem::Rejected(row) => bad.push(row),
            }
        }
        (lines, bad)
    }

    fn long(bytes: usize) -> String {
        format!("{{\"long\":\"{}\"}}", "x".repeat(bytes))
    }

    #[test]
    fn lines_keep_their_numbers_over_many_blocks_and_past_oversized_ones() {
        let mut text = String::from("\u{feff}");
        let mut expected = Vec::new();
        for number in 1..=90_000_u64 {
            let line = match number {
                10 => long(LINE_BYTES_MAX + 5),
                500 => long(9 << 20),
                501 => String::new(),
                90_000 => "{\"last\":true}".to_owned(),
                _ => format!("{{\"n\":{number},\"pad\":\"{}\"}}", "y".repeat(80)),
            };
            text.push_str(&line);
            if number < 90_000 {
                text.push('\n');
            }
            if line.len() <= LINE_BYTES_MAX {
                expected.push((number, line));
            }
        }
        let (lines, bad) = check(text.as_bytes(), Position::default());
        assert_eq!(lines, expected);
        assert_eq!(bad.iter().map(|row| row.line).collect::<Vec<_>>(), [10, 500]);
        assert!(bad[1].body.len() <= EXCERPT_BYTES);

        let (rest, _) = check(text.as_bytes(), bad[1].position);
        assert_eq!(rest, expected[expected.len() - rest.len()..]);
        assert_eq!(rest[0].0, 501);
    }

    #[test]
    fn an_oversized_last_line_without_a_newline_is_rejected_too() {
        let text = format!("{{\"a\":1}}\n{}", long(5 << 20));
        let (lines, bad) = check(text.as_bytes(), Position::default());
        assert_eq!(lines, [(1, "{\"a\":1}".to_owned())]);
        assert_eq!((bad.len(), bad[0].line), (1, 2));
        assert_eq!(bad[0].position.bytes, text.len() as u64);
    }
}
