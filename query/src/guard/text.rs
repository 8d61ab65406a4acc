//! The first reading: the text and its words, before a parser sees them.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::only_reads;
use crate::{Limits, Position, QueryError};

/// Operators in one statement: the parser builds a chain as one deep tree, so its length bounds the depth.
const OPERATORS: usize = 5_000;
/// Open brackets at one place; the parser tries some of them twice.
const BRACKETS: usize = 40;

pub(super) fn check(sql: &str, limits: &Limits) -> Result<(), QueryError> {
    if sql.len() > limits.sql_bytes {
        return Err(QueryError::TooComplex { what: format!("{} bytes", sql.len()), limit: limits.sql_bytes });
    }
    let tokens =
        Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().map_err(|error| QueryError::Syntax {
            message: error.message,
            position: Some(Position { line: error.location.line, column: error.location.column }),
        })?;
    let mut words = tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_) | Token::LParen | Token::SemiColon));
    if let Some(first) = words.next() {
        check_first(first, words.next())?;
    }
    let mut operators = 0;
    let mut open: usize = 0;
    for token in &tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open += 1,
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            other if is_operator(other) => operators += 1,
            _ => {}
        }
        if open > BRACKETS {
            return Err(QueryError::TooComplex {
                what: format!("more than {BRACKETS} nested brackets"),
                limit: BRACKETS,
            });
        }
    }
    if operators > OPERATORS {
        return Err(QueryError::TooComplex { what: format!("{operators} operators"), limit: OPERATORS });
    }
    Ok(())
}

/// A statement that begins with a word of SQL other than these is one that would do something.
fn check_first(first: &Token, second: Option<&Token>) -> Result<(), QueryError> {
    let Token::Word(word) = first else { return Ok(()) };
    match word.keyword {
        Keyword::SELECT
        | Keyword::WITH
        | Keyword::VALUES
        | Keyword::FROM
        | Keyword::TABLE
        | Keyword::EXPLAIN
        | Keyword::SHOW
        | Keyword::DESCRIBE
        | Keyword::DESC
        | Keyword::NoKeyword => Ok(()),
        _ => {
            let object = match second {
                Some(Token::Word(next)) if next.keyword != Keyword::NoKeyword => {
                    format!(" {}", next.value.to_uppercase())
                }
                _ => String::new(),
            };
            Err(only_reads(&format!("{}{object}", word.value.to_uppercase())))
        }
    }
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::IN
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::ZONE
                | Keyword::DIV
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::JOIN
        ),
        Token::Number(..)
        | Token::Char(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::Placeholder(_)
        | Token::EOF => false,
        Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) | Token::NationalStringLiteral(_) => false,
        _ => true,
    }
}

/// The first words of a statement, for naming it in an answer.
pub(super) fn first_words(statement: &str) -> String {
    statement
        .split_whitespace()
        .take_while(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()))
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}
