//! A bound around the functions that make much from little.
//!
//! The memory pool does not see what a function makes: `repeat('x', 1000000000)` takes its gigabytes
//! unasked. So these functions reckon a call before they make it. A constant may have 64 KiB (the
//! planner copies constants), one call over a batch of rows [`Limits::growth`](crate::Limits), and all
//! calls of one statement that make long texts some multiple of that together.
//!
//! What this does not bound: texts that the tables hold already, and what other functions make of them,
//! which is of the same size.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use super::cost::Cost;
use crate::QueryError;

/// Bytes of one constant.
const CONSTANT: u64 = 64 << 10;
/// A call makes long texts when it makes more than this, and more than this a row: it is counted.
const LONG_CALL: u64 = 256 << 10;
const LONG_ROW: u64 = 1 << 10;
/// How many full calls one statement may make.
const FULL_CALLS: u64 = 8;

/// What the long texts of one statement may still take.
#[derive(Debug)]
pub(super) struct Budget {
    call: u64,
    left: AtomicU64,
}

impl Budget {
    pub(super) fn new(call: usize) -> Self {
        let call = call as u64;
        Self { call, left: AtomicU64::new(call.saturating_mul(FULL_CALLS)) }
    }

    /// Reckons a call of `rows` rows; an error when it would make too much.
    pub(super) fn take(&self, function: &str, cost: Cost, args: &[ColumnarValue], rows: usize) -> Result<()> {
        let constant = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let steps = cost == Cost::Product;
        let limit = match (constant, steps) {
            (_, true) => self.call.saturating_mul(64),
            (true, false) => CONSTANT.min(self.call),
            (false, false) => self.call,
        } / cost.weight();
        let rows = if constant { 1 } else { rows };
        let mut asked: u64 = 0;
        for row in 0..rows {
            asked = asked.saturating_add(cost.of_row(args, row));
            if asked > limit {
                return Err(too_much(function, asked, cost, limit));
            }
        }
        let bytes = asked.saturating_mul(cost.weight());
        let long = !steps && bytes > LONG_CALL && bytes / rows.max(1) as u64 > LONG_ROW;
        if long && self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_err()
        {
            let limit = self.call.saturating_mul(FULL_CALLS) / cost.weight();
            return Err(too_much(function, limit.saturating_add(asked), cost, limit));
        }
        Ok(())
    }
}

fn too_much(function: &str, asked: u64, cost: Cost, limit: u64) -> DataFusionError {
    DataFusionError::External(Box::new(QueryError::TooMuch {
        function: function.to_owned(),
        asked,
        unit: cost.unit(),
        limit,
    }))
}

/// A function of the engine that asks the [`Budget`] first and is otherwise itself.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: Arc<dyn ScalarUDFImpl>,
    cost: Cost,
    budget: Arc<Budget>,
}

impl Bounded {
    pub(super) fn new(inner: Arc<dyn ScalarUDFImpl>, cost: Cost, budget: Arc<Budget>) -> Self {
        Self { inner, cost, budget }
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner.name() == other.inner.name() && Arc::ptr_eq(&self.budget, &other.budget)
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.name().hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.budget.take(self.inner.name(), self.cost, &args.args, args.number_rows)?;
        self.inner.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.inner.preimage(args, literal, info)
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn evaluate_bounds(&self, input: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(input)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.preserves_lex_ordering(inputs)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
