//! Minimum, maximum and null count of a file's columns: computed when it is written, kept in the table's log as
//! JSON, read back for pruning and planning.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::scalar::ScalarValue;
use serde_json::{Map, Value, json};

/// Longer texts are no use as bounds and would swell the table's log.
const TEXT_LENGTH_MAX: usize = 64;

/// What is known of the rows of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FileStatistics {
    /// Number of rows, where the log says it.
    pub(crate) rows: Option<usize>,
    /// Known bounds by column.
    pub(crate) columns: BTreeMap<String, Bounds>,
}

/// Bounds of one column in one file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) min: Option<ScalarValue>,
    pub(crate) max: Option<ScalarValue>,
    pub(crate) nulls: Option<usize>,
}

impl FileStatistics {
    /// Statistics of no rows, for the columns that have them.
    pub(crate) fn empty() -> FileStatistics {
        FileStatistics { rows: Some(0), columns: BTreeMap::new() }
    }

    /// Takes the rows of one more batch in.
    pub(crate) fn add(&mut self, batch: &RecordBatch, names: &[String]) {
        let first = self.rows == Some(0);
        self.rows = self.rows.map(|rows| rows + batch.num_rows());
        for name in names {
            let Some(column) = batch.column_by_name(name) else { continue };
            let Some(bounds) = bounds_of(column) else { continue };
            match self.columns.get_mut(name) {
                Some(known) => known.widen(&bounds),
                None if first => {
                    self.columns.insert(name.clone(), bounds);
                }
                None => {}
            }
        }
    }

    /// As Delta keeps them.
    pub(crate) fn to_json(&self) -> String {
        let (mut mins, mut maxs, mut nulls) = (Map::new(), Map::new(), Map::new());
        for (name, bounds) in &self.columns {
            // A text that is too long to be kept drops both ends: half a range misleads readers.
            if let (Some(min), Some(max)) =
                (bounds.min.as_ref().and_then(value_to_json), bounds.max.as_ref().and_then(value_to_json))
            {
                mins.insert(name.clone(), min);
                maxs.insert(name.clone(), max);
            }
            if let Some(count) = bounds.nulls {
                nulls.insert(name.clone(), json!(count));
            }
        }
        json!({"numRecords": self.rows, "minValues": mins, "maxValues": maxs, "nullCount": nulls}).to_string()
    }

    /// From what Delta keeps. What cannot be read is unknown, which is always safe.
    pub(crate) fn from_json(text: Option<&str>, data_type: impl Fn(&str) -> Option<DataType>) -> FileStatistics {
        let Some(Value::Object(stats)) = text.and_then(|text| serde_json::from_str(text).ok()) else {
            return FileStatistics::default();
        };
        let rows = stats.get("numRecords").and_then(Value::as_u64).and_then(|rows| usize::try_from(rows).ok());
        let part = |key: &str, name: &str| stats.get(key).and_then(|values| values.get(name)).cloned();
        let mut columns = BTreeMap::new();
        for name in ["minValues", "maxValues", "nullCount"]
            .iter()
            .filter_map(|key| stats.get(*key).and_then(Value::as_object))
            .flat_map(Map::keys)
        {
            let Some(data_type) = data_type(name) else { continue };
            let value = |key| part(key, name).and_then(|value| value_from_json(&value, &data_type));
            let nulls = part("nullCount", name).and_then(|value| value.as_u64()).and_then(|n| usize::try_from(n).ok());
            let bounds = Bounds { min: value("minValues"), max: value("maxValues"), nulls };
            columns.insert(name.clone(), bounds);
        }
        FileStatistics { rows, columns }
    }
}

impl Bounds {
    fn widen(&mut self, other: &Bounds) {
        // A file of nulls alone has no bounds and must not hide those of the others.
        self.min = pick(self.min.take(), other.min.clone(), |mine, theirs| theirs < mine);
        self.max = pick(self.max.take(), other.max.clone(), |mine, theirs| theirs > mine);
        self.nulls = self.nulls.zip(other.nulls).map(|(mine, theirs)| mine + theirs);
    }
}

fn pick(
    mine: Option<ScalarValue>,
    theirs: Option<ScalarValue>,
    better: impl Fn(&ScalarValue, &ScalarValue) -> bool,
) -> Option<ScalarValue> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some(if better(&mine, &theirs) { theirs } else { mine }),
        (mine, theirs) => mine.or(theirs),
    }
}

fn bounds_of(column: &ArrayRef) -> Option<Bounds> {
    let (min, max) = match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            (min(values).map(|v| ScalarValue::Int64(Some(v))), max(values).map(|v| ScalarValue::Int64(Some(v))))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            let scalar = |value: i64| ScalarValue::TimestampMicrosecond(Some(value), Some(zone.clone()));
            (min(values).map(scalar), max(values).map(scalar))
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            let scalar = |value: &str| ScalarValue::Utf8View(Some(value.to_owned()));
            (min_string(values).map(scalar), max_string(values).map(scalar))
        }
        _ => return None,
    };
    Some(Bounds { min, max, nulls: Some(column.null_count()) })
}

fn value_to_json(value: &ScalarValue) -> Option<Value> {
    match value {
        ScalarValue::Int64(Some(value)) => Some(json!(value)),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            let time = DateTime::<Utc>::from_timestamp_micros(*micros)?;
            Some(json!(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()))
        }
        ScalarValue::Utf8View(Some(text)) if text.len() <= TEXT_LENGTH_MAX => Some(json!(text)),
        _ => None,
    }
}

fn value_from_json(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Int64 => value.as_i64().map(|value| ScalarValue::Int64(Some(value))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
            Some(ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), zone.clone()))
        }
        DataType::Utf8 | DataType::Utf8View => value.as_str().map(|text| ScalarValue::Utf8View(Some(text.to_owned()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn batch(positions: Vec<Option<i64>>, ids: Vec<Option<&str>>) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("position", DataType::Int64, true),
            Field::new("order_id", DataType::Utf8, true),
        ]);
        RecordBatch::try_new(
            Arc::new(schema),
            vec![Arc::new(Int64Array::from(positions)), Arc::new(StringArray::from(ids))],
        )
        .unwrap()
    }

    fn names() -> Vec<String> {
        vec!["position".to_owned(), "order_id".to_owned()]
    }

    #[test]
    fn bounds_widen_batch_by_batch_and_survive_json() {
        let mut statistics = FileStatistics::empty();
        statistics.add(&batch(vec![Some(7), None], vec![None, None]), &names());
        statistics.add(&batch(vec![Some(3)], vec![Some("b")]), &names());
        let json: Value = serde_json::from_str(&statistics.to_json()).unwrap();
        assert_eq!(json["numRecords"], 3);
        assert_eq!(json["minValues"], json!({"position": 3, "order_id": "b"}));
        assert_eq!(json["maxValues"], json!({"position": 7, "order_id": "b"}));
        assert_eq!(json["nullCount"], json!({"position": 1, "order_id": 2}));
        let back = FileStatistics::from_json(Some(&statistics.to_json()), |name| {
            Some(if name == "position" { DataType::Int64 } else { DataType::Utf8 })
        });
        assert_eq!(back, statistics);
    }

    #[test]
    fn a_long_text_gives_no_bounds() {
        let mut statistics = FileStatistics::empty();
        statistics.add(&batch(vec![Some(1)], vec![Some(&"x".repeat(200))]), &names());
        assert!(!statistics.to_json().contains("xxx"));
    }

    #[test]
    fn unknown_statistics_stay_unknown() {
        assert_eq!(FileStatistics::from_json(Some("{broken"), |_| None), FileStatistics::default());
        assert_eq!(FileStatistics::from_json(None, |_| None).rows, None);
    }
}
