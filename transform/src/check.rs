//! The check beside a model: the same number by another road, over the events alone.

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::error::TransformError;
use crate::head::CheckHead;
use crate::project::Model;
use crate::rows::{self, SHOWN};
use crate::sql;
use crate::tester::{Finding, Layer, TestResult};

/// Runs the check and compares. The context's marts must be built from its events.
pub(crate) async fn run(context: &SessionContext, model: &Model) -> Option<TestResult> {
    let (file, text) = model.check.as_ref()?;
    let finding = match compare(context, model, file, text).await {
        Ok(finding) => finding,
        Err(error) => Some(Finding { problem: error.to_string(), rows: Vec::new() }),
    };
    Some(TestResult { model: model.head.name.clone(), layer: Layer::Check, name: file.clone(), finding })
}

async fn compare(
    context: &SessionContext,
    model: &Model,
    file: &str,
    text: &str,
) -> Result<Option<Finding>, TransformError> {
    let head = CheckHead::parse(file, text)?;
    walks_another_road(model, &head, file, text)?;
    let (columns, from_model) = collect(context, file, &head.compare).await?;
    let (check_columns, from_check) = collect(context, file, text).await?;
    if columns != check_columns {
        let problem =
            format!("compare gives the columns {}, the check {}", columns.join(", "), check_columns.join(", "));
        return Err(TransformError::Sql { file: file.to_owned(), line: None, problem });
    }
    let as_texts = |batches: &[RecordBatch]| {
        rows::texts(batches).map_err(|error| TransformError::sql(file, &DataFusionError::from(error)))
    };
    let (only_model, only_check) = rows::difference(as_texts(&from_model)?, as_texts(&from_check)?);
    if only_model.is_empty() && only_check.is_empty() {
        return Ok(None);
    }
    let problem =
        format!("{} and its check differ ({} rows and {} rows)", model.table(), only_model.len(), only_check.len());
    let rows = only_model.iter().take(SHOWN).map(|row| format!("model: {}", rows::shown(&columns, row)));
    let rows = rows.chain(only_check.iter().take(SHOWN).map(|row| format!("check: {}", rows::shown(&columns, row))));
    Ok(Some(Finding { problem, rows: rows.collect() }))
}

/// A check that reads a mart would only repeat the mart's mistakes.
fn walks_another_road(model: &Model, head: &CheckHead, file: &str, text: &str) -> Result<(), TransformError> {
    let fault = |line, problem| Err(TransformError::Sql { file: file.to_owned(), line, problem });
    if head.check != model.head.name {
        return fault(Some(1), format!("checks {:?}, but stands beside {:?}", head.check, model.head.name));
    }
    for (table, line) in sql::tables(file, text)? {
        if table.starts_with("marts.") {
            return fault(line, format!("reads {table}; a check may read events and settings only"));
        }
    }
    if !sql::tables(file, &head.compare)?.iter().any(|(table, _)| *table == model.table()) {
        return fault(Some(1), format!("compare does not read {}", model.table()));
    }
    Ok(())
}

async fn collect(
    context: &SessionContext,
    file: &str,
    query: &str,
) -> Result<(Vec<String>, Vec<RecordBatch>), TransformError> {
    let fault = |error: DataFusionError| TransformError::sql(file, &error);
    let frame = context.sql(query).await.map_err(fault)?;
    let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    Ok((columns, frame.collect().await.map_err(fault)?))
}
