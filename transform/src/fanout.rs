//! Joins that would count rows twice: many rows of one side meet many of the other, and a sum is made of them.
//!
//! A join is refused where both sides have a known key, its columns cover the key of neither, and a sum, an average or a
//! count stands over it. What cannot be told is let pass. Where it is meant, the words "many to many" in a comment on the
//! line of the join or the one before it say so.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, Operator, utils::split_conjunction};

use crate::error::TransformError;
use crate::project::Model;

/// Declared keys by table, such as `marts.orders`.
pub(crate) type DeclaredKeys = BTreeMap<String, Vec<String>>;

/// Columns that are never twice the same, as sets of places in a plan's schema.
type KeySets = Vec<BTreeSet<usize>>;

/// Refuses a query that sums over a join of many with many.
pub(crate) fn refuse(model: &Model, plan: &LogicalPlan, declared: &DeclaredKeys) -> Result<(), TransformError> {
    let Some((join, line)) = inflated(plan, declared, &model.sql) else { return Ok(()) };
    let LogicalPlan::Join(inner) = join else { return Ok(()) };
    let on =
        equalities(inner).iter().map(|(left, right)| format!("{left} = {right}")).collect::<Vec<_>>().join(" and ");
    let problem = format!(
        "this join (on {on}) covers no key of either side, so rows meet several times and the sum over it counts them \
         again; aggregate one side to the columns of the join first, or write \"many to many\" in a comment where that \
         is meant"
    );
    Err(TransformError::Sql { file: model.file.clone(), line, problem })
}

/// The first such join below any aggregate, with its line.
fn inflated<'a>(
    plan: &'a LogicalPlan,
    declared: &DeclaredKeys,
    text: &str,
) -> Option<(&'a LogicalPlan, Option<usize>)> {
    if let LogicalPlan::Aggregate(aggregate) = plan
        && let Some(kind) = aggregate.aggr_expr.iter().filter_map(adds_up).max()
        && let Some(found) = many_to_many(&aggregate.input, declared, kind, text)
    {
        return Some(found);
    }
    plan.inputs().into_iter().find_map(|input| inflated(input, declared, text))
}

/// How an aggregate feels a row that comes twice: a sum always, a count unless pairs are what it counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum AddsUp {
    Counts,
    Sums,
}

fn adds_up(expr: &Expr) -> Option<AddsUp> {
    match expr {
        Expr::Alias(alias) => adds_up(&alias.expr),
        Expr::AggregateFunction(function) if !function.params.distinct => match function.func.name() {
            "sum" | "avg" => Some(AddsUp::Sums),
            "count" => Some(AddsUp::Counts),
            _ => None,
        },
        _ => None,
    }
}

fn many_to_many<'a>(
    plan: &'a LogicalPlan,
    declared: &DeclaredKeys,
    kind: AddsUp,
    text: &str,
) -> Option<(&'a LogicalPlan, Option<usize>)> {
    match plan {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Sort(_) => plan.inputs().into_iter().find_map(|input| many_to_many(input, declared, kind, text)),
        LogicalPlan::Join(join) => {
            let is_plain =
                matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full);
            let pairs = kind == AddsUp::Counts && tables(&join.left) == tables(&join.right);
            let on = equalities(join);
            if is_plain && !on.is_empty() && !pairs {
                let (left, right) = (key_sets(&join.left, declared), key_sets(&join.right, declared));
                if let (Some(left), Some(right)) = (left, right)
                    && !covers(&left, &fixed(plan, true))
                    && !covers(&right, &fixed(plan, false))
                {
                    let line = line_of(on.iter().flat_map(|(left, right)| [*left, *right]));
                    if !is_meant(text, line) {
                        return Some((plan, line));
                    }
                }
            }
            // Only the rows of the join go up from here, so a side may itself be such a join.
            plan.inputs().into_iter().find_map(|input| many_to_many(input, declared, kind, text))
        }
        _ => None,
    }
}

/// Columns of one side of a join that have one value for each row of the other side.
fn fixed(plan: &LogicalPlan, is_left: bool) -> BTreeSet<usize> {
    let LogicalPlan::Join(join) = plan else { return BTreeSet::new() };
    let side = if is_left { &join.left } else { &join.right };
    let own = equalities(join).into_iter().map(|(left, right)| if is_left { left } else { right });
    let mut places: BTreeSet<usize> = own.filter_map(|expr| place_of(side, expr)).collect();
    if let Some(filter) = &join.filter {
        places.extend(split_conjunction(filter).into_iter().filter_map(|expr| constant(side, expr)));
    }
    places
}

/// What a join makes equal: an expression of its left side and one of its right.
fn equalities(join: &Join) -> Vec<(&Expr, &Expr)> {
    let mut found: Vec<(&Expr, &Expr)> = join.on.iter().map(|(left, right)| (left, right)).collect();
    let is_of = |side: &LogicalPlan, expr: &Expr| {
        let columns = expr.column_refs();
        !columns.is_empty() && columns.iter().all(|column| side.schema().has_column(column))
    };
    for condition in join.filter.iter().flat_map(split_conjunction) {
        let Expr::BinaryExpr(binary) = condition else { continue };
        if !matches!(binary.op, Operator::Eq | Operator::IsNotDistinctFrom) {
            continue;
        }
        let (one, other) = (binary.left.as_ref(), binary.right.as_ref());
        if is_of(&join.left, one) && is_of(&join.right, other) {
            found.push((one, other));
        } else if is_of(&join.left, other) && is_of(&join.right, one) {
            found.push((other, one));
        }
    }
    found
}

fn covers(keys: &KeySets, fixed: &BTreeSet<usize>) -> bool {
    keys.iter().any(|key| key.is_subset(fixed))
}

/// The column that a condition binds to one value: `age = 1`.
fn constant(plan: &LogicalPlan, condition: &Expr) -> Option<usize> {
    let Expr::BinaryExpr(binary) = condition else { return None };
    if binary.op != Operator::Eq {
        return None;
    }
    match (binary.left.as_ref(), binary.right.as_ref()) {
        (column, Expr::Literal(value, _)) | (Expr::Literal(value, _), column) if *value != ScalarValue::Null => {
            place_of(plan, column)
        }
        _ => None,
    }
}

fn place_of(plan: &LogicalPlan, expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => plan.schema().maybe_index_of_column(column),
        Expr::Cast(cast) => place_of(plan, &cast.expr),
        Expr::Alias(alias) => place_of(plan, &alias.expr),
        _ => None,
    }
}

/// The keys of a plan's rows; `None` where nothing is known of them.
fn key_sets(plan: &LogicalPlan, declared: &DeclaredKeys) -> Option<KeySets> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let table = format!("{}.{}", scan.table_name.schema().unwrap_or("marts"), scan.table_name.table());
            let key = declared.get(&table)?;
            let places = key.iter().map(|name| plan.schema().index_of_column_by_name(None, name));
            Some(vec![places.collect::<Option<BTreeSet<usize>>>()?])
        }
        // The columns stand where they stood.
        LogicalPlan::SubqueryAlias(alias) => key_sets(&alias.input, declared),
        LogicalPlan::Sort(sort) => key_sets(&sort.input, declared),
        LogicalPlan::Limit(limit) => key_sets(&limit.input, declared),
        LogicalPlan::Distinct(_) => Some(vec![(0..plan.schema().fields().len()).collect()]),
        LogicalPlan::Filter(filter) => {
            let mut keys = key_sets(&filter.input, declared)?;
            let conditions = split_conjunction(&filter.predicate);
            let bound: BTreeSet<usize> =
                conditions.into_iter().filter_map(|condition| constant(&filter.input, condition)).collect();
            keys.iter_mut().for_each(|key| key.retain(|place| !bound.contains(place)));
            Some(keys)
        }
        LogicalPlan::Projection(projection) => {
            let keys = key_sets(&projection.input, declared)?;
            let mut now: BTreeMap<usize, usize> = BTreeMap::new();
            for (place, expr) in projection.expr.iter().enumerate() {
                if let Some(before) = place_of(&projection.input, expr) {
                    now.entry(before).or_insert(place);
                }
            }
            let moved = keys.iter().filter_map(|key| key.iter().map(|place| now.get(place).copied()).collect());
            Some(moved.collect())
        }
        LogicalPlan::Aggregate(aggregate) => Some(vec![(0..aggregate.group_expr.len()).collect()]),
        LogicalPlan::Window(window) => {
            let mut keys = key_sets(&window.input, declared)?;
            let first = window.input.schema().fields().len();
            for (at, expr) in window.window_expr.iter().enumerate() {
                if let Some(partition) = numbers_rows(expr) {
                    let places = partition.iter().map(|expr| place_of(&window.input, expr));
                    if let Some(mut places) = places.collect::<Option<BTreeSet<usize>>>() {
                        places.insert(first + at);
                        keys.push(places);
                    }
                }
            }
            Some(keys)
        }
        LogicalPlan::Join(join) => {
            let left = key_sets(&join.left, declared)?;
            if matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti) {
                return Some(left);
            }
            let right = key_sets(&join.right, declared)?;
            let width = join.left.schema().fields().len();
            let moved = |key: &BTreeSet<usize>| key.iter().map(|place| place + width).collect::<BTreeSet<usize>>();
            let mut keys = Vec::new();
            if covers(&right, &fixed(plan, false)) && matches!(join.join_type, JoinType::Inner | JoinType::Left) {
                keys.extend(left.iter().cloned());
            }
            if covers(&left, &fixed(plan, true)) && matches!(join.join_type, JoinType::Inner | JoinType::Right) {
                keys.extend(right.iter().map(moved));
            }
            for of_left in &left {
                keys.extend(right.iter().map(|of_right| of_left.union(&moved(of_right)).copied().collect()));
            }
            Some(keys)
        }
        _ => None,
    }
}

/// The partition of a `row_number()`.
fn numbers_rows(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Alias(alias) => numbers_rows(&alias.expr),
        Expr::WindowFunction(function) => {
            let function: &WindowFunction = function;
            (function.fun.name() == "row_number").then_some(function.params.partition_by.as_slice())
        }
        _ => None,
    }
}

fn tables(plan: &LogicalPlan) -> BTreeSet<String> {
    if let LogicalPlan::TableScan(scan) = plan {
        return BTreeSet::from([scan.table_name.to_string()]);
    }
    plan.inputs().into_iter().flat_map(tables).collect()
}

fn line_of<'a>(exprs: impl Iterator<Item = &'a Expr>) -> Option<usize> {
    let columns: Vec<&Column> = exprs.flat_map(|expr| expr.column_refs()).collect();
    let spans = columns.into_iter().filter_map(|column| column.spans.first());
    spans.map(|span| span.start.line).min().and_then(|line| usize::try_from(line).ok())
}

fn is_meant(text: &str, line: Option<usize>) -> bool {
    let Some(line) = line else { return false };
    let says = |line: usize| text.lines().nth(line).is_some_and(|text| text.to_lowercase().contains("many to many"));
    says(line.saturating_sub(1)) || says(line.saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use crate::project::{Project, Selection};
    use crate::tester::Tester;
    use crate::testing::settings;

    async fn tried(query: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let head = "/* ---\nname: mine\ndescription: d\ngrain: g\nkey: [shop]\ncolumns:\n  shop: The shop\n  total: Sum\n--- */\n";
        std::fs::write(folder.path().join("mine.sql"), format!("{head}{query}")).unwrap();
        let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
        let some = Selection::Named(vec!["mine".to_owned()]);
        Tester::new(&project, settings()).fixtures(&some).await.map(|_| ()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_sum_over_many_times_many_rows_is_refused_at_its_line_unless_it_is_meant() {
        let lines = "from marts.order_lines l\njoin events.payments p on l.shop = p.shop and l.order_id = p.order_id\ngroup by l.shop";
        let error = tried(&format!("select l.shop, sum(p.amount) as total\n{lines}")).await.unwrap_err();
        assert!(error.contains("mine.sql:12: this join (on l.shop = p.shop and l.order_id = p.order_id)"), "{error}");
        let meant = lines.replace("p.order_id\n", "p.order_id -- many to many: shares\n");
        tried(&format!("select l.shop, sum(p.amount) as total\n{meant}")).await.unwrap();
        tried(&format!("select l.shop, max(p.amount) as total\n{lines}")).await.unwrap();
        tried(&format!("select l.shop, count(distinct p.payment_id) as total\n{lines}")).await.unwrap();
    }

    #[tokio::test]
    async fn one_side_with_a_key_in_the_join_passes() {
        let sum = |from: &str| format!("select l.shop, sum(l.net_sales) as total from {from} group by l.shop");
        for from in [
            "marts.order_lines l join marts.orders o on l.shop = o.shop and l.order_id = o.order_id",
            "marts.order_lines l join (select shop, order_id, sum(amount) as paid from events.payments group by shop, order_id) p on l.shop = p.shop and l.order_id = p.order_id",
            "marts.order_lines l left join (select * from (select *, row_number() over (partition by shop, order_id order by event_time) as n from events.orders)) e on l.shop = e.shop and l.order_id = e.order_id and e.n = 1",
            "marts.order_lines l join (select distinct shop, order_id from events.orders) e on l.shop = e.shop and l.order_id = e.order_id",
        ] {
            assert_eq!(tried(&sum(from)).await, Ok(()), "{from}");
        }
        let pairs = "select a.shop, count(*) as total from marts.order_lines a join marts.order_lines b on a.shop = b.shop and a.order_id = b.order_id group by a.shop";
        assert_eq!(tried(pairs).await, Ok(()), "pairs are what it counts");
        assert!(tried(&pairs.replace("count(*)", "sum(a.net_sales)")).await.is_err());
    }
}
