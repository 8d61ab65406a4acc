//! Rows of a chunk in the order of shop and time; those already in order are not touched.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::TimestampMicrosecondType;

use crate::error::LakeError;
use crate::schema::SORT_COLUMNS;

/// Rows gathered at a time, so that a chunk is never copied as a whole.
const PIECE_ROWS: usize = 64 * 1024;

/// Shorter runs of rows, on the average, are not worth the cost of a slice in every column.
const ROWS_WORTH_A_SLICE: usize = 256;

/// A row: its time, and its place as batch and row in one number.
type Key = (i64, u64);

/// Gives the rows in order, piece by piece.
pub(crate) fn in_order(
    batches: &[RecordBatch],
    mut write: impl FnMut(&RecordBatch) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    let Some(keys) = ordered_keys(batches) else { return batches.iter().try_for_each(write) };
    if keys.is_sorted_by_key(|(_, place)| *place) {
        return batches.iter().try_for_each(write);
    }
    let sources: Vec<&RecordBatch> = batches.iter().collect();
    for piece in keys.chunks(PIECE_ROWS) {
        // Where rows come nearly in order they stand in long runs, which are not copied at all.
        let runs: Vec<&[Key]> = piece.chunk_by(|(_, one), (_, next)| one + 1 == *next).collect();
        if runs.len() * ROWS_WORTH_A_SLICE > piece.len() {
            let places: Vec<(usize, usize)> = piece.iter().map(|(_, place)| batch_and_row(*place)).collect();
            write(&interleave_record_batch(&sources, &places)?)?;
            continue;
        }
        for run in runs {
            let (batch, row) = batch_and_row(run[0].1);
            write(&sources[batch].slice(row, run.len()))?;
        }
    }
    Ok(())
}

fn batch_and_row(place: u64) -> (usize, usize) {
    ((place >> 32) as usize, (place & 0xffff_ffff) as usize)
}

/// All rows in order; `None` for tables without the sort columns.
fn ordered_keys(batches: &[RecordBatch]) -> Option<Vec<Key>> {
    let [shop_name, time_name] = SORT_COLUMNS;
    let mut columns = Vec::with_capacity(batches.len());
    for batch in batches {
        let shops = batch.column_by_name(shop_name)?.as_string_opt::<i32>()?;
        let times = batch.column_by_name(time_name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        columns.push((shops, times));
    }
    // Each shop's rows are sorted by themselves; most files have one shop.
    let mut by_shop: BTreeMap<Option<&str>, Vec<Key>> = BTreeMap::new();
    for (batch, (shops, times)) in (0u64..).zip(&columns) {
        let mut row = 0;
        while row < shops.len() {
            let shop = shop_at(shops, row);
            let keys = by_shop.entry(shop).or_default();
            while row < shops.len() && shop_at(shops, row) == shop {
                let time = if times.is_null(row) { i64::MIN } else { times.value(row) };
                keys.push((time, batch << 32 | row as u64));
                row += 1;
            }
        }
    }
    // The place of arrival comes after the time, so rows of one instant keep their order. Events arrive nearly in
    // order, which a merging sort makes use of.
    by_shop.values_mut().for_each(|keys| keys.sort());
    let mut shops = by_shop.into_values();
    let mut all = shops.next().unwrap_or_default();
    shops.for_each(|keys| all.extend(keys));
    Some(all)
}

fn shop_at(shops: &StringArray, row: usize) -> Option<&str> {
    (!shops.is_null(row)).then(|| shops.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, TimestampMicrosecondArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};

    use super::*;

    fn batch(rows: &[(&str, i64, i64)]) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("shop", DataType::Utf8, true),
            Field::new("event_time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
            Field::new("id", DataType::Int64, true),
        ]);
        let shops = StringArray::from_iter_values(rows.iter().map(|row| row.0));
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone("UTC");
        let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.2));
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(shops), Arc::new(times), Arc::new(ids)]).unwrap()
    }

    fn ids(batches: &[RecordBatch]) -> Vec<i64> {
        let mut pieces = Vec::new();
        in_order(batches, |piece| {
            pieces.push(piece.clone());
            Ok(())
        })
        .unwrap();
        let all = concat_batches(&pieces[0].schema(), &pieces).unwrap();
        all.column(2).as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn rows_come_by_shop_then_time_and_equals_keep_their_order() {
        let first = batch(&[("b", 5, 1), ("a", 9, 2), ("b", 5, 3)]);
        let second = batch(&[("a", 1, 4), ("b", 5, 5), ("a", 9, 6)]);
        assert_eq!(ids(&[first, second]), vec![4, 2, 6, 1, 3, 5]);
    }

    #[test]
    fn long_runs_with_a_few_late_rows_come_in_order_too() {
        let mut rows: Vec<(&str, i64, i64)> = (0..5_000).map(|n| ("a", n, n)).collect();
        // Late by a hundred, and one that belongs to the very beginning.
        rows.swap(1_000, 1_100);
        rows[4_000].1 = -1;
        let batches: Vec<RecordBatch> = rows.chunks(1_700).map(batch).collect();
        let mut expected: Vec<(i64, i64)> = rows.iter().map(|row| (row.1, row.2)).collect();
        expected.sort();
        assert_eq!(ids(&batches), expected.into_iter().map(|row| row.1).collect::<Vec<_>>());
    }

    #[test]
    fn rows_in_order_pass_through_uncopied() {
        let sorted = batch(&[("a", 1, 1), ("a", 2, 2), ("b", 0, 3)]);
        let mut same = false;
        in_order(std::slice::from_ref(&sorted), |piece| {
            same = Arc::ptr_eq(piece.column(2), sorted.column(2));
            Ok(())
        })
        .unwrap();
        assert!(same);
    }
}
