//! What can go wrong with a statement, told apart by who can mend it.

use std::fmt;

/// Who can do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The statement or its parameters: change them.
    Statement,
    /// The statement asks for something that is not allowed here, whoever asks.
    Refused,
    /// A limit: make the statement smaller, or raise the limit.
    Limit,
    /// Too many statements at once: try again later.
    Busy,
    /// The engine or the data under it: the log of the server says more.
    Internal,
}

/// A place in the statement's text, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line of the text.
    pub line: u64,
    /// Character in that line.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a statement has no result, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL.
    #[error("syntax error{}: {message}", at(.position))]
    Syntax {
        /// What was expected and what was found.
        message: String,
        /// Where, if known.
        position: Option<Position>,
    },
    /// The statement is SQL, but not of the kind this engine runs.
    #[error("{reason}")]
    Refused {
        /// What is not allowed, and what is.
        reason: String,
    },
    /// A name that nothing bears.
    #[error("unknown {what} '{name}'{}{}", at(.position), meant(.suggestion))]
    Unknown {
        /// `table`, `column` or `function`.
        what: &'static str,
        /// The name as written.
        name: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
        /// Where, if known.
        position: Option<Position>,
    },
    /// The statement cannot be planned for another reason, such as types that do not fit.
    #[error("invalid statement{}: {message}", at(.position))]
    Invalid {
        /// What does not fit.
        message: String,
        /// Where, if known.
        position: Option<Position>,
    },
    /// The parameters do not fit the placeholders.
    #[error("{message}")]
    Parameters {
        /// Which ones, and what to do.
        message: String,
    },
    /// The statement is too large or too deep to be planned safely.
    #[error(
        "the statement has {what}; the limit is {limit}: split it, or use IN (…), VALUES or a join instead of a long chain"
    )]
    TooComplex {
        /// What there is too much of, with its number where it is known.
        what: String,
        /// The limit it broke.
        limit: usize,
    },
    /// A row could not be worked out: division by zero, an overflow, a text that is no number.
    #[error("the query failed on its data: {message}")]
    Data {
        /// What happened.
        message: String,
    },
    /// One function call would make more than is allowed.
    #[error("{function} would make {asked} {unit} in one step; the limit is {limit}: ask for less")]
    TooMuch {
        /// The function's name.
        function: String,
        /// How much it was asked for, at least.
        asked: u64,
        /// `bytes`, `elements`, `rows` or `steps`.
        unit: &'static str,
        /// The limit it broke.
        limit: u64,
    },
    /// The time is over.
    #[error(
        "the query took longer than {seconds} s and was stopped: ask for a shorter period, fewer columns or an aggregate"
    )]
    Timeout {
        /// The limit in seconds.
        seconds: u64,
    },
    /// The working memory or the spill space is used up.
    #[error(
        "the query needs more working memory than it may have: group by fewer keys, sort less or ask for a shorter period ({message})"
    )]
    Memory {
        /// Which part of the plan asked for it.
        message: String,
    },
    /// All places are taken.
    #[error("{running} queries are running already: try again in a moment")]
    Busy {
        /// How many may run at once.
        running: usize,
    },
    /// A fault that is not the statement's.
    #[error("the query could not be run: {message}")]
    Internal {
        /// What happened, without names of files.
        message: String,
    },
}

impl QueryError {
    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Syntax { .. }
            | Self::Unknown { .. }
            | Self::Invalid { .. }
            | Self::Parameters { .. }
            | Self::Data { .. } => ErrorKind::Statement,
            Self::Refused { .. } => ErrorKind::Refused,
            Self::TooComplex { .. } | Self::TooMuch { .. } | Self::Timeout { .. } | Self::Memory { .. } => {
                ErrorKind::Limit
            }
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// A word for programs, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown-name",
            Self::Invalid { .. } => "invalid",
            Self::Parameters { .. } => "parameters",
            Self::TooComplex { .. } => "too-complex",
            Self::Data { .. } => "data",
            Self::TooMuch { .. } => "too-much",
            Self::Timeout { .. } => "timeout",
            Self::Memory { .. } => "memory",
            Self::Busy { .. } => "busy",
            Self::Internal { .. } => "internal",
        }
    }

    /// Where in the text it is, if known.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { position, .. } | Self::Unknown { position, .. } | Self::Invalid { position, .. } => {
                *position
            }
            _ => None,
        }
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal { message: message.into() }
    }
}

fn at(position: &Option<Position>) -> String {
    position.map(|place| format!(" at {place}")).unwrap_or_default()
}

fn meant(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}
