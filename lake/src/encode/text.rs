//! A column of text as a column chunk of a Parquet file.
//!
//! Most columns of events are texts of which there are few. The writer of the parquet crate asks for each value's place
//! through a general table, and that took a third of all encoding; here the whole chunk is at hand, its texts become numbers
//! first, and it is known before the first page is written whether a dictionary is worth it.

use std::sync::Arc;

use arrow::array::{Array, BooleanBufferBuilder, StringArray};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::encode::dictionary::Dictionary;
use crate::encode::hybrid;

/// Longer texts are no use as bounds.
const BOUND_BYTES_MAX: usize = 64;

/// A column chunk, ready to be put into a row group.
pub(crate) struct TextChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// Whether a column can be written here, under these properties.
pub(crate) fn takes(column: &ColumnDescPtr, properties: &WriterProperties) -> bool {
    let path = column.path();
    path.parts().len() == 1
        && column.max_def_level() == 1
        && properties.dictionary_enabled(path)
        // Bounds of pages are not made here.
        && properties.statistics_enabled(path) != EnabledStatistics::Page
        && matches!(properties.compression(path), Compression::ZSTD(_))
}

/// Encodes the rows of a row group.
pub(crate) fn encode(
    arrays: &[&StringArray],
    column: &ColumnDescPtr,
    properties: &WriterProperties,
) -> Result<TextChunk> {
    let rows: usize = arrays.iter().map(|array| array.len()).sum();
    let nulls: usize = arrays.iter().map(|array| array.null_count()).sum();
    let numbered = if nulls < rows { number(arrays, rows - nulls, dictionary_bytes(column, properties)) } else { None };
    let mut bloom_filter = new_bloom_filter(column, properties, numbered.as_ref(), rows - nulls)?;
    let mut bounds = Bounds::new(properties.statistics_enabled(column.path()) != EnabledStatistics::None);
    let mut chunk = ChunkWriter::new(properties.compression(column.path()))?;
    match &numbered {
        Some((dictionary, numbers)) => {
            for text in dictionary.texts() {
                bounds.widen(text);
                if let Some(filter) = &mut bloom_filter {
                    filter.insert(text);
                }
            }
            chunk.put_dictionary(dictionary)?;
            let width = hybrid::width_for(u32::try_from(dictionary.len() - 1).unwrap_or(u32::MAX));
            let mut numbers = numbers.as_slice();
            for page in pages(arrays, properties.data_page_row_count_limit(), usize::MAX) {
                let (of_page, rest) = numbers.split_at(page.rows - page.nulls);
                numbers = rest;
                let mut values = vec![width as u8];
                hybrid::put(of_page, width, &mut values);
                chunk.put_page(&page, Encoding::RLE_DICTIONARY, &values)?;
            }
        }
        None => {
            let mut values = Vec::new();
            let page_bytes = properties.column_data_page_size_limit(column.path());
            for page in pages(arrays, properties.data_page_row_count_limit(), page_bytes) {
                values.clear();
                for text in page.arrays.iter().flat_map(|array| array.iter().flatten()) {
                    let text = text.as_bytes();
                    bounds.widen(text);
                    if let Some(filter) = &mut bloom_filter {
                        filter.insert(text);
                    }
                    values.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    values.extend_from_slice(text);
                }
                chunk.put_page(&page, Encoding::PLAIN, &values)?;
            }
        }
    }
    chunk.finish(column, bounds.statistics(nulls), bloom_filter)
}

fn dictionary_bytes(column: &ColumnDescPtr, properties: &WriterProperties) -> usize {
    properties.column_dictionary_page_size_limit(column.path())
}

/// The values as numbers of a dictionary; none where it would be larger than it may.
fn number(arrays: &[&StringArray], values: usize, bytes_max: usize) -> Option<(Dictionary, Vec<u32>)> {
    let mut dictionary = Dictionary::new();
    let mut numbers = Vec::with_capacity(values);
    for array in arrays {
        let (offsets, bytes) = (array.value_offsets(), array.value_data());
        // Offsets are never negative.
        let mut put = |row: usize| {
            let text = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
            numbers.push(dictionary.number_of(text));
        };
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => nulls.valid_indices().for_each(&mut put),
            None => (0..array.len()).for_each(&mut put),
        }
        if dictionary.page().len() > bytes_max {
            return None;
        }
    }
    Some((dictionary, numbers))
}

fn new_bloom_filter(
    column: &ColumnDescPtr,
    properties: &WriterProperties,
    numbered: Option<&(Dictionary, Vec<u32>)>,
    values: usize,
) -> Result<Option<Sbbf>> {
    let Some(wanted) = properties.bloom_filter_properties(column.path()) else { return Ok(None) };
    let distinct = numbered.map_or(values as u64, |(dictionary, _)| dictionary.len() as u64);
    Sbbf::new_with_ndv_fpp(distinct.min(wanted.ndv()).max(1), wanted.fpp()).map(Some)
}

/// The least and the greatest text.
struct Bounds {
    wanted: bool,
    range: Option<(Vec<u8>, Vec<u8>)>,
}

impl Bounds {
    fn new(wanted: bool) -> Bounds {
        Bounds { wanted, range: None }
    }

    #[inline]
    fn widen(&mut self, text: &[u8]) {
        if !self.wanted {
            return;
        }
        match &mut self.range {
            Some((least, _)) if text < least.as_slice() => *least = text.to_vec(),
            Some((_, greatest)) if text > greatest.as_slice() => *greatest = text.to_vec(),
            Some(_) => {}
            None => self.range = Some((text.to_vec(), text.to_vec())),
        }
    }

    fn statistics(self, nulls: usize) -> Option<Statistics> {
        let range = self.range.filter(|(least, greatest)| least.len().max(greatest.len()) <= BOUND_BYTES_MAX);
        let (least, greatest) =
            range.map(|(least, greatest)| (ByteArray::from(least), ByteArray::from(greatest))).unzip();
        self.wanted.then(|| Statistics::byte_array(least, greatest, None, Some(nulls as u64), false))
    }
}

/// The rows of one page, of one array or of several.
struct PageRows {
    arrays: Vec<StringArray>,
    rows: usize,
    nulls: usize,
}

/// Cuts rows into pages of so many rows and, but for a longer one, so many bytes of text.
fn pages(arrays: &[&StringArray], rows_max: usize, bytes_max: usize) -> Vec<PageRows> {
    let mut pages = Vec::new();
    let (mut open, mut bytes) = (PageRows { arrays: Vec::new(), rows: 0, nulls: 0 }, 0);
    for array in arrays {
        let offsets = array.value_offsets();
        let mut row = 0;
        while row < array.len() {
            let end = array.len().min(row + rows_max - open.rows);
            let start = offsets[row] as usize;
            let fits = |offset: &i32| *offset as usize - start + bytes <= bytes_max;
            let fit = if fits(&offsets[end]) { end - row } else { offsets[row + 1..=end].partition_point(fits) };
            if fit == 0 && open.rows > 0 {
                pages.push(std::mem::replace(&mut open, PageRows { arrays: Vec::new(), rows: 0, nulls: 0 }));
                bytes = 0;
                continue;
            }
            let taken = StringArray::slice(array, row, fit.max(1));
            row += taken.len();
            bytes += offsets[row] as usize - start;
            open.rows += taken.len();
            open.nulls += taken.null_count();
            open.arrays.push(taken);
            if open.rows == rows_max {
                pages.push(std::mem::replace(&mut open, PageRows { arrays: Vec::new(), rows: 0, nulls: 0 }));
                bytes = 0;
            }
        }
    }
    if open.rows > 0 {
        pages.push(open);
    }
    pages
}

impl PageRows {
    /// Which rows have a value, behind their length in bytes.
    fn put_levels(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        if self.nulls == 0 || self.nulls == self.rows {
            hybrid::put_run(u32::from(self.nulls == 0), self.rows, 1, out);
        } else {
            let mut bits = BooleanBufferBuilder::new(self.rows);
            for array in &self.arrays {
                match array.nulls() {
                    Some(nulls) => bits.append_buffer(nulls.inner()),
                    None => bits.append_n(array.len(), true),
                }
            }
            hybrid::put_bits(bits.as_slice(), out);
        }
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

/// Pages on their way into a chunk.
struct ChunkWriter {
    sink: TrackedWrite<Vec<u8>>,
    compression: Compression,
    compressor: Compressor<'static>,
    /// The page before it is compressed.
    plain: Vec<u8>,
    offsets: OffsetIndexBuilder,
    encodings: Vec<PageEncodingStats>,
    dictionary_at: Option<i64>,
    data_at: Option<i64>,
    rows: usize,
    uncompressed: usize,
    compressed: usize,
}

impl ChunkWriter {
    fn new(compression: Compression) -> Result<ChunkWriter> {
        let level = match compression {
            Compression::ZSTD(level) => level,
            _ => ZstdLevel::default(),
        };
        Ok(ChunkWriter {
            sink: TrackedWrite::new(Vec::new()),
            compression,
            compressor: Compressor::new(level.compression_level()).map_err(external)?,
            plain: Vec::new(),
            offsets: OffsetIndexBuilder::new(),
            encodings: Vec::new(),
            dictionary_at: None,
            data_at: None,
            rows: 0,
            uncompressed: 0,
            compressed: 0,
        })
    }

    fn put_dictionary(&mut self, dictionary: &Dictionary) -> Result<()> {
        let buf = self.compressor.compress(dictionary.page()).map_err(external)?.into();
        let num_values = dictionary.len() as u32;
        let page = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        let (offset, _) = self.write(CompressedPage::new(page, dictionary.page().len()))?;
        self.dictionary_at = Some(offset);
        Ok(())
    }

    fn put_page(&mut self, rows: &PageRows, encoding: Encoding, values: &[u8]) -> Result<()> {
        self.plain.clear();
        rows.put_levels(&mut self.plain);
        self.plain.extend_from_slice(values);
        let page = Page::DataPage {
            buf: self.compressor.compress(&self.plain).map_err(external)?.into(),
            num_values: rows.rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (offset, bytes) = self.write(CompressedPage::new(page, self.plain.len()))?;
        self.data_at.get_or_insert(offset);
        self.rows += rows.rows;
        self.offsets.append_offset_and_size(offset, i32::try_from(bytes).map_err(external)?);
        self.offsets.append_row_count(rows.rows as i64);
        Ok(())
    }

    /// Writes a page; where it is, and its length.
    fn write(&mut self, page: CompressedPage) -> Result<(i64, usize)> {
        let (page_type, encoding) = (page.page_type(), page.encoding());
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type && last.encoding == encoding => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed += spec.uncompressed_size;
        self.compressed += spec.compressed_size;
        Ok((spec.offset as i64, spec.compressed_size))
    }

    fn finish(
        self,
        column: &ColumnDescPtr,
        statistics: Option<Statistics>,
        bloom_filter: Option<Sbbf>,
    ) -> Result<TextChunk> {
        let mut encodings: Vec<Encoding> = self.encodings.iter().map(|page| page.encoding).collect();
        // Of the levels.
        encodings.push(Encoding::RLE);
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(column))
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.encodings)
            .set_num_values(self.rows as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_total_compressed_size(self.compressed as i64)
            .set_dictionary_page_offset(self.dictionary_at)
            .set_data_page_offset(self.data_at.unwrap_or(0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let bytes = Bytes::from(self.sink.into_inner()?);
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter,
            column_index: None,
            offset_index: Some(self.offsets.build()),
        };
        Ok(TextChunk { bytes, close })
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> ParquetError {
    ParquetError::External(Box::new(error))
}
