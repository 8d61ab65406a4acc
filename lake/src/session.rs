//! The SQL view of the lake: catalog `mizan` with the schemas `events`, `marts` and `settings`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{
    CatalogProvider, MemTable, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::error::LakeError;
use crate::functions::functions;
use crate::rows::RowsTable;
use crate::zones::Zones;

/// Name of the catalog.
pub(crate) const CATALOG: &str = "mizan";
/// Schemas: facts as they came, models, and what is set up.
pub(crate) const EVENTS: &str = "events";
pub(crate) const MARTS: &str = "marts";
pub(crate) const SETTINGS: &str = "settings";

/// A shop as it is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// Its name in the column `shop`.
    pub shop: String,
    /// Its name for people.
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// IANA name of the zone its days are counted in.
    pub timezone: String,
}

/// What a session is made with.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Memory, disk and caches. Sessions of one lake share it, so that file footers are read once.
    pub runtime: Arc<RuntimeEnv>,
    /// Engine settings to begin with; catalog, time zone and decimal literals are set on top.
    pub config: SessionConfig,
    /// The shops of `settings.shops`.
    pub shops: Vec<Shop>,
    /// The shop whose zone counts for rows of unknown shops.
    pub default_shop: String,
    /// Tables of the schema `events` that are kept elsewhere than in the lake.
    pub beside: Vec<RowsTable>,
    /// Further tables of the schema `settings`; comments stand in the metadata of their schemas.
    pub reference: Vec<(String, RecordBatch)>,
}

impl Default for SessionSettings {
    fn default() -> SessionSettings {
        SessionSettings {
            runtime: Arc::default(),
            config: SessionConfig::new(),
            shops: Vec::new(),
            default_shop: "default".to_owned(),
            beside: Vec::new(),
            reference: Vec::new(),
        }
    }
}

/// A table under its name.
pub(crate) type NamedTable = (String, Arc<dyn TableProvider>);

/// The tables of a session, by schema.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) events: Vec<NamedTable>,
    pub(crate) marts: Vec<NamedTable>,
    pub(crate) settings: Vec<NamedTable>,
}

/// A session with the functions, the settings and the schemas of a lake, but no tables in `events` and `marts`.
pub fn empty_session(settings: &SessionSettings) -> Result<SessionContext, LakeError> {
    session(settings, Tables::default())
}

pub(crate) fn session(settings: &SessionSettings, mut tables: Tables) -> Result<SessionContext, LakeError> {
    let zones = Arc::new(Zones::new(&settings.shops, &settings.default_shop)?);
    let mut config = settings
        .config
        .clone()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, MARTS)
        .with_information_schema(true);
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.time_zone = Some("UTC".to_owned());
    let context = SessionContext::new_with_config_rt(config, Arc::clone(&settings.runtime));
    for table in &settings.beside {
        tables.events.push((table.name().to_owned(), table.provider()?));
    }
    tables.settings.push(("shops".to_owned(), shops_table(&settings.shops)?));
    for (name, rows) in &settings.reference {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?;
        tables.settings.push((name.clone(), Arc::new(table)));
    }
    let catalog = MemoryCatalogProvider::new();
    for (name, tables) in [(EVENTS, tables.events), (MARTS, tables.marts), (SETTINGS, tables.settings)] {
        let schema = MemorySchemaProvider::new();
        for (table, provider) in tables {
            schema.register_table(table, provider)?;
        }
        catalog.register_schema(name, Arc::new(schema))?;
    }
    context.register_catalog(CATALOG, Arc::new(catalog));
    for function in functions(&zones) {
        context.register_udf(function);
    }
    Ok(context)
}

fn shops_table(shops: &[Shop]) -> Result<Arc<dyn TableProvider>, LakeError> {
    type Get = fn(&Shop) -> &str;
    let columns: [(&str, Get); 4] = [
        ("shop", |shop| &shop.shop),
        ("name", |shop| &shop.name),
        ("currency", |shop| &shop.currency),
        ("timezone", |shop| &shop.timezone),
    ];
    text_table(&columns.map(|(name, get)| (name, shops.iter().map(get).collect::<Vec<_>>())))
}

/// A table of texts.
pub(crate) fn text_table(columns: &[(&str, Vec<&str>)]) -> Result<Arc<dyn TableProvider>, LakeError> {
    let fields: Vec<Field> = columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8View, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays =
        columns.iter().map(|(_, values)| Arc::new(StringViewArray::from_iter_values(values)) as ArrayRef).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}
