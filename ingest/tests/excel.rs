//! Workbooks as other programs write them, put together here part by part, read back, resumed, and broken.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use mizan_ingest::files::{FileError, Item, Position, ReadOptions, Source};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>"#;
const WORKBOOK_RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

/// A workbook of one sheet with these rows and shared texts.
fn workbook(folder: &TempDir, rows: &str, texts: &str) -> PathBuf {
    let path = folder.path().join("book.xlsx");
    let mut archive = ZipWriter::new(fs::File::create(&path).unwrap());
    let sheet = format!(
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
    );
    for (name, text) in [
        ("_rels/.rels", RELS),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", WORKBOOK_RELS),
        ("xl/sharedStrings.xml", texts),
        ("xl/worksheets/sheet1.xml", &sheet),
    ] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    path
}

fn read(path: &Path, options: &ReadOptions, from: Position) -> Result<Vec<Item>, FileError> {
    let source = Source::open([path])?;
    source.files[0].records(options, from)?.collect()
}

/// The items as text: line and content, or line and reason.
fn shown(items: &[Item]) -> Vec<String> {
    let text = |item: &Item| match item {
        Item::Record(record) => format!("{} {}", record.line, record.rows.to_text().replace('\n', " ")),
        Item::Rejected(row) => format!("{} refused: {}", row.line, row.reason),
    };
    items.iter().map(text).collect()
}

const TEXTS: &str = r#"<sst count="4" uniqueCount="4"><si><t>order</t></si><si><t xml:space="preserve"> sku </t></si><si><r><t>a&amp;</t></r><r><t>b</t></r></si><si><t/></si></sst>"#;

#[test]
fn rows_are_given_under_their_header_and_resumed_after_any_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::from(r#"<row r="2"><c r="A2"/></row>"#);
    rows.push_str(
        r#"<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="s"><v>1</v></c><c r="D3" t="str"><v>d</v></c></row>"#,
    );
    rows.push_str(r#"<row r="4"><c r="A4"><v>1</v></c><c r="B4" t="s"><v>2</v></c><c r="F4" t="s"><v>3</v></c></row>"#);
    rows.push_str(r#"<row r="5"><c r="A5"><v>1</v></c><c r="D5" t="b"><v>0</v></c></row>"#);
    rows.push_str(r#"<row r="6" spans="1:4"/>"#);
    rows.push_str(r#"<row r="8"><c r="A8"><v>2</v></c><c r="B8" t="e"><v>#DIV/0!</v></c></row>"#);
    // Some programs leave the places out.
    rows.push_str("<row><c><v>2.50</v></c><c><v>12345678901234567</v></c></row>");
    let path = workbook(&folder, &rows, TEXTS);
    let all = read(&path, &ReadOptions::default(), Position::default()).unwrap();
    assert_eq!(
        shown(&all),
        [
            r#"4 {"column_3":"","d":"","order":"1","sku":"a&b"}"#,
            r#"5 {"column_3":"","d":"false","order":"1","sku":""}"#,
            "8 refused: cell B8 (`sku`) holds the error #DIV/0!",
            "9 refused: cell B9 (`sku`) holds 12345678901234568, more digits than a spreadsheet keeps of a number; make the column text",
        ]
    );
    for (index, item) in all.iter().enumerate() {
        let rest = read(&path, &ReadOptions::default(), item.position()).unwrap();
        assert_eq!(shown(&rest), shown(&all[index + 1..]));
    }
    let grouped = ReadOptions { group_by: Some("order".to_owned()), ..ReadOptions::default() };
    let groups = read(&path, &grouped, Position::default()).unwrap();
    assert_eq!(shown(&groups).len(), 3, "{groups:?}");
    let wrong = ReadOptions { group_by: Some("ordr".to_owned()), ..ReadOptions::default() };
    let error = read(&path, &wrong, Position::default()).unwrap_err().to_string();
    assert!(error.contains("no column `ordr`") && error.contains("order, sku, column_3, d"), "{error}");
}

#[test]
fn many_rows_come_in_their_order_and_a_reader_may_leave_early() {
    let folder = tempfile::tempdir().unwrap();
    let row = |n: u32| format!(r#"<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>"#);
    let path = workbook(&folder, &(1..=20_000).map(row).collect::<String>(), "<sst/>");
    let all = read(&path, &ReadOptions::default(), Position::default()).unwrap();
    assert_eq!(all.len(), 19_999);
    assert_eq!(shown(&all)[19_998], r#"20000 {"1":"20000"}"#);
    let rest = read(&path, &ReadOptions::default(), Position { rows: 19_990, bytes: 0 }).unwrap();
    assert_eq!(shown(&rest), shown(&all[19_990..]));
    let source = Source::open([&path]).unwrap();
    let mut records = source.files[0].records(&ReadOptions::default(), Position::default()).unwrap();
    assert!(records.next().unwrap().is_ok());
}

#[test]
fn an_empty_workbook_has_no_rows_and_a_repeated_column_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = workbook(&folder, "", "<sst/>");
    assert!(read(&path, &ReadOptions::default(), Position::default()).unwrap().is_empty());
    let twice = r#"<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v> a</v></c></row>"#;
    let path = workbook(&folder, twice, "<sst/>");
    let error = read(&path, &ReadOptions::default(), Position::default()).unwrap_err();
    assert!(matches!(error, FileError::RepeatedColumn { column, .. } if column == "a"));
}

fn told(path: &Path) -> String {
    read(path, &ReadOptions::default(), Position::default()).unwrap_err().to_string()
}

#[test]
fn what_is_broken_protected_or_of_another_format_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let cell = r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row>"#;
    let good = fs::read(workbook(&folder, cell, TEXTS)).unwrap();
    let path = folder.path().join("x.xlsx");
    let write = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        told(&path)
    };
    for length in [3, 40, good.len() / 2, good.len() - 1] {
        let error = write(&good[..length]);
        assert!(error.contains("is damaged"), "{length}: {error}");
    }
    assert!(write(b"order,sku\n1,A\n").contains("is damaged"));
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let ole = |name: &str| [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &[0; 504], &wide(name)].concat();
    assert!(write(&ole("EncryptedPackage")).contains("protected by a password"));
    assert!(write(&ole("Workbook")).contains("(.xls), which Mizan does not read: save it as .xlsx"));
    let error = told(&workbook(&folder, "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>9</v></c></row>", TEXTS));
    assert!(error.contains("is damaged"), "{error}");
    // Ends within a row, as when the disk was full.
    let error =
        told(&workbook(&folder, "<row r=\"1\"><c r=\"A1\"><v>9</v></c></row><row r=\"2\"><c r=\"A2\"><v>", TEXTS));
    assert!(error.contains("is damaged"), "{error}");
}

/// Overwrites the sizes that the archive states for its shared texts.
fn state_size(path: &Path, size: u32) {
    let mut bytes = fs::read(path).unwrap();
    for (signature, at, name_at) in [(b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)] {
        let begins: Vec<usize> = (0..bytes.len() - 70)
            .filter(|begin| {
                bytes[*begin..].starts_with(signature) && bytes[begin + name_at..].starts_with(b"xl/sharedStrings")
            })
            .collect();
        assert_eq!(begins.len(), 1);
        bytes[begins[0] + at..begins[0] + at + 4].copy_from_slice(&size.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cell = r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row>"#;
    let path = workbook(&folder, cell, TEXTS);
    state_size(&path, 1 << 30);
    let error = told(&path);
    assert!(error.contains("xl/sharedstrings.xml unpacks to 1073741824 bytes"), "{error}");
    // A small size that is not true ends the reading as soon as there is more.
    let long = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(1 << 20));
    let path = workbook(&folder, cell, &long);
    state_size(&path, 1000);
    assert!(told(&path).contains("larger than its declared"), "{}", told(&path));
    let path = workbook(&folder, cell, r#"<sst uniqueCount="1000000000000"><si><t>a</t></si></sst>"#);
    assert!(told(&path).contains("it states 1000000000000 texts"), "{}", told(&path));
}
