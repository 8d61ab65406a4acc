//! From a statement to its rows: guard, plan, run, within the limits.

mod interrupt;
mod running;
mod threads;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::execution::TaskContext;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;
use mizan_lake::{Lake, SessionSettings};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::guard::{self, Passed};
use crate::planner::Planners;
use crate::{Limits, Param, QueryError, QueryResult, catalog, diagnose, explain, session};
use interrupt::{Interruptible, Stop};
use threads::Threads;

pub(crate) use interrupt::Stop as StopSign;

/// Where sessions come from: a new one for every statement, with all its tables pinned to one moment.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// A session that nobody else uses, working in `runtime`: the engine changes its settings.
    ///
    /// # Errors
    /// When the tables cannot be opened; the text reaches the log, not the caller of the query.
    async fn session(
        &self,
        runtime: Arc<RuntimeEnv>,
    ) -> Result<SessionContext, Box<dyn std::error::Error + Send + Sync>>;
}

/// Sessions over the lake: its snapshot and its tail, held at one moment.
struct OfLake {
    lake: Lake,
    settings: SessionSettings,
}

#[async_trait]
impl Sessions for OfLake {
    async fn session(
        &self,
        runtime: Arc<RuntimeEnv>,
    ) -> Result<SessionContext, Box<dyn std::error::Error + Send + Sync>> {
        let settings = SessionSettings { runtime, ..self.settings.clone() };
        Ok(self.lake.session(settings).await?)
    }
}

/// The SQL engine. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    sessions: Box<dyn Sessions>,
    limits: Limits,
    runtime: Arc<RuntimeEnv>,
    threads: Threads,
    planners: Planners,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

/// A plan that can be run.
struct Planned {
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    schema: SchemaRef,
    stop: Arc<Stop>,
}

/// What planning comes to.
enum Answer {
    Run(Planned),
    Ready(QueryResult),
}

impl Engine {
    /// An engine over a lake, with threads, memory and places of its own. The engine gives `settings` its
    /// own runtime; the shops in it are those of `settings.shops`.
    ///
    /// # Errors
    /// When the system gives no threads or no folder to spill into.
    pub fn new(lake: Lake, limits: Limits, settings: SessionSettings) -> Result<Self, QueryError> {
        Self::over(OfLake { lake, settings }, limits)
    }

    /// An engine over tables from elsewhere.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn over(sessions: impl Sessions, limits: Limits) -> Result<Self, QueryError> {
        let mut builder = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
            .with_max_temp_directory_size(limits.spill);
        if let Some(folder) = &limits.spill_folder {
            builder = builder.with_temp_file_path(folder);
        }
        let failed = |error: &dyn fmt::Display| QueryError::internal(format!("the engine cannot start: {error}"));
        let runtime = builder.build_arc().map_err(|error| failed(&error))?;
        // Without this the engine could read any file of the machine; the lake brings its own store.
        runtime.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref()).map_err(|error| failed(&error))?;
        let threads = Threads::start(limits.threads).map_err(|error| failed(&error))?;
        let planners = Planners::new(limits.concurrent, threads.handle());
        let places = Arc::new(Semaphore::new(limits.concurrent));
        let sessions = Box::new(sessions);
        Ok(Self { shared: Arc::new(Shared { sessions, limits, runtime, threads, planners, places }) })
    }

    /// The limits it keeps.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Runs one statement. Comes back when the first rows are there, so that most failures are known
    /// before anything is written to a client. Dropping the call or the result stops the work.
    ///
    /// # Errors
    /// See [`QueryError`]; [`QueryError::kind`] tells whose it is.
    pub async fn query(&self, sql: &str, params: Vec<Param>) -> Result<QueryResult, QueryError> {
        let started = Instant::now();
        let result = self.answer(sql, params, started + self.shared.limits.time).await;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => tracing::debug!(elapsed_ms, sql, "query answered"),
            Err(error) => tracing::debug!(elapsed_ms, sql, code = error.code(), %error, "query failed"),
        }
        result
    }

    async fn answer(&self, sql: &str, params: Vec<Param>, deadline: Instant) -> Result<QueryResult, QueryError> {
        let shared = &self.shared;
        let busy = QueryError::Busy { running: shared.limits.concurrent };
        let patience = deadline.min(Instant::now() + shared.limits.patience);
        let place = timeout_at(patience, Arc::clone(&shared.places).acquire_owned())
            .await
            .map_err(|_| busy)?
            .map_err(|_| QueryError::internal("the engine is closing"))?;

        let text: Arc<str> = sql.into();
        let limits = shared.limits.clone();
        let passed = {
            let text = Arc::clone(&text);
            shared.planners.run(deadline, limits.time, move |_| guard::check(&text, &limits)).await?
        };

        let timeout = QueryError::Timeout { seconds: shared.limits.time.as_secs() };
        let session = shared.sessions.session(Arc::clone(&shared.runtime));
        let context = timeout_at(deadline, session).await.map_err(|_| timeout)?.map_err(|error| {
            tracing::error!(%error, "the tables could not be opened for a query");
            QueryError::internal("the tables could not be opened: the server's log has the details")
        })?;
        session::prepare(&context, &shared.limits)?;

        let limits = shared.limits.clone();
        let answer = shared
            .planners
            .run(deadline, limits.time, move |runtime| {
                let stop = Stop::new(deadline.into_std(), limits.time);
                runtime.block_on(plan(&context, passed, &params, &limits, stop))
            })
            .await?;
        match answer {
            Answer::Ready(result) => Ok(result),
            Answer::Run(planned) => {
                running::start(planned, place, &shared.limits, deadline, &shared.threads.handle()).await
            }
        }
    }
}

/// Turns what the guard let through into a plan.
async fn plan(
    context: &SessionContext,
    passed: Passed,
    params: &[Param],
    limits: &Limits,
    stop: Arc<Stop>,
) -> Result<Answer, QueryError> {
    let (statement, placeholders, explained) = match passed {
        Passed::Run(statement, placeholders) => (statement, placeholders, false),
        Passed::Explain(statement, placeholders) => (statement, placeholders, true),
        Passed::Tables => (own_statement(catalog::ALL_TABLES, limits)?, 0, false),
        Passed::Columns(name) => {
            return Ok(Answer::Ready(QueryResult::ready(catalog::describe(context, &name).await?)));
        }
    };
    let failed = |error| diagnose::plan_error(&error, context);
    let state = interruptible(context.state(), &stop);
    let logical = state.statement_to_plan(statement).await.map_err(failed)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&logical)
        .map_err(failed)?;
    let logical = bind(logical, placeholders, params, context)?;
    // One row beyond the limit tells whether rows were cut, and lets a sort keep only what is shown.
    let logical = LogicalPlanBuilder::from(logical)
        .limit(0, Some(limits.rows.saturating_add(1).min(isize::MAX.unsigned_abs())))
        .and_then(LogicalPlanBuilder::build)
        .map_err(failed)?;
    let optimized = state.optimize(&logical).map_err(failed)?;
    let plan = state.query_planner().create_physical_plan(&optimized, &state).await.map_err(failed)?;
    if explained {
        return Ok(Answer::Ready(QueryResult::ready(explain::explain(&optimized, plan.as_ref())?)));
    }
    let schema = with_unique_names(&plan.schema());
    Ok(Answer::Run(Planned { plan, task: state.task_ctx(), schema, stop }))
}

/// The session with one more rule, before those that must come last.
fn interruptible(state: SessionState, stop: &Arc<Stop>) -> SessionState {
    let mut rules = state.physical_optimizers().to_vec();
    let at = rules.iter().position(|rule| rule.name() == "EnsureCooperative").map_or(rules.len(), |at| at + 1);
    rules.insert(at, Arc::new(Interruptible(Arc::clone(stop))));
    let config = state.config().clone().with_create_default_catalog_and_schema(false);
    SessionStateBuilder::new_from_existing(state).with_config(config).with_physical_optimizer_rules(rules).build()
}

fn own_statement(sql: &str, limits: &Limits) -> Result<Statement, QueryError> {
    match guard::check(sql, limits)? {
        Passed::Run(statement, _) => Ok(statement),
        other => Err(QueryError::internal(format!("the engine's own statement was read as {other:?}"))),
    }
}

fn bind(
    plan: LogicalPlan,
    placeholders: usize,
    params: &[Param],
    context: &SessionContext,
) -> Result<LogicalPlan, QueryError> {
    if placeholders != params.len() {
        return Err(QueryError::Parameters {
            message: format!(
                "the statement has placeholders up to ${placeholders}, but {} parameters came: give one for each",
                params.len()
            ),
        });
    }
    if params.is_empty() {
        return Ok(plan);
    }
    let values = (1..).zip(params).map(|(number, param)| param.to_scalar(number)).collect::<Result<Vec<_>, _>>()?;
    plan.replace_params_with_values(&ParamValues::from(values)).map_err(|error| diagnose::plan_error(&error, context))
}

/// A second column of the same name gets a number: a row as a JSON object has each name once.
fn with_unique_names(schema: &Schema) -> SchemaRef {
    let mut taken = std::collections::HashSet::new();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| {
            let mut name = field.name().clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{}_{number}", field.name());
                number += 1;
            }
            field.as_ref().clone().with_name(name)
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

impl Shared {
    #[cfg(test)]
    fn running(&self) -> usize {
        self.limits.concurrent - self.places.available_permits()
    }
}

#[cfg(test)]
impl Engine {
    /// Statements that hold a place now.
    pub(crate) fn running(&self) -> usize {
        self.shared.running()
    }

    pub(crate) fn memory_in_use(&self) -> usize {
        self.shared.runtime.memory_pool.reserved()
    }

    pub(crate) fn handle(&self) -> tokio::runtime::Handle {
        self.shared.threads.handle()
    }
}
