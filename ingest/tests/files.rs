//! Files of every kind the readers take, written here, read back, mapped, and resumed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use mizan_events::Decimal;
use mizan_ingest::files::{
    BadRow, FileError, GROUP_ROWS_MAX, ImportState, Item, LINE_BYTES_MAX, Position, ReadOptions, Record, Rows, Source,
};
use mizan_ingest::mapping::Mapping;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn items(path: &Path, options: &ReadOptions, from: Position) -> Result<Vec<Item>, FileError> {
    let source = Source::open([path])?;
    source.files[0].records(options, from)?.collect()
}

fn split(items: Vec<Item>) -> (Vec<Record>, Vec<BadRow>) {
    let (mut records, mut bad) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Record(record) => records.push(record),
            Item::Rejected(row) => bad.push(row),
        }
    }
    (records, bad)
}

fn rows(record: &Record) -> Vec<Value> {
    record.rows.to_text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All records and rejected rows of a file read with the directives of `mapping`.
fn read(path: &Path, mapping: &str) -> (Vec<Record>, Vec<BadRow>) {
    let mapping = Mapping::parse("test", mapping).unwrap();
    split(items(path, &mapping.directives().read_options(), Position::default()).unwrap())
}

/// Going on after any item gives exactly the items that follow it.
fn assert_resumes_anywhere(path: &Path, options: &ReadOptions) {
    let all = items(path, options, Position::default()).unwrap();
    let shown = |items: &[Item]| format!("{items:?}");
    for (index, item) in all.iter().enumerate() {
        let rest = items(path, options, item.position()).unwrap();
        assert_eq!(shown(&rest), shown(&all[index + 1..]), "after item {index} of {}", path.display());
    }
}

#[test]
fn csv_with_a_byte_order_mark_quoted_newlines_and_arabic_keeps_cells_and_line_numbers() {
    let folder = Folder::new();
    for newline in ["\n", "\r\n"] {
        let text = [
            "\u{feff}no,name,total",
            "1,\"عود، كمبودي\",12.500",
            "2,\"two",
            "lines \"\"quoted\"\"\",3",
            "3,café,4",
            "",
            "4,دلة,5",
        ];
        let path = folder.file("orders.csv", text.join(newline).as_bytes());
        let (records, bad) = read(&path, ".");
        assert!(bad.is_empty());
        let lines: Vec<u64> = records.iter().map(|record| record.line).collect();
        assert_eq!(lines, [2, 3, 5, 7], "{newline:?}");
        assert_eq!(rows(&records[0]), [json!({"no":"1","name":"عود، كمبودي","total":"12.500"})]);
        let second = rows(&records[1]);
        assert_eq!(second[0]["name"], format!("two{newline}lines \"quoted\""));
        assert_eq!(rows(&records[3])[0]["name"], "دلة");
        assert_resumes_anywhere(&path, &ReadOptions::default());
    }
}

#[test]
fn csv_in_latin1_windows_and_utf16_is_read_by_its_directive_or_mark() {
    let folder = Folder::new();
    let latin1 = folder.file("latin1.csv", b"name;price\ncaf\xe9 \x80;1\n");
    let (records, _) = read(&latin1, "# mizan: encoding latin1\n# mizan: delimiter ;\n.");
    assert_eq!(rows(&records[0]), [json!({"name":"café €","price":"1"})]);

    // "دلة" in windows-1256.
    let arabic = folder.file("arabic.csv", b"name\n\xcf\xe1\xc9\n");
    let (records, _) = read(&arabic, "# mizan: encoding windows-1256\n.");
    assert_eq!(rows(&records[0]), [json!({"name":"دلة"})]);

    let utf16: Vec<u8> = "\u{feff}name\tprice\nدلة\t1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (records, _) = read(&folder.file("excel.tsv", &utf16), ".");
    assert_eq!(rows(&records[0]), [json!({"name":"دلة","price":"1"})]);

    let (records, bad) = read(&latin1, "# mizan: delimiter ;\n.");
    assert!(records.is_empty());
    assert_eq!(bad[0].line, 2);
    assert!(bad[0].reason.contains("column `name` is not UTF-8"), "{}", bad[0].reason);
    assert!(bad[0].reason.contains("# mizan: encoding latin1"));
}

#[test]
fn ragged_rows_are_rejected_with_their_line_and_the_others_go_on() {
    let folder = Folder::new();
    let path = folder.file("ragged.csv", b"a,b,c\n1,2,3\n1,2\n4,5,6\n1,2,3,4\n7,8,9");
    let (records, bad) = read(&path, ".");
    assert_eq!(records.iter().map(|record| record.line).collect::<Vec<_>>(), [2, 4, 6]);
    assert_eq!(bad.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(bad[0].reason, "the row has 2 cells, the header names 3");
    assert_eq!(bad[0].body, r#"["1","2"]"#);
    assert_resumes_anywhere(&path, &ReadOptions::default());
}

#[test]
fn a_header_that_cannot_be_right_and_an_endless_quote_are_errors_of_the_file() {
    let folder = Folder::new();
    let twice = folder.file("twice.csv", b"a,b,a\n1,2,3\n");
    let error = items(&twice, &ReadOptions::default(), Position::default()).unwrap_err();
    assert!(matches!(error, FileError::RepeatedColumn { column, .. } if column == "a"));

    let mut text = b"a,b\n1,2\n3,\"never closed\n".to_vec();
    text.resize(24 << 20, b'x');
    let endless = folder.file("endless.csv", &text);
    let error = items(&endless, &ReadOptions::default(), Position::default()).unwrap_err();
    assert!(matches!(error, FileError::EndlessRecord { line: 3, .. }), "{error}");

    assert!(items(&folder.file("empty.csv", b""), &ReadOptions::default(), Position::default()).unwrap().is_empty());
}

#[test]
fn ndjson_plain_gzip_and_zstd_give_the_same_records() {
    let folder = Folder::new();
    let mut text = String::new();
    for number in 0..5_000 {
        text.push_str(&format!("{{\"n\":{number},\"name\":\"دلة {number}\"}}\n"));
        if number == 10 {
            text.push_str("\n   \n");
        }
    }
    let (first, second) = text.split_at(text.find("{\"n\":2000").unwrap());
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
    // Two members and two frames: what appending to a compressed file leaves.
    let paths = [
        folder.file("a.ndjson", text.as_bytes()),
        folder.file("a.ndjson.gz", &[gzip(first), gzip(second)].concat()),
        folder.file("a.jsonl.zst", &[zstd(first), zstd(second)].concat()),
        folder.file("named-otherwise", text.as_bytes()),
    ];
    for path in &paths {
        let (records, bad) = read(path, ".");
        assert_eq!((records.len(), bad.len()), (5_000, 0), "{}", path.display());
        assert_eq!((records[10].line, records[11].line), (11, 14));
        assert_eq!(rows(&records[4_999])[0]["n"], 4_999);
        let rest = items(path, &ReadOptions::default(), records[3_000].position).unwrap();
        let (rest, _) = split(rest);
        assert_eq!(format!("{rest:?}"), format!("{:?}", &records[3_001..]));

        let source = Source::open([path]).unwrap();
        let mut reader = source.files[0].records(&ReadOptions::default(), Position::default()).unwrap();
        let progress = reader.progress();
        assert!(reader.by_ref().count() == 5_000 && progress.bytes() == source.bytes());
    }
    let cut = gzip(&text);
    let cut = folder.file("cut.ndjson.gz", &cut[..cut.len() / 2]);
    let error = items(&cut, &ReadOptions::default(), Position::default()).unwrap_err();
    assert!(matches!(error, FileError::Damaged { .. }), "{error}");
}

#[test]
fn an_oversized_line_is_rejected_and_the_lines_around_it_are_read() {
    let folder = Folder::new();
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(LINE_BYTES_MAX - 8));
    assert_eq!(fits.len(), LINE_BYTES_MAX);
    let text = format!("\u{feff}{{\"n\":1}}\n{fits}\n{fits}y\n{}\n{{\"n\":5}}", "z".repeat(5 << 20));
    let path = folder.file("long.ndjson", text.as_bytes());
    let (records, bad) = read(&path, ".");
    assert_eq!(records.iter().map(|record| record.line).collect::<Vec<_>>(), [1, 2, 5]);
    assert_eq!(bad.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
    assert!(bad.iter().all(|row| row.body.len() <= 1024 && row.reason.contains("longer than 1048576 bytes")));
    assert_resumes_anywhere(&path, &ReadOptions::default());
}

fn parquet(path: &Path, rows: i64) {
    let numbers = Int64Array::from_iter_values(0..rows);
    let order: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("o{}", row / 3))));
    let amounts = (0..rows).map(|row| (row % 5 != 4).then(|| i128::from(row) * 10_001));
    let amount = Decimal128Array::from_iter(amounts).with_precision_and_scale(38, 4).unwrap();
    let price = Float64Array::from_iter_values((0..rows).map(|row| 58.9 + row as f64));
    let micros = || (0..rows).map(|row| 1_524_733_597_000_000 + row);
    let local = TimestampMicrosecondArray::from_iter_values(micros());
    let instant = TimestampMicrosecondArray::from_iter_values(micros()).with_timezone("UTC");
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(numbers) as ArrayRef),
        ("order", order),
        ("amount", Arc::new(amount)),
        ("price", Arc::new(price)),
        ("local", Arc::new(local)),
        ("instant", Arc::new(instant)),
    ])
    .unwrap();
    let properties = parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(1_000));
    let file = File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_rows_keep_decimals_exact_and_times_with_or_without_zone_as_they_are() {
    let folder = Folder::new();
    let path = folder.0.path().join("x.parquet");
    parquet(&path, 10_000);
    let (records, bad) = read(&path, ".");
    assert_eq!((records.len(), bad.len()), (10_000, 0));
    assert_eq!(
        records[3].rows.to_text(),
        r#"{"n":3,"order":"o1","amount":3.0003,"price":61.9,"local":"2018-04-26T09:06:37.000003","instant":"2018-04-26T09:06:37.000003Z"}"#
    );
    assert!(records[4].rows.to_text().contains(r#""amount":null"#));
    assert_eq!(records[9_999].line, 10_000);

    let (rest, _) = split(items(&path, &ReadOptions::default(), records[6_999].position).unwrap());
    assert_eq!((rest.len(), rest[0].line), (3_000, 7_001));
    assert_eq!(rest[0].rows.to_text(), records[7_000].rows.to_text());

    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 100);
    let cut = folder.file("cut.parquet", &bytes);
    assert!(matches!(items(&cut, &ReadOptions::default(), Position::default()), Err(FileError::Damaged { .. })));
}

#[test]
fn consecutive_rows_of_a_group_arrive_together_and_resume_as_whole_groups() {
    let folder = Folder::new();
    let options = ReadOptions { group_by: Some("order".to_owned()), ..ReadOptions::default() };
    let text = b"order,sku\nA,1\nA,2\nB,3\nB\nB,4\nA,5\n";
    let path = folder.file("lines.csv", text);
    let all = items(&path, &options, Position::default()).unwrap();
    let (records, bad) = split(all.clone());
    let groups: Vec<(u64, usize)> = records.iter().map(|record| (record.line, record.rows.len())).collect();
    assert_eq!(groups, [(2, 2), (4, 2), (7, 1)]);
    assert_eq!(bad[0].line, 5);
    // The bad row stands inside group B: going on after it must read B whole.
    let (rest, _) = split(items(&path, &options, bad[0].position).unwrap());
    assert_eq!((rest[0].line, rest[0].rows.len()), (4, 2));
    let (rest, _) = split(items(&path, &options, records[1].position).unwrap());
    assert_eq!((rest[0].line, rest.len()), (7, 1));

    let path = folder.0.path().join("x.parquet");
    parquet(&path, 10_000);
    let (records, _) = split(items(&path, &options, Position::default()).unwrap());
    assert_eq!((records.len(), records[3_333].rows.len()), (3_334, 1));

    let ndjson = folder.file("x.ndjson", b"{\"order\":1}\n{\"order\":1}\n{\"no\":1}\nnot json\n{\"order\":2}\n");
    let (records, bad) = split(items(&ndjson, &options, Position::default()).unwrap());
    assert_eq!((records.len(), bad.len()), (2, 2));
    assert!(bad[0].reason.contains("no field `order`"), "{}", bad[0].reason);

    let other = folder.file("other.csv", b"id,sku\n1,2\n");
    let error = items(&other, &options, Position::default()).unwrap_err().to_string();
    assert!(error.ends_with("has no column `order` to group by, it has id, sku"), "{error}");
}

#[test]
fn a_group_without_end_is_an_error_that_says_so() {
    let folder = Folder::new();
    let text = format!("order\n{}", "A\n".repeat(GROUP_ROWS_MAX + 1));
    let path = folder.file("endless.csv", text.as_bytes());
    let options = ReadOptions { group_by: Some("order".to_owned()), ..ReadOptions::default() };
    let error = items(&path, &options, Position::default()).unwrap_err().to_string();
    assert!(error.contains("more than 100000 consecutive rows have `order` = A"), "{error}");
}

#[test]
fn a_shops_csv_becomes_events_through_a_mapping() {
    let folder = Folder::new();
    let path = folder.file(
        "orders.csv",
        "Invoice;Date;Sku;Qty;Price\n1001;12/1/2010 8:26;OUD;2;2.55\n1001;12/1/2010 8:26;DALLAH;1;10\n1002;7/1/2011 8:26;OUD;1;2.55\n".as_bytes(),
    );
    let mapping = Mapping::parse(
        "uci",
        r##"# mizan: group_by Invoice
# mizan: delimiter ;
map(.Qty |= tonumber | .Price |= money)
| {
    type: "order.placed",
    id: "order-\(.[0].Invoice)",
    time: (.[0].Date | to_utc("%m/%d/%Y %H:%M"; "Europe/London")),
    data: {
      order_id: .[0].Invoice,
      lines: map({sku: .Sku, quantity: .Qty, unit_price: .Price}),
      total: (map(.Qty * (.Price | tonumber)) | add | money)
    }
  }
"##,
    )
    .unwrap();
    let (records, _) = split(items(&path, &mapping.directives().read_options(), Position::default()).unwrap());
    let groups: Vec<Rows> = records.into_iter().map(|record| record.rows).collect();
    let events: Vec<String> = mapping.apply_all(&groups, 2).into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(
        events,
        [
            r#"{"specversion":"1.0","source":"uci","type":"order.placed","id":"order-1001","time":"2010-12-01T08:26:00Z","data":{"order_id":"1001","lines":[{"sku":"OUD","quantity":2,"unit_price":"2.55"},{"sku":"DALLAH","quantity":1,"unit_price":"10"}],"total":"15.10"}}"#,
            r#"{"specversion":"1.0","source":"uci","type":"order.placed","id":"order-1002","time":"2011-07-01T07:26:00Z","data":{"order_id":"1002","lines":[{"sku":"OUD","quantity":1,"unit_price":"2.55"}],"total":"2.55"}}"#,
        ]
    );
}

#[test]
fn an_import_that_stopped_goes_on_where_the_log_had_acknowledged() {
    let folder = Folder::new();
    let text: String = (1..=100).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let path = folder.file("x.ndjson", text.as_bytes());
    let source = Source::open([&path]).unwrap();
    let data = folder.0.path().join("data");
    let mut seen = Vec::new();
    for run in 0..3 {
        let mut state = ImportState::open(&data, &source.files[0], 1).unwrap();
        let records = source.files[0].records(&ReadOptions::default(), state.position()).unwrap();
        for item in records.take(if run == 2 { usize::MAX } else { 40 }) {
            let Item::Record(record) = item.unwrap() else { panic!("no row is bad here") };
            seen.push(record.line);
            state.save(record.position).unwrap();
        }
        if run == 2 {
            state.finish().unwrap();
        }
    }
    assert_eq!(seen, (1..=100).collect::<Vec<u64>>());
    assert!(ImportState::open(&data, &source.files[0], 1).unwrap().finished());
}

#[test]
fn a_real_shops_year_has_all_its_rows_and_their_exact_value() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/uci_online_retail");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let mapping = Mapping::parse(
        "uci",
        "{id: \"day\", data: {value: (map((.Quantity | tonumber) * (.UnitPrice | tonumber)) | add | money)}}",
    )
    .unwrap();
    let source = Source::open([&folder]).unwrap();
    assert_eq!(source.files.len(), 305);
    let mut days = Vec::new();
    for file in &source.files {
        let (records, bad) =
            split(file.records(&ReadOptions::default(), Position::default()).unwrap().map(Result::unwrap).collect());
        assert!(bad.is_empty());
        let rows = records.into_iter().map(|record| match record.rows {
            Rows::One(row) => row,
            Rows::Group(_) => panic!("no grouping was asked for"),
        });
        days.push(Rows::Group(rows.collect()));
    }
    assert_eq!(days.iter().map(Rows::len).sum::<usize>(), 541_909);
    let mut value = Decimal::ZERO;
    for events in mapping.apply_all(&days, 2) {
        let event: Value = serde_json::from_str(&events.unwrap()[0]).unwrap();
        let day = Decimal::parse(event["data"]["value"].as_str().unwrap()).unwrap();
        value = value.checked_add(day).unwrap();
    }
    // The known answer of the data set: the sum of quantity × price over all rows.
    assert_eq!(value, Decimal::parse("9747747.934").unwrap());
}
