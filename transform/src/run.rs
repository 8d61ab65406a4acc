//! Brings models up to date: from one snapshot of the events, each model in one commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use datafusion::prelude::SessionContext;
use mizan_events::EventTime;
use mizan_lake::{Lake, SessionSettings};

use crate::decide::{Decision, Ground};
use crate::error::TransformError;
use crate::project::{Project, Selection};
use crate::session;
use crate::target::Target;

/// What a run is doing, for whoever watches.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A model begins, the `place`th of `of`.
    Started {
        /// The model.
        model: &'a str,
        /// Its place in the run, from 1.
        place: usize,
        /// How many models the run has.
        of: usize,
    },
    /// A model is done, one way or another.
    Finished {
        /// How it went.
        run: &'a ModelRun,
    },
}

/// How one model went.
#[derive(Debug)]
pub struct ModelRun {
    /// The model.
    pub model: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// What became of a model.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing that it reads has changed.
    UpToDate,
    /// Its mart is new, or some of its rows.
    Built {
        /// Rows that were written.
        rows: u64,
        /// Keys whose rows were computed; all rows where it says none.
        keys: Option<u64>,
        /// What made it necessary.
        why: String,
    },
    /// It failed, and its mart is as it was.
    Failed(TransformError),
    /// It reads a model that failed, and its mart is as it was.
    Skipped {
        /// The model that failed.
        because: String,
    },
}

/// How a run went.
pub struct RunReport {
    /// Every model of the run, in order of work.
    pub models: Vec<ModelRun>,
    session: SessionContext,
}

impl RunReport {
    /// Whether every model is up to date now.
    pub fn is_good(&self) -> bool {
        self.models.iter().all(|run| matches!(run.outcome, Outcome::Built { .. } | Outcome::UpToDate))
    }

    /// The models that failed, each with its error and the models that were skipped because of it.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &TransformError, Vec<&str>)> {
        self.models.iter().filter_map(|run| match &run.outcome {
            Outcome::Failed(error) => Some((run.model.as_str(), error, self.skipped_because_of(&run.model))),
            _ => None,
        })
    }

    fn skipped_because_of(&self, failed: &str) -> Vec<&str> {
        let is_skipped = |run: &&ModelRun| matches!(&run.outcome, Outcome::Skipped { because } if because == failed);
        self.models.iter().filter(is_skipped).map(|run| run.model.as_str()).collect()
    }

    /// The session of the run: the events it read and the marts it built, at one instant. Tests of marts run here, so
    /// that events which came since do not look like faults.
    pub fn session(&self) -> &SessionContext {
        &self.session
    }
}

/// Brings the models of a project up to date.
pub struct Runner<'a> {
    project: &'a Project,
    full: bool,
}

/// What a run would do for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    UpToDate,
    /// Compute the rows of so many keys anew.
    Keys {
        /// How many.
        keys: u64,
        /// What changed.
        why: String,
    },
    /// Compute whatever the changes of these models touch; what that is shows once they are built.
    After(Vec<String>),
    /// Build all of it.
    Whole(String),
}

impl<'a> Runner<'a> {
    /// A runner of this project.
    pub fn new(project: &'a Project) -> Runner<'a> {
        Runner { project, full: false }
    }

    /// With `full`, every model is built anew, whatever has changed.
    pub fn full(self, full: bool) -> Runner<'a> {
        Runner { full, ..self }
    }

    /// Brings the selected models, and the models they read, up to date from one snapshot of the events: the rows that
    /// changes touch, where a model's head says how to find them, else all of it. `as_of` is what models take for now. A
    /// model that fails leaves its mart as it was; those that read it are skipped, the others go on. What was read is
    /// saved with the rows, so a run that was stopped anywhere is followed by one that goes on right.
    pub async fn run(
        &self,
        lake: &Lake,
        settings: SessionSettings,
        selection: &Selection,
        as_of: EventTime,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<RunReport, TransformError> {
        let ground = Ground::new(lake, settings, self.project, self.full).await?;
        self.run_on(&ground.view.session, &ground, selection, as_of, progress).await
    }

    /// What [`run`](Runner::run) would do, model by model, without doing it.
    pub async fn explain(
        &self,
        lake: &Lake,
        settings: SessionSettings,
        selection: &Selection,
        as_of: EventTime,
    ) -> Result<Vec<(String, Plan)>, TransformError> {
        let ground = Ground::new(lake, settings, self.project, self.full).await?;
        let session = session::of_run(&ground.view.session, self.project, &[], as_of).await?;
        let mut plans: Vec<(String, Plan)> = Vec::new();
        let mut absent: Vec<String> = Vec::new();
        for model in self.project.selected(selection, true)? {
            let is_new = !ground.show(&session, model).await?;
            let moving = |input: &&str| plans.iter().any(|(name, plan)| name == *input && *plan != Plan::UpToDate);
            let after: Vec<String> = model.inputs().filter(moving).map(str::to_owned).collect();
            let plan = if is_new || model.inputs().any(|input| absent.iter().any(|name| name == input)) {
                absent.push(model.head.name.clone());
                Plan::Whole(if is_new { "it has no rows yet".into() } else { "what it reads has no rows yet".into() })
            } else {
                match ground.decide(&session, model).await? {
                    Decision::Whole(why) => Plan::Whole(why),
                    _ if !after.is_empty() => Plan::After(after),
                    Decision::Keys(keys, why) => Plan::Keys { keys: keys.len() as u64, why: why.join(", ") },
                    Decision::UpToDate | Decision::Save => Plan::UpToDate,
                }
            };
            plans.push((model.head.name.clone(), plan));
        }
        Ok(plans)
    }

    /// The same over any context that has the events, into any target.
    pub(crate) async fn run_on(
        &self,
        pinned: &SessionContext,
        target: &impl Target,
        selection: &Selection,
        as_of: EventTime,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<RunReport, TransformError> {
        let models = self.project.selected(selection, true)?;
        // No marts: a model can lean on nothing but what this run builds.
        let session = session::of_run(pinned, self.project, &[], as_of).await?;
        let mut runs: Vec<ModelRun> = Vec::with_capacity(models.len());
        // Models that are not to be relied upon, with the failure they go back to.
        let mut unbuilt: BTreeMap<&str, String> = BTreeMap::new();
        for (place, model) in models.iter().enumerate() {
            let name = model.head.name.as_str();
            progress(Progress::Started { model: name, place: place + 1, of: models.len() });
            let started = Instant::now();
            let because = model.inputs().find_map(|input| unbuilt.get(input).cloned());
            let outcome = match because {
                Some(because) => Outcome::Skipped { because },
                None => target.refresh(&session, model).await.unwrap_or_else(Outcome::Failed),
            };
            match &outcome {
                Outcome::UpToDate => tracing::debug!(model = name, "model is up to date"),
                Outcome::Built { rows, keys: None, why } => tracing::info!(model = name, rows, why, "model built"),
                Outcome::Built { rows, keys: Some(keys), why } => {
                    tracing::info!(model = name, rows, keys, why, "model brought up to date");
                }
                Outcome::Failed(error) => {
                    tracing::warn!(model = name, %error, "model failed");
                    unbuilt.insert(name, name.to_owned());
                }
                Outcome::Skipped { because } => {
                    tracing::warn!(model = name, because, "model skipped");
                    unbuilt.insert(name, because.clone());
                }
            }
            let run = ModelRun { model: name.to_owned(), outcome, took: started.elapsed() };
            progress(Progress::Finished { run: &run });
            runs.push(run);
        }
        Ok(RunReport { models: runs, session })
    }
}
