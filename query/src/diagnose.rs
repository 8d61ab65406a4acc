//! Turns the planner's and the runner's errors into ones a person can act on.

use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::execution::context::SessionContext;
use datafusion::sql::sqlparser::parser::ParserError;

use crate::names::nearest;
use crate::{Position, QueryError};

/// An error of the parser.
pub(crate) fn parse_error(error: &DataFusionError) -> QueryError {
    match root(error) {
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
                let (message, position) = split_position(text);
                QueryError::Syntax { message, position }
            }
            ParserError::RecursionLimitExceeded => {
                QueryError::TooComplex { what: "brackets or subqueries nested too deep".into(), limit: 50 }
            }
        },
        other => QueryError::Syntax { message: plain(other), position: None },
    }
}

/// An error of planning; `context` knows the names that exist.
pub(crate) fn plan_error(error: &DataFusionError, context: &SessionContext) -> QueryError {
    if let Some(own) = own_error(error) {
        return own;
    }
    let position = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| Position { line: span.start.line, column: span.start.column });
    match root(error) {
        DataFusionError::SchemaError(schema, _) => schema_error(schema, position),
        DataFusionError::Plan(text) => plan_text(text, position, context),
        DataFusionError::SQL(..) => parse_error(error),
        DataFusionError::NotImplemented(text) => {
            QueryError::Invalid { message: format!("not supported: {}", tidy(text)), position }
        }
        DataFusionError::Execution(_) | DataFusionError::ArrowError(..) => run_error(error),
        DataFusionError::ResourcesExhausted(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::ParquetError(_) => run_error(error),
        DataFusionError::Configuration(_) => QueryError::internal("the engine is set up wrongly"),
        other => QueryError::Invalid { message: plain(other), position },
    }
}

/// An error while rows are made.
pub(crate) fn run_error(error: &DataFusionError) -> QueryError {
    if let Some(own) = own_error(error) {
        return own;
    }
    match root(error) {
        DataFusionError::ResourcesExhausted(text) => {
            QueryError::Memory { message: tidy(text.lines().next().unwrap_or_default()) }
        }
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            arrow::error::ArrowError::IoError(..) | arrow::error::ArrowError::ParquetError(_) => unreadable(error),
            arrow::error::ArrowError::ExternalError(_) => unreadable(error),
            other => QueryError::Data { message: tidy(&other.to_string()) },
        },
        DataFusionError::Execution(text) | DataFusionError::NotImplemented(text) | DataFusionError::Plan(text) => {
            QueryError::Data { message: tidy(text) }
        }
        _ => unreadable(error),
    }
}

/// What must not reach the caller, such as paths, goes to the log.
fn unreadable(error: &DataFusionError) -> QueryError {
    tracing::error!(error = %error, "query failed inside the engine");
    QueryError::internal("a fault inside the engine or in the stored files: the server's log has the details")
}

/// An error that this crate raised itself and that passed through the engine.
fn own_error(error: &DataFusionError) -> Option<QueryError> {
    match root(error) {
        DataFusionError::External(inner) => inner.downcast_ref::<QueryError>().cloned(),
        _ => None,
    }
}

fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, root),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            arrow::error::ArrowError::ExternalError(inner) => {
                inner.downcast_ref::<DataFusionError>().map_or(error, root)
            }
            _ => error,
        },
        _ => error,
    }
}

fn schema_error(error: &SchemaError, position: Option<Position>) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => QueryError::Unknown {
            what: "column",
            name: written(field),
            suggestion: nearest(&field.name, valid_fields.iter().map(|column| column.name.as_str())).map(str::to_owned),
            position,
        },
        SchemaError::AmbiguousReference { field } => QueryError::Invalid {
            message: format!("the column '{}' is in more than one table: write table.{}", field.name, field.name),
            position,
        },
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            QueryError::Invalid {
                message: format!("two columns are called '{name}': give one another name with AS"),
                position,
            }
        }
    }
}

/// The column as the person wrote it, without the catalog that the planner puts before it.
fn written(column: &Column) -> String {
    let name = column.flat_name();
    name.strip_prefix("mizan.").map(str::to_owned).unwrap_or(name)
}

fn plan_text(text: &str, position: Option<Position>, context: &SessionContext) -> QueryError {
    if let Some(name) =
        text.strip_prefix("table '").and_then(|rest| rest.split_once("' not found")).map(|(name, _)| name)
    {
        let name = name.strip_prefix("mizan.").unwrap_or(name);
        return unknown_table(name, position, context);
    }
    if let Some(rest) = text.strip_prefix("Invalid function '") {
        let name = rest.split('\'').next().unwrap_or_default().to_owned();
        let state = context.state();
        let known = state
            .scalar_functions()
            .keys()
            .chain(state.aggregate_functions().keys())
            .chain(state.window_functions().keys());
        let suggestion = nearest(&name, known.map(String::as_str)).map(str::to_owned);
        return QueryError::Unknown { what: "function", name, suggestion, position };
    }
    if let Some(name) =
        text.strip_prefix("Projections require unique expression names").and_then(|rest| rest.split('"').nth(1))
    {
        return QueryError::Invalid {
            message: format!(
                "two columns come out as '{name}', where a CAST does not tell them apart: name one with AS, or cast in a subquery"
            ),
            position,
        };
    }
    QueryError::Invalid { message: tidy(text), position }
}

/// `orders` may be meant as `marts.orders`; `marts.oders` as the same.
pub(crate) fn unknown_table(name: &str, position: Option<Position>, context: &SessionContext) -> QueryError {
    let known = table_names(context);
    let bare = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let suggestion = known
        .iter()
        .find(|full| full.rsplit('.').next() == Some(bare.as_str()) && full.starts_with("marts."))
        .or_else(|| known.iter().find(|full| full.rsplit('.').next() == Some(bare.as_str())))
        .map(String::as_str)
        .or_else(|| nearest(name, known.iter().map(String::as_str)))
        .or_else(|| {
            let near = nearest(&bare, known.iter().filter_map(|full| full.rsplit('.').next()))?;
            known.iter().map(String::as_str).find(|full| full.rsplit('.').next() == Some(near))
        })
        .map(str::to_owned);
    let shown = name.strip_prefix("public.").unwrap_or(name);
    QueryError::Unknown { what: "table", name: shown.to_owned(), suggestion, position }
}

fn table_names(context: &SessionContext) -> Vec<String> {
    let mut names = Vec::new();
    for catalog in context.catalog_names() {
        let Some(catalog) = context.catalog(&catalog) else { continue };
        for schema_name in catalog.schema_names() {
            if schema_name == "information_schema" {
                continue;
            }
            let Some(schema) = catalog.schema(&schema_name) else { continue };
            names.extend(schema.table_names().into_iter().map(|table| format!("{schema_name}.{table}")));
        }
    }
    names.sort();
    names
}

/// Takes `… at Line: 1, Column: 8` from the end of a parser's text.
fn split_position(text: &str) -> (String, Option<Position>) {
    let found = text.rsplit_once(" at Line: ").and_then(|(message, rest)| {
        let (line, column) = rest.split_once(", Column: ")?;
        let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
        Some((message, Position { line: line.parse().ok()?, column: digits.parse().ok()? }))
    });
    match found {
        Some((message, position)) => (tidy(message), Some(position)),
        None => (tidy(text), None),
    }
}

fn plain(error: &DataFusionError) -> String {
    tidy(&error.message())
}

/// A fragment of a sentence: no full stop, no request to file a bug elsewhere.
fn tidy(text: &str) -> String {
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text);
    let text = text.split("This issue was likely caused by a bug").next().unwrap_or(text);
    text.trim().trim_start_matches("sql parser error: ").trim_end_matches('.').to_owned()
}
