//! Reference tables: what people know and events do not tell, as CSV files beside the models, read as `settings.NAME`.
//!
//! `tables/NAME.yml` says what the columns are, `tables/NAME.csv` holds the rows. A user's CSV file adds rows to a
//! built-in table and replaces those with an equal key; with a description of its own it takes the table's place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use xxhash_rust::xxh3::xxh3_64;

use crate::cell::{Cell, Kind, SCALE};
use crate::error::TransformError;
use crate::suggest::did_you_mean;
use crate::yaml::{Block, scalar};

/// Digits of a decimal column; rates of small currencies need places that money does not.
const PRECISION: u8 = 28;
/// Tables that the program itself makes under `settings`.
const RESERVED: [&str; 4] = ["shops", "run", "tables", "columns"];

/// A table of reference, as `settings.NAME`.
#[derive(Clone, Debug)]
pub struct ReferenceTable {
    /// Its name in SQL, without the schema.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What the rows mean.
    pub description: String,
    /// Columns that tell one row from another; NULL equals NULL in them.
    pub key: Vec<String>,
    /// The columns, in order.
    pub columns: Vec<TableColumn>,
    rows: Rows,
    /// The rows that come with Mizan, without those of the user.
    builtin: Rows,
}

/// A column of a reference table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What its values mean.
    pub description: String,
    kind: Kind,
}

/// Rows by key.
type Rows = BTreeMap<Vec<Cell>, Vec<Cell>>;

impl ReferenceTable {
    /// A table from its description and its rows.
    pub(crate) fn parse(
        name: &str,
        (yml_file, yml): (&str, &str),
        csv: Option<(&str, &str)>,
    ) -> Result<ReferenceTable, TransformError> {
        let block = Block::of_file("the description", yml_file, yml)?;
        let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !plain || RESERVED.contains(&name) {
            let problem = match plain {
                true => format!("settings.{name} is made by the program; choose another name"),
                false => format!("{name:?} is no name of a table: small letters, digits and _, a letter first"),
            };
            return Err(TransformError::Head { file: yml_file.to_owned(), line: 1, problem });
        }
        block.only(&block.mapping, &["title", "description", "key", "columns"])?;
        let mut table = ReferenceTable {
            name: name.to_owned(),
            title: block.text_of("title")?,
            description: block.text_of("description")?,
            key: block.texts(block.mapping.get("key"), "key")?,
            columns: columns(&block)?,
            rows: Rows::new(),
            builtin: Rows::new(),
        };
        if table.key.is_empty() {
            return Err(block.wrong("key", "key must name the columns that tell one row from another"));
        }
        for name in &table.key {
            if !table.columns.iter().any(|column| column.name == *name) {
                let hint = did_you_mean(name, table.columns.iter().map(|column| column.name.as_str()));
                return Err(block.wrong("key", &format!("{name:?} is not among the columns{hint}")));
            }
        }
        if let Some((file, text)) = csv {
            table.add(file, text)?;
        }
        Ok(table)
    }

    /// Adds the rows of a file; they replace rows of other files with an equal key.
    fn add(&mut self, file: &str, text: &str) -> Result<(), TransformError> {
        let fault = |line: u64, column: Option<&str>, problem: String| TransformError::Table {
            file: file.to_owned(),
            line,
            column: column.map(str::to_owned),
            problem,
        };
        // Spreadsheets begin their files with it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut records = reader.records();
        let read = |record: Result<csv::StringRecord, csv::Error>| {
            record.map_err(|error| {
                let line = error.position().map_or(1, csv::Position::line);
                fault(line, None, format!("not valid CSV: {error}"))
            })
        };
        let Some(header) = records.next() else {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(fault(1, None, format!("is empty; its first line must be {}", names.join(","))));
        };
        let header = read(header)?;
        let places = self.places(&header).map_err(|(column, problem)| fault(1, column.as_deref(), problem))?;
        let mut lines: BTreeMap<Vec<Cell>, u64> = BTreeMap::new();
        for record in records {
            let record = read(record)?;
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != header.len() {
                let problem = format!("has {} fields, the first line {}", record.len(), header.len());
                return Err(fault(line, None, problem));
            }
            let mut row = Vec::with_capacity(self.columns.len());
            for (column, place) in self.columns.iter().zip(&places) {
                let text = record.get(*place).unwrap_or_default();
                let cell = Cell::parse(column.kind, text);
                row.push(cell.map_err(|problem| fault(line, Some(&column.name), format!("{text:?} {problem}")))?);
            }
            let key: Vec<Cell> = self.key_places().map(|place| row[place].clone()).collect();
            if let Some(first) = lines.insert(key.clone(), line) {
                let problem = format!("has the same {} as line {first}", self.key.join(", "));
                return Err(fault(line, None, problem));
            }
            self.rows.insert(key, row);
        }
        Ok(())
    }

    /// Where each column stands in the file.
    fn places(&self, header: &csv::StringRecord) -> Result<Vec<usize>, (Option<String>, String)> {
        let names = || self.columns.iter().map(|column| column.name.as_str());
        for (place, name) in header.iter().enumerate() {
            if !names().any(|known| known == name) {
                let hint = did_you_mean(name, names());
                return Err((Some(name.to_owned()), format!("{} has no such column{hint}", self.table())));
            }
            if header.iter().take(place).any(|earlier| earlier == name) {
                return Err((Some(name.to_owned()), "stands twice in the first line".to_owned()));
            }
        }
        names()
            .map(|name| {
                let place = header.iter().position(|found| found == name);
                place.ok_or_else(|| (Some(name.to_owned()), "is missing from the first line".to_owned()))
            })
            .collect()
    }

    fn key_places(&self) -> impl Iterator<Item = usize> {
        self.key.iter().filter_map(|name| self.columns.iter().position(|column| column.name == *name))
    }

    /// Table name in SQL.
    pub fn table(&self) -> String {
        format!("settings.{}", self.name)
    }

    /// Its schema, with the meaning of each column.
    pub fn schema(&self) -> SchemaRef {
        let comment = |text: &str| [("comment".to_owned(), text.to_owned())].into();
        let fields = self.columns.iter().map(|column| {
            Field::new(&column.name, data_type(column.kind), true).with_metadata(comment(&column.description))
        });
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), comment(&self.description)))
    }

    /// All rows, in order of their keys.
    pub fn batch(&self) -> RecordBatch {
        self.batch_of(&self.rows)
    }

    /// The rows without those that a user added or replaced.
    pub(crate) fn builtin_batch(&self) -> RecordBatch {
        self.batch_of(&self.builtin)
    }

    fn batch_of(&self, rows: &Rows) -> RecordBatch {
        let columns = self.columns.iter().enumerate().map(|(place, column)| {
            let cells = || rows.values().map(move |row| &row[place]);
            let array: ArrayRef = match column.kind {
                Kind::Text => Arc::new(cells().map(Cell::text).collect::<StringArray>()),
                Kind::Integer => Arc::new(cells().map(Cell::integer).collect::<Int64Array>()),
                Kind::Date => Arc::new(cells().map(Cell::date).collect::<Date32Array>()),
                Kind::Boolean => Arc::new(cells().map(Cell::boolean).collect::<BooleanArray>()),
                Kind::Decimal => {
                    let units = cells().map(Cell::decimal).collect::<Decimal128Array>();
                    Arc::new(units.with_data_type(data_type(Kind::Decimal)))
                }
            };
            array
        });
        let columns: Vec<ArrayRef> = columns.collect();
        RecordBatch::try_new(self.schema(), columns).unwrap_or_else(|_| RecordBatch::new_empty(self.schema()))
    }

    /// Changes with any value of any row.
    pub(crate) fn hash(&self) -> u64 {
        xxh3_64(format!("{:?}{:?}{:?}", self.key, self.columns, self.rows).as_bytes())
    }
}

/// The built-in tables, with what lies in the folder `tables` of a user's models.
pub fn reference_tables(models: Option<&Path>) -> Result<Vec<ReferenceTable>, TransformError> {
    let mut tables = builtin(crate::builtin::TABLES)?;
    if let Some(folder) = models {
        add_folder(&mut tables, folder)?;
    }
    Ok(tables.into_values().collect())
}

/// The built-in tables.
pub(crate) fn builtin(
    texts: &[crate::builtin::BuiltinTable],
) -> Result<BTreeMap<String, ReferenceTable>, TransformError> {
    let parsed = texts.iter().map(|text| {
        let (yml, csv) = (format!("models/tables/{}.yml", text.name), format!("models/tables/{}.csv", text.name));
        let mut table = ReferenceTable::parse(text.name, (&yml, text.yml), Some((&csv, text.csv)))?;
        table.builtin = table.rows.clone();
        Ok((table.name.clone(), table))
    });
    parsed.collect()
}

/// Adds what lies in `FOLDER/tables`.
pub(crate) fn add_folder(tables: &mut BTreeMap<String, ReferenceTable>, folder: &Path) -> Result<(), TransformError> {
    let folder = folder.join("tables");
    let mut found: BTreeMap<String, (Option<PathBuf>, Option<PathBuf>)> = BTreeMap::new();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(TransformError::Read { path: folder, source }),
    };
    for entry in entries {
        let path = entry.map_err(|source| TransformError::Read { path: folder.clone(), source })?.path();
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yml") => found.entry(stem).or_default().0 = Some(path),
            Some("csv") => found.entry(stem).or_default().1 = Some(path),
            _ => {}
        }
    }
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| TransformError::Read { path: path.to_owned(), source })
    };
    for (name, files) in found {
        let csv = files.1.map(|path| Ok((path.display().to_string(), read(&path)?))).transpose()?;
        let csv = csv.as_ref().map(|(file, text)| (file.as_str(), text.as_str()));
        match (files.0, csv) {
            (Some(yml), csv) => {
                let table = ReferenceTable::parse(&name, (&yml.display().to_string(), &read(&yml)?), csv)?;
                tables.insert(name, table);
            }
            (None, Some((file, text))) => {
                let hint = did_you_mean(&name, tables.keys().map(String::as_str));
                let Some(table) = tables.get_mut(&name) else {
                    let problem = format!("no {name}.yml beside it says what its columns are{hint}");
                    return Err(TransformError::Table { file: file.to_owned(), line: 1, column: None, problem });
                };
                table.add(file, text)?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn columns(block: &Block<'_>) -> Result<Vec<TableColumn>, TransformError> {
    let columns = block.mapping.get("columns").and_then(yaml_serde::Value::as_mapping);
    let Some(columns) = columns.filter(|columns| !columns.is_empty()) else {
        let problem = "columns must list every column as `name: {type: text, description: …}`";
        return Err(block.wrong("columns", problem));
    };
    columns
        .iter()
        .map(|(name, value)| {
            let Some(name) = scalar(name) else {
                return Err(block.wrong("columns", "a column's name must be text"));
            };
            let Some(says) = value.as_mapping() else {
                return Err(block.wrong(&name, &format!("column {name:?} needs {{type: …, description: …}}")));
            };
            block.only(says, &["type", "description"])?;
            let said = |key: &str| says.get(key).and_then(scalar).filter(|text| !text.trim().is_empty());
            let kind = said("type").unwrap_or_default();
            let kind = Kind::parse(&kind).ok_or_else(|| {
                block.wrong(&name, &format!("column {name:?}: type must be one of {}", Kind::NAMES.join(", ")))
            })?;
            let description = said("description")
                .ok_or_else(|| block.wrong(&name, &format!("column {name:?} needs its meaning as description")))?;
            Ok(TableColumn { name, description: description.trim().to_owned(), kind })
        })
        .collect()
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Decimal => DataType::Decimal128(PRECISION, SCALE),
        Kind::Integer => DataType::Int64,
        Kind::Date => DataType::Date32,
        Kind::Boolean => DataType::Boolean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YML: &str = "title: Fees\ndescription: What a provider asks\nkey: [provider, method]\ncolumns:\n  provider: {type: text, description: Who}\n  method: {type: text, description: \"How; empty: any\"}\n  percent: {type: decimal, description: Share}\n";
    const CSV: &str = "provider,method,percent\ntap,,0.025\ntap,mada,0.01\n";

    fn built_in() -> BTreeMap<String, ReferenceTable> {
        builtin(&[crate::builtin::BuiltinTable { name: "fees", yml: YML, csv: CSV }]).unwrap()
    }

    fn with(files: &[(&str, &str)]) -> Result<BTreeMap<String, ReferenceTable>, TransformError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tables")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("tables").join(name), text).unwrap();
        }
        let mut tables = built_in();
        add_folder(&mut tables, folder.path()).map(|()| tables)
    }

    fn rows(batch: &RecordBatch) -> Vec<String> {
        let texts = crate::rows::texts(std::slice::from_ref(batch)).unwrap();
        texts.iter().map(|row| row.iter().map(|v| v.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_users_rows_are_added_and_replace_those_of_an_equal_key_null_included() {
        let tables = with(&[("fees.csv", "\u{feff}percent,provider,method\n0.03,tap,\n0.02,hyperpay,\n")]).unwrap();
        let fees = &tables["fees"];
        assert_eq!(rows(&fees.batch()), ["hyperpay - 0.02", "tap - 0.03", "tap mada 0.01"]);
        assert_eq!(rows(&fees.builtin_batch()), ["tap - 0.025", "tap mada 0.01"]);
        assert_ne!(fees.hash(), built_in()["fees"].hash());
    }

    #[test]
    fn a_description_of_the_users_own_makes_a_new_table_or_takes_the_place_of_a_built_in_one() {
        let own = "title: T\ndescription: d\nkey: [day]\ncolumns:\n  day: {type: date, description: D}\n";
        let tables = with(&[("fees.yml", own), ("rates.yml", own), ("rates.csv", "day\n2026-03-01\n")]).unwrap();
        assert_eq!(tables["fees"].batch().num_rows(), 0);
        assert_eq!(rows(&tables["rates"].batch()), ["2026-03-01"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_its_line_and_its_column() {
        let error = |csv: &str| with(&[("fees.csv", csv)]).unwrap_err().to_string();
        let ends = |csv: &str, end: &str| assert!(error(csv).ends_with(end), "{}", error(csv));
        ends(
            "provider,method,percent\na,b,1\na,c,2.5%\n",
            "fees.csv:3, column percent: \"2.5%\" is no plain decimal number such as 12.500",
        );
        ends("provider,method,percent\na,,1\nb,,1\na,,2\n", "fees.csv:4: has the same provider, method as line 2");
        ends("provider,method\na,b\n", "fees.csv:1, column percent: is missing from the first line");
        ends(
            "provider,method,precent\n",
            "fees.csv:1, column precent: settings.fees has no such column; did you mean \"percent\"?",
        );
        ends("provider,method,percent\na,b\n", "fees.csv:2: has 2 fields, the first line 3");
        ends("", "fees.csv:1: is empty; its first line must be provider,method,percent");
        let error = with(&[("fee.csv", CSV)]).unwrap_err().to_string();
        assert!(
            error.ends_with("fee.csv:1: no fee.yml beside it says what its columns are; did you mean \"fees\"?"),
            "{error}"
        );
    }

    #[test]
    fn a_description_is_as_strict_as_a_head() {
        let error = |from: &str, to: &str| with(&[("fees.yml", &YML.replace(from, to))]).unwrap_err().to_string();
        let text = error("type: decimal", "type: number");
        assert!(
            text.ends_with("fees.yml:7: column \"percent\": type must be one of text, decimal, integer, date, boolean"),
            "{text}"
        );
        let text = error("key: [provider, method]", "key: [provider, metod]");
        assert!(text.ends_with("fees.yml:3: \"metod\" is not among the columns; did you mean \"method\"?"), "{text}");
        let text = error("title", "titel");
        assert!(text.contains("fees.yml:1: unknown key \"titel\"; did you mean \"title\"?"), "{text}");
        let text = with(&[("run.yml", YML)]).unwrap_err().to_string();
        assert!(text.ends_with("run.yml:1: settings.run is made by the program; choose another name"), "{text}");
    }
}
