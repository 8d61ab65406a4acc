//! The tests in a model's head, each as one query for the rows that break it.

use datafusion::prelude::SessionContext;

use crate::project::Model;
use crate::rows::{self, SHOWN};
use crate::tester::{Finding, Layer, TestResult};

/// Runs every test of the head over the built mart.
pub(crate) async fn run(context: &SessionContext, model: &Model) -> Vec<TestResult> {
    let mut results = Vec::new();
    for (name, query) in queries(model) {
        let finding = broken_rows(context, &query).await;
        results.push(TestResult { model: model.head.name.clone(), layer: Layer::Head, name, finding });
    }
    results
}

async fn broken_rows(context: &SessionContext, query: &str) -> Option<Finding> {
    let found = async {
        let frame = context.sql(query).await?.limit(0, Some(SHOWN))?;
        let columns: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let rows = rows::texts(&frame.collect().await?)?;
        Ok::<_, datafusion::error::DataFusionError>(
            rows.iter().map(|row| rows::shown(&columns, row)).collect::<Vec<_>>(),
        )
    };
    match found.await {
        Ok(rows) if rows.is_empty() => None,
        Ok(rows) => Some(Finding { problem: "rows break it".to_owned(), rows }),
        Err(error) => {
            Some(Finding { problem: format!("the test cannot run: {}", error.strip_backtrace()), rows: Vec::new() })
        }
    }
}

/// Name of each test and the query for the rows that break it.
fn queries(model: &Model) -> Vec<(String, String)> {
    let (tests, key, table) = (&model.head.tests, &model.head.key, model.table());
    let mut queries = Vec::new();
    for column in key.iter().chain(&tests.not_null) {
        queries.push((format!("{column} is never null"), format!("select * from {table} where {column} is null")));
    }
    for columns in std::iter::once(key).chain(&tests.unique) {
        let columns = columns.join(", ");
        let query = format!("select {columns}, count(*) as times from {table} group by {columns} having count(*) > 1");
        queries.push((format!("({columns}) is unique"), query));
    }
    for (column, values) in &tests.accepted {
        let list = values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
        let query =
            format!("select * from {table} where {column} is not null and cast({column} as varchar) not in ({list})");
        queries.push((format!("{column} is one of {}", values.join(", ")), query));
    }
    for column in &tests.at_least_zero {
        queries.push((format!("{column} is never below zero"), format!("select * from {table} where {column} < 0")));
    }
    for condition in &tests.holds {
        queries.push((condition.clone(), format!("select * from {table} where not coalesce({condition}, false)")));
    }
    for refers in &tests.refers {
        let on =
            refers.columns.iter().map(|column| format!("a.{column} = b.{column}")).collect::<Vec<_>>().join(" and ");
        let present = refers.columns.iter().map(|column| format!(" and a.{column} is not null")).collect::<String>();
        let missing = refers.columns.first().map(String::as_str).unwrap_or_default();
        let query =
            format!("select a.* from {table} a left join {} b on {on} where b.{missing} is null{present}", refers.to);
        queries.push((format!("({}) is in {}", refers.columns.join(", "), refers.to), query));
    }
    queries
}
