//! Fixtures: a few rows given, the rows that a model must make of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::json::ReaderBuilder;
use mizan_events::EventTime;
use mizan_lake::SessionSettings;
use serde_json::{Map, Value};

use crate::error::TransformError;
use crate::project::{Model, Project};
use crate::rows::{self, Row, SHOWN};
use crate::session::{functions, rows_table, run_settings, sql_context};
use crate::storable::{storable, to_storable};
use crate::suggest::did_you_mean;
use crate::tester::{Finding, Layer, TestResult};

type Rows = Vec<Map<String, Value>>;

/// One case of a fixture's file.
struct Case {
    name: String,
    as_of: Option<EventTime>,
    given: BTreeMap<String, Rows>,
    expect: Rows,
}

/// Runs every case. `schemas` are those of all tables, so that rows get their real types. A reference table of which a
/// case gives no rows has those that came with the model: a user's own rows must not change what a built-in one proves.
pub(crate) async fn run(
    settings: &SessionSettings,
    project: &Project,
    schemas: &BTreeMap<String, SchemaRef>,
    model: &Model,
) -> Vec<TestResult> {
    let Some((file, text)) = &model.fixture else { return Vec::new() };
    let result = |name: &str, finding| TestResult {
        model: model.head.name.clone(),
        layer: Layer::Fixture,
        name: name.to_owned(),
        finding,
    };
    let failed = |error: TransformError| Some(Finding { problem: error.to_string(), rows: Vec::new() });
    let cases = match parse(file, text) {
        Ok(cases) => cases,
        Err(error) => return vec![result(file, failed(error))],
    };
    let reference: BTreeMap<String, RecordBatch> = project
        .tables()
        .map(|table| (table.table(), if model.is_builtin { table.builtin_batch() } else { table.batch() }))
        .collect();
    let mut results = Vec::new();
    for case in cases {
        let finding = try_case(settings, &reference, schemas, model, file, &case).await.unwrap_or_else(failed);
        results.push(result(&case.name, finding));
    }
    results
}

async fn try_case(
    settings: &SessionSettings,
    reference: &BTreeMap<String, RecordBatch>,
    schemas: &BTreeMap<String, SchemaRef>,
    model: &Model,
    file: &str,
    case: &Case,
) -> Result<Option<Finding>, TransformError> {
    let fault = |problem: String| TransformError::Fixture { file: file.to_owned(), case: case.name.clone(), problem };
    if let Some(unread) = case.given.keys().find(|table| !model.reads.contains(table) && *table != "settings.shops") {
        let hint = did_you_mean(unread, model.reads.iter().map(String::as_str));
        return Err(fault(format!("gives rows of {unread}, which {} does not read{hint}", model.file)));
    }
    let shops_rows = case.given.get("settings.shops").cloned().unwrap_or_else(default_shops);
    let shops = schemas.get("settings.shops").ok_or_else(|| fault("no settings".to_owned()))?;
    let shops = batch("settings.shops", shops, &shops_rows).map_err(fault)?;
    let context = sql_context(&functions(settings, &shops)?, []).map_err(TransformError::engine("make a session"))?;
    for (name, schema) in schemas {
        let rows = match case.given.get(name) {
            _ if name == "settings.shops" => Some(shops.clone()),
            Some(rows) if !rows.is_empty() => Some(batch(name, schema, rows).map_err(fault)?),
            Some(_) => None,
            None => reference.get(name).cloned(),
        };
        let table = match case.as_of {
            Some(as_of) if name == "settings.run" => run_settings(as_of),
            _ => rows_table(schema, rows),
        };
        let put = table.and_then(|table| crate::session::put(&context, name, table));
        put.map_err(TransformError::engine("make a session"))?;
    }
    let failed = |error| TransformError::sql(&model.file, &error);
    let frame = context.sql(&model.sql).await.map_err(failed)?;
    let schema = storable(frame.schema().as_arrow());
    let mut made = Vec::new();
    for batch in frame.collect().await.map_err(failed)? {
        made.push(to_storable(&batch, &schema).map_err(|error| fault(error.to_string()))?);
    }
    compare(&schema, &made, case).map_err(fault)
}

/// Only the columns that the expectation names are compared, in any order of rows.
fn compare(schema: &SchemaRef, made: &[RecordBatch], case: &Case) -> Result<Option<Finding>, String> {
    let mut columns: Vec<String> = Vec::new();
    for row in &case.expect {
        for name in row.keys() {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    let places = columns.iter().map(|name| schema.index_of(name).map_err(|_| unknown_column(name, schema)));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let narrow: SchemaRef = Arc::new(schema.project(&places).map_err(|error| error.to_string())?);
    let expected = match case.expect.is_empty() {
        true => Vec::new(),
        false => texts(&[batch("expect", &narrow, &case.expect)?])?,
    };
    let made = made
        .iter()
        .map(|batch| batch.project(&places).map_err(|error| error.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    let made = texts(&made)?;
    let (missing, surplus) = rows::difference(expected, made);
    if missing.is_empty() && surplus.is_empty() {
        return Ok(None);
    }
    let rows = missing.iter().take(SHOWN).map(|row| format!("expected: {}", rows::shown(&columns, row)));
    let rows = rows.chain(surplus.iter().take(SHOWN).map(|row| format!("found: {}", rows::shown(&columns, row))));
    Ok(Some(Finding { problem: "the rows are not those expected".to_owned(), rows: rows.collect() }))
}

fn texts(batches: &[RecordBatch]) -> Result<Vec<Row>, String> {
    rows::texts(batches).map_err(|error| error.to_string())
}

fn unknown_column(name: &str, schema: &Schema) -> String {
    let hint = did_you_mean(name, schema.fields().iter().map(|field| field.name().as_str()));
    format!("no column {name:?}{hint}")
}

/// One shop, whose days are UTC days.
fn default_shops() -> Rows {
    let shop = [("shop", "default"), ("name", "Default"), ("currency", "SAR"), ("timezone", "UTC")];
    vec![shop.map(|(name, value)| (name.to_owned(), Value::from(value))).into_iter().collect()]
}

/// Rows under the real schema of their table. What a row does not say is NULL, save what every event has: its shop is
/// `default`, its source `test`, its id and its position follow from its place, and its date from its time.
fn batch(table: &str, schema: &SchemaRef, rows: &Rows) -> Result<RecordBatch, String> {
    let mut complete = rows.clone();
    for (place, row) in complete.iter_mut().enumerate() {
        if let Some(name) = row.keys().find(|name| schema.index_of(name).is_err()) {
            return Err(format!("{table}: {}", unknown_column(name, schema)));
        }
        let mut default = |name: &str, value: Value| {
            if !row.contains_key(name) && schema.index_of(name).is_ok() {
                row.insert(name.to_owned(), value);
            }
        };
        // In a reference table a shop that is not told means any.
        if table != "expect" && (table == "settings.shops" || !table.starts_with("settings.")) {
            default("shop", Value::from("default"));
        }
        if table.starts_with("events.") {
            default("source", Value::from("test"));
            default("event_id", Value::from(format!("{table}-{}", place + 1)));
            default("position", Value::from(place + 1));
            let date = row.get("event_time").and_then(Value::as_str).and_then(|time| time.get(..10)).map(str::to_owned);
            if let Some(date) = date {
                row.entry("event_date").or_insert(Value::from(date));
            }
        }
    }
    let reader = ReaderBuilder::new(relaxed(schema)).with_coerce_primitive(true).with_strict_mode(true).build_decoder();
    let mut decoder = reader.map_err(|error| error.to_string())?;
    decoder.serialize(&complete).map_err(|error| format!("{table}: {error}"))?;
    let batch =
        decoder.flush().map_err(|error| format!("{table}: {error}"))?.ok_or_else(|| format!("{table}: no rows"))?;
    RecordBatch::try_new(relaxed(schema), batch.columns().to_vec()).map_err(|error| format!("{table}: {error}"))
}

/// What a row may leave out must be nullable, whatever the table says.
fn relaxed(schema: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(nullable).collect::<Vec<_>>()))
}

fn nullable(field: &Arc<Field>) -> Field {
    field.as_ref().clone().with_nullable(true)
}

fn parse(file: &str, text: &str) -> Result<Vec<Case>, TransformError> {
    let fault =
        |case: &str, problem: String| TransformError::Fixture { file: file.to_owned(), case: case.to_owned(), problem };
    let value: yaml_serde::Value =
        yaml_serde::from_str(text).map_err(|error| fault("-", format!("not valid YAML: {error}")))?;
    let value = to_json(&value).map_err(|problem| fault("-", problem))?;
    let Value::Array(cases) = value else {
        return Err(fault("-", "must be a list of cases, each with name, given and expect".to_owned()));
    };
    cases
        .into_iter()
        .map(|case| {
            let Value::Object(mut case) = case else { return Err(fault("-", "a case must be a mapping".to_owned())) };
            let name =
                case.remove("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_else(|| "-".to_owned());
            let as_of = match case.remove("as_of") {
                None => None,
                Some(Value::String(time)) => {
                    Some(EventTime::parse(&time).map_err(|error| fault(&name, format!("as_of {error}")))?)
                }
                Some(other) => return Err(fault(&name, format!("as_of must be a time in quotes, not {other}"))),
            };
            let rows = |value: Value| {
                serde_json::from_value::<Rows>(value).map_err(|error| fault(&name, format!("rows: {error}")))
            };
            let mut given = BTreeMap::new();
            match case.remove("given") {
                None | Some(Value::Null) => {}
                Some(Value::Object(tables)) => {
                    for (table, value) in tables {
                        given.insert(table, rows(value)?);
                    }
                }
                Some(_) => return Err(fault(&name, "given must be a mapping of tables".to_owned())),
            }
            let expect = rows(case.remove("expect").ok_or_else(|| fault(&name, "lacks expect".to_owned()))?)?;
            if let Some(key) = case.keys().next() {
                let hint = did_you_mean(key, ["name", "as_of", "given", "expect"]);
                return Err(fault(&name, format!("unknown key {key:?}{hint} (known: name, as_of, given, expect)")));
            }
            Ok(Case { name, as_of, given, expect })
        })
        .collect()
}

/// YAML as JSON. A number with a point is refused: it would go through a float, and money never does.
fn to_json(value: &yaml_serde::Value) -> Result<Value, String> {
    use yaml_serde::Value as Yaml;
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(*truth),
        Yaml::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => {
                return Err(format!(
                    "write {number} in quotes: numbers with a point are text here, so that they stay exact"
                ));
            }
        },
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key.as_str().ok_or("every key must be text")?;
                object.insert(key.to_owned(), to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => return Err(format!("the tag {} is not taken", tagged.tag)),
    })
}
