//! The guard: reads a statement before anything is planned, and refuses what this engine does not run.
//!
//! Three readings, each cheap enough for the next: the text (its size, its first word, how many
//! operators, how deep the brackets), the parsed statement (its kind), and the tree of it (every clause,
//! table function and relation, its size, and how much planning would unfold it). The engine's own
//! refusal of DDL, DML and settings stands behind it as a second fence.

mod growth;
mod text;
mod tree;
mod windows;

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    ObjectName, Query, ShowStatementIn, ShowStatementOptions, Statement as Sql, Visit,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;

pub(crate) use tree::TABLE_FUNCTIONS;

use crate::{Limits, QueryError, diagnose};

/// How deep the parser may go into brackets and subqueries.
const NESTING: usize = 50;

/// A statement that passed, and what to do with it.
#[derive(Debug)]
pub(crate) enum Passed {
    /// Plan and run it. The number is the highest placeholder.
    Run(Statement, usize),
    /// Plan it and show the plan.
    Explain(Statement, usize),
    /// List the tables.
    Tables,
    /// List the columns of a table.
    Columns(ObjectName),
}

/// Reads `sql` and says what it is, or why it is not run.
pub(crate) fn check(sql: &str, limits: &Limits) -> Result<Passed, QueryError> {
    text::check(sql, limits)?;
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(NESTING)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| diagnose::parse_error(&error))?;
    if statements.len() > 1 {
        return Err(QueryError::refused(format!(
            "one statement at a time, but there are {}: send them one by one",
            statements.len()
        )));
    }
    let statement = statements.pop_front().ok_or_else(|| QueryError::Syntax {
        message: "there is no statement: write a query such as SELECT * FROM marts.orders LIMIT 10".into(),
        position: None,
    })?;
    classify(statement, limits)
}

fn classify(statement: Statement, limits: &Limits) -> Result<Passed, QueryError> {
    match statement {
        Statement::Statement(inner) => classify_sql(*inner, limits),
        Statement::Explain(explain) => {
            if explain.options.analyze || explain.options.verbose {
                return Err(QueryError::refused(
                    "EXPLAIN ANALYZE and EXPLAIN VERBOSE are not available: use EXPLAIN, or run the query",
                ));
            }
            match *explain.statement {
                Statement::Statement(inner) => match *inner {
                    Sql::Query(query) => {
                        let placeholders = tree::check(&query, limits)?;
                        Ok(Passed::Explain(Statement::Statement(Box::new(Sql::Query(query))), placeholders))
                    }
                    _ => Err(only_reads("EXPLAIN of anything but a query")),
                },
                _ => Err(only_reads("EXPLAIN of anything but a query")),
            }
        }
        Statement::CreateExternalTable(_) => Err(only_reads("CREATE EXTERNAL TABLE")),
        Statement::CopyTo(_) => Err(only_reads("COPY")),
        Statement::Reset(_) => Err(only_reads("RESET")),
    }
}

fn classify_sql(statement: Sql, limits: &Limits) -> Result<Passed, QueryError> {
    match statement {
        Sql::Query(query) => {
            let placeholders = tree::check(&query, limits)?;
            Ok(Passed::Run(Statement::Statement(Box::new(Sql::Query(query))), placeholders))
        }
        Sql::ShowTables { show_options, .. } => plain_show(&show_options, "SHOW TABLES").map(|()| Passed::Tables),
        Sql::ShowColumns { show_options, .. } => match show_options.show_in {
            Some(ShowStatementIn { parent_name: Some(name), .. })
                if show_options.filter_position.is_none() && show_options.limit.is_none() =>
            {
                Ok(Passed::Columns(name))
            }
            _ => Err(QueryError::refused("write SHOW COLUMNS FROM table, without a filter")),
        },
        Sql::ExplainTable { table_name, .. } => Ok(Passed::Columns(table_name)),
        Sql::ShowVariable { .. } | Sql::ShowVariables { .. } | Sql::ShowStatus { .. } => {
            Err(QueryError::refused("SHOW of settings is not available: SHOW TABLES and SHOW COLUMNS FROM table are"))
        }
        other => Err(only_reads(&text::first_words(&other.to_string()))),
    }
}

fn plain_show(options: &ShowStatementOptions, what: &str) -> Result<(), QueryError> {
    if options.show_in.is_none() && options.filter_position.is_none() && options.limit.is_none() {
        Ok(())
    } else {
        Err(QueryError::refused(format!("write {what} alone, or filter with SELECT * FROM settings.tables WHERE …")))
    }
}

/// The one answer to every statement that would change something.
fn only_reads(what: &str) -> QueryError {
    QueryError::refused(format!(
        "{what} is not allowed here: this engine only reads (SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS, DESCRIBE)"
    ))
}

fn walk<V>(query: &Query, visitor: &mut V) -> Result<(), QueryError>
where
    V: datafusion::sql::sqlparser::ast::Visitor<Break = QueryError>,
{
    match query.visit(visitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
