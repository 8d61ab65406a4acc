//! Rows as text: exact, comparable, and fit to be shown.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// One row: a text for each column, `None` for NULL.
pub(crate) type Row = Vec<Option<String>>;

/// Rows shown in a finding; a test that fails on thousands says as much with a few.
pub(crate) const SHOWN: usize = 5;

/// Every row as text. Decimals are written without trailing zeros, so that equal amounts are equal texts at any scale.
pub(crate) fn texts(batches: &[RecordBatch]) -> Result<Vec<Row>, ArrowError> {
    let options = FormatOptions::default().with_display_error(true);
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map(|formatter| (column, formatter)))
            .collect::<Result<Vec<_>, _>>()?;
        for place in 0..batch.num_rows() {
            let row = columns.iter().map(|(column, formatter)| {
                (!column.is_null(place)).then(|| plain(column.data_type(), formatter.value(place).to_string()))
            });
            rows.push(row.collect());
        }
    }
    Ok(rows)
}

fn plain(data_type: &DataType, text: String) -> String {
    let has_places = matches!(data_type, DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale > 0);
    if has_places && text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A row as people read it: `shop=default, day=2026-03-01`.
pub(crate) fn shown(columns: &[String], row: &Row) -> String {
    let values =
        columns.iter().zip(row).map(|(column, value)| format!("{column}={}", value.as_deref().unwrap_or("NULL")));
    values.collect::<Vec<_>>().join(", ")
}

/// What is in one set of rows and not in the other, counting repeats: (only left, only right), each sorted.
pub(crate) fn difference(mut left: Vec<Row>, mut right: Vec<Row>) -> (Vec<Row>, Vec<Row>) {
    left.sort();
    right.sort();
    let (mut only_left, mut only_right) = (Vec::new(), Vec::new());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
            }
            (Some(a), Some(b)) if a < b => only_left.extend(left.next()),
            (Some(_), None) => only_left.extend(left.next()),
            (_, Some(_)) => only_right.extend(right.next()),
            (None, None) => return (only_left, only_right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Decimal128Array;
    use std::sync::Arc;

    fn row(text: &str) -> Row {
        vec![Some(text.to_owned())]
    }

    #[test]
    fn equal_amounts_of_another_scale_are_equal_texts() {
        let of = |units: i128, scale: i8| {
            let array = Decimal128Array::from(vec![Some(units), None]).with_precision_and_scale(28, scale).unwrap();
            let batch = RecordBatch::try_from_iter([("a", Arc::new(array) as _)]).unwrap();
            texts(&[batch]).unwrap()
        };
        assert_eq!(of(-12_500, 3), of(-1_250_000, 5));
        assert_eq!(of(-12_500, 3), [row("-12.5"), vec![None]]);
        assert_eq!(of(1000, 1), [row("100"), vec![None]]);
        assert_eq!(of(100, 0), [row("100"), vec![None]]);
    }

    #[test]
    fn repeats_count_in_a_difference() {
        let (left, right) = difference(vec![row("a"), row("b"), row("a")], vec![row("c"), row("a")]);
        assert_eq!((left, right), (vec![row("a"), row("b")], vec![row("c")]));
    }
}
