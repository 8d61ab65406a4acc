//! Files to import: CSV, NDJSON and workbooks, also compressed. Rows come in order; an import that goes on after any row
//! reads the rest as the first one did.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use mizan_ingest::files::{Encoding, Item, Position, ReadOptions, SourceFile};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::scratch;

const CONTENT_TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#;
const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#;
const SHEETS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="r3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#;

pub(crate) fn run(data: &[u8]) {
    let [form, how, content @ ..] = data else { return };
    let dir = scratch::folder();
    let (name, bytes) = match form % 6 {
        0 => ("x.csv", content.to_vec()),
        1 => ("x.ndjson", content.to_vec()),
        2 => ("x.csv.gz", gzip(content)),
        3 => ("x.ndjson.zst", content.to_vec()),
        4 => ("x.xlsx", content.to_vec()),
        _ => ("x.xlsx", workbook(content)),
    };
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    let options = ReadOptions {
        encoding: [None, Some(Encoding::Utf8), Some(Encoding::Windows1252), Some(Encoding::Windows1256)]
            [usize::from(how & 3)],
        delimiter: (how & 4 != 0).then_some(b';'),
        group_by: (how & 8 != 0).then(|| "a".to_owned()),
        sheet: None,
    };
    // A bad row within a group is given before the group is: who goes on after the group may meet it again.
    let is_kept = |(_, row): &(Position, Result<String, String>)| row.is_ok() || options.group_by.is_none();
    let read = |from| read(&path, &options, from).into_iter().filter(is_kept).collect::<Vec<_>>();
    let all = read(Position::default());
    let mut before = Position::default();
    for (position, _) in &all {
        assert!(*position >= before, "rows go back");
        before = *position;
    }
    // Somewhere in the middle, which the input decides.
    if let Some((from, _)) = all.get(usize::from(how >> 4)) {
        let after = all.iter().rposition(|(position, _)| position == from).map_or(all.len(), |last| last + 1);
        let rest = read(*from);
        assert_eq!(rest, all[after..], "the rest is another one");
    }
}

/// Each row, good or bad, with the place after it; a file that is broken ends with no row.
fn read(path: &Path, options: &ReadOptions, from: Position) -> Vec<(Position, Result<String, String>)> {
    let Ok(source) = SourceFile::open(path) else { return Vec::new() };
    let Ok(records) = source.records(options, from) else { return Vec::new() };
    let shown = |item: Item| {
        let position = item.position();
        match item {
            Item::Record(record) => (position, Ok(format!("{} {}", record.line, record.rows.to_text()))),
            Item::Rejected(row) => (position, Err(format!("{} {} {}", row.line, row.reason, row.body))),
        }
    };
    records.map_while(Result::ok).take(10_000).map(shown).collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A workbook of one sheet: the parts of the input are the sheet, the texts that its cells share, and the styles.
fn workbook(content: &[u8]) -> Vec<u8> {
    let mut parts = content.split(|byte| *byte == 0);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("[Content_Types].xml", CONTENT_TYPES.as_bytes());
    add("_rels/.rels", RELATIONS.as_bytes());
    add("xl/workbook.xml", WORKBOOK.as_bytes());
    add("xl/_rels/workbook.xml.rels", SHEETS.as_bytes());
    for name in ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"] {
        add(name, parts.next().unwrap_or_default());
    }
    zip.finish().unwrap().into_inner()
}
