//! A query as text: that it is one query, which tables it reads, and that it asks neither clock nor dice.

use datafusion::common::TableReference;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::error::TransformError;

/// Tables that one query reads, as `schema.table`, with the line that names each.
pub(crate) type Tables = Vec<(String, Option<usize>)>;

/// Functions that give another answer every time: with them a rebuild would not equal the first build.
const UNSTEADY: &[&str] =
    &["now", "current_timestamp", "current_date", "current_time", "today", "localtimestamp", "random", "uuid"];

/// Types in which money would be rounded.
const FLOATS: &[&str] = &["double", "float", "float4", "float8", "real"];

/// Finds what a query reads, and refuses what is no plain query.
pub(crate) fn tables(file: &str, text: &str) -> Result<Tables, TransformError> {
    let fault = |line, problem| TransformError::Sql { file: file.to_owned(), line, problem };
    let mut statements = DFParser::parse_sql(text).map_err(|error| TransformError::sql(file, &error))?;
    let statement = match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => statement,
        (_, more) => return Err(fault(None, format!("a file holds one query, this one holds {}", more + 1))),
    };
    if !matches!(&statement, Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_))) {
        return Err(fault(None, "must be a query (select … or with … select …)".to_owned()));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| fault(None, error.to_string()))?;
    refuse_unsteady(file, &tokens)?;
    let (references, _) =
        resolve_table_references(&statement, true).map_err(|error| TransformError::sql(file, &error))?;
    Ok(references.iter().map(|reference| (name(reference), line_of(&tokens, reference.table()))).collect())
}

/// `schema.table`; the catalog is dropped, since there is only one.
fn name(reference: &TableReference) -> String {
    match reference.schema() {
        Some(schema) => format!("{schema}.{}", reference.table()),
        None => reference.table().to_owned(),
    }
}

fn line_of(tokens: &[TokenWithSpan], table: &str) -> Option<usize> {
    tokens
        .iter()
        .find(|token| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(table)))
        .and_then(|token| usize::try_from(token.span.start.line).ok())
}

fn refuse_unsteady(file: &str, tokens: &[TokenWithSpan]) -> Result<(), TransformError> {
    let solid: Vec<_> = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    for (place, token) in solid.iter().enumerate() {
        let Token::Word(word) = &token.token else { continue };
        let word = word.value.to_lowercase();
        let after = solid.get(place + 1).map(|token| &token.token);
        let before = place.checked_sub(1).and_then(|before| solid.get(before)).map(|token| &token.token);
        let is_called = after == Some(&Token::LParen) || word.starts_with("current_") || word == "localtimestamp";
        let is_cast = matches!(before, Some(Token::DoubleColon))
            || matches!(before, Some(Token::Word(before)) if before.value.eq_ignore_ascii_case("as"))
                && after == Some(&Token::RParen);
        let problem = if UNSTEADY.contains(&word.as_str()) && is_called {
            format!("{word} gives another answer every time; the instant of the run is settings.run.as_of")
        } else if FLOATS.contains(&word.as_str()) && is_cast {
            format!("a cast to {word} would round money; cast to decimal(18, 4)")
        } else {
            continue;
        };
        let line = usize::try_from(token.span.start.line).ok();
        return Err(TransformError::Sql { file: file.to_owned(), line, problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> Vec<String> {
        tables("x.sql", sql).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_common_table_expression_is_not_a_table_and_a_comment_is_no_query() {
        let sql = "/* --- from marts.no --- */ with orders as (select * from events.orders) select * from orders join mizan.marts.x on true";
        assert_eq!(names(sql), ["events.orders", "marts.x"]);
    }

    #[test]
    fn tables_come_with_the_line_that_names_them() {
        assert_eq!(tables("x.sql", "select *\nfrom\n  marts.orders").unwrap(), [("marts.orders".to_owned(), Some(3))]);
    }

    #[test]
    fn what_is_not_one_query_is_refused() {
        assert!(tables("x.sql", "select 1; select 2").unwrap_err().to_string().contains("this one holds 2"));
        assert!(tables("x.sql", "drop table x").unwrap_err().to_string().contains("must be a query"));
        let error = tables("x.sql", "select 1\nfrom events.orders order order").unwrap_err().to_string();
        assert!(error.starts_with("x.sql:2"), "{error}");
    }

    #[test]
    fn the_clock_the_dice_and_floats_are_refused_and_their_names_alone_are_not() {
        assert!(
            tables("x.sql", "select\nnow()").unwrap_err().to_string().starts_with("x.sql:2: now gives another answer")
        );
        assert!(tables("x.sql", "select current_date").is_err());
        assert!(tables("x.sql", "select cast(a as double) from events.orders").is_err());
        assert!(tables("x.sql", "select a::float from events.orders").is_err());
        assert!(tables("x.sql", "select random, now from events.orders").is_ok());
    }
}
