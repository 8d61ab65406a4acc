//! All tests of a project: fixtures, the tests in the heads, the checks.

use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use mizan_events::EventTime;
use mizan_lake::{Lake, SessionSettings};

use crate::error::TransformError;
use crate::project::{Model, Project, Selection};
use crate::{audit, check, fixture, session};

/// The kind of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Rows given and rows expected, beside the model.
    Fixture,
    /// A test in the model's head, over the built mart.
    Head,
    /// The same number by another road, beside the model.
    Check,
}

/// How one test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The model that was tested.
    pub model: String,
    /// The kind of test.
    pub layer: Layer,
    /// What was tested.
    pub name: String,
    /// What is wrong; nothing when the test passed.
    pub finding: Option<Finding>,
}

/// Why a test failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In one sentence.
    pub problem: String,
    /// The first rows at fault.
    pub rows: Vec<String>,
}

/// How all tests went.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// Every test that ran.
    pub results: Vec<TestResult>,
}

impl TestReport {
    /// The tests that failed.
    pub fn failures(&self) -> impl Iterator<Item = &TestResult> {
        self.results.iter().filter(|result| result.finding.is_some())
    }
}

/// Runs the tests of a project.
pub struct Tester<'a> {
    project: &'a Project,
    settings: SessionSettings,
}

impl<'a> Tester<'a> {
    /// A tester of this project. Fixtures bring their own shops and use the rest of the settings.
    pub fn new(project: &'a Project, settings: SessionSettings) -> Tester<'a> {
        Tester { project, settings }
    }

    /// Runs the fixtures of the selected models, once every model of the project fits the tables it reads. Needs no
    /// lake.
    pub async fn fixtures(&self, selection: &Selection) -> Result<TestReport, TransformError> {
        let shops = RecordBatch::new_empty(session::shops_schema().into());
        let schemas = session::schemas(&session::functions(&self.settings, &shops)?, self.project).await?;
        let mut report = TestReport::default();
        for model in self.project.selected(selection, false)? {
            report.results.extend(fixture::run(&self.settings, self.project, &schemas, model).await);
        }
        Ok(report)
    }

    /// Runs the tests in the heads and the checks of the selected models over a context whose marts were built from its
    /// events: the one a [`RunReport`](crate::RunReport) leaves.
    pub async fn marts(&self, selection: &Selection, context: &SessionContext) -> Result<TestReport, TransformError> {
        let mut report = TestReport::default();
        for model in self.project.selected(selection, false)? {
            report.results.extend(audit::run(context, model).await);
            report.results.extend(check::run(context, model).await);
        }
        Ok(report)
    }

    /// The same over the marts as the lake has them. A check then also fails where events came since the marts were
    /// built: bring them up to date first.
    pub async fn lake(
        &self,
        lake: &Lake,
        selection: &Selection,
        as_of: EventTime,
    ) -> Result<TestReport, TransformError> {
        let pinned =
            lake.session(self.settings.clone()).await.map_err(TransformError::lake("open a session on the lake"))?;
        let marts: Vec<String> = self.project.models().map(Model::table).collect();
        self.marts(selection, &session::of_run(&pinned, self.project, &marts, as_of).await?).await
    }
}
