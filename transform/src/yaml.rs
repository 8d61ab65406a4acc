//! Strict YAML with the line of everything that is wrong in it: heads of models and checks, and descriptions of
//! reference tables.

use yaml_serde::{Mapping, Value};

use crate::error::TransformError;
use crate::suggest::did_you_mean;

/// A mapping with its keys' lines, for errors that name the place.
pub(crate) struct Block<'a> {
    /// What it is called in errors: the head, the description.
    what: &'static str,
    file: &'a str,
    text: &'a str,
    /// Line of the file on which `text` begins.
    first_line: usize,
    pub(crate) mapping: Mapping,
}

const OPENING: &str = "/* ---";
const CLOSING: &str = "--- */";

impl<'a> Block<'a> {
    /// The head of an SQL file: YAML in a block comment at its top.
    pub(crate) fn of_head(file: &'a str, text: &'a str) -> Result<Block<'a>, TransformError> {
        let fault = |line: usize, problem: String| TransformError::Head { file: file.to_owned(), line, problem };
        let start = text.len() - text.trim_start().len();
        if !text[start..].starts_with(OPENING) {
            return Err(fault(1, format!("the file must begin with its head: {OPENING} … {CLOSING}")));
        }
        let inner = &text[start + OPENING.len()..];
        let end = inner.find(CLOSING).ok_or_else(|| fault(1, format!("the head is not closed by {CLOSING}")))?;
        let first_line = text[..start].matches('\n').count() + 1;
        Block::read("the head", file, &inner[..end], first_line)
    }

    /// A file that is YAML and nothing else.
    pub(crate) fn of_file(what: &'static str, file: &'a str, text: &'a str) -> Result<Block<'a>, TransformError> {
        Block::read(what, file, text, 1)
    }

    fn read(what: &'static str, file: &'a str, yaml: &'a str, first_line: usize) -> Result<Block<'a>, TransformError> {
        let fault = |line: usize, problem: String| TransformError::Head { file: file.to_owned(), line, problem };
        let value: Value = yaml_serde::from_str(yaml).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            fault(first_line + line - 1, format!("{what} is not valid YAML: {error}"))
        })?;
        match value {
            Value::Mapping(mapping) => Ok(Block { what, file, text: yaml, first_line, mapping }),
            _ => Err(fault(first_line, format!("{what} must be a YAML mapping such as `title: Orders`"))),
        }
    }

    /// An error at the line where `word` stands first.
    pub(crate) fn wrong(&self, word: &str, problem: &str) -> TransformError {
        let line = self.text.lines().position(|line| contains_word(line, word)).unwrap_or(0);
        TransformError::Head { file: self.file.to_owned(), line: self.first_line + line, problem: problem.to_owned() }
    }

    /// The line on which `word` stands at or after the line of the key `key`.
    pub(crate) fn line_within(&self, key: &str, word: &str) -> usize {
        let lines = || self.text.lines().enumerate();
        let key = format!("{key}:");
        let start = lines().find(|(_, line)| line.trim_start().starts_with(&key)).map_or(0, |(place, _)| place);
        let found = lines().skip(start).find(|(_, line)| line.contains(word));
        self.first_line + found.map_or(start, |(place, _)| place)
    }

    /// An error at that line.
    pub(crate) fn wrong_within(&self, key: &str, word: &str, problem: &str) -> TransformError {
        let line = self.line_within(key, word);
        TransformError::Head { file: self.file.to_owned(), line, problem: problem.to_owned() }
    }

    pub(crate) fn only(&self, mapping: &Mapping, known: &[&str]) -> Result<(), TransformError> {
        for key in mapping.keys() {
            let key = scalar(key).unwrap_or_default();
            if !known.contains(&key.as_str()) {
                let hint = did_you_mean(&key, known.iter().copied());
                return Err(self.wrong(&key, &format!("unknown key {key:?}{hint} (known: {})", known.join(", "))));
            }
        }
        Ok(())
    }

    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<String>, TransformError> {
        match self.mapping.get(key) {
            None => Ok(None),
            Some(value) => match scalar(value) {
                Some(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
                _ => Err(self.wrong(key, &format!("{key} must be text"))),
            },
        }
    }

    pub(crate) fn text_of(&self, key: &str) -> Result<String, TransformError> {
        self.optional_text(key)?.ok_or_else(|| TransformError::Head {
            file: self.file.to_owned(),
            line: self.first_line,
            problem: format!("{} lacks {key}", self.what),
        })
    }

    pub(crate) fn texts(&self, value: Option<&Value>, key: &str) -> Result<Vec<String>, TransformError> {
        let Some(value) = value else { return Ok(Vec::new()) };
        value
            .as_sequence()
            .and_then(|items| items.iter().map(scalar).collect())
            .ok_or_else(|| self.wrong(key, &format!("{key} must be a list such as [shop, day]")))
    }

    pub(crate) fn columns(&self) -> Result<Vec<(String, String)>, TransformError> {
        let columns = self.mapping.get("columns").and_then(Value::as_mapping);
        let Some(columns) = columns else {
            return Err(self.wrong("columns", "columns must list every column of the query with its meaning"));
        };
        columns
            .iter()
            .map(|(name, comment)| match (scalar(name), scalar(comment)) {
                (Some(name), Some(comment)) if !comment.trim().is_empty() => Ok((name, comment.trim().to_owned())),
                (Some(name), _) => Err(self.wrong(&name, &format!("column {name:?} needs its meaning as text"))),
                (None, _) => Err(self.wrong("columns", "a column's name must be text")),
            })
            .collect()
    }
}

fn contains_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|part| part == word)
}

pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
