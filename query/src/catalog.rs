//! The tables that describe the tables: `settings.tables` and `settings.columns`, with their comments.
//!
//! Comments come from the schemas themselves: the key `comment` in the metadata of a field, and in the
//! metadata of a schema for the table. Both tables are worked out when they are read.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, MemorySchemaProvider, SchemaProvider, Session, TableProvider};
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::datasource::{MemTable, TableType};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, cast, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::ObjectName;

use crate::{QueryError, diagnose};

/// The schema that holds both tables.
const SCHEMA: &str = "settings";
/// The key of a comment in the metadata of a field or a schema.
const COMMENT: &str = "comment";

/// What `SHOW TABLES` asks.
pub(crate) const ALL_TABLES: &str =
    "SELECT table_schema, table_name, comment FROM settings.tables ORDER BY table_schema, table_name";

/// Puts both tables beside what the session's catalog has; a session that brings its own keeps them.
pub(crate) fn register(context: &SessionContext) -> Result<(), QueryError> {
    let name = context.state().config_options().catalog.default_catalog.clone();
    let catalog =
        context.catalog(&name).ok_or_else(|| QueryError::internal(format!("the session has no catalog '{name}'")))?;
    let failed = |error: DataFusionError| QueryError::internal(format!("the tables of comments: {error}"));
    let schema = match catalog.schema(SCHEMA) {
        Some(schema) => schema,
        None => {
            let schema: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(SCHEMA, Arc::clone(&schema)).map_err(failed)?;
            schema
        }
    };
    for of in [Of::Tables, Of::Columns] {
        if schema.table_exist(of.name()) {
            continue;
        }
        let table = Described { of, catalog: Arc::downgrade(&catalog), schema: of.schema() };
        schema.register_table(of.name().into(), Arc::new(table)).map_err(failed)?;
    }
    Ok(())
}

/// What `DESCRIBE name` answers. Comments come from `settings.columns`, whoever filled it.
pub(crate) async fn describe(context: &SessionContext, name: &ObjectName) -> Result<RecordBatch, QueryError> {
    let unknown = || diagnose::unknown_table(&name.to_string(), None, context);
    let failed = |error: DataFusionError| QueryError::internal(format!("the columns of a table: {error}"));
    let reference = TableReference::parse_str(&name.to_string());
    if !context.table_exist(reference.clone()).unwrap_or(false) {
        return Err(unknown());
    }
    let table = context.table_provider(reference.clone()).await.map_err(|_| unknown())?.schema();
    let default_schema = context.state().config_options().catalog.default_schema.clone();
    let schema = reference.schema().unwrap_or(&default_schema);
    let wanted = col("table_schema").eq(lit(schema)).and(col("table_name").eq(lit(reference.table())));
    let comments = context.table(TableReference::partial(SCHEMA, Of::Columns.name())).await.map_err(failed)?;
    let text = |name| cast(col(name), DataType::Utf8).alias(name);
    let comments = comments.filter(wanted).and_then(|rows| rows.select([text("column_name"), text("comment")]));
    let comments = comments.map_err(failed)?.collect().await.map_err(failed)?;
    let comments: HashMap<&str, &str> = comments
        .iter()
        .flat_map(|rows| rows.column(0).as_string::<i32>().iter().zip(rows.column(1).as_string::<i32>()))
        .filter_map(|(column, comment)| Some((column?, comment?)))
        .collect();
    let fields = table.fields();
    let names: StringArray = fields.iter().map(|field| Some(field.name())).collect();
    let types: StringArray = fields.iter().map(|field| Some(type_name(field.data_type()))).collect();
    let comments: StringArray = fields.iter().map(|field| comments.get(field.name().as_str()).copied()).collect();
    RecordBatch::try_from_iter([
        ("column_name", Arc::new(names) as ArrayRef),
        ("data_type", Arc::new(types)),
        ("comment", Arc::new(comments)),
    ])
    .map_err(|error| failed(error.into()))
}

#[derive(Debug, Clone, Copy)]
enum Of {
    Tables,
    Columns,
}

impl Of {
    fn name(self) -> &'static str {
        match self {
            Self::Tables => "tables",
            Self::Columns => "columns",
        }
    }

    fn schema(self) -> SchemaRef {
        let field = |name: &str, comment: &str| {
            Field::new(name, DataType::Utf8, true).with_metadata([(COMMENT.to_owned(), comment.to_owned())].into())
        };
        let table_schema = field("table_schema", "Schema of the table: events, marts or settings");
        let table_name = field("table_name", "Name of the table");
        let (fields, comment) = match self {
            Self::Tables => (
                vec![table_schema, table_name, field("comment", "What one row of the table is")],
                "Every table with its comment",
            ),
            Self::Columns => (
                vec![
                    table_schema,
                    table_name,
                    Field::new("ordinal_position", DataType::Int32, true).with_metadata(
                        [(COMMENT.to_owned(), "Place of the column in its table, from 1".to_owned())].into(),
                    ),
                    field("column_name", "Name of the column"),
                    field("data_type", "Type of the column, in SQL's words"),
                    field("comment", "What the column holds"),
                ],
                "Every column of every table with its type and comment",
            ),
        };
        Arc::new(Schema::new_with_metadata(fields, [(COMMENT.to_owned(), comment.to_owned())].into()))
    }
}

/// Reads the catalog when it is scanned. The catalog owns this table, so it is held weakly.
#[derive(Debug)]
struct Described {
    of: Of,
    catalog: Weak<dyn CatalogProvider>,
    schema: SchemaRef,
}

impl Described {
    async fn rows(&self) -> Result<RecordBatch> {
        let mut tables: [Vec<Option<String>>; 3] = Default::default();
        let mut columns: [Vec<Option<String>>; 5] = Default::default();
        let mut places = Vec::new();
        let catalog = self.catalog.upgrade();
        for schema_name in catalog.iter().flat_map(|catalog| catalog.schema_names()) {
            let Some(provider) = catalog.as_ref().and_then(|catalog| catalog.schema(&schema_name)) else { continue };
            let mut names = provider.table_names();
            names.sort();
            for table_name in names {
                let Some(table) = provider.table(&table_name).await? else { continue };
                let schema = table.schema();
                let row =
                    [Some(schema_name.clone()), Some(table_name.clone()), schema.metadata().get(COMMENT).cloned()];
                for (column, value) in tables.iter_mut().zip(row) {
                    column.push(value);
                }
                for (place, field) in (1_i32..).zip(schema.fields()) {
                    places.push(place);
                    let row = [
                        Some(schema_name.clone()),
                        Some(table_name.clone()),
                        Some(field.name().clone()),
                        Some(type_name(field.data_type())),
                        field.metadata().get(COMMENT).cloned(),
                    ];
                    for (column, value) in columns.iter_mut().zip(row) {
                        column.push(value);
                    }
                }
            }
        }
        let texts = |values: Vec<Option<String>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let arrays = match self.of {
            Of::Tables => tables.into_iter().map(texts).collect(),
            Of::Columns => {
                let mut arrays: Vec<ArrayRef> = columns.into_iter().map(texts).collect();
                arrays.insert(2, Arc::new(arrow::array::Int32Array::from(places)));
                arrays
            }
        };
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)
    }
}

#[async_trait]
impl TableProvider for Described {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows().await?;
        MemTable::try_new(Arc::clone(&self.schema), vec![vec![rows]])?.scan(state, projection, filters, limit).await
    }
}

/// A type in SQL's words: `text`, `bigint`, `decimal(18,4)`, `list<struct<sku text>>`.
pub fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Null => "null".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int8 => "tinyint".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "integer".into(),
        DataType::Int64 => "bigint".into(),
        DataType::UInt8 => "tinyint unsigned".into(),
        DataType::UInt16 => "smallint unsigned".into(),
        DataType::UInt32 => "integer unsigned".into(),
        DataType::UInt64 => "bigint unsigned".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".into()
        }
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".into(),
        DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime | IntervalUnit::MonthDayNano) => {
            "interval".into()
        }
        DataType::Duration(_) => "interval".into(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("list<{}>", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Map(entries, _) => format!("map<{}>", type_name(entries.data_type())),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, value) => type_name(value.data_type()),
        other => other.to_string().to_lowercase(),
    }
}
