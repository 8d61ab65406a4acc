//! The last reading: every part of the parsed query, against the list of what is allowed.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, Value, ValueWithSpan, Visitor,
};

use super::growth::Growth;
use super::{only_reads, walk};
use crate::{Limits, QueryError};

/// Functions that may stand where a table stands.
pub(crate) const TABLE_FUNCTIONS: [&str; 3] = ["generate_series", "range", "unnest"];
/// What of `information_schema` shows the machine rather than the data.
const HIDDEN: &str = "df_settings";
/// Placeholders that one statement may have.
const PLACEHOLDERS: usize = 1_000;
/// Queries inside queries.
const QUERIES: usize = 32;

/// Checks the whole tree; gives the highest placeholder.
pub(super) fn check(query: &Query, limits: &Limits) -> Result<usize, QueryError> {
    let mut reader =
        Reader { limits, nodes: 0, depth: 0, queries: 0, placeholders: 0, growth: Growth::new(limits.relations) };
    walk(query, &mut reader)?;
    Ok(reader.placeholders)
}

struct Reader<'a> {
    limits: &'a Limits,
    nodes: usize,
    depth: usize,
    queries: usize,
    placeholders: usize,
    growth: Growth,
}

type Flow = ControlFlow<QueryError>;

impl Reader<'_> {
    fn node(&mut self) -> Flow {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return too_complex("too many parts".into(), self.limits.nodes);
        }
        ControlFlow::Continue(())
    }
}

fn too_complex(what: String, limit: usize) -> Flow {
    ControlFlow::Break(QueryError::TooComplex { what, limit })
}

fn refuse(reason: impl Into<String>) -> Flow {
    ControlFlow::Break(QueryError::refused(reason))
}

/// Breaks with a refusal when a clause is there.
fn absent(clause: &str, there: bool) -> Flow {
    if there { refuse(format!("{clause} is not supported here: leave it out")) } else { ControlFlow::Continue(()) }
}

impl Visitor for Reader<'_> {
    type Break = QueryError;

    fn pre_visit_statement(&mut self, statement: &Statement) -> Flow {
        ControlFlow::Break(only_reads(&super::text::first_words(&statement.to_string())))
    }

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        self.node()?;
        self.queries += 1;
        if self.queries > QUERIES {
            return too_complex(format!("queries nested more than {QUERIES} deep"), QUERIES);
        }
        absent("FOR UPDATE or FOR SHARE", !query.locks.is_empty())?;
        absent("FOR XML, FOR JSON or FOR BROWSE", query.for_clause.is_some())?;
        absent("SETTINGS", query.settings.is_some())?;
        absent("FORMAT", query.format_clause.is_some())?;
        absent("a pipe (|>)", !query.pipe_operators.is_empty())?;
        body(&query.body)?;
        self.growth.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> Flow {
        self.queries -= 1;
        match self.growth.leave(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        self.node()?;
        absent("SELECT INTO", select.into.is_some())?;
        absent("LATERAL VIEW", !select.lateral_views.is_empty())?;
        absent("PREWHERE", select.prewhere.is_some())?;
        absent("CONNECT BY", !select.connect_by.is_empty())?;
        self.growth.select(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> Flow {
        self.node()?;
        self.growth.relation(name);
        let parts: Vec<String> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.to_lowercase()).collect();
        if parts.len() != name.0.len() {
            return refuse("a table is named as schema.table, without functions in its name");
        }
        let quoted_text = name.0.iter().filter_map(|part| part.as_ident()).any(|part| part.quote_style == Some('\''));
        if quoted_text || parts.iter().any(|part| part.contains(['/', '\\', ':', '*'])) {
            return refuse("files and addresses cannot be queried: name a table, as SHOW TABLES lists them");
        }
        let setting = parts.last().is_some_and(|part| part == HIDDEN);
        if setting {
            return refuse("settings of the engine are not available");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        self.node()?;
        match factor {
            TableFactor::Table { name, args, version, with_hints, partitions, json_path, index_hints, .. } => {
                absent("a table version (FOR SYSTEM_TIME …)", version.is_some())?;
                absent("a table hint", !with_hints.is_empty() || !index_hints.is_empty())?;
                absent("PARTITION", !partitions.is_empty())?;
                absent("a JSON path on a table", json_path.is_some())?;
                if args.is_some() { table_function(name) } else { ControlFlow::Continue(()) }
            }
            TableFactor::Function { name, .. } => table_function(name),
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => {
                ControlFlow::Continue(())
            }
            _ => refuse("only tables, subqueries, joins, unnest, generate_series and range can stand in FROM"),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        self.node()?;
        if let Expr::Function(call) = expr
            && let Some(reason) = super::windows::objection(call)
        {
            return refuse(reason);
        }
        self.depth += 1;
        if self.depth > self.limits.chain {
            return too_complex(
                format!("a chain or nesting of more than {} terms", self.limits.chain),
                self.limits.chain,
            );
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> Flow {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Flow {
        self.node()?;
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        match name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok()) {
            Some(number @ 1..=PLACEHOLDERS) => {
                self.placeholders = self.placeholders.max(number);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(QueryError::Parameters {
                message: format!("'{name}' is not a placeholder: number them $1, $2 … up to ${PLACEHOLDERS}"),
            }),
        }
    }
}

fn table_function(name: &ObjectName) -> Flow {
    let lower = name.to_string().to_lowercase();
    if TABLE_FUNCTIONS.contains(&lower.as_str()) {
        return ControlFlow::Continue(());
    }
    refuse(format!("the table function '{lower}' is not available: {} are", TABLE_FUNCTIONS.join(", ")))
}

/// Writing statements can hide in the body of a query.
fn body(set: &SetExpr) -> Flow {
    match set {
        SetExpr::Insert(_) => ControlFlow::Break(only_reads("INSERT")),
        SetExpr::Update(_) => ControlFlow::Break(only_reads("UPDATE")),
        SetExpr::Delete(_) => ControlFlow::Break(only_reads("DELETE")),
        SetExpr::Merge(_) => ControlFlow::Break(only_reads("MERGE")),
        _ => ControlFlow::Continue(()),
    }
}
