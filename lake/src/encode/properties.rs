//! How each column is encoded. The choices were measured on storefront events (`examples/write_rate.rs`).

use arrow::datatypes::{DataType, Field, Schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::schema::{POSITION, SORT_COLUMNS};

/// Rows of one row group: small enough to be skipped, large enough to compress.
pub(crate) const ROW_GROUP_ROWS: usize = 256 * 1024;
const PAGE_ROWS: usize = 10_000;
/// A filter's size is a power of two: at five false answers in a hundred a row costs about a byte, at one about two.
const BLOOM_FALSE_POSITIVES: f64 = 0.05;
/// Every value is different: a dictionary would only be given up again.
const UNIQUE: [&str; 1] = ["event_id"];

/// Properties of a file of `rows` rows under this schema.
pub(crate) fn properties(schema: &Schema, rows: usize) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by("mizan".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(sorting(schema));
    for field in schema.fields() {
        builder = column(builder, field, &mut vec![field.name().clone()], false);
        if is_looked_up(field) {
            let path = ColumnPath::from(field.name().as_str());
            let distinct = u64::try_from(rows.clamp(1, ROW_GROUP_ROWS)).unwrap_or(1);
            builder = builder
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path, distinct);
        }
    }
    builder.build()
}

/// Identifiers that people look single rows up by.
const LOOKED_UP: [&str; 7] =
    ["event_id", "session_id", "customer_id", "order_id", "payment_id", "attempt_id", "purchase_order_id"];

fn is_looked_up(field: &Field) -> bool {
    LOOKED_UP.contains(&field.name().as_str())
}

fn column(
    mut builder: WriterPropertiesBuilder,
    field: &Field,
    path: &mut Vec<String>,
    personal: bool,
) -> WriterPropertiesBuilder {
    let personal = personal || field.metadata().contains_key("personal");
    match field.data_type() {
        DataType::Struct(fields) => {
            for inner in fields {
                path.push(inner.name().clone());
                builder = column(builder, inner, path, personal);
                path.pop();
            }
            return builder;
        }
        DataType::List(item) => {
            path.extend(["list".to_owned(), item.name().clone()]);
            builder = column(builder, item, path, personal);
            path.truncate(path.len() - 2);
            return builder;
        }
        _ => {}
    }
    let name = path.first().map(String::as_str).unwrap_or_default();
    let place = ColumnPath::new(path.clone());
    // The range of a text says little, unless the table's log keeps it as well: every file has every campaign.
    let is_ranged = field.data_type() != &DataType::Utf8 || field.metadata().contains_key("statistics");
    if personal || !is_ranged && !SORT_COLUMNS.contains(&name) {
        builder = builder.set_column_statistics_enabled(place.clone(), EnabledStatistics::None);
    } else if SORT_COLUMNS.contains(&name) || name == POSITION {
        builder = builder.set_column_statistics_enabled(place.clone(), EnabledStatistics::Page);
    }
    match field.data_type() {
        DataType::Timestamp(..) | DataType::Int64 => builder
            .set_column_dictionary_enabled(place.clone(), false)
            .set_column_encoding(place, Encoding::DELTA_BINARY_PACKED),
        DataType::Utf8 if UNIQUE.contains(&name) => builder
            .set_column_dictionary_enabled(place.clone(), false)
            .set_column_encoding(place, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        _ => builder,
    }
}

fn sorting(schema: &Schema) -> Option<Vec<SortingColumn>> {
    // Leaves are counted: the sort columns come before any nested one, so place and leaf agree.
    let places: Option<Vec<usize>> = SORT_COLUMNS.iter().map(|name| schema.index_of(name).ok()).collect();
    places.map(|places| {
        places
            .into_iter()
            .filter_map(|place| i32::try_from(place).ok())
            .map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: true })
            .collect()
    })
}

/// Properties of a model's file.
pub(crate) fn mart_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("mizan".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .build()
}
