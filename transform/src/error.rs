//! What can go wrong with a project, a run or a test, in words a model's author can act on.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

/// An error of this room. Files are named as the project knows them; lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// A file of the project cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The head of a model or check is not as it must be.
    #[error("{file}:{line}: {problem}")]
    Head {
        /// The file.
        file: String,
        /// The line of the fault.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The query of a model or check cannot be taken.
    #[error("{file}{}: {problem}", at_line(*line))]
    Sql {
        /// The file.
        file: String,
        /// The line of the fault, where it is known.
        line: Option<usize>,
        /// What is wrong.
        problem: String,
    },
    /// A row of a reference table is not as its description says.
    #[error("{file}:{line}{}: {problem}", in_column(column.as_deref()))]
    Table {
        /// The file.
        file: String,
        /// The line of the fault.
        line: u64,
        /// The column, where it is one column's fault.
        column: Option<String>,
        /// What is wrong.
        problem: String,
    },
    /// A query reads a table that does not exist.
    #[error("{file}{}: no table {table:?}{hint}", at_line(*line))]
    UnknownTable {
        /// The file.
        file: String,
        /// The line that names the table.
        line: Option<usize>,
        /// The table as written.
        table: String,
        /// The nearest known table.
        hint: String,
    },
    /// Models read each other in a ring.
    #[error("models read each other in a ring: {}", path.join(" reads "))]
    Cycle {
        /// The ring, its first model repeated at the end.
        path: Vec<String>,
    },
    /// A model was asked for that the project does not have.
    #[error("no model {name:?}{hint}")]
    UnknownModel {
        /// The name as asked.
        name: String,
        /// The nearest known model.
        hint: String,
    },
    /// A query gives other columns than its head says.
    #[error("{file}: the query and the head disagree on columns: {problem}")]
    Columns {
        /// The file.
        file: String,
        /// Which columns.
        problem: String,
    },
    /// A fixture is not as it must be.
    #[error("{file}, case {case:?}: {problem}")]
    Fixture {
        /// The file.
        file: String,
        /// The name of the case.
        case: String,
        /// What is wrong.
        problem: String,
    },
    /// The engine failed outside of any model.
    #[error("cannot {doing}: {source}")]
    Engine {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Box<DataFusionError>,
    },
    /// The lake failed.
    #[error("cannot {doing}: {source}")]
    Lake {
        /// What was being done.
        doing: String,
        /// What the lake said.
        source: Box<mizan_lake::LakeError>,
    },
}

impl TransformError {
    /// An error of the engine while it planned or ran the query of `file`.
    pub(crate) fn sql(file: &str, error: &DataFusionError) -> TransformError {
        let line = error
            .diagnostic()
            .and_then(|diagnostic| diagnostic.span)
            .and_then(|span| usize::try_from(span.start.line).ok())
            .or_else(|| line_in(&error.to_string()));
        TransformError::Sql { file: file.to_owned(), line, problem: brief(&error.strip_backtrace()) }
    }

    pub(crate) fn engine(doing: impl Into<String>) -> impl FnOnce(DataFusionError) -> TransformError {
        let doing = doing.into();
        move |source| TransformError::Engine { doing, source: Box::new(source) }
    }

    pub(crate) fn lake(doing: impl Into<String>) -> impl FnOnce(mizan_lake::LakeError) -> TransformError {
        let doing = doing.into();
        move |source| TransformError::Lake { doing, source: Box::new(source) }
    }
}

/// The engine lists every valid field after its suggestion; in tables of fifty columns that hides the rest.
fn brief(problem: &str) -> String {
    problem.split("\nValid fields are").next().unwrap_or(problem).to_owned()
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

fn in_column(column: Option<&str>) -> String {
    column.map(|column| format!(", column {column}")).unwrap_or_default()
}

/// The parser tells its place as text only: `… at Line: 3, Column: 5`.
fn line_in(text: &str) -> Option<usize> {
    let rest = &text[text.find("Line: ")? + "Line: ".len()..];
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}
