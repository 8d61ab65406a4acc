//! How a command ends: exit codes of sysexits, and errors that say what to do.

use std::fmt::Display;
use std::process::ExitCode;

/// Exit codes that scripts may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It worked, and there is something to look at: failed tests, rejected rows, damage found.
    Findings = 1,
    /// The command line or a query is wrong.
    Usage = 2,
    /// The input is wrong.
    BadData = 65,
    /// Something that is needed is not there, or is in use.
    Unavailable = 69,
    /// A fault of ours.
    Software = 70,
    /// The disk failed, or is full.
    Io = 74,
    /// The settings are wrong.
    Configuration = 78,
}

/// A command that could not do its work.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(code: Code, message: impl Display) -> Failure {
        Failure { code, message: message.to_string(), hint: None }
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// A failure of the disk.
    pub fn io(what: &str, error: &std::io::Error) -> Failure {
        Failure::new(Code::Io, format!("{what}: {error}"))
    }

    /// Adds what the person may do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Failure {
        self.hint = Some(hint.to_string());
        self
    }

    /// Tells the person, and gives the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        if json {
            let told = serde_json::json!({ "error": self.message, "hint": self.hint, "code": self.code as u8 });
            eprintln!("{told}");
        } else {
            eprintln!("error: {}", self.message);
            if let Some(hint) = &self.hint {
                eprintln!("  hint: {hint}");
            }
        }
        ExitCode::from(self.code as u8)
    }
}

/// Gives any error the exit code that fits where it happened.
pub trait OrFail<T> {
    /// The value, or a failure of this kind with the error's own words.
    fn or_fail(self, code: Code) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> OrFail<T> for Result<T, E> {
    fn or_fail(self, code: Code) -> Result<T, Failure> {
        self.map_err(|error| {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                // Many errors already repeat their cause.
                if !message.contains(&cause_text) {
                    message.push_str(": ");
                    message.push_str(&cause_text);
                }
                source = cause.source();
            }
            Failure::new(code, message)
        })
    }
}
