//! What every session gets before a statement is planned in it, whoever made the session.
//!
//! Settings that decide what numbers mean, checked sums, bounded functions, the list of table functions,
//! and the tables that describe the tables.

mod bounded;
mod cost;
mod join_text;
mod sum;

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::execution::context::SessionContext;
use datafusion::execution::registry::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF};

use crate::{Limits, QueryError, catalog};

/// Functions that show the files behind a table.
const REVEALING: [&str; 2] = ["input_file_name", "file_row_index"];

/// Makes a fresh session fit to run a stranger's statement.
pub(crate) fn prepare(context: &SessionContext, limits: &Limits) -> Result<(), QueryError> {
    {
        let state = context.state_ref();
        let mut state = state.write();
        let options = state.config_mut().options_mut();
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.collect_spans = true;
        options.execution.target_partitions = limits.threads.max(1);
        options.catalog.information_schema = true;
        options.explain.show_statistics = false;
    }
    functions(context, limits).map_err(|error| QueryError::internal(error.to_string()))?;
    catalog::register(context)
}

fn functions(context: &SessionContext, limits: &Limits) -> Result<(), DataFusionError> {
    let state = context.state();
    let budget = Arc::new(bounded::Budget::new(limits.growth));
    for (name, cost) in cost::COSTS {
        if let Some(function) = state.scalar_functions().get(*name) {
            let wrapped = bounded::Bounded::new(Arc::clone(function.inner()), *cost, Arc::clone(&budget));
            context.register_udf(ScalarUDF::new_from_impl(wrapped));
        }
    }
    for name in REVEALING {
        context.deregister_udf(name);
    }
    if let Some(function) = state.aggregate_functions().get("sum") {
        context.register_udaf(AggregateUDF::new_from_impl(sum::CheckedSum::new(Arc::clone(function.inner()))));
    }
    context.state_ref().write().register_expr_planner(Arc::new(join_text::JoinText::new(budget)))?;
    for (name, function) in state.table_functions() {
        context.deregister_udtf(name);
        if crate::guard::TABLE_FUNCTIONS.contains(&name.as_str()) {
            let inner = Arc::clone(function.function());
            context.register_udtf(name, Arc::new(Series { inner, name: name.clone(), rows: limits.series }));
        }
    }
    Ok(())
}

/// `generate_series` and `range` as tables, with a bound on their rows.
#[derive(Debug)]
struct Series {
    inner: Arc<dyn TableFunctionImpl>,
    name: String,
    rows: u64,
}

impl TableFunctionImpl for Series {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let numbers: Vec<i128> = args
            .exprs()
            .iter()
            .filter_map(|expr| match expr {
                Expr::Literal(ScalarValue::Int64(Some(number)), _) => Some(i128::from(*number)),
                _ => None,
            })
            .collect();
        let (start, end, step) = match numbers.as_slice() {
            [end] => (0, *end, 1),
            [start, end] => (*start, *end, 1),
            [start, end, step] => (*start, *end, *step),
            // Days and times: made one by one as they are read, so the time limit bounds them.
            _ => return self.inner.call_with_args(args),
        };
        let rows = if step == 0 { 0 } else { ((end - start) / step).max(-1) + 1 };
        if rows > i128::from(self.rows) {
            return Err(DataFusionError::External(Box::new(QueryError::TooMuch {
                function: self.name.clone(),
                asked: u64::try_from(rows).unwrap_or(u64::MAX),
                unit: "rows",
                limit: self.rows,
            })));
        }
        self.inner.call_with_args(args)
    }
}
