//! Models: SQL files that turn events into the tables people ask for.
//!
//! A [`Project`] is a set of models, the built-in ones and a user's own. A model is one `.sql` file: a head (strict
//! YAML in a block comment) that says its name, grain, key, columns and tests, and one plain query. What a model
//! reads is found in the query itself, so the order of work needs no list. Beside each model lie its fixture
//! (`x.test.yml`: rows given, rows expected) and its check (`x.check.sql`: the same number by another road).
//!
//! The [`Runner`] brings models up to date in the lake, each in one commit, all from one snapshot of the events. The
//! [`Tester`] runs fixtures, the tests in the heads and the checks.
//!
//! This room never changes an event, never keeps money in a float, and never asks the clock: "now" is the instant
//! the caller gives, readable in SQL as `settings.run.as_of`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
mod builtin;
mod cell;
mod check;
mod decide;
mod error;
mod fanout;
mod fixture;
mod graph;
mod head;
#[cfg(test)]
mod incremental_tests;
mod keys;
#[cfg(test)]
mod model_tests;
mod project;
mod rows;
mod run;
mod session;
mod sql;
mod storable;
mod suggest;
mod tables;
mod target;
mod tester;
#[cfg(test)]
mod testing;
mod yaml;

pub use error::TransformError;
pub use head::{Head, Incremental, Refers, Tests};
pub use project::{Model, Project, Selection};
pub use run::{ModelRun, Outcome, Plan, Progress, RunReport, Runner};
pub use session::sql_context;
pub use tables::{ReferenceTable, TableColumn, reference_tables};
pub use tester::{Finding, Layer, TestReport, TestResult, Tester};
