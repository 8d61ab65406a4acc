//! How much planning would unfold a statement.
//!
//! The planner copies a `WITH` part into every place that uses it, and writes the expression behind a
//! column wherever a filter names the column. Both double with each level: thirty lines of
//! `b AS (SELECT x + x AS x FROM a x, a y)` would be a plan of 2^30 parts. So each query carries two
//! numbers up to the one around it: the relations it unfolds to, and the longest expression.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Query, Select, SelectItem, visit_expressions};

use crate::QueryError;

/// Times that one column may be repeated by expressions laid over each other.
const REPEATS: u64 = 20_000;

#[derive(Debug, Clone, Copy)]
struct Size {
    relations: u64,
    repeats: u64,
}

#[derive(Debug)]
struct Level {
    relations: u64,
    inner_repeats: u64,
    own_repeats: u64,
    known_before: usize,
}

/// The open queries while a statement is walked.
#[derive(Debug)]
pub(super) struct Growth {
    limit: u64,
    levels: Vec<Level>,
    /// Bodies of `WITH` parts that are still to come, by where they lie.
    parts: HashMap<*const Query, String>,
    known: Vec<(String, Size)>,
}

impl Growth {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit as u64, levels: Vec::new(), parts: HashMap::new(), known: Vec::new() }
    }

    pub(super) fn enter(&mut self, query: &Query) {
        for part in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.parts.insert(&raw const *part.query, folded(&part.alias.name));
        }
        self.levels.push(Level { relations: 0, inner_repeats: 1, own_repeats: 1, known_before: self.known.len() });
    }

    pub(super) fn relation(&mut self, name: &ObjectName) {
        let size = single(name)
            .and_then(|name| self.known.iter().rev().find(|(known, _)| *known == name))
            .map_or(Size { relations: 1, repeats: 1 }, |(_, size)| *size);
        self.add(size);
    }

    pub(super) fn select(&mut self, select: &Select) {
        let longest = select
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(repeats(expr)),
                _ => None,
            })
            .max();
        if select.from.is_empty() {
            self.add(Size { relations: 1, repeats: 1 });
        }
        if let (Some(level), Some(longest)) = (self.levels.last_mut(), longest) {
            level.own_repeats = level.own_repeats.max(longest);
        }
    }

    pub(super) fn leave(&mut self, query: &Query) -> Result<(), QueryError> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        let size =
            Size { relations: level.relations.max(1), repeats: level.inner_repeats.saturating_mul(level.own_repeats) };
        if size.relations > self.limit {
            return Err(QueryError::TooComplex {
                what: format!("{} tables and subqueries once its WITH parts are unfolded", size.relations),
                limit: usize::try_from(self.limit).unwrap_or(usize::MAX),
            });
        }
        if size.repeats > REPEATS {
            return Err(QueryError::TooComplex {
                what: "expressions laid over each other that repeat one column too often".into(),
                limit: usize::try_from(REPEATS).unwrap_or(usize::MAX),
            });
        }
        self.known.truncate(level.known_before);
        match self.parts.remove(&(&raw const *query)) {
            Some(name) => self.known.push((name, size)),
            None => self.add(size),
        }
        Ok(())
    }

    fn add(&mut self, size: Size) {
        if let Some(level) = self.levels.last_mut() {
            level.relations = level.relations.saturating_add(size.relations);
            level.inner_repeats = level.inner_repeats.max(size.repeats);
        }
    }
}

/// How often the column named most in an expression is named.
fn repeats(expr: &Expr) -> u64 {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let _: ControlFlow<()> = visit_expressions(expr, |part| {
        let name = match part {
            Expr::Identifier(ident) => Some(ident),
            Expr::CompoundIdentifier(idents) => idents.last(),
            _ => None,
        };
        if let Some(name) = name {
            *counts.entry(folded(name)).or_default() += 1;
        }
        ControlFlow::Continue(())
    });
    counts.into_values().max().unwrap_or(1)
}

fn single(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(folded),
        _ => None,
    }
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
