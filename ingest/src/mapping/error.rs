//! What can be wrong with a mapping file, and with one record in it.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Why a mapping file cannot be used.
#[derive(Debug, Error)]
pub enum MappingError {
    /// The file could not be read.
    #[error("cannot read mapping {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directive line that is not understood.
    #[error("{name}: {problem}\n{place}")]
    Directive {
        /// The mapping.
        name: String,
        /// What is wrong and what would be right.
        problem: String,
        /// Where.
        place: Place,
    },
    /// The jq program does not parse or names something that does not exist.
    #[error("{name}: {problem}\n{place}")]
    Program {
        /// The mapping.
        name: String,
        /// What is wrong.
        problem: String,
        /// Where.
        place: Place,
    },
    /// The program could not be compiled for a reason that has no place in its text.
    #[error("{name}: cannot compile the program: {problem}")]
    Compile {
        /// The mapping.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// A place in a mapping, shown as `line:column`, the line itself, and a caret under the column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of the line.
    pub text: String,
}

impl Place {
    /// The place of byte `offset` in `whole`.
    pub(super) fn of(whole: &str, offset: usize) -> Self {
        let offset = (0..=offset.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        let (before, after) = whole.split_at(offset);
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after.find('\n').map_or(whole.len(), |at| offset + at);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[begin..].chars().count() + 1,
            text: whole[begin..end].trim_end_matches('\r').to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = format!("{}:{}", self.line, self.column);
        // A tab stays a tab so that the caret stands under its character in any terminal.
        let lead: String =
            self.text.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let pad = " ".repeat(number.len());
        write!(f, " {number} | {}\n {pad} | {lead}^", self.text)
    }
}

/// Why one record gave no events.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MapError {
    /// The record itself is not readable.
    #[error("the record {0}")]
    Input(String),
    /// The program stopped with an error.
    #[error("the mapping stopped: {0}")]
    Program(String),
    /// The program emitted something that is not an event's JSON object.
    #[error("output {index} of the mapping: {problem}")]
    Output {
        /// Which output of this record, from 1.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The record used up its budget.
    #[error("the mapping {0}; a record is given up so that the others go on")]
    Budget(&'static str),
    /// The thread that maps could not be started, or the interpreter failed in itself.
    #[error("the mapping could not be run: {0}")]
    Internal(String),
}
