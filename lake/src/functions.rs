//! SQL functions of shop time: the day and the wall-clock time of an instant where the shop is.

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::zones::Zones;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The functions, for the zones of these shops.
pub(crate) fn functions(zones: &Arc<Zones>) -> [ScalarUDF; 2] {
    [Output::Date, Output::Time].map(|output| {
        ScalarUDF::from(ShopClock {
            zones: Arc::clone(zones),
            output,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Output {
    Date,
    Time,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ShopClock {
    zones: Arc<Zones>,
    output: Output,
    signature: Signature,
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl ScalarUDFImpl for ShopClock {
    fn name(&self) -> &str {
        match self.output {
            Output::Date => "shop_date",
            Output::Time => "shop_time",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [shop, time] = given else {
            return plan_err!("{} takes a shop and an instant, not {} arguments", self.name(), given.len());
        };
        let shop_type = match shop {
            DataType::Dictionary(_, value) => value.as_ref(),
            other => other,
        };
        if !shop_type.is_string() && !shop.is_null() {
            return plan_err!("the first argument of {} is a shop's name, not a {shop}", self.name());
        }
        match time {
            DataType::Timestamp(..) | DataType::Null | DataType::Date32 => {}
            other if other.is_string() => {}
            other => return plan_err!("the second argument of {} is an instant, not a {other}", self.name()),
        }
        Ok(vec![DataType::Utf8View, instant()])
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(match self.output {
            Output::Date => DataType::Date32,
            Output::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if all_scalar { 1 } else { arguments.number_rows };
        let [shops, times] = arguments.args.as_slice() else {
            return exec_err!("{} takes a shop and an instant", self.name());
        };
        let shops = match shops {
            // One shop for all rows is looked up once.
            ColumnarValue::Scalar(shop) => Shops::One(shop.try_as_str().flatten().map(str::to_owned)),
            ColumnarValue::Array(array) => Shops::Column(Arc::clone(array)),
        };
        let times = times.to_array(rows)?;
        let Some(times) = times.as_primitive_opt::<TimestampMicrosecondType>() else {
            return exec_err!("{} was given a {} instead of an instant", self.name(), times.data_type());
        };
        let local = self.local(&shops, times)?;
        let result: ArrayRef = match self.output {
            Output::Time => Arc::new(local),
            Output::Date => {
                let days: Date32Array = local.unary(|micros| micros.div_euclid(MICROS_PER_DAY) as i32);
                Arc::new(days)
            }
        };
        if all_scalar {
            return Ok(ColumnarValue::Scalar(datafusion::scalar::ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DATE: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_DATETIME,
                "The day on the calendar of the shop, in its time zone. An unknown shop has the zone of the default shop.",
                "shop_date(shop, event_time)",
            )
            .with_sql_example("SELECT shop_date(shop, event_time) AS day, count(*) FROM events.orders GROUP BY 1")
            .with_argument("shop", "Name of the shop")
            .with_argument("event_time", "An instant")
            .build()
        });
        static TIME: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_DATETIME,
                "What the clock on the shop's wall shows, in its time zone. An unknown shop has the zone of the default shop.",
                "shop_time(shop, event_time)",
            )
            .with_sql_example("SELECT extract(hour FROM shop_time(shop, event_time)) FROM events.orders")
            .with_argument("shop", "Name of the shop")
            .with_argument("event_time", "An instant")
            .build()
        });
        Some(match self.output {
            Output::Date => &DATE,
            Output::Time => &TIME,
        })
    }
}

enum Shops {
    One(Option<String>),
    Column(ArrayRef),
}

impl ShopClock {
    fn local(&self, shops: &Shops, times: &TimestampMicrosecondArray) -> Result<TimestampMicrosecondArray> {
        let mut converter = self.zones.converter();
        let column: &StringViewArray = match shops {
            Shops::One(shop) => {
                let zone = converter.zone(shop.as_deref());
                let local: Vec<i64> = times.values().iter().map(|micros| converter.local(zone, *micros)).collect();
                return Ok(TimestampMicrosecondArray::new(local.into(), times.nulls().cloned()));
            }
            Shops::Column(array) => match array.as_string_view_opt() {
                Some(column) => column,
                None => return exec_err!("{} was given a {} instead of a shop", self.name(), array.data_type()),
            },
        };
        let mut known: Option<&str> = None;
        let mut zone = converter.zone(None);
        let mut local = Vec::with_capacity(times.len());
        for (row, micros) in times.values().iter().enumerate() {
            let shop = (!column.is_null(row)).then(|| column.value(row));
            if shop != known {
                zone = converter.zone(shop);
                known = shop;
            }
            local.push(converter.local(zone, *micros));
        }
        Ok(TimestampMicrosecondArray::new(local.into(), times.nulls().cloned()))
    }
}
