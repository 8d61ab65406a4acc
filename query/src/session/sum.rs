//! `sum` that is right or says that it is not.
//!
//! The engine's own sum of whole numbers and of decimals starts again from the other end when it leaves
//! its type, without a word. This one adds in 128 bits and looks, at the end, whether the result fits.

use std::hash::{Hash, Hasher};
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, Int64Array, UInt64Array,
};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Field, FieldRef, Int64Type, UInt64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    StatisticsArgs,
};

/// The engine's `sum`, with the arithmetic of whole numbers and decimals taken over.
#[derive(Debug)]
pub(super) struct CheckedSum {
    inner: Arc<dyn AggregateUDFImpl>,
}

impl CheckedSum {
    pub(super) fn new(inner: Arc<dyn AggregateUDFImpl>) -> Self {
        Self { inner }
    }
}

impl PartialEq for CheckedSum {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for CheckedSum {}

impl Hash for CheckedSum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "checked sum".hash(state);
    }
}

fn is_checked(kind: &DataType) -> bool {
    matches!(kind, DataType::Int64 | DataType::UInt64 | DataType::Decimal128(..))
}

/// The state between two steps: the sum so far in 128 bits, with the scale of the result.
fn state_type(kind: &DataType) -> DataType {
    let scale = if let DataType::Decimal128(_, scale) = kind { *scale } else { 0 };
    DataType::Decimal128(38, scale)
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let kind = args.return_type().clone();
        if !is_checked(&kind) {
            return self.inner.accumulator(args);
        }
        if args.is_distinct {
            let inner = self.inner.accumulator(args)?;
            return Ok(Box::new(DistinctSum { inner, kind }));
        }
        Ok(Box::new(Sum { kind, sum: 0, count: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct || !is_checked(args.return_type()) {
            return self.inner.state_fields(args);
        }
        let name = format_state_name(args.name, "sum");
        Ok(vec![Arc::new(Field::new(name, state_type(args.return_type()), true))])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let kind = args.return_type().clone();
        if !is_checked(&kind) {
            return self.inner.create_groups_accumulator(args);
        }
        Ok(Box::new(GroupSums { kind, sums: Vec::new(), seen: Vec::new() }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct || !is_checked(args.return_type()) {
            return self.inner.create_sliding_accumulator(args);
        }
        Ok(Box::new(Sum { kind: args.return_type().clone(), sum: 0, count: 0 }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(kind)
    }
}

fn overflow(kind: &DataType) -> DataFusionError {
    match kind {
        DataType::Int64 | DataType::UInt64 => exec_datafusion_err!(
            "the sum does not fit a whole number of 64 bits: sum CAST(… AS DECIMAL(38, 0)) instead"
        ),
        _ => exec_datafusion_err!(
            "the sum does not fit a decimal of 38 digits: cast to fewer digits after the point first"
        ),
    }
}

fn add(sum: i128, value: i128, kind: &DataType) -> Result<i128> {
    sum.checked_add(value).ok_or_else(|| overflow(kind))
}

/// Calls `each` with the row and value of every row that is not null.
fn for_each(values: &ArrayRef, mut each: impl FnMut(usize, i128) -> Result<()>) -> Result<()> {
    fn run<T: ArrowPrimitiveType>(
        values: &ArrayRef,
        mut each: impl FnMut(usize, T::Native) -> Result<()>,
    ) -> Result<()> {
        let values = values.as_primitive::<T>();
        if values.null_count() == 0 {
            for (row, value) in values.values().iter().enumerate() {
                each(row, *value)?;
            }
            return Ok(());
        }
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value {
                each(row, value)?;
            }
        }
        Ok(())
    }
    match values.data_type() {
        DataType::Int64 => run::<Int64Type>(values, |row, value| each(row, value.into())),
        DataType::UInt64 => run::<UInt64Type>(values, |row, value| each(row, value.into())),
        DataType::Decimal128(..) => run::<Decimal128Type>(values, each),
        other => internal_err!("sum of {other} is not checked here"),
    }
}

/// The sums in the type of the result, or an error if one does not fit.
fn finish(sums: Vec<Option<i128>>, kind: &DataType) -> Result<ArrayRef> {
    match kind {
        DataType::Int64 => {
            let fits = |sum: i128| i64::try_from(sum).map_err(|_| overflow(kind));
            let sums: Vec<Option<i64>> =
                sums.into_iter().map(|sum| sum.map(fits).transpose()).collect::<Result<_>>()?;
            Ok(Arc::new(Int64Array::from(sums)))
        }
        DataType::UInt64 => {
            let fits = |sum: i128| u64::try_from(sum).map_err(|_| overflow(kind));
            let sums: Vec<Option<u64>> =
                sums.into_iter().map(|sum| sum.map(fits).transpose()).collect::<Result<_>>()?;
            Ok(Arc::new(UInt64Array::from(sums)))
        }
        DataType::Decimal128(precision, scale) => {
            for sum in sums.iter().flatten() {
                Decimal128Type::validate_decimal_precision(*sum, *precision, *scale).map_err(|_| overflow(kind))?;
            }
            Ok(Arc::new(Decimal128Array::from(sums).with_precision_and_scale(*precision, *scale)?))
        }
        other => internal_err!("sum of {other} is not checked here"),
    }
}

/// One sum, also over a sliding window.
#[derive(Debug)]
struct Sum {
    kind: DataType,
    sum: i128,
    count: u64,
}

impl Sum {
    fn value(&self) -> Option<i128> {
        (self.count > 0).then_some(self.sum)
    }
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for_each(&values[0], |_, value| {
            self.sum = add(self.sum, value, &self.kind)?;
            self.count += 1;
            Ok(())
        })
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for_each(&values[0], |_, value| {
            self.sum = self.sum.checked_sub(value).ok_or_else(|| overflow(&self.kind))?;
            self.count -= 1;
            Ok(())
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let scale = if let DataType::Decimal128(_, scale) = self.kind { scale } else { 0 };
        Ok(vec![ScalarValue::Decimal128(self.value(), 38, scale)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&finish(vec![self.value()], &self.kind)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// One sum for each group.
struct GroupSums {
    kind: DataType,
    sums: Vec<i128>,
    seen: Vec<bool>,
}

impl GroupSums {
    fn emit(&mut self, emit_to: EmitTo) -> Vec<Option<i128>> {
        let sums = emit_to.take_needed(&mut self.sums);
        let seen = emit_to.take_needed(&mut self.seen);
        sums.into_iter().zip(seen).map(|(sum, seen)| seen.then_some(sum)).collect()
    }
}

impl GroupsAccumulator for GroupSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, 0);
        self.seen.resize(total_num_groups, false);
        for_each(&values[0], |row, value| {
            if opt_filter.is_some_and(|filter| filter.is_null(row) || !filter.value(row)) {
                return Ok(());
            }
            let group = group_indices[row];
            self.sums[group] = add(self.sums[group], value, &self.kind)?;
            self.seen[group] = true;
            Ok(())
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.emit(emit_to);
        finish(sums, &self.kind)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = self.emit(emit_to);
        states(sums, &self.kind)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut sums = vec![None; values[0].len()];
        for_each(&values[0], |row, value| {
            if opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row)) {
                sums[row] = Some(value);
            }
            Ok(())
        })?;
        states(sums, &self.kind)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.seen.capacity()
    }
}

fn states(sums: Vec<Option<i128>>, kind: &DataType) -> Result<Vec<ArrayRef>> {
    Ok(vec![Arc::new(Decimal128Array::from(sums).with_data_type(state_type(kind)))])
}

/// The engine gathers the distinct values; only their sum is taken over.
#[derive(Debug)]
struct DistinctSum {
    inner: Box<dyn Accumulator>,
    kind: DataType,
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sum = Sum { kind: self.kind.clone(), sum: 0, count: 0 };
        for state in self.inner.state()? {
            if let ScalarValue::List(values) = state {
                sum.update_batch(&[Arc::clone(values.values())])?;
            }
        }
        sum.evaluate()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
