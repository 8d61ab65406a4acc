//! The SQL context in which models run: whatever tables it is given, under the names that models use.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{
    CatalogProvider, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider, SchemaProvider,
    TableProvider,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use mizan_events::{EventTime, Family};
use mizan_lake::{SessionSettings, Shop};

use crate::decide::plan_lists;
use crate::error::TransformError;
use crate::fanout::{self, DeclaredKeys};
use crate::project::{Model, Project};
use crate::storable::storable;

const CATALOG: &str = "mizan";
const SCHEMAS: [&str; 3] = ["events", "marts", "settings"];

/// A context with the functions, memory limits and options of `base` and exactly the given tables, named
/// `schema.table`. The lake's tables make a run, a fixture's rows make a test: the query is the same.
pub fn sql_context(
    base: &SessionContext,
    tables: impl IntoIterator<Item = (String, Arc<dyn TableProvider>)>,
) -> Result<SessionContext> {
    let catalog = MemoryCatalogProvider::new();
    for schema in SCHEMAS {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
    }
    let catalogs = MemoryCatalogProviderList::new();
    datafusion::catalog::CatalogProviderList::register_catalog(&catalogs, CATALOG.to_owned(), Arc::new(catalog));
    let mut config = base
        .copied_config()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, "marts");
    // Errors then know the line that they are about.
    config.options_mut().sql_parser.collect_spans = true;
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    // The comments on columns, kept as field metadata, get lost on one side of a union and not on the other; the engine
    // would refuse the aggregate over it for that alone. Types are checked elsewhere.
    config.options_mut().execution.skip_physical_aggregate_schema_check = true;
    let state = SessionStateBuilder::new_from_existing(base.state())
        .with_config(config)
        .with_catalog_list(Arc::new(catalogs))
        .build();
    let context = SessionContext::new_with_state(state);
    for (name, provider) in tables {
        put(&context, &name, provider)?;
    }
    Ok(context)
}

/// Registers a table under `schema.table`, in place of one that has the name.
pub(crate) fn put(context: &SessionContext, name: &str, provider: Arc<dyn TableProvider>) -> Result<()> {
    let (schema, table) = name.split_once('.').unwrap_or(("marts", name));
    let schema = schema_of(context, schema)?;
    schema.deregister_table(table)?;
    schema.register_table(table.to_owned(), provider)?;
    Ok(())
}

/// The table of this name, if the context has it.
pub(crate) async fn table(context: &SessionContext, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    let (schema, table) = name.split_once('.').unwrap_or(("marts", name));
    schema_of(context, schema)?.table(table).await
}

fn schema_of(context: &SessionContext, schema: &str) -> Result<Arc<dyn SchemaProvider>> {
    context
        .catalog(CATALOG)
        .and_then(|catalog| catalog.schema(schema))
        .ok_or_else(|| DataFusionError::Plan(format!("no schema {CATALOG}.{schema}")))
}

/// A context with the events and settings of `pinned`, these marts of it, the project's reference tables, and
/// `settings.run`.
pub(crate) async fn of_run(
    pinned: &SessionContext,
    project: &Project,
    marts: &[String],
    as_of: EventTime,
) -> std::result::Result<SessionContext, TransformError> {
    let failed = || TransformError::engine("open a session on the lake");
    let events = Family::ALL.map(|family| format!("events.{}", family.table()));
    let mut tables: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
    for name in events.iter().chain([&"settings.shops".to_owned()]).chain(marts) {
        if let Some(table) = table(pinned, name).await.map_err(failed())? {
            tables.push((name.clone(), table));
        }
    }
    for reference in project.tables() {
        let table = rows_table(&reference.schema(), Some(reference.batch())).map_err(failed())?;
        tables.push((reference.table(), table));
    }
    tables.push(("settings.run".to_owned(), run_settings(as_of).map_err(failed())?));
    sql_context(pinned, tables).map_err(failed())
}

/// A context with the shop functions for these rows of `settings.shops`, and the engine settings of `settings`.
pub(crate) fn functions(
    settings: &SessionSettings,
    shops: &RecordBatch,
) -> std::result::Result<SessionContext, TransformError> {
    let texts = |name: &str| -> Vec<String> {
        let column = shops.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        column.map(|column| column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()).unwrap_or_default()
    };
    let columns = [texts("shop"), texts("name"), texts("currency"), texts("timezone")];
    let [names, titles, currencies, zones] = columns;
    let rows = names.into_iter().zip(titles).zip(currencies).zip(zones);
    let shops = rows.map(|(((shop, name), currency), timezone)| Shop { shop, name, currency, timezone }).collect();
    let settings = SessionSettings { shops, ..settings.clone() };
    mizan_lake::empty_session(&settings).map_err(TransformError::lake("make a session"))
}

/// `settings.run`: one row with the instant that models take for now.
pub(crate) fn run_settings(as_of: EventTime) -> Result<Arc<dyn TableProvider>> {
    let zone: Arc<str> = "UTC".into();
    let schema = Arc::new(run_schema());
    let column = TimestampMicrosecondArray::from(vec![as_of.micros()]).with_timezone(zone);
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(column)])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

fn run_schema() -> Schema {
    Schema::new(vec![Field::new("as_of", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)])
}

pub(crate) fn shops_schema() -> Schema {
    Schema::new(["shop", "name", "currency", "timezone"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec())
}

/// A table of these rows; of none without them.
pub(crate) fn rows_table(schema: &SchemaRef, rows: Option<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(Arc::clone(schema), vec![rows.into_iter().collect()])?))
}

/// The schema of every table that models read or make, found by planning each model over empty tables. So it also proves
/// that every model fits the tables it reads, without touching a row.
pub(crate) async fn schemas(
    base: &SessionContext,
    project: &Project,
) -> std::result::Result<BTreeMap<String, SchemaRef>, TransformError> {
    let mut schemas: BTreeMap<String, SchemaRef> =
        Family::ALL.map(|family| (format!("events.{}", family.table()), mizan_events::schema(family))).into();
    schemas.insert("settings.shops".to_owned(), Arc::new(shops_schema()));
    schemas.insert("settings.run".to_owned(), Arc::new(run_schema()));
    schemas.extend(project.tables().map(|table| (table.table(), table.schema())));
    let context = sql_context(base, []).map_err(TransformError::engine("make a session"))?;
    for (name, schema) in &schemas {
        let empty = rows_table(schema, None).and_then(|table| put(&context, name, table));
        empty.map_err(TransformError::engine("make a session"))?;
    }
    let keys = project.declared_keys();
    for model in project.models() {
        let schema = planned(&context, model, &keys).await?;
        let empty = rows_table(&schema, None).and_then(|table| put(&context, &model.table(), table));
        empty.map_err(TransformError::engine("make a session"))?;
        plan_lists(&context, model).await?;
        schemas.insert(model.table(), schema);
    }
    Ok(schemas)
}

/// The schema a model's rows are kept under, once its query and its head agree on the columns, and no sum counts rows
/// twice.
pub(crate) async fn planned(
    context: &SessionContext,
    model: &Model,
    keys: &DeclaredKeys,
) -> std::result::Result<SchemaRef, TransformError> {
    let frame = context.sql(&model.sql).await.map_err(|error| TransformError::sql(&model.file, &error))?;
    columns_agree(model, frame.schema().as_arrow())?;
    fanout::refuse(model, frame.logical_plan(), keys)?;
    Ok(storable(frame.schema().as_arrow()))
}

/// The head documents the columns of the query, all of them, in their order.
fn columns_agree(model: &Model, schema: &Schema) -> std::result::Result<(), TransformError> {
    let in_query: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let in_head: Vec<&str> = model.head.columns.iter().map(|(name, _)| name.as_str()).collect();
    if in_query == in_head {
        return Ok(());
    }
    let missing = |these: &[&str], those: &[&str]| -> Vec<String> {
        these.iter().filter(|name| !those.contains(name)).map(|name| (*name).to_owned()).collect()
    };
    let (undocumented, unmade) = (missing(&in_query, &in_head), missing(&in_head, &in_query));
    let problem = match (undocumented.is_empty(), unmade.is_empty()) {
        (true, true) => format!("the order in the query is {}", in_query.join(", ")),
        (false, true) => format!("the head lacks {}", undocumented.join(", ")),
        (true, false) => format!("the query lacks {}", unmade.join(", ")),
        (false, false) => format!("the head lacks {}, the query lacks {}", undocumented.join(", "), unmade.join(", ")),
    };
    Err(TransformError::Columns { file: model.file.clone(), problem })
}
