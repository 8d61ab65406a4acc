//! What one call of a function that can make much from little would make.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, IntervalMonthDayNanoType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;

/// How to reckon one row of a call, and in what unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cost {
    /// Text of argument 0, as many times as argument 1 says.
    Repeat,
    /// As many characters as argument 1 says.
    Pad,
    /// Every find of argument 1 in argument 0 becomes argument 2.
    Replace,
    /// As [`Cost::Replace`], where a find can be as short as nothing.
    RegexpReplace,
    /// All text arguments in a row.
    Concat,
    /// As [`Cost::Concat`], with argument 0 between all others.
    ConcatWithSeparator,
    /// Argument 1 between all elements of argument 0.
    JoinList,
    /// As many elements as argument 1 says.
    Elements,
    /// Elements from argument 0 to argument 1 by argument 2.
    Range,
    /// Work that grows with one length times the other.
    Product,
}

/// The functions of the engine that grow, by name.
pub(super) const COSTS: &[(&str, Cost)] = &[
    ("repeat", Cost::Repeat),
    ("lpad", Cost::Pad),
    ("rpad", Cost::Pad),
    ("replace", Cost::Replace),
    ("regexp_replace", Cost::RegexpReplace),
    ("concat", Cost::Concat),
    ("concat_ws", Cost::ConcatWithSeparator),
    ("array_to_string", Cost::JoinList),
    ("array_repeat", Cost::Elements),
    ("array_resize", Cost::Elements),
    ("range", Cost::Range),
    ("generate_series", Cost::Range),
    ("gen_series", Cost::Range),
    ("levenshtein", Cost::Product),
];

impl Cost {
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Elements | Self::Range => "elements",
            Self::Product => "steps",
            _ => "bytes",
        }
    }

    /// How many of the unit weigh as much as one byte of a text.
    pub(super) fn weight(self) -> u64 {
        match self {
            // An element is a value of about sixteen bytes; a step leaves nothing behind.
            Self::Elements | Self::Range => 16,
            _ => 1,
        }
    }

    /// What the row `row` of the call makes beyond what it is given.
    pub(super) fn of_row(self, args: &[ColumnarValue], row: usize) -> u64 {
        let text = |at: usize| args.get(at).map_or(0, |arg| text_bytes(arg, row));
        let number = |at: usize| args.get(at).and_then(|arg| number(arg, row)).unwrap_or(0);
        let positive = |at: usize| u64::try_from(number(at)).unwrap_or(0);
        match self {
            Self::Repeat => text(0).saturating_mul(positive(1)),
            Self::Pad => positive(1),
            Self::Replace => {
                let found = text(1).max(1);
                (text(0) / found).saturating_mul(text(2).saturating_sub(found))
            }
            // A short replacement grows its text by a small factor at most.
            Self::RegexpReplace if text(2) <= 16 => 0,
            Self::RegexpReplace => (text(0) + 1).saturating_mul(text(2)),
            Self::Concat => (0..args.len()).map(text).fold(0, u64::saturating_add),
            Self::ConcatWithSeparator => {
                let joined = (1..args.len()).map(text).fold(0, u64::saturating_add);
                joined.saturating_add(text(0).saturating_mul(args.len() as u64))
            }
            Self::JoinList => text(1).saturating_mul(args.first().map_or(0, |arg| list_length(arg, row))),
            Self::Elements => positive(1).max(positive(0)),
            Self::Range => range(args, row),
            Self::Product => text(0).saturating_mul(text(1)),
        }
    }
}

fn range(args: &[ColumnarValue], row: usize) -> u64 {
    let at = |at: usize| args.get(at).and_then(|arg| number(arg, row));
    let (start, end, step) = match args.len() {
        0 => return 0,
        1 => (Some(0), at(0), Some(1)),
        2 => (at(0), at(1), Some(1)),
        _ => (at(0), at(1), at(2)),
    };
    match (start, end, step) {
        (Some(start), Some(end), Some(step)) if step != 0 => {
            u64::try_from((end - start) / step + 1).unwrap_or(if (end - start) / step < 0 { 0 } else { u64::MAX })
        }
        _ => 0,
    }
}

fn text_bytes(arg: &ColumnarValue, row: usize) -> u64 {
    match arg {
        ColumnarValue::Scalar(ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text)) => {
            text.as_ref().map_or(0, String::len) as u64
        }
        ColumnarValue::Scalar(_) => 0,
        ColumnarValue::Array(array) if array.is_null(row) => 0,
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value_length(row).unsigned_abs().into(),
            DataType::LargeUtf8 => array.as_string::<i64>().value_length(row).unsigned_abs(),
            DataType::Utf8View => array.as_string_view().value(row).len() as u64,
            _ => 0,
        },
    }
}

fn list_length(arg: &ColumnarValue, row: usize) -> u64 {
    let of = |array: &ArrayRef, row: usize| match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value_length(row).unsigned_abs().into(),
        DataType::LargeList(_) => array.as_list::<i64>().value_length(row).unsigned_abs(),
        _ => 0,
    };
    match arg {
        ColumnarValue::Array(array) => of(array, row),
        ColumnarValue::Scalar(scalar) => scalar.to_array().map_or(0, |array| of(&array, 0)),
    }
}

/// A whole number, or a date, time or interval in nanoseconds.
fn number(arg: &ColumnarValue, row: usize) -> Option<i128> {
    match arg {
        ColumnarValue::Array(array) => number_in(array, row),
        ColumnarValue::Scalar(scalar) => number_in(&scalar.to_array().ok()?, 0),
    }
}

const DAY: i128 = 86_400_000_000_000;

fn number_in(array: &ArrayRef, row: usize) -> Option<i128> {
    if array.is_null(row) {
        return None;
    }
    let value = match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Date32 => i128::from(array.as_primitive::<Date32Type>().value(row)) * DAY,
        DataType::Timestamp(TimeUnit::Second, _) => {
            i128::from(array.as_primitive::<TimestampSecondType>().value(row)) * 1_000_000_000
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            i128::from(array.as_primitive::<TimestampMillisecondType>().value(row)) * 1_000_000
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            i128::from(array.as_primitive::<TimestampMicrosecondType>().value(row)) * 1_000
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().value(row).into()
        }
        DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano) => {
            let interval = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            i128::from(interval.months) * 28 * DAY + i128::from(interval.days) * DAY + i128::from(interval.nanoseconds)
        }
        _ => {
            let numbers = arrow::compute::cast(&array.slice(row, 1), &DataType::Int64).ok()?;
            let numbers = numbers.as_primitive::<Int64Type>();
            return (!numbers.is_null(0)).then(|| numbers.value(0).into());
        }
    };
    Some(value)
}
