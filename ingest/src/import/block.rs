//! A block of a file: from what was read to what the log and the lake shall have.

use bytes::{Bytes, BytesMut};
use memchr::memchr_iter;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decode::{Decoded, Decoder};
use crate::files::{BadRow, Chunk, ChunkItem, FileError, Item, Position, ReadOptions, Record, Rows, SourceFile};
use crate::mapping::Mapping;

/// Rows of a block that goes through a mapping: enough to share the cost of a thread, few enough to spread.
const BLOCK_ROWS: usize = 1_000;

/// Hardly an event is shorter, in bytes.
const SHORT_LINE: usize = 128;

/// What was read of a file.
pub(super) enum Block {
    /// Lines that are events already.
    Lines(Chunk),
    /// Records for the mapping.
    Records(Vec<Record>),
    /// A row that cannot be read.
    Bad(BadRow),
}

/// A block with where to go on after it.
pub(super) struct ReadBlock {
    pub(super) block: Block,
    pub(super) position: Position,
}

/// A block, decoded.
pub(super) struct DecodedBlock {
    pub(super) decoded: Decoded,
    pub(super) refused: Vec<RefusedRow>,
}

/// A row that cannot be taken.
pub(super) struct RefusedRow {
    pub(super) line: u64,
    pub(super) reason: String,
    pub(super) body: String,
}

/// Reads a file block by block.
pub(super) fn blocks(
    file: &SourceFile,
    mapping: Option<&Mapping>,
    from: Position,
    index: usize,
) -> Result<Box<dyn Iterator<Item = Result<ReadBlock, FileError>>>, FileError> {
    let Some(mapping) = mapping else {
        let chunks = file.chunks(index, from)?;
        return Ok(Box::new(chunks.map(|item| {
            Ok(match item? {
                ChunkItem::Chunk(chunk) => ReadBlock { position: chunk.position, block: Block::Lines(chunk) },
                ChunkItem::Rejected(row) => ReadBlock { position: row.position, block: Block::Bad(row) },
            })
        })));
    };
    let options: ReadOptions = mapping.directives().read_options();
    let mut records = file.records(&options, from)?;
    let mut waiting: Option<BadRow> = None;
    Ok(Box::new(std::iter::from_fn(move || {
        if let Some(row) = waiting.take() {
            return Some(Ok(ReadBlock { position: row.position, block: Block::Bad(row) }));
        }
        let mut gathered: Vec<Record> = Vec::new();
        let mut rows = 0;
        while rows < BLOCK_ROWS {
            match records.next() {
                Some(Ok(Item::Record(record))) => {
                    rows += record.rows.len();
                    gathered.push(record);
                }
                Some(Ok(Item::Rejected(row))) => {
                    if gathered.is_empty() {
                        return Some(Ok(ReadBlock { position: row.position, block: Block::Bad(row) }));
                    }
                    waiting = Some(row);
                    break;
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        let position = gathered.last()?.position;
        Some(Ok(ReadBlock { block: Block::Records(gathered), position }))
    })))
}

/// Decodes a block; pure work, on any thread.
pub(super) fn decode(
    block: Block,
    mapping: Option<&Mapping>,
    shop: Option<&str>,
    decoder: &mut Decoder,
) -> DecodedBlock {
    match (block, mapping) {
        (Block::Lines(chunk), _) => match shop {
            Some(shop) => decode_chunk(&with_shop(chunk, shop), decoder),
            None => decode_chunk(&chunk, decoder),
        },
        (Block::Records(records), Some(mapping)) => decode_records(records, mapping, decoder),
        // Records are only read for a mapping.
        (Block::Records(_), None) => nothing(Vec::new(), decoder),
        (Block::Bad(row), _) => {
            nothing(vec![RefusedRow { line: row.line, reason: row.reason, body: row.body }], decoder)
        }
    }
}

fn nothing(refused: Vec<RefusedRow>, decoder: &mut Decoder) -> DecodedBlock {
    let decoded = decoder.decode(&Bytes::new(), std::iter::empty());
    DecodedBlock { decoded, refused }
}

/// The same lines, with this shop in the events that name none. A line that is no object stays as it is.
fn with_shop(chunk: Chunk, shop: &str) -> Chunk {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        shop: Option<&'a RawValue>,
    }
    let field = serde_json::json!({ "shop": shop }).to_string();
    // `{"shop":"x"}` without the last brace begins the object.
    let field = field.trim_end_matches('}').as_bytes();
    let mut bytes = BytesMut::with_capacity(chunk.bytes.len() + 64);
    for line in chunk.bytes.split_inclusive(|byte| *byte == b'\n') {
        let named = serde_json::from_slice::<Named<'_>>(line).map(|named| named.shop.is_some());
        let rest = line.trim_ascii_start().strip_prefix(b"{").filter(|rest| !rest.trim_ascii_start().starts_with(b"}"));
        match (named, rest) {
            (Ok(false), Some(rest)) => {
                bytes.extend_from_slice(field);
                bytes.extend_from_slice(b",");
                bytes.extend_from_slice(rest);
            }
            _ => bytes.extend_from_slice(line),
        }
    }
    Chunk { bytes: bytes.freeze(), ..chunk }
}

fn decode_chunk(chunk: &Chunk, decoder: &mut Decoder) -> DecodedBlock {
    let mut refused = Vec::new();
    // Room for short lines: what is not used is never touched, and a list that grows is copied again and again.
    let room = chunk.bytes.len() / SHORT_LINE;
    let (mut places, mut lines) = (Vec::with_capacity(room), Vec::with_capacity(room));
    // One check of a whole block costs less than one of each line, and hardly a block fails it.
    let whole = std::str::from_utf8(&chunk.bytes).ok();
    let mut start = 0;
    let ends = memchr_iter(b'\n', &chunk.bytes).chain(std::iter::once(chunk.bytes.len()));
    for (line_number, end) in (chunk.first_line..).zip(ends) {
        let line = start..end;
        start = end + 1;
        let text = match whole {
            Some(whole) => Ok(whole[line.clone()].trim_ascii()),
            None => std::str::from_utf8(chunk.bytes[line.clone()].trim_ascii()),
        };
        match text {
            Ok("") => {}
            Ok(text) => {
                places.push(line_number);
                lines.push(text);
            }
            Err(error) => refused.push(RefusedRow {
                line: line_number,
                reason: format!("the line is not UTF-8 (byte {})", error.valid_up_to()),
                body: String::from_utf8_lossy(&chunk.bytes[line]).into_owned(),
            }),
        }
    }
    let mut decoded = decoder.decode(&chunk.bytes, lines.into_iter());
    for bad in std::mem::take(&mut decoded.refused) {
        refused.push(RefusedRow { line: places[bad.index], reason: bad.error.to_string(), body: bad.text });
    }
    DecodedBlock { decoded, refused }
}

fn decode_records(records: Vec<Record>, mapping: &Mapping, decoder: &mut Decoder) -> DecodedBlock {
    let (places, rows): (Vec<u64>, Vec<Rows>) = records.into_iter().map(|record| (record.line, record.rows)).unzip();
    let mut refused = Vec::new();
    let mut text = BytesMut::new();
    let mut ranges = Vec::new();
    let mut origins = Vec::new();
    for (record, result) in mapping.apply_all(&rows, 1).into_iter().enumerate() {
        match result {
            Ok(events) => {
                for event in events {
                    let start = text.len();
                    text.extend_from_slice(event.as_bytes());
                    ranges.push(start..text.len());
                    origins.push(record);
                }
            }
            Err(error) => refused.push(RefusedRow {
                line: places[record],
                reason: error.to_string(),
                body: rows[record].to_text(),
            }),
        }
    }
    let block = text.freeze();
    // Each range holds a whole event text, which was UTF-8 when it was copied in.
    let lines = ranges.into_iter().map(|range| std::str::from_utf8(&block[range]).unwrap_or_default());
    let mut decoded = decoder.decode(&block, lines);
    for bad in std::mem::take(&mut decoded.refused) {
        let record = origins[bad.index];
        let reason = format!("the mapping's event is not valid: {}", bad.error);
        refused.push(RefusedRow { line: places[record], reason, body: rows[record].to_text() });
    }
    DecodedBlock { decoded, refused }
}
