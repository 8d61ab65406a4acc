//! A small shop in memory.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;

use crate::{Engine, Limits, Param, QueryError, Sessions};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) struct Shop;

#[async_trait]
impl Sessions for Shop {
    async fn session(&self, runtime: Arc<RuntimeEnv>) -> Result<SessionContext, Failure> {
        session_with(runtime, "orders", orders())
    }
}

/// A session with one table in `marts` and one in `events`.
pub(crate) fn session_with(runtime: Arc<RuntimeEnv>, name: &str, rows: RecordBatch) -> Result<SessionContext, Failure> {
    let config = SessionConfig::new()
        .with_default_catalog_and_schema("mizan", "public")
        .with_create_default_catalog_and_schema(false);
    let context = SessionContext::new_with_config_rt(config, runtime);
    let catalog = Arc::new(MemoryCatalogProvider::new());
    for schema in ["events", "marts", "public"] {
        let provider = Arc::new(MemorySchemaProvider::new());
        if schema != "public" {
            let table: Arc<dyn TableProvider> = Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?);
            provider.register_table(name.to_owned(), table)?;
        }
        catalog.register_schema(schema, provider)?;
    }
    context.register_catalog("mizan", catalog);
    Ok(context)
}

fn field(name: &str, kind: DataType, comment: &str) -> Field {
    Field::new(name, kind, true).with_metadata(HashMap::from([("comment".to_owned(), comment.to_owned())]))
}

/// Three orders: one with an Arabic customer, one without a customer.
pub(crate) fn orders() -> RecordBatch {
    let schema = Schema::new_with_metadata(
        vec![
            field("order_id", DataType::Utf8, "The shop's own number of the order"),
            field("customer_name", DataType::Utf8, "Who ordered"),
            field("units", DataType::Int64, "Pieces in the order"),
            field("net_sales", DataType::Decimal128(18, 4), "What was sold, less discounts and returns"),
            field("placed_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), "When it was placed"),
        ],
        HashMap::from([("comment".to_owned(), "One row an order".to_owned())]),
    );
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["1001", "1002", "1003"])),
        Arc::new(StringArray::from(vec![Some("ليلى حسن"), Some("O'Hara, Ann"), None])),
        Arc::new(Int64Array::from(vec![2, 1, i64::MAX])),
        Arc::new(
            Decimal128Array::from(vec![Some(125_000), Some(-3_333), None]).with_precision_and_scale(18, 4).unwrap(),
        ),
        // 2026-03-01T10:04:07.250Z, a day later, and nothing
        Arc::new(
            TimestampMicrosecondArray::from(vec![Some(1_772_359_447_250_000), Some(1_772_445_847_000_000), None])
                .with_timezone("UTC"),
        ),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

pub(crate) fn engine() -> Engine {
    engine_with(Limits::default())
}

pub(crate) fn engine_with(limits: Limits) -> Engine {
    Engine::over(Shop, limits).unwrap()
}

/// The whole answer as text: columns by `|`, rows by `;`.
pub(crate) async fn ask(engine: &Engine, sql: &str) -> Result<String, QueryError> {
    ask_with(engine, sql, vec![]).await
}

pub(crate) async fn ask_with(engine: &Engine, sql: &str, params: Vec<Param>) -> Result<String, QueryError> {
    let mut result = engine.query(sql, params).await?;
    let mut rows = Vec::new();
    while let Some(batch) = result.next().await {
        let batch = batch?;
        let formats: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| {
                let options = arrow::util::display::FormatOptions::new().with_null("NULL");
                (0..batch.num_rows())
                    .map(|row| {
                        arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options)
                            .unwrap()
                            .value(row)
                            .to_string()
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(formats.iter().map(|column| column[row].clone()).collect::<Vec<_>>().join("|"));
        }
    }
    Ok(rows.join(";"))
}
