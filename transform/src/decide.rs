//! What a run has to do for a model: nothing, some keys, or all of it, and why.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::{Arc, PoisonError};

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use mizan_events::Family;
use mizan_lake::{Lake, MartState, SessionSettings, Source, View};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::TransformError;
use crate::fanout::DeclaredKeys;
use crate::head::Incremental;
use crate::keys::{Keys, difference, key_query, table_of};
use crate::project::{Model, Project};
use crate::session::{self, sql_context};
use crate::storable::storable;

/// Changes of a mart beyond this size are not read for their keys.
const DIFFERENCE_BYTES_MAX: u64 = 128 << 20;
/// Below this number of keys a model is not built whole for their number alone.
const FEW_KEYS: usize = 10_000;
/// Versions of an event table that a model may lie behind without any of its rows having changed.
const VERSIONS_BEHIND_MAX: u64 = 200;
/// What an incremental run of this program remembers; another number builds every model anew.
const GENERATION: u64 = 1;

/// What has to be done for a model.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// Nothing.
    UpToDate,
    /// No row changes, but how much of its sources was read must be saved, or following them gets ever longer.
    Save,
    /// Its rows of these keys, for these reasons.
    Keys(Keys, Vec<String>),
    /// All of it.
    Whole(String),
}

/// What a run knows of the lake.
pub(crate) struct Ground<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) settings: SessionSettings,
    pub(crate) view: View,
    /// Everything is built anew.
    pub(crate) full: bool,
    reference: BTreeMap<String, u64>,
    keys: DeclaredKeys,
    /// Versions of the marts that are in the session of the run.
    marts: Mutex<BTreeMap<String, u64>>,
}

impl<'a> Ground<'a> {
    pub(crate) async fn new(
        lake: &'a Lake,
        settings: SessionSettings,
        project: &Project,
        full: bool,
    ) -> Result<Ground<'a>, TransformError> {
        let view = lake.view(settings.clone()).await.map_err(TransformError::lake("open a session on the lake"))?;
        let reference = project.tables().map(|table| (table.table(), table.hash())).collect();
        let keys = project.declared_keys();
        Ok(Ground { lake, settings, view, full, reference, keys, marts: Mutex::default() })
    }

    /// Changes with the text of the model.
    fn text_hash(model: &Model) -> String {
        format!("{:016x}", xxh3_64(model.sql.as_bytes()))
    }

    /// Changes with the settings that the model may read.
    fn settings_hash(&self, model: &Model) -> String {
        let reference = self.reference.iter().filter(|(table, _)| model.reads.contains(table));
        let read = (GENERATION, &self.settings.shops, &self.settings.default_shop, reference.collect::<Vec<_>>());
        format!("{:016x}", xxh3_64(format!("{read:?}").as_bytes()))
    }

    pub(crate) fn hash(&self, model: &Model) -> String {
        format!("{} {}", Ground::text_hash(model), self.settings_hash(model))
    }

    /// What the model's rows are made from in this run.
    pub(crate) fn sources(&self, model: &Model) -> BTreeMap<String, Source> {
        let marts = self.marts.lock().unwrap_or_else(PoisonError::into_inner);
        let source = |table: &String| match table.strip_prefix("marts.") {
            Some(name) => marts.get(name).map(|version| Source { version: *version, position: 0 }),
            None => self.view.sources.get(table).copied(),
        };
        model.reads.iter().filter_map(|table| Some((table.clone(), source(table)?))).collect()
    }

    /// Puts the mart as it is now into the session, for the models after it; tells its rows.
    pub(crate) async fn show(&self, session: &SessionContext, model: &Model) -> Result<bool, TransformError> {
        let doing = || format!("read {}", model.table());
        let found = self.lake.read_mart(&model.head.name).await.map_err(TransformError::lake(doing()))?;
        let Some((table, version)) = found else { return Ok(false) };
        session::put(session, &model.table(), table).map_err(TransformError::engine(doing()))?;
        let mut marts = self.marts.lock().unwrap_or_else(PoisonError::into_inner);
        marts.insert(model.head.name.clone(), version);
        Ok(true)
    }

    /// What has to be done, once the models that it reads are in the session.
    pub(crate) async fn decide(&self, session: &SessionContext, model: &Model) -> Result<Decision, TransformError> {
        let whole = |why: &str| Ok(Decision::Whole(why.to_owned()));
        let planned = session::planned(session, model, &self.keys).await?;
        let state = self.lake.mart(&model.head.name).await.map_err(TransformError::lake("read what a mart holds"))?;
        let Some(state) = state else { return whole("it has no rows yet") };
        if self.full {
            return whole("--full");
        }
        let known = state.info.model_hash.as_str();
        if known != self.hash(model) {
            let is_same_text = known.starts_with(&Ground::text_hash(model));
            return whole(if is_same_text { "shops or reference tables changed" } else { "the model changed" });
        }
        let doing = || format!("see what changed for {}", model.table());
        let mart = self.lake.read_mart(&model.head.name).await.map_err(TransformError::lake(doing()))?;
        let Some((mart, _)) = mart else { return whole("it has no rows yet") };
        if planned.fields() != storable(&mart.schema()).fields() {
            return whole("the types of its columns changed");
        }
        let open = model.head.incremental.as_ref().and_then(|incremental| incremental.open.as_deref());
        if open.is_none() && model.reads.iter().any(|table| table == "settings.run") {
            return whole("it reads the time of the run, and its head does not say which rows are open");
        }
        let mut changes = Changes { ground: self, session, model, mart, state: &state, why: Vec::new(), moved: false };
        changes.decide().await
    }
}

/// The changes of what one model reads.
struct Changes<'a> {
    ground: &'a Ground<'a>,
    session: &'a SessionContext,
    model: &'a Model,
    mart: Arc<dyn TableProvider>,
    state: &'a MartState,
    why: Vec<String>,
    /// Whether the versions of sources must be saved although no row may change.
    moved: bool,
}

/// What happened to one table since the model was built.
enum Change {
    Nothing,
    /// Rows came, or went and came.
    Rows(Arc<dyn TableProvider>, String),
    /// It cannot be followed.
    Lost(String),
}

impl Changes<'_> {
    async fn decide(&mut self) -> Result<Decision, TransformError> {
        let incremental = self.model.head.incremental.as_ref();
        let now = self.ground.sources(self.model);
        let no_lists = BTreeMap::new();
        let lists = incremental.map_or(&no_lists, |incremental| &incremental.from);
        let doing = format!("see what changed for {}", self.model.table());
        let own = self.model.table();
        let context = sql_context(self.session, [(own.clone(), Arc::clone(&self.mart))]);
        let context = context.map_err(TransformError::engine(doing.clone()))?;
        let mut keys = match incremental {
            Some(incremental) => match Keys::none(&context, self.model, incremental).await {
                Ok(keys) => Some(keys),
                Err(error) => return Err(wrong_list(self.model, incremental, &own, &error)),
            },
            None => None,
        };
        for (table, source) in &now {
            let Some(saved) = self.state.info.sources.get(table) else {
                return Ok(Decision::Whole(format!("it is not known how much of {table} is in it")));
            };
            let change = match table.strip_prefix("marts.") {
                Some(name) => self.change_of_mart(name, *saved, *source).await?,
                None => self.change_of_events(table, *saved, *source).await?,
            };
            let (rows, told) = match change {
                Change::Nothing => continue,
                Change::Lost(why) => return Ok(Decision::Whole(why)),
                Change::Rows(rows, told) => (rows, told),
            };
            let (Some(incremental), Some(list), Some(known)) = (incremental, lists.get(table), keys.take()) else {
                let why =
                    if incremental.is_none() { "its head has no incremental" } else { "it is not listed in from" };
                return Ok(Decision::Whole(format!("{told}, and {why}")));
            };
            let context =
                sql_context(self.session, [(table.clone(), rows)]).map_err(TransformError::engine(doing.clone()))?;
            let more = match known.and_of(&context, table, list, None).await {
                Ok(more) => more,
                Err(error) => return Err(wrong_list(self.model, incremental, table, &error)),
            };
            self.why.push(format!("{told} ({} keys)", more.len() - known.len()));
            keys = Some(more);
        }
        let nothing = if self.moved { Decision::Save } else { Decision::UpToDate };
        let (Some(incremental), Some(mut keys)) = (incremental, keys) else { return Ok(nothing) };
        if let Some(condition) = &incremental.open {
            let more = match keys.and_of(&context, &own, &[incremental.own(&own)], Some(condition)).await {
                Ok(more) => more,
                Err(error) => return Err(wrong_list(self.model, incremental, "open", &error)),
            };
            if more.len() > keys.len() {
                self.why.push(format!("rows are open ({} keys)", more.len() - keys.len()));
            }
            keys = more;
        }
        if incremental.linked && keys.len() > 0 {
            let tables: Vec<_> = incremental.inputs(&own).collect();
            // A value has about as many handles as a row has columns for them.
            let limit = FEW_KEYS.max(self.state.rows.saturating_mul(2));
            let (direct, closed) = (keys.len(), keys.closed(self.session, &tables, limit).await);
            let Some(closed) = closed.map_err(TransformError::engine(doing.clone()))? else {
                let why = self.why.join(", ");
                return Ok(Decision::Whole(format!("{why}: so much hangs together that whole is cheaper")));
            };
            if closed.len() > direct {
                self.why.push(format!("linked with them ({} keys)", closed.len() - direct));
            }
            keys = closed;
        }
        if keys.len() == 0 {
            return Ok(nothing);
        }
        if self.is_cheaper_whole(&keys).await.map_err(TransformError::engine(doing.clone()))? {
            let why = self.why.join(", ");
            return Ok(Decision::Whole(format!("{why}: {} keys are so many that whole is cheaper", keys.len())));
        }
        Ok(Decision::Keys(keys, std::mem::take(&mut self.why)))
    }

    async fn change_of_events(&mut self, table: &str, saved: Source, now: Source) -> Result<Change, TransformError> {
        let doing = || format!("follow {table}");
        if saved == now {
            return Ok(Change::Nothing);
        }
        if saved.version > now.version || saved.position > now.position {
            return Ok(Change::Lost(format!("{table} is older than it was")));
        }
        let family = Family::ALL.into_iter().find(|family| table == format!("events.{}", family.table()));
        if let Some(family) = family.filter(|_| saved.version != now.version) {
            let grew = self.ground.lake.only_grew(family, saved.version).await;
            if !grew.map_err(TransformError::lake(doing()))? {
                return Ok(Change::Lost(format!("rows of {table} were taken out, or its log was cleaned")));
            }
        }
        let is_far = now.version - saved.version > VERSIONS_BEHIND_MAX;
        if saved.position == now.position {
            self.moved |= is_far;
            return Ok(Change::Nothing);
        }
        let query = format!("select * from {table} where position > {}", saved.position);
        let new = self.session.sql(&query).await.map_err(TransformError::engine(doing()))?;
        let any = new.clone().limit(0, Some(1)).map_err(TransformError::engine(doing()))?;
        if any.count().await.map_err(TransformError::engine(doing()))? == 0 {
            self.moved |= is_far;
            return Ok(Change::Nothing);
        }
        Ok(Change::Rows(new.into_view(), format!("{table} grew")))
    }

    async fn change_of_mart(&mut self, name: &str, saved: Source, now: Source) -> Result<Change, TransformError> {
        let doing = || format!("follow marts.{name}");
        if saved == now {
            return Ok(Change::Nothing);
        }
        let found = self.ground.lake.mart_difference(name, saved.version).await;
        let Some(found) = found.map_err(TransformError::lake(doing()))? else {
            return Ok(Change::Lost(format!("the changes of marts.{name} cannot be told any more")));
        };
        if found.bytes == 0 {
            return Ok(Change::Nothing);
        }
        self.moved = true;
        if found.bytes > DIFFERENCE_BYTES_MAX {
            return Ok(Change::Lost(format!("marts.{name} changed in great part")));
        }
        let schema = found.added.schema();
        let changed = difference(self.session, found.removed, found.added).await;
        let changed = changed.map_err(TransformError::engine(doing()))?;
        if changed.num_rows() == 0 {
            return Ok(Change::Nothing);
        }
        let told = format!("marts.{name} changed");
        let rows = table_of(&schema, vec![changed]).map_err(TransformError::engine(doing()))?;
        Ok(Change::Rows(rows, told))
    }

    async fn is_cheaper_whole(&self, keys: &Keys) -> Result<bool, DataFusionError> {
        let Some(incremental) = self.model.head.incremental.as_ref().filter(|_| keys.len() > FEW_KEYS) else {
            return Ok(false);
        };
        if !incremental.linked && keys.len() > self.state.rows / 2 {
            return Ok(true);
        }
        let table = self.model.table();
        let context = sql_context(self.session, [(table.clone(), Arc::clone(&self.mart))])?;
        let key = self.model.head.key.iter().cloned().collect();
        let (_, rows) = keys.restrict(&context, &table, &[incremental.own(&table)], Some(&key)).await?;
        let touched: usize = rows.iter().map(|batch| batch.num_rows()).sum();
        Ok(touched > self.state.rows / 3)
    }
}

fn wrong_list(model: &Model, incremental: &Incremental, at: &str, error: &DataFusionError) -> TransformError {
    let problem = match TransformError::sql(&model.file, error) {
        TransformError::Sql { problem, .. } => problem,
        other => other.to_string(),
    };
    let what = if at == "open" { "incremental.open".to_owned() } else { format!("incremental.from of {at}") };
    incremental.wrong(&model.file, at, format!("{what}: {problem}"))
}

/// Plans what the head says of incremental runs over the tables of `context`, the model's own among them.
pub(crate) async fn plan_lists(context: &SessionContext, model: &Model) -> Result<(), TransformError> {
    let Some(incremental) = &model.head.incremental else { return Ok(()) };
    for (table, lists) in &incremental.from {
        for list in lists {
            let planned = context.sql(&key_query(table, list, None)).await;
            planned.map_err(|error| wrong_list(model, incremental, table, &error))?;
        }
    }
    if let Some(condition) = &incremental.open {
        let query = key_query(&model.table(), &incremental.own(&model.table()), Some(condition));
        context.sql(&query).await.map_err(|error| wrong_list(model, incremental, "open", &error))?;
    }
    Ok(())
}
