//! The tests in a model's head, each as one query for the rows that break it.

use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::project::Model;
use crate::rows::{self, SHOWN};
use crate::tester::{Finding, Layer, TestResult};

/// One test: its name, and the query for the rows that break it.
struct Audit {
    name: String,
    broken: String,
    /// The condition of a broken row, where a row can be judged by itself.
    condition: Option<String>,
}

/// Runs every test of the head over the built mart.
pub(crate) async fn run(context: &SessionContext, model: &Model) -> Vec<TestResult> {
    let audits = audits(model);
    let unbroken = unbroken(context, model, &audits).await;
    let mut results = Vec::new();
    for (audit, is_unbroken) in audits.into_iter().zip(unbroken) {
        let finding = if is_unbroken { None } else { broken_rows(context, &audit.broken).await };
        results.push(TestResult { model: model.head.name.clone(), layer: Layer::Head, name: audit.name, finding });
    }
    results
}

/// Which tests are known to hold after one pass over the mart that judges all rows by all conditions. Where the pass
/// cannot run, none is known, and each test tells for itself what is wrong.
async fn unbroken(context: &SessionContext, model: &Model, audits: &[Audit]) -> Vec<bool> {
    let conditions: Vec<&str> = audits.iter().filter_map(|audit| audit.condition.as_deref()).collect();
    if conditions.is_empty() {
        return vec![false; audits.len()];
    }
    let columns = conditions.iter().enumerate().map(|(place, condition)| format!("bool_or({condition}) as c{place}"));
    let query = format!("select {} from {}", columns.collect::<Vec<_>>().join(", "), model.table());
    let counted = async {
        let rows = rows::texts(&context.sql(&query).await?.collect().await?)?;
        Ok::<_, DataFusionError>(rows.into_iter().next().unwrap_or_default())
    };
    let Ok(counted) = counted.await else { return vec![false; audits.len()] };
    let mut counted = counted.into_iter();
    let is_unbroken = |audit: &Audit| {
        // Over no rows at all the answer is NULL, and nothing is broken.
        audit.condition.is_some() && counted.next().is_some_and(|broken| broken.as_deref() != Some("true"))
    };
    audits.iter().map(is_unbroken).collect()
}

async fn broken_rows(context: &SessionContext, query: &str) -> Option<Finding> {
    let found = async {
        let frame = context.sql(query).await?.limit(0, Some(SHOWN))?;
        let columns: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let rows = rows::texts(&frame.collect().await?)?;
        Ok::<_, DataFusionError>(rows.iter().map(|row| rows::shown(&columns, row)).collect::<Vec<_>>())
    };
    match found.await {
        Ok(rows) if rows.is_empty() => None,
        Ok(rows) => Some(Finding { problem: "rows break it".to_owned(), rows }),
        Err(error) => {
            Some(Finding { problem: format!("the test cannot run: {}", error.strip_backtrace()), rows: Vec::new() })
        }
    }
}

fn audits(model: &Model) -> Vec<Audit> {
    let (tests, key, table) = (&model.head.tests, &model.head.key, model.table());
    let by_row = |name: String, condition: String| Audit {
        name,
        broken: format!("select * from {table} where {condition}"),
        condition: Some(condition),
    };
    let whole = |name: String, broken: String| Audit { name, broken, condition: None };
    let mut audits = Vec::new();
    for column in key.iter().chain(&tests.not_null) {
        audits.push(by_row(format!("{column} is never null"), format!("{column} is null")));
    }
    for (column, values) in &tests.accepted {
        let list = values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
        let condition = format!("({column} is not null and cast({column} as varchar) not in ({list}))");
        audits.push(by_row(format!("{column} is one of {}", values.join(", ")), condition));
    }
    for column in &tests.at_least_zero {
        audits.push(by_row(format!("{column} is never below zero"), format!("coalesce({column} < 0, false)")));
    }
    for condition in &tests.holds {
        audits.push(by_row(condition.clone(), format!("not coalesce({condition}, false)")));
    }
    for columns in std::iter::once(key).chain(&tests.unique) {
        let columns = columns.join(", ");
        let broken = format!("select {columns}, count(*) as times from {table} group by {columns} having count(*) > 1");
        audits.push(whole(format!("({columns}) is unique"), broken));
    }
    for refers in &tests.refers {
        let on =
            refers.columns.iter().map(|column| format!("a.{column} = b.{column}")).collect::<Vec<_>>().join(" and ");
        let present = refers.columns.iter().map(|column| format!(" and a.{column} is not null")).collect::<String>();
        let missing = refers.columns.first().map(String::as_str).unwrap_or_default();
        let broken =
            format!("select a.* from {table} a left join {} b on {on} where b.{missing} is null{present}", refers.to);
        audits.push(whole(format!("({}) is in {}", refers.columns.join(", "), refers.to), broken));
    }
    audits
}
