//! Sets of keys: which values of `by` changed rows belong to, which rows belong to such values, and what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::{concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, NullEquality};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::min_max::{max, min};
use datafusion::logical_expr::{JoinType, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::prelude::{DataFrame, SessionContext, col, ident};
use datafusion::scalar::ScalarValue;

use mizan_lake::{KeySet, LakeError};

use crate::head::Incremental;
use crate::project::Model;
use crate::session::{rows_table, sql_context};

/// Values of `by`, each once.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// One column for each of `by`, with its type in the mart.
    pub(crate) rows: RecordBatch,
    /// Whether they are linked: then none has a NULL in it.
    linked: bool,
}

/// Where keys and changed rows stand in contexts of this file.
const KEYS: &str = "marts.mizan_keys";
const GONE: &str = "marts.mizan_gone";
const COME: &str = "marts.mizan_come";

impl Keys {
    /// No keys, with the types that the model's own rows give them.
    pub(crate) async fn none(context: &SessionContext, model: &Model, incremental: &Incremental) -> Result<Keys> {
        let table = model.table();
        let frame = context.sql(&key_query(&table, &incremental.own(&table), None)).await?;
        let types = frame.schema().fields().iter().map(|field| field.data_type().clone());
        let fields = incremental.by.iter().zip(types).map(|(name, data_type)| Field::new(name, data_type, true));
        let rows = RecordBatch::new_empty(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
        Ok(Keys { rows, linked: incremental.linked })
    }

    /// The same kind of keys, with these rows.
    fn with(&self, rows: RecordBatch) -> Keys {
        Keys { rows, linked: self.linked }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// These and the keys that the rows of `table` belong to.
    pub(crate) async fn and_of(
        &self,
        context: &SessionContext,
        table: &str,
        lists: &[Vec<String>],
        condition: Option<&str>,
    ) -> Result<Keys> {
        let own: Arc<dyn TableProvider> = Arc::new(MemTable::try_new(self.schema(), vec![vec![self.rows.clone()]])?);
        let mut all = context.read_table(own)?;
        for list in lists {
            let query = key_query(table, list, condition);
            all = all.union(self.typed(context.sql(&query).await?)?)?;
        }
        if self.linked {
            for field in self.schema().fields() {
                all = all.filter(ident(field.name()).is_not_null())?;
            }
        }
        let batches = all.distinct()?.collect().await?;
        Ok(self.with(joined(&self.schema(), &batches)?))
    }

    /// These keys with all that hang together with them through rows of these tables; `None` beyond `limit` keys.
    pub(crate) async fn closed(
        self,
        context: &SessionContext,
        tables: &[(&String, &Vec<Vec<String>>)],
        limit: usize,
    ) -> Result<Option<Keys>> {
        let (mut all, mut newest) = (self.clone(), self);
        while newest.len() > 0 {
            let mut found = newest.with(RecordBatch::new_empty(newest.schema()));
            for (table, lists) in tables {
                let columns = columns_of(context, table, lists).await?;
                let (schema, rows) = newest.restrict(context, table, lists, Some(&columns)).await?;
                let scratch = sql_context(context, [((*table).clone(), table_of(&schema, rows)?)])?;
                found = found.and_of(&scratch, table, lists, None).await?;
            }
            newest = found.without(&all)?;
            all = all.with(concat_batches(&all.schema(), [&all.rows, &newest.rows])?);
            if all.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }

    /// Those of these keys that are not among `known`.
    fn without(&self, known: &Keys) -> Result<Keys> {
        let known = KeySet::new(&known.rows, &self.schema()).map_err(external)?;
        let is_new = known.among(&self.rows, false).map_err(external)?;
        Ok(self.with(filter_record_batch(&self.rows, &is_new)?))
    }

    /// The columns of `frame` under the names and types of the keys.
    fn typed(&self, frame: DataFrame) -> Result<DataFrame> {
        let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let own = self.schema();
        let columns = names
            .iter()
            .zip(own.fields())
            .map(|(name, field)| cast(ident(name), field.data_type().clone()).alias(field.name()));
        frame.select(columns.collect::<Vec<_>>())
    }

    /// The rows of `table` that belong to one of the keys, each once, as a table of the same columns. Only the columns
    /// of `wanted` are read; the others are NULL.
    pub(crate) async fn restrict(
        &self,
        context: &SessionContext,
        table: &str,
        lists: &[Vec<String>],
        wanted: Option<&BTreeSet<String>>,
    ) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let schema: SchemaRef = context.table(table).await?.schema().inner().clone();
        let is_wanted = |field: &FieldRef| wanted.is_none_or(|wanted| wanted.contains(field.name()));
        let read: Vec<String> =
            schema.fields().iter().filter(|field| is_wanted(field)).map(|field| quoted(field.name())).collect();
        let context = sql_context(context, tables(context, &[table]).await?)?;
        let options = context.state_ref();
        options.write().config_mut().options_mut().execution.parquet.pushdown_filters = true;
        let own: Arc<dyn TableProvider> = Arc::new(MemTable::try_new(self.schema(), vec![vec![self.rows.clone()]])?);
        crate::session::put(&context, KEYS, own)?;
        let width = self.schema().fields().len();
        let name = |list: usize, place: usize| format!("mizan_k{list}_{place}");
        let mut columns = read.clone();
        for (place, list) in lists.iter().enumerate() {
            columns.extend(list.iter().enumerate().map(|(at, expr)| format!("{expr} as {}", name(place, at))));
        }
        let ranges = if lists.len() == 1 { self.ranges(&context, &lists[0]).await? } else { Vec::new() };
        let condition = if ranges.is_empty() { String::new() } else { format!(" where {}", ranges.join(" and ")) };
        let rows = context.sql(&format!("select {} from {table}{condition}", columns.join(", "))).await?;
        let mut plan: Option<LogicalPlan> = None;
        // A row that belongs to several keys is taken by the first list that finds it, so that it comes once.
        for place in 0..lists.len() {
            let mut part = with_types(rows.clone(), &self.schema(), lists.len(), &name)?;
            for earlier in 0..place {
                part = self.joined(&context, part, earlier, width, JoinType::RightAnti, &name).await?;
            }
            let part = self.joined(&context, part, place, width, JoinType::RightSemi, &name).await?;
            plan = Some(match plan {
                None => part,
                Some(before) => LogicalPlanBuilder::from(before).union(part)?.build()?,
            });
        }
        let Some(plan) = plan else { return Ok((schema, Vec::new())) };
        let frame = DataFrame::new(context.state(), plan);
        let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let kept = frame.select(names.iter().take(read.len()).map(ident).collect::<Vec<_>>())?;
        let batches = kept.collect().await?;
        let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let full = batches.iter().map(|batch| widened(batch, &schema)).collect::<Result<Vec<_>>>()?;
        Ok((schema, full))
    }

    async fn joined(
        &self,
        context: &SessionContext,
        rows: LogicalPlan,
        list: usize,
        width: usize,
        join: JoinType,
        name: &impl Fn(usize, usize) -> String,
    ) -> Result<LogicalPlan> {
        let keys = context.table(KEYS).await?.into_unoptimized_plan();
        let left: Vec<Column> = keys.schema().columns();
        let right: Vec<Column> = (0..width).map(|place| Column::from_name(name(list, place))).collect();
        LogicalPlanBuilder::from(keys)
            .join_detailed(rows, join, (left, right), None, NullEquality::NullEqualsNull)?
            .build()
    }

    /// Conditions that every row of the keys meets, so that files are skipped: where a key is a column, its range; where
    /// it is a day of the shop, the days around.
    async fn ranges(&self, context: &SessionContext, list: &[String]) -> Result<Vec<String>> {
        let mut conditions = Vec::new();
        for (place, expr) in list.iter().enumerate() {
            let column = self.rows.column(place);
            let ranged = matches!(column.data_type(), DataType::Date32 | DataType::Timestamp(..) | DataType::Int64);
            if !ranged || column.null_count() > 0 || column.is_empty() {
                continue;
            }
            let of_day = expr.strip_prefix("shop_date(").and_then(|rest| rest.strip_suffix(')'));
            let time = of_day.and_then(|inner| inner.split_once(',')).map(|(_, time)| time.trim());
            let (target, is_day) = match time {
                Some(time) => (time, true),
                None => (expr.trim(), false),
            };
            if !target.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
                continue;
            }
            let name = self.schema().field(place).name().clone();
            let frame = context.table(KEYS).await?.aggregate(vec![], vec![min(ident(&name)), max(ident(&name))])?;
            let bounds = frame.collect().await?;
            let Some(row) = bounds.first().filter(|row| row.num_rows() == 1) else { continue };
            let first = text_of(&ScalarValue::try_from_array(row.column(0), 0)?)?;
            let last = text_of(&ScalarValue::try_from_array(row.column(1), 0)?)?;
            match is_day {
                // No zone is more than fifteen hours from UTC.
                true => conditions.push(format!(
                    "{target} >= timestamp '{first}T00:00:00Z' - interval '1 day' and {target} < timestamp '{last}T00:00:00Z' + interval '2 days'"
                )),
                false if matches!(column.data_type(), DataType::Int64) => {
                    conditions.push(format!("{target} >= {first} and {target} <= {last}"));
                }
                false => conditions.push(format!("{target} >= '{first}' and {target} <= '{last}'")),
            }
        }
        Ok(conditions)
    }
}

fn text_of(value: &ScalarValue) -> Result<String> {
    Ok(value.cast_to(&DataType::Utf8)?.to_string())
}

fn with_types(
    rows: DataFrame,
    keys: &SchemaRef,
    lists: usize,
    name: &impl Fn(usize, usize) -> String,
) -> Result<LogicalPlan> {
    let width = keys.fields().len();
    let own = rows.schema().fields().len() - lists * width;
    let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut columns: Vec<_> = names.iter().take(own).map(ident).collect();
    for list in 0..lists {
        columns.extend(
            keys.fields()
                .iter()
                .enumerate()
                .map(|(place, field)| cast(col(name(list, place)), field.data_type().clone()).alias(name(list, place))),
        );
    }
    Ok(rows.select(columns)?.into_unoptimized_plan())
}

pub(crate) fn external(error: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The columns of a table that lists of expressions read.
async fn columns_of(context: &SessionContext, table: &str, lists: &[Vec<String>]) -> Result<BTreeSet<String>> {
    let mut columns = BTreeSet::new();
    for list in lists {
        let read = columns_read(context, &key_query(table, list, None)).await?;
        columns.extend(read.into_values().flatten());
    }
    Ok(columns)
}

/// The query for the keys of a table's rows.
pub(crate) fn key_query(table: &str, list: &[String], condition: Option<&str>) -> String {
    let columns: Vec<String> = list.iter().enumerate().map(|(at, expr)| format!("{expr} as mizan_k{at}")).collect();
    let condition = condition.map(|condition| format!(" where {condition}")).unwrap_or_default();
    format!("select distinct {} from {table}{condition}", columns.join(", "))
}

/// The rows that are on one side more often than on the other, each once: what changed.
pub(crate) async fn difference(
    context: &SessionContext,
    gone: Arc<dyn TableProvider>,
    come: Arc<dyn TableProvider>,
) -> Result<RecordBatch> {
    let schema = come.schema();
    let context = sql_context(context, [(GONE.to_owned(), gone), (COME.to_owned(), come)])?;
    let columns = schema.fields().iter().map(|field| quoted(field.name())).collect::<Vec<_>>().join(", ");
    let query = format!(
        "select {columns} from (select *, 1 as mizan_weight from {COME} union all select *, -1 from {GONE})
         group by {columns} having sum(mizan_weight) <> 0"
    );
    let batches = context.sql(&query).await?.collect().await?;
    joined(&schema, &batches)
}

/// The columns of each table that a query really reads.
pub(crate) async fn columns_read(context: &SessionContext, sql: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let state = context.state();
    let plan = state.optimize(&state.create_logical_plan(sql).await?)?;
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let schema = scan.table_name.schema().unwrap_or("marts");
            let columns = read.entry(format!("{schema}.{}", scan.table_name.table())).or_default();
            columns.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
            columns
                .extend(scan.filters.iter().flat_map(|filter| filter.column_refs()).map(|column| column.name.clone()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(read)
}

/// These tables of a context.
pub(crate) async fn tables(context: &SessionContext, names: &[&str]) -> Result<Vec<(String, Arc<dyn TableProvider>)>> {
    let mut found = Vec::new();
    for name in names {
        if let Some(table) = crate::session::table(context, name).await? {
            found.push(((*name).to_owned(), table));
        }
    }
    Ok(found)
}

/// Rows as a table.
pub(crate) fn table_of(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    match batches.len() {
        0 => rows_table(schema, None),
        _ => Ok(Arc::new(MemTable::try_new(Arc::clone(schema), vec![batches])?)),
    }
}

/// Batches as one, under this schema.
pub(crate) fn joined(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    let same = batches.iter().map(|batch| crate::storable::to_storable(batch, schema));
    Ok(concat_batches(schema, &same.collect::<Result<Vec<_>, _>>()?)?)
}

/// The batch with all columns of `schema`, those it has not as NULL.
fn widened(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), batch.num_rows()),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect(), &options)?)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
