//! Every format against text worked out by hand.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Encoder, Format, byte_stream, write};
use crate::tests::support;
use crate::{Limits, QueryError};

fn sample() -> RecordBatch {
    let sku: ArrayRef = Arc::new(StringArray::from(vec![Some("A-1"), None]));
    let price: ArrayRef = Arc::new(Decimal128Array::from(vec![12_500, 0]).with_precision_and_scale(18, 4).unwrap());
    let line = StructArray::from(vec![
        (Arc::new(Field::new("sku", DataType::Utf8, true)), sku),
        (Arc::new(Field::new("price", DataType::Decimal128(18, 4), true)), price),
    ]);
    RecordBatch::try_from_iter([
        ("name", Arc::new(StringArray::from(vec![Some("سلّة, \"كبيرة\""), Some("")])) as ArrayRef),
        (
            "total",
            Arc::new(
                Decimal128Array::from(vec![Some(1_234_567_890_123_450_001_i128), None])
                    .with_precision_and_scale(28, 4)
                    .unwrap(),
            ),
        ),
        ("big", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None]))),
        ("small", Arc::new(Int32Array::from(vec![-1, 2]))),
        ("rate", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("paid", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(20_513), None]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_772_359_447_250_000), None]).with_timezone("UTC"))),
        ("local", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_772_359_447_000_000), None]))),
        ("sizes", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), None]))),
        ("line", Arc::new(line)),
    ])
    .unwrap()
}

fn encoded(format: Format, batch: &RecordBatch, truncated: bool) -> Vec<u8> {
    let mut encoder = Encoder::new(format, &batch.schema()).unwrap();
    let mut bytes = encoder.batch(batch).unwrap().to_vec();
    bytes.extend_from_slice(&encoder.finish(truncated).unwrap());
    bytes
}

fn text(format: Format, batch: &RecordBatch, truncated: bool) -> String {
    String::from_utf8(encoded(format, batch, truncated)).unwrap()
}

const FIRST: &str = r#"{"name":"سلّة, \"كبيرة\"","total":"123456789012345.0001","big":"9007199254740993","small":-1,"rate":0.1,"paid":true,"day":"2026-03-01","at":"2026-03-01T10:04:07.250Z","local":"2026-03-01T10:04:07","sizes":[1,null],"line":{"sku":"A-1","price":"1.2500"}}"#;
const SECOND: &str = r#"{"name":"","total":null,"big":null,"small":2,"rate":"NaN","paid":null,"day":null,"at":null,"local":null,"sizes":null,"line":{"sku":null,"price":"0.0000"}}"#;

#[test]
fn json_keeps_every_digit() {
    let schema = r#"[{"name":"name","type":"text"},{"name":"total","type":"decimal(28,4)"},{"name":"big","type":"bigint"},{"name":"small","type":"integer"},{"name":"rate","type":"double"},{"name":"paid","type":"boolean"},{"name":"day","type":"date"},{"name":"at","type":"timestamp with time zone"},{"name":"local","type":"timestamp"},{"name":"sizes","type":"list<integer>"},{"name":"line","type":"struct<sku text, price decimal(18,4)>"}]"#;
    let json = text(Format::Json, &sample(), false);
    assert_eq!(json, format!("{{\"schema\":{schema},\"rows\":[{FIRST},\n{SECOND}],\"truncated\":false}}\n"));
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    assert_eq!(text(Format::NdJson, &sample(), true), format!("{FIRST}\n{SECOND}\n"));
    assert!(text(Format::Json, &sample(), true).ends_with("],\"truncated\":true}\n"));
}

#[test]
fn csv_tells_null_from_an_empty_text() {
    let batch = sample();
    let expected = "name,total,big,small,rate,paid,day,at,local,sizes,line\r\n\
        \"سلّة, \"\"كبيرة\"\"\",123456789012345.0001,9007199254740993,-1,0.1,true,2026-03-01,2026-03-01T10:04:07.250Z,2026-03-01T10:04:07,\"[1,null]\",\"{\"\"sku\"\":\"\"A-1\"\",\"\"price\"\":\"\"1.2500\"\"}\"\r\n\
        \"\",,,2,NaN,,,,,,\"{\"\"sku\"\":null,\"\"price\"\":\"\"0.0000\"\"}\"\r\n";
    assert_eq!(text(Format::Csv, &batch, false), expected);
}

#[test]
fn a_table_is_aligned_whatever_the_script_and_cannot_steer_the_terminal() {
    let batch = RecordBatch::try_from_iter([
        (
            "customer",
            Arc::new(StringArray::from(vec![Some("لَيلى"), Some("商店"), Some("a\u{1b}[2J\nb"), None])) as ArrayRef,
        ),
        (
            "total",
            Arc::new(
                Decimal128Array::from(vec![Some(125_000), Some(-3), None, Some(1)])
                    .with_precision_and_scale(18, 4)
                    .unwrap(),
            ),
        ),
    ])
    .unwrap();
    let expected = " customer      │   total\n\
                    ───────────────┼─────────\n \
                    لَيلى          │ 12.5000\n \
                    商店          │ -0.0003\n \
                    a\\u{1b}[2J\\nb │    NULL\n \
                    NULL          │  0.0001\n\
                    (4 rows; there are more, cut at the limit)\n";
    assert_eq!(text(Format::Table, &batch, true), expected);
}

#[test]
fn long_cells_are_cut_for_eyes_only() {
    let batch =
        RecordBatch::try_from_iter([("x", Arc::new(StringArray::from(vec!["x".repeat(500)])) as ArrayRef)]).unwrap();
    let table = text(Format::Table, &batch, false);
    assert!(table.contains(&format!(" {}…\n", "x".repeat(119))), "{table}");
    assert!(text(Format::Csv, &batch, false).contains(&"x".repeat(500)));
}

#[test]
fn arrow_and_parquet_come_back_as_they_went() {
    let batch = sample();
    let bytes = encoded(Format::Arrow, &batch, false);
    let read: Vec<RecordBatch> =
        arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", vec![batch.clone()]));

    let bytes = Bytes::from(encoded(Format::Parquet, &batch, true));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let notes = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    assert!(notes.iter().any(|note| note.key == "mizan.truncated" && note.value.as_deref() == Some("true")));
    let read: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(format!("{:?}", read[0].columns()), format!("{:?}", batch.columns()));
}

#[tokio::test]
async fn an_empty_result_is_whole_in_every_format() {
    let engine = support::engine();
    for (format, expected) in [
        (Format::Table, " a │ b\n───┼───\n(0 rows)\n"),
        (Format::Csv, "a,b\r\n"),
        (
            Format::Json,
            "{\"schema\":[{\"name\":\"a\",\"type\":\"bigint\"},{\"name\":\"b\",\"type\":\"text\"}],\"rows\":[],\"truncated\":false}\n",
        ),
        (Format::NdJson, ""),
    ] {
        let result = engine.query("SELECT 1 AS a, 'x' AS b WHERE false", vec![]).await.unwrap();
        let mut bytes = Vec::new();
        write(result, format, &mut bytes).await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{format:?}");
    }
}

#[tokio::test]
async fn the_stream_gives_the_same_bytes_as_the_file() {
    let engine = support::engine_with(Limits { rows: 20_000, ..Limits::default() });
    let sql = "SELECT value AS n, 'س' || value AS t FROM generate_series(1, 30000)";
    for format in Format::ALL {
        let mut file = Vec::new();
        let written = write(engine.query(sql, vec![]).await.unwrap(), format, &mut file).await.unwrap();
        assert_eq!((written.rows, written.truncated), (20_000, true));
        let pieces: Vec<Bytes> =
            byte_stream(engine.query(sql, vec![]).await.unwrap(), format).unwrap().try_collect().await.unwrap();
        // Rows come in any order without ORDER BY, which Parquet packs to other lengths.
        assert!(format == Format::Parquet || pieces.concat().len() == file.len(), "{format:?}");
        assert!(
            !matches!(format, Format::Json | Format::Csv | Format::Arrow) || pieces.len() > 2,
            "{format:?} in {} pieces",
            pieces.len()
        );
    }
}

/// A failure after the first rows: JSON stays readable and says it, a CSV transfer breaks.
#[tokio::test]
async fn a_late_failure_is_not_taken_for_an_end() {
    let engine = support::engine();
    let sql = "SELECT 1 / (50000 - value) AS x FROM generate_series(1, 60000)";
    let pieces: Vec<Bytes> =
        byte_stream(engine.query(sql, vec![]).await.unwrap(), Format::Json).unwrap().try_collect().await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&pieces.concat()).unwrap();
    assert_eq!(json["error"]["code"], "data");
    assert_eq!(json["truncated"], true);
    assert!(!json["rows"].as_array().unwrap().is_empty());
    for format in [Format::Csv, Format::NdJson, Format::Arrow] {
        let pieces: Vec<_> = byte_stream(engine.query(sql, vec![]).await.unwrap(), format).unwrap().collect().await;
        assert!(matches!(pieces.last(), Some(Err(QueryError::Data { .. }))), "{format:?}");
    }
}

#[test]
fn formats_are_found_by_name_and_by_media_type() {
    assert_eq!("JSON".parse::<Format>().unwrap(), Format::Json);
    assert_eq!(
        "parket".parse::<Format>().unwrap_err().to_string(),
        "unknown format 'parket', did you mean 'parquet': use table, csv, json, ndjson, arrow or parquet"
    );
    assert_eq!(Format::from_media_type("text/csv; charset=utf-8"), Some(Format::Csv));
    assert_eq!(Format::from_media_type("application/vnd.apache.arrow.stream"), Some(Format::Arrow));
    assert_eq!(Format::from_media_type("image/png"), None);
}
