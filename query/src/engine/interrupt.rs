//! Makes joins stop when they are told to.
//!
//! A plan is stopped between two of its steps. A join whose condition no row meets takes its whole input in
//! one step: a cross join of a million rows with a million would hold its thread for hours after everyone
//! has gone. So the condition of a join looks at the clock each time it is worked out, and a join that
//! gives many rows for one it takes gives the thread back between them.

use std::fmt::{Display, Formatter, Result as Written};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr_common::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, HashJoinExecBuilder, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use datafusion::physical_plan::unnest::UnnestExec;

use crate::QueryError;

/// Tells the plan of one statement to stop.
#[derive(Debug)]
pub(crate) struct Stop {
    told: AtomicBool,
    deadline: Instant,
    limit: Duration,
}

impl Stop {
    pub(super) fn new(deadline: Instant, limit: Duration) -> Arc<Self> {
        Arc::new(Self { told: AtomicBool::new(false), deadline, limit })
    }

    /// Everyone has gone.
    pub(crate) fn tell(&self) {
        self.told.store(true, Ordering::Release);
    }

    fn check(&self) -> Result<()> {
        if self.told.load(Ordering::Acquire) || Instant::now() >= self.deadline {
            return Err(DataFusionError::External(Box::new(QueryError::Timeout { seconds: self.limit.as_secs() })));
        }
        Ok(())
    }
}

/// Puts the checks into a plan.
#[derive(Debug)]
pub(super) struct Interruptible(pub(super) Arc<Stop>);

impl Interruptible {
    fn condition(&self, filter: &JoinFilter) -> JoinFilter {
        let checked = Checked { inner: Arc::clone(filter.expression()), stop: Arc::clone(&self.0) };
        JoinFilter::new(Arc::new(checked), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    }

    fn rewrite(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let join: Arc<dyn ExecutionPlan> = if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let filter = join.filter().map(|filter| self.condition(filter));
            Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?)
        } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            let filter = join.filter().map(|filter| self.condition(filter));
            HashJoinExecBuilder::from(join).with_filter(filter).build_exec()?
        } else if plan.is::<CrossJoinExec>() || plan.is::<UnnestExec>() {
            plan
        } else {
            return Ok(Transformed::no(plan));
        };
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(join))))
    }
}

impl PhysicalOptimizerRule for Interruptible {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| self.rewrite(plan)).map(|rewritten| rewritten.data)
    }

    fn name(&self) -> &str {
        "interruptible"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A condition that fails once its statement is to stop.
#[derive(Debug)]
struct Checked {
    inner: Arc<dyn PhysicalExpr>,
    stop: Arc<Stop>,
}

impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Checked {}

impl Hash for Checked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Checked {
    fn data_type(&self, input_schema: &Schema) -> Result<DataType> {
        self.inner.data_type(input_schema)
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.inner.nullable(input_schema)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.stop.check()?;
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match children.as_slice() {
            [inner] => Ok(Arc::new(Self { inner: Arc::clone(inner), stop: Arc::clone(&self.stop) })),
            other => datafusion::common::internal_err!("a checked condition has one part, got {}", other.len()),
        }
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> Written {
        self.inner.fmt_sql(f)
    }
}
