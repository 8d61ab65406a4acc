//! Text in other encodings, read as UTF-8.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder};

use super::error::FileError;
use super::input::{self, Progress};
use super::source::SourceFile;

/// How a text file is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// Western European. Files that call themselves Latin-1 are read this way too: it holds all of Latin-1's
    /// letters, and the quotes and the euro sign that such files have in practice.
    Windows1252,
    /// Arabic, as spreadsheets on Windows save it.
    Windows1256,
}

impl Encoding {
    /// The names a mapping may use.
    pub const NAMES: [&str; 4] = ["utf-8", "latin1", "windows-1252", "windows-1256"];

    /// The encoding called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "latin1" | "latin-1" | "iso-8859-1" | "windows-1252" => Some(Self::Windows1252),
            "windows-1256" => Some(Self::Windows1256),
            _ => None,
        }
    }
}

/// What the first bytes of a text say about its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Utf8,
    Utf16,
}

impl Mark {
    /// The mark at the beginning of a file's text.
    pub(super) fn of(source: &SourceFile) -> Result<Self, FileError> {
        let mut head = Vec::new();
        input::open(source, 0, &Progress::default())?
            .take(UTF8_MARK.len() as u64)
            .read_to_end(&mut head)
            .map_err(|error| source.failed(error))?;
        Ok(match head.as_slice() {
            UTF8_MARK => Self::Utf8,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Self::Utf16,
            _ => Self::None,
        })
    }

    /// Bytes it takes when the rest is UTF-8.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Utf8 => UTF8_MARK.len() as u64,
            Self::None | Self::Utf16 => 0,
        }
    }
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const BLOCK: usize = 64 << 10;

/// Reads text in any encoding as UTF-8 without a byte order mark.
///
/// A mark at the beginning decides over `encoding`, so UTF-16 from spreadsheets is read as well. UTF-8 passes
/// through unchecked: the readers check it row by row, where an error has a line.
pub(super) fn utf8(mut inner: Box<dyn Read + Send>, encoding: Encoding) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::with_capacity(UTF8_MARK.len());
    inner.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut head)?;
    let (mark, found) = match head.as_slice() {
        UTF8_MARK => (UTF8_MARK.len(), None),
        [0xff, 0xfe, ..] => (2, Some(encoding_rs::UTF_16LE)),
        [0xfe, 0xff, ..] => (2, Some(encoding_rs::UTF_16BE)),
        _ => (
            0,
            match encoding {
                Encoding::Utf8 => None,
                Encoding::Windows1252 => Some(encoding_rs::WINDOWS_1252),
                Encoding::Windows1256 => Some(encoding_rs::WINDOWS_1256),
            },
        ),
    };
    let rest = io::Cursor::new(head.split_off(mark)).chain(inner);
    Ok(match found {
        None => Box::new(rest),
        Some(encoding) => Box::new(Decoded {
            inner: rest,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; BLOCK],
            raw_range: 0..0,
            text: vec![0; BLOCK],
            text_range: 0..0,
            state: State::Reading,
        }),
    })
}

enum State {
    Reading,
    LastBlock,
    Done,
}

struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_range: std::ops::Range<usize>,
    text: Vec<u8>,
    text_range: std::ops::Range<usize>,
    state: State,
}

impl<R: Read> Decoded<R> {
    fn fill(&mut self) -> io::Result<()> {
        while self.text_range.is_empty() && !matches!(self.state, State::Done) {
            if self.raw_range.is_empty() && matches!(self.state, State::Reading) {
                let count = self.inner.read(&mut self.raw)?;
                self.raw_range = 0..count;
                if count == 0 {
                    self.state = State::LastBlock;
                }
            }
            let last = matches!(self.state, State::LastBlock);
            let (result, read, written, replaced) =
                self.decoder.decode_to_utf8(&self.raw[self.raw_range.clone()], &mut self.text, last);
            if replaced {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the text is not in the encoding it is said to be in",
                ));
            }
            self.raw_range.start += read;
            self.text_range = 0..written;
            if last && result == CoderResult::InputEmpty {
                self.state = State::Done;
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let count = out.len().min(self.text_range.len());
        let begin = self.text_range.start;
        out[..count].copy_from_slice(&self.text[begin..begin + count]);
        self.text_range.start += count;
        Ok(count)
    }
}
