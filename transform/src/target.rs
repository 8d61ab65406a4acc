//! Where built rows go: into the lake, or in tests into memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::{DataFrame, SessionContext, ident};
use futures::StreamExt;
use futures::future::BoxFuture;
use mizan_lake::{KeySet, LakeError, MartChange, MartInfo};

use crate::decide::{Decision, Ground};
use crate::error::TransformError;
use crate::keys::{Keys, columns_read, difference, external, joined, table_of, tables};
use crate::project::Model;
use crate::run::Outcome;
use crate::session::{self, sql_context};
use crate::storable::{storable, to_storable};

/// A model being brought up to date.
pub(crate) type Refreshed<'a> = BoxFuture<'a, Result<Outcome, TransformError>>;

/// Brings one model up to date and puts its mart into the session, for the models after it.
pub(crate) trait Target {
    fn refresh<'a>(&'a self, session: &'a SessionContext, model: &'a Model) -> Refreshed<'a>;
}

impl Target for Ground<'_> {
    fn refresh<'a>(&'a self, session: &'a SessionContext, model: &'a Model) -> Refreshed<'a> {
        Box::pin(refresh(self, session, model))
    }
}

async fn refresh(ground: &Ground<'_>, session: &SessionContext, model: &Model) -> Result<Outcome, TransformError> {
    let outcome = match ground.decide(session, model).await? {
        Decision::UpToDate => Outcome::UpToDate,
        Decision::Save => {
            save(ground, model).await?;
            Outcome::UpToDate
        }
        Decision::Whole(why) => {
            let rows = build_whole(ground, session, model).await?;
            Outcome::Built { rows, keys: None, why }
        }
        Decision::Keys(keys, why) => {
            let rows = build_keys(ground, session, model, &keys).await?;
            Outcome::Built { rows, keys: Some(keys.len() as u64), why: why.join(", ") }
        }
    };
    ground.show(session, model).await?;
    Ok(outcome)
}

fn info(ground: &Ground<'_>, model: &Model) -> MartInfo {
    let head = &model.head;
    let order = head.time.iter().chain(head.key.iter().filter(|name| Some(*name) != head.time.as_ref()));
    MartInfo {
        comment: head.description.clone(),
        columns: head.columns.iter().cloned().collect(),
        model_hash: ground.hash(model),
        sources: ground.sources(model),
        order: if head.incremental.is_some() { order.cloned().collect() } else { Vec::new() },
    }
}

async fn build_whole(ground: &Ground<'_>, session: &SessionContext, model: &Model) -> Result<u64, TransformError> {
    let failed = |error| TransformError::sql(&model.file, &error);
    let mut frame = session.sql(&model.sql).await.map_err(failed)?;
    let info = info(ground, model);
    if !info.order.is_empty() {
        frame = frame.sort(info.order.iter().map(|name| ident(name).sort(true, true)).collect()).map_err(failed)?;
    }
    let (rows, stream) = stored(frame, &model.file).await?;
    let schema = stream.schema();
    let replaced = ground.lake.replace_mart(&model.head.name, schema, stream, info).await;
    replaced.map_err(|error| of_model(model, error))?;
    Ok(rows.load(Ordering::Relaxed))
}

/// The rows of a query as a table keeps them, with their number once they are through.
async fn stored(frame: DataFrame, file: &str) -> Result<(Arc<AtomicU64>, SendableRecordBatchStream), TransformError> {
    let kept = storable(frame.schema().as_arrow());
    let made = frame.execute_stream().await.map_err(|error| TransformError::sql(file, &error))?;
    let rows = Arc::new(AtomicU64::new(0));
    let (counted, schema) = (Arc::clone(&rows), Arc::clone(&kept));
    let stream = made.map(move |batch| {
        let batch = to_storable(&batch?, &schema)?;
        counted.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        Ok(batch)
    });
    Ok((rows, Box::pin(RecordBatchStreamAdapter::new(kept, stream))))
}

/// Computes the rows of these keys anew and exchanges those that differ. Gives the number of rows computed.
async fn build_keys(
    ground: &Ground<'_>,
    session: &SessionContext,
    model: &Model,
    keys: &Keys,
) -> Result<u64, TransformError> {
    let doing = || format!("bring {} up to date", model.table());
    let Some(incremental) = &model.head.incremental else { return Ok(0) };
    let failed = |error| TransformError::sql(&model.file, &error);
    let found = ground.lake.read_mart(&model.head.name).await.map_err(TransformError::lake(doing()))?;
    let Some((mart, base)) = found else { return build_whole(ground, session, model).await };
    let new = {
        let read = columns_read(session, &model.sql).await.map_err(failed)?;
        let names: Vec<&str> = model.reads.iter().map(String::as_str).collect();
        let given = tables(session, &names).await.map_err(TransformError::engine(doing()))?;
        let context = sql_context(session, given).map_err(TransformError::engine(doing()))?;
        for (table, lists) in incremental.inputs(&model.table()) {
            let none = BTreeSet::new();
            let wanted = read.get(table).unwrap_or(&none);
            let rows = keys.restrict(session, table, lists, Some(wanted)).await;
            let (schema, batches) = rows.map_err(TransformError::engine(doing()))?;
            let put = table_of(&schema, batches).and_then(|rows| session::put(&context, table, rows));
            put.map_err(TransformError::engine(doing()))?;
        }
        let frame = context.sql(&model.sql).await.map_err(failed)?;
        let batches = frame.collect().await.map_err(failed)?;
        joined(&mart.schema(), &batches).map_err(failed)?
    };
    let engine = |error| TransformError::engine(doing())(error);
    let own = incremental.own(&model.table());
    let belongs_to_one = incremental.linked || incremental.inputs(&model.table()).all(|(_, lists)| lists.len() == 1);
    let all = new.num_rows();
    let new = of_keys(session, model, keys, &own, table_of(&mart.schema(), vec![new]).map_err(engine)?);
    // Rows that belong to several keys bring rows of other keys with them, in part only.
    let new = new.await.map_err(engine)?;
    if belongs_to_one && new.num_rows() < all {
        return Err(not_kept(model, all - new.num_rows()));
    }
    let change = changed_rows(session, model, keys, &own, mart, new).await.map_err(TransformError::engine(doing()))?;
    let rows = change.1.num_rows() as u64;
    let change = MartChange { base, keys: change.0, rows: change.1 };
    let done = ground.lake.change_mart(&model.head.name, change, info(ground, model), &ground.settings).await;
    done.map_err(|error| of_model(model, error))?;
    Ok(rows)
}

/// Saves how much of its sources a model has read, and changes no row.
async fn save(ground: &Ground<'_>, model: &Model) -> Result<(), TransformError> {
    let doing = || format!("save what {} was made from", model.table());
    let found = ground.lake.read_mart(&model.head.name).await.map_err(TransformError::lake(doing()))?;
    let Some((mart, base)) = found else { return Ok(()) };
    let none = RecordBatch::new_empty(mart.schema());
    let change = MartChange { base, keys: none.clone(), rows: none };
    let saved = ground.lake.change_mart(&model.head.name, change, info(ground, model), &ground.settings).await;
    saved.map(|_| ()).map_err(TransformError::lake(doing()))
}

/// The rows of a table like the mart that have one of the keys.
async fn of_keys(
    session: &SessionContext,
    model: &Model,
    keys: &Keys,
    own: &[String],
    rows: Arc<dyn TableProvider>,
) -> datafusion::error::Result<RecordBatch> {
    let (table, schema) = (model.table(), rows.schema());
    let context = sql_context(session, [(table.clone(), rows)])?;
    let (_, found) = keys.restrict(&context, &table, &[own.to_vec()], None).await?;
    joined(&schema, &found)
}

/// Which rows of the mart must go, by columns that tell them, and the new rows that come in their place.
async fn changed_rows(
    session: &SessionContext,
    model: &Model,
    keys: &Keys,
    own: &[String],
    mart: Arc<dyn TableProvider>,
    new: RecordBatch,
) -> datafusion::error::Result<(RecordBatch, RecordBatch)> {
    let schema = mart.schema();
    let by = match &model.head.incremental {
        Some(incremental) if !incremental.linked => &incremental.by,
        _ => &model.head.key,
    };
    let places = by.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let old = of_keys(session, model, keys, own, mart).await?;
    let old = table_of(&schema, vec![old])?;
    let different = difference(session, old, table_of(&schema, vec![new.clone()])?).await?;
    let changed = different.project(&places)?;
    let among = KeySet::new(&changed, &schema).map_err(external)?;
    let new = filter_record_batch(&new, &among.among(&new, true).map_err(external)?)?;
    Ok((changed, new))
}

/// The model made rows of keys that were not asked for: what its head says of `by` does not hold.
fn not_kept(model: &Model, rows: usize) -> TransformError {
    let problem = format!(
        "the rows read for some keys gave {rows} rows of others: by and from of incremental do not fit the query"
    );
    TransformError::Sql { file: model.file.clone(), line: None, problem }
}

/// Rows are made while they are written, so what the query does wrong comes out of the lake; it is the model's fault all the same.
fn of_model(model: &Model, error: LakeError) -> TransformError {
    match error {
        LakeError::Query(source) => TransformError::sql(&model.file, &source),
        other => TransformError::lake(format!("write {}", model.table()))(other),
    }
}

/// Keeps marts in memory, so that tests of models need no disk.
#[cfg(test)]
pub(crate) struct Memory;

#[cfg(test)]
impl Target for Memory {
    fn refresh<'a>(&'a self, session: &'a SessionContext, model: &'a Model) -> Refreshed<'a> {
        Box::pin(keep(session, model))
    }
}

#[cfg(test)]
async fn keep(session: &SessionContext, model: &Model) -> Result<Outcome, TransformError> {
    use futures::TryStreamExt;
    let failed = |error| TransformError::sql(&model.file, &error);
    let frame = session.sql(&model.sql).await.map_err(failed)?;
    let (rows, stream) = stored(frame, &model.file).await?;
    let schema = stream.schema();
    let batches: Vec<_> = stream.try_collect().await.map_err(failed)?;
    let table = datafusion::catalog::MemTable::try_new(schema, vec![batches]);
    let put = table.and_then(|table| session::put(session, &model.table(), Arc::new(table)));
    put.map_err(TransformError::engine("keep a mart"))?;
    Ok(Outcome::Built { rows: rows.load(Ordering::Relaxed), keys: None, why: String::new() })
}
