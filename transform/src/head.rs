//! The head of a model or check: strict YAML in a block comment at the top of the file.

use std::collections::BTreeMap;

use yaml_serde::Value;

use crate::error::TransformError;
use crate::suggest::did_you_mean;
use crate::yaml::{Block, scalar};

/// What a model says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Name of the table in `marts`; the same as the file's.
    pub name: String,
    /// Name for people; the table's name where it has none.
    pub title: String,
    /// What the rows mean, and every definition a reader must know.
    pub description: String,
    /// What one row is.
    pub grain: String,
    /// Columns that tell one row from another; never NULL, never twice the same.
    pub key: Vec<String>,
    /// The column by which rows lie in time, where there is one.
    pub time: Option<String>,
    /// Columns in the order of the query, each with its meaning.
    pub columns: Vec<(String, String)>,
    /// What must hold of the rows.
    pub tests: Tests,
    /// How little a change of what it reads touches, where that is known.
    pub incremental: Option<Incremental>,
}

/// Which rows of a model a changed row of what it reads can touch.
///
/// The promise is: the rows of the model for one value of `by` depend only on rows of the listed tables that have the
/// same value. It is the author's to keep; a test compares with the whole rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incremental {
    /// Columns of the model.
    pub by: Vec<String>,
    /// For each table, the expressions that give the value of `by` from one of its rows. A row may belong to several
    /// values: then there are several lists. A change of a table that is read but not listed touches everything.
    pub from: BTreeMap<String, Vec<Vec<String>>>,
    /// Values that one row has hang together, and with them all rows that have one of them. `by` then only names the
    /// parts of a value, and `from` says also how the model's own rows have theirs. A value with a NULL in it is none.
    pub linked: bool,
    /// Rows of the model that may change by time alone.
    pub open: Option<String>,
    /// Line of each table and of `open`, for errors.
    lines: BTreeMap<String, usize>,
}

impl Incremental {
    /// How the model's own rows have their values.
    pub(crate) fn own(&self, table: &str) -> Vec<String> {
        let by = || self.by.iter().map(|name| format!("\"{name}\"")).collect();
        self.from.get(table).and_then(|lists| lists.first()).cloned().unwrap_or_else(by)
    }

    /// The tables that the model reads, with their lists.
    pub(crate) fn inputs<'a>(&'a self, own: &'a str) -> impl Iterator<Item = (&'a String, &'a Vec<Vec<String>>)> {
        self.from.iter().filter(move |(table, _)| *table != own)
    }

    /// An error at the line of a table of `from`, or of `open`.
    pub(crate) fn wrong(&self, file: &str, at: &str, problem: String) -> TransformError {
        TransformError::Head { file: file.to_owned(), line: self.lines.get(at).copied().unwrap_or(1), problem }
    }
}

/// What must hold of a model's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// Columns that are never NULL.
    pub not_null: Vec<String>,
    /// Columns that together are never twice the same.
    pub unique: Vec<Vec<String>>,
    /// The values that a column takes.
    pub accepted: Vec<(String, Vec<String>)>,
    /// Columns that are never below zero.
    pub at_least_zero: Vec<String>,
    /// Conditions true of every row.
    pub holds: Vec<String>,
    /// Columns whose values are in another mart.
    pub refers: Vec<Refers>,
}

/// Columns whose values are found in another mart's columns of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refers {
    /// The columns.
    pub columns: Vec<String>,
    /// The mart, as `marts.name`.
    pub to: String,
}

/// What a check says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckHead {
    /// The model that is checked.
    pub(crate) check: String,
    /// The query over the model whose rows must equal the check's.
    pub(crate) compare: String,
}

impl Head {
    /// Reads the head of a model's file.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Head, TransformError> {
        let block = Block::of_head(file, text)?;
        block.only(
            &block.mapping,
            &["name", "title", "description", "grain", "key", "time", "columns", "tests", "incremental"],
        )?;
        let name = block.text_of("name")?;
        let head = Head {
            title: block.optional_text("title")?.unwrap_or_else(|| name.clone()),
            description: block.text_of("description")?,
            grain: block.text_of("grain")?,
            key: block.texts(block.mapping.get("key"), "key")?,
            time: block.optional_text("time")?,
            columns: block.columns()?,
            tests: block.tests()?,
            incremental: block.incremental()?,
            name,
        };
        if head.key.is_empty() {
            return Err(block.wrong("key", "key must name the columns that tell one row from another"));
        }
        head.names_known_columns(&block)?;
        Ok(head)
    }

    fn names_known_columns(&self, block: &Block<'_>) -> Result<(), TransformError> {
        let tests = &self.tests;
        let named = (self.key.iter().chain(&self.time))
            .chain(self.incremental.iter().filter(|some| !some.linked).flat_map(|some| &some.by))
            .chain(&tests.not_null)
            .chain(tests.unique.iter().flatten())
            .chain(tests.accepted.iter().map(|(column, _)| column))
            .chain(&tests.at_least_zero)
            .chain(tests.refers.iter().flat_map(|refers| &refers.columns));
        for column in named {
            if !self.columns.iter().any(|(name, _)| name == column) {
                let hint = did_you_mean(column, self.columns.iter().map(|(name, _)| name.as_str()));
                return Err(block.wrong(column, &format!("{column:?} is not among the columns of the head{hint}")));
            }
        }
        Ok(())
    }
}

impl CheckHead {
    /// Reads the head of a check's file.
    pub(crate) fn parse(file: &str, text: &str) -> Result<CheckHead, TransformError> {
        let block = Block::of_head(file, text)?;
        block.only(&block.mapping, &["check", "compare", "by"])?;
        block.text_of("by")?;
        Ok(CheckHead { check: block.text_of("check")?, compare: block.text_of("compare")? })
    }
}

impl Block<'_> {
    fn incremental(&self) -> Result<Option<Incremental>, TransformError> {
        let Some(value) = self.mapping.get("incremental") else { return Ok(None) };
        let Some(says) = value.as_mapping() else {
            return Err(self.wrong("incremental", "incremental must be a mapping of by, from and perhaps open"));
        };
        self.only(says, &["by", "linked", "from", "open"])?;
        let by = self.texts(says.get("by"), "by")?;
        if by.is_empty() {
            return Err(self.wrong("incremental", "incremental.by must name columns such as [shop, order_id]"));
        }
        let Some(tables) = says.get("from").and_then(Value::as_mapping).filter(|tables| !tables.is_empty()) else {
            let problem = "incremental.from must say for each table how its rows give by: {events.orders: [shop, id]}";
            return Err(self.wrong("incremental", problem));
        };
        let linked = match says.get("linked") {
            None => false,
            Some(Value::Bool(linked)) => *linked,
            Some(_) => return Err(self.wrong("linked", "linked must be true or false")),
        };
        let own = format!("marts.{}", self.text_of("name")?);
        let (mut from, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for (table, value) in tables {
            let table = scalar(table).unwrap_or_default();
            let wrong = |problem: String| self.wrong_within("from", &table, &problem);
            let lists = value.as_sequence().filter(|items| !items.is_empty());
            let lists: Option<Vec<Vec<String>>> = lists.and_then(|items| {
                let texts = |items: &[Value]| items.iter().map(scalar).collect::<Option<Vec<String>>>();
                if items.iter().all(Value::is_sequence) {
                    items.iter().map(|list| texts(list.as_sequence()?)).collect()
                } else {
                    Some(vec![texts(items)?])
                }
            });
            let Some(lists) = lists.filter(|lists| lists.iter().all(|list| list.len() == by.len())) else {
                let [count, names] = [by.len().to_string(), by.join(", ")];
                return Err(wrong(format!("{table} must have {count} expressions, one for each of {names}")));
            };
            if !(table.starts_with("events.") || table.starts_with("marts.")) {
                return Err(wrong(format!("{table} is neither of events nor of marts; settings touch everything")));
            }
            if table == own && (!linked || lists.len() > 1) {
                let problem = "its own rows have the values of by; where values are linked, one list says which";
                return Err(wrong(problem.to_owned()));
            }
            lines.insert(table.clone(), self.line_within("from", &table));
            from.insert(table, lists);
        }
        if linked && !from.contains_key(&own) {
            let problem = format!("where values are linked, from must also say which value a row of {own} has");
            return Err(self.wrong("linked", &problem));
        }
        let open = match says.get("open") {
            None => None,
            Some(value) => match scalar(value).filter(|text| !text.trim().is_empty()) {
                Some(text) => Some(text),
                None => return Err(self.wrong("open", "open must be a condition such as \"state = 'open'\"")),
            },
        };
        lines.insert("open".to_owned(), self.line_within("incremental", "open"));
        Ok(Some(Incremental { by, from, linked, open, lines }))
    }

    fn tests(&self) -> Result<Tests, TransformError> {
        let Some(value) = self.mapping.get("tests") else { return Ok(Tests::default()) };
        let Some(tests) = value.as_mapping() else {
            return Err(self.wrong("tests", "tests must be a mapping such as `not_null: [shop]`"));
        };
        self.only(tests, &["not_null", "unique", "accepted", "at_least_zero", "holds", "refers"])?;
        let lists = |key: &str| self.texts(tests.get(key), key);
        let mut unique = Vec::new();
        for columns in tests.get("unique").and_then(Value::as_sequence).into_iter().flatten() {
            unique.push(self.texts(Some(columns), "unique")?);
        }
        let mut accepted = Vec::new();
        for (column, values) in tests.get("accepted").and_then(Value::as_mapping).into_iter().flatten() {
            accepted.push((scalar(column).unwrap_or_default(), self.texts(Some(values), "accepted")?));
        }
        let mut refers = Vec::new();
        for entry in tests.get("refers").and_then(Value::as_sequence).into_iter().flatten() {
            let (columns, to) = (entry.get("columns"), entry.get("to").and_then(scalar));
            let to = to.filter(|to| to.starts_with("marts."));
            let Some(to) = to else {
                return Err(self.wrong("refers", "refers must be a list of {columns: [order_id], to: marts.orders}"));
            };
            refers.push(Refers { columns: self.texts(columns, "refers")?, to });
        }
        Ok(Tests {
            not_null: lists("not_null")?,
            unique,
            accepted,
            at_least_zero: lists("at_least_zero")?,
            holds: lists("holds")?,
            refers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "/* ---\nname: x\ndescription: d\ngrain: one row a shop\nkey: [shop]\ncolumns:\n  shop: The shop\n--- */\nselect 1";

    #[test]
    fn a_head_gives_its_columns_in_order_and_its_name_as_title() {
        let text = GOOD.replace("  shop: The shop\n", "  shop: The shop\n  amount: \"Money: exact\"\n");
        let head = Head::parse("x.sql", &text).unwrap();
        assert_eq!(head.title, "x");
        assert_eq!(head.columns, [("shop".into(), "The shop".into()), ("amount".into(), "Money: exact".into())]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
        let error = Head::parse("x.sql", &GOOD.replace("grain:", "grian:")).unwrap_err().to_string();
        assert!(error.starts_with("x.sql:4: unknown key \"grian\"; did you mean \"grain\"?"), "{error}");
        let with_tests = GOOD.replace("--- */", "tests:\n  notnull: [shop]\n--- */");
        let error = Head::parse("x.sql", &with_tests).unwrap_err().to_string();
        assert!(error.starts_with("x.sql:9: unknown key \"notnull\"; did you mean \"not_null\"?"), "{error}");
    }

    #[test]
    fn what_is_said_of_incremental_runs_is_taken_strictly() {
        let with = |text: &str| Head::parse("x.sql", &GOOD.replace("--- */", &format!("incremental:\n{text}--- */")));
        let head = with(
            "  by: [shop]\n  from:\n    events.orders: [shop]\n    marts.y: [[shop], [\"upper(shop)\"]]\n  open: shop is null\n",
        );
        let incremental = head.unwrap().incremental.unwrap();
        assert_eq!(incremental.from["events.orders"], [["shop"]]);
        assert_eq!(incremental.from["marts.y"], [["shop"], ["upper(shop)"]]);
        assert_eq!(incremental.open.as_deref(), Some("shop is null"));
        let error = |text: &str| with(text).unwrap_err().to_string();
        let text = error("  by: [shap]\n  from: {events.orders: [shop]}\n");
        assert!(text.starts_with("x.sql:9: \"shap\" is not among the columns"), "{text}");
        let text = error("  by: [shop]\n  from:\n    events.orders: [shop, order_id]\n");
        assert_eq!(text, "x.sql:11: events.orders must have 1 expressions, one for each of shop");
        let text = error("  by: [shop]\n  from:\n    settings.shops: [shop]\n");
        assert!(text.starts_with("x.sql:11: settings.shops is neither"), "{text}");
        let text = error("  by: [v]\n  linked: true\n  from:\n    events.orders: [shop]\n");
        assert!(
            text.starts_with("x.sql:10: where values are linked, from must also say which value a row of marts.x"),
            "{text}"
        );
        assert!(error("  by: [shop]\n").starts_with("x.sql:8: incremental.from must say"), "no from");
        assert!(error("  by: [shop]\n  form: {}\n").contains("did you mean \"from\"?"), "a typing error");
    }

    #[test]
    fn a_test_of_a_column_that_is_not_there_is_refused() {
        let text = GOOD.replace("--- */", "tests:\n  not_null: [shap]\n--- */");
        let error = Head::parse("x.sql", &text).unwrap_err().to_string();
        assert_eq!(error, "x.sql:9: \"shap\" is not among the columns of the head; did you mean \"shop\"?");
    }

    #[test]
    fn a_file_without_a_head_and_broken_yaml_say_so() {
        assert!(Head::parse("x.sql", "select 1").unwrap_err().to_string().contains("must begin with its head"));
        let error = Head::parse("x.sql", &GOOD.replace("key: [shop]", "key: [shop")).unwrap_err().to_string();
        assert!(error.contains("not valid YAML"), "{error}");
        let error = Head::parse("x.sql", &GOOD.replace("grain: one row a shop\n", "")).unwrap_err().to_string();
        assert_eq!(error, "x.sql:1: the head lacks grain");
    }
}
