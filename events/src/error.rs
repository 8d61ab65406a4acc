//! What can be wrong with an event, told so that its sender can mend it.

use std::fmt;

use crate::money::DecimalError;
use crate::time::TimeError;

/// An event that cannot be taken, with every fault found in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The text is not JSON, or not an object.
    #[error("not a JSON object: {0}")]
    NotJson(String),
    /// The event is JSON, and these fields are wrong.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Problem>),
}

impl EventError {
    /// The first field at fault, for counting.
    pub fn field(&self) -> Option<&str> {
        match self {
            EventError::NotJson(_) => None,
            EventError::Invalid(problems) => problems.first().map(Problem::field),
        }
    }
}

/// One field that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A required field is absent.
    #[error("{field} is missing{}", .hint)]
    Missing {
        /// Where.
        field: String,
        /// Why it is needed.
        hint: String,
    },
    /// The value is of another JSON type.
    #[error("{field}: {found} is not {expected}")]
    WrongType {
        /// Where.
        field: String,
        /// What it should be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// The number cannot be held exactly.
    #[error("{field}: {value} {rule}")]
    Decimal {
        /// Where.
        field: String,
        /// The number's own text, shortened.
        value: String,
        /// The rule it breaks.
        rule: DecimalError,
    },
    /// The instant cannot be read.
    #[error("{field}: {value} {rule}")]
    Time {
        /// Where.
        field: String,
        /// The text, shortened.
        value: String,
        /// The rule it breaks.
        rule: TimeError,
    },
    /// The amount is finer than its currency.
    #[error("{field}: {value} has more decimals than {currency} allows ({exponent})")]
    Exponent {
        /// Where.
        field: String,
        /// The amount.
        value: String,
        /// ISO 4217 code.
        currency: String,
        /// Its number of decimals.
        exponent: u8,
    },
    /// Any other rule.
    #[error("{field}: {value} {rule}")]
    Rule {
        /// Where.
        field: String,
        /// The value, shortened.
        value: String,
        /// The rule it breaks, such as "must be above zero".
        rule: String,
    },
    /// A field that nothing reads, where such are refused.
    #[error("{field} is not a field of {family}{}", Hint(.nearest))]
    Unknown {
        /// Where.
        field: String,
        /// The family's name.
        family: &'static str,
        /// The known field that it looks like.
        nearest: Option<&'static str>,
    },
}

impl Problem {
    /// The field at fault.
    pub fn field(&self) -> &str {
        match self {
            Problem::Missing { field, .. }
            | Problem::WrongType { field, .. }
            | Problem::Decimal { field, .. }
            | Problem::Time { field, .. }
            | Problem::Exponent { field, .. }
            | Problem::Rule { field, .. }
            | Problem::Unknown { field, .. } => field,
        }
    }
}

struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

struct Hint<'a>(&'a Option<&'static str>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

/// A value as an error may show it: short, and with card numbers cut.
pub(crate) fn shown(value: &str) -> String {
    const LONGEST: usize = 60;
    let cut = crate::redact::redact_text(value);
    let mut shown: String = cut.chars().take(LONGEST).collect();
    if cut.chars().count() > LONGEST {
        shown.push('…');
    }
    format!("\"{shown}\"")
}
