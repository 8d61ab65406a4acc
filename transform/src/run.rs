//! Brings models up to date: from one snapshot of the events, each model in one commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use mizan_events::EventTime;
use mizan_lake::{Lake, SessionSettings};

use crate::error::TransformError;
use crate::project::{Model, Project, Selection};
use crate::session;
use crate::storable::{storable, to_storable};
use crate::target::{LakeTarget, Target};

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
    /// Its mart is new.
    Built {
        /// Rows in it.
        rows: u64,
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
    /// Whether every model was built.
    pub fn is_good(&self) -> bool {
        self.models.iter().all(|run| matches!(run.outcome, Outcome::Built { .. }))
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
}

impl<'a> Runner<'a> {
    /// A runner of this project.
    pub fn new(project: &'a Project) -> Runner<'a> {
        Runner { project }
    }

    /// Rebuilds the selected models, and the models they read, wholly and from one snapshot of the events. `as_of` is
    /// what models take for now. A model that fails leaves its mart as it was; those that read it are skipped, the
    /// others go on.
    pub async fn run(
        &self,
        lake: &Lake,
        settings: SessionSettings,
        selection: &Selection,
        as_of: EventTime,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<RunReport, TransformError> {
        let target = LakeTarget::new(lake, settings.clone()).await?;
        let pinned = lake.session(settings).await.map_err(TransformError::lake("open a session on the lake"))?;
        self.run_on(&pinned, &target, selection, as_of, progress).await
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
                None => match build(&session, target, model).await {
                    Ok(rows) => Outcome::Built { rows },
                    Err(error) => Outcome::Failed(error),
                },
            };
            match &outcome {
                Outcome::Built { rows } => tracing::info!(model = name, rows, "model built"),
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

/// Builds one model and puts the new mart into the session, for the models after it.
async fn build(session: &SessionContext, target: &impl Target, model: &Model) -> Result<u64, TransformError> {
    let failed = |error| TransformError::sql(&model.file, &error);
    let frame = session.sql(&model.sql).await.map_err(failed)?;
    session::columns_agree(model, frame.schema().as_arrow())?;
    let kept = storable(frame.schema().as_arrow());
    let made = frame.execute_stream().await.map_err(failed)?;
    let rows = Arc::new(AtomicU64::new(0));
    let (counted, schema) = (Arc::clone(&rows), Arc::clone(&kept));
    let stream = made.map(move |batch| {
        let batch = to_storable(&batch?, &schema)?;
        counted.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        Ok(batch)
    });
    let stream: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&kept), stream));
    let mart = target.replace(model, kept, stream).await?;
    session::put(session, &model.table(), mart)
        .map_err(TransformError::engine(format!("read {} again", model.table())))?;
    Ok(rows.load(Ordering::Relaxed))
}
