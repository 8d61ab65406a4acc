//! A set of models: the built-in ones and a user's own, checked against each other and in order of work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mizan_events::Family;

use crate::builtin::{BUILTIN, TABLES};
use crate::error::TransformError;
use crate::fanout::DeclaredKeys;
use crate::graph;
use crate::head::Head;
use crate::sql;
use crate::suggest::did_you_mean;
use crate::tables::{self, ReferenceTable};

/// Tables of settings that a model may read: the shops, and the one row of the run with its instant `as_of`.
const SETTINGS: [&str; 2] = ["settings.shops", "settings.run"];

/// One model: what its files say and what its query reads.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its head.
    pub head: Head,
    /// The file as errors name it.
    pub file: String,
    /// The whole text of the file.
    pub sql: String,
    /// The fixture beside it: file and text.
    pub fixture: Option<(String, String)>,
    /// The check beside it: file and text.
    pub check: Option<(String, String)>,
    /// Every table it reads, as `schema.table`.
    pub reads: Vec<String>,
    /// Whether it comes with Mizan.
    pub(crate) is_builtin: bool,
}

impl Model {
    /// Names of the models it reads.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().filter_map(|table| table.strip_prefix("marts."))
    }

    /// Table name in SQL.
    pub fn table(&self) -> String {
        format!("marts.{}", self.head.name)
    }
}

/// Which models to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// These, with everything they read.
    Named(Vec<String>),
}

/// Models that fit together.
#[derive(Clone, Debug)]
pub struct Project {
    models: BTreeMap<String, Model>,
    order: Vec<String>,
    tables: BTreeMap<String, ReferenceTable>,
}

/// The text of one file that is not read yet as anything.
struct File {
    name: String,
    text: String,
}

impl Project {
    /// The models that come with Mizan.
    pub fn builtin() -> Result<Project, TransformError> {
        let mut found = BTreeMap::new();
        for model in BUILTIN {
            let file = |ending: &str, text: &str| File {
                name: format!("models/{}.{ending}", model.name),
                text: text.to_owned(),
            };
            let beside = (Some(file("test.yml", model.fixture)), Some(file("check.sql", model.check)));
            add(&mut found, model.name, file("sql", model.sql), beside)?;
        }
        found.values_mut().for_each(|model| model.is_builtin = true);
        Project::of(found, tables::builtin(TABLES)?)
    }

    /// These models and those of a folder and its sub-folders, and the reference tables in its `tables`. A model with
    /// the name of another takes its place. A folder that does not exist holds no models.
    pub fn with_folder(self, folder: &Path) -> Result<Project, TransformError> {
        let (mut models, mut tables) = (self.models, self.tables);
        tables::add_folder(&mut tables, folder)?;
        for path in sql_files(folder)? {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if stem.ends_with(".check") {
                continue;
            }
            let beside = |ending: &str| {
                let path = path.with_file_name(format!("{stem}.{ending}"));
                if path.exists() { read(&path).map(Some) } else { Ok(None) }
            };
            let beside = (beside("test.yml")?, beside("check.sql")?);
            add(&mut models, &stem, read(&path)?, beside)?;
        }
        Project::of(models, tables)
    }

    fn of(
        models: BTreeMap<String, Model>,
        reference: BTreeMap<String, ReferenceTable>,
    ) -> Result<Project, TransformError> {
        let tables = known_tables(&models, &reference);
        for model in models.values() {
            for (table, line) in sql::tables(&model.file, &model.sql)? {
                if !tables.contains(&table) {
                    let hint = did_you_mean(&table, tables.iter().map(String::as_str));
                    return Err(TransformError::UnknownTable { file: model.file.clone(), line, table, hint });
                }
            }
            if let Some(incremental) = &model.head.incremental {
                let own = model.table();
                if let Some((table, _)) = incremental.inputs(&own).find(|(table, _)| !model.reads.contains(table)) {
                    let hint = did_you_mean(table, model.reads.iter().map(String::as_str));
                    return Err(incremental.wrong(
                        &model.file,
                        table,
                        format!("the query does not read {table}{hint}"),
                    ));
                }
            }
        }
        let reads =
            models.iter().map(|(name, model)| (name.clone(), model.inputs().map(str::to_owned).collect())).collect();
        let order = graph::ordered(&reads)?;
        Ok(Project { models, order, tables: reference })
    }

    /// Every model, each after those it reads.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.order.iter().filter_map(|name| self.models.get(name))
    }

    /// The columns that tell one row of a table from another, by table.
    pub(crate) fn declared_keys(&self) -> DeclaredKeys {
        let event = vec!["source".to_owned(), "event_id".to_owned()];
        let events = Family::ALL.map(|family| (format!("events.{}", family.table()), event.clone()));
        let shops = ("settings.shops".to_owned(), vec!["shop".to_owned()]);
        // One row: nothing is needed to tell it.
        let run = ("settings.run".to_owned(), Vec::new());
        let marts = self.models.values().map(|model| (model.table(), model.head.key.clone()));
        let reference = self.tables.values().map(|table| (table.table(), table.key.clone()));
        events.into_iter().chain([shops, run]).chain(marts).chain(reference).collect()
    }

    /// The reference tables, by name.
    pub fn tables(&self) -> impl Iterator<Item = &ReferenceTable> {
        self.tables.values()
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// The models of a selection, each after those it reads. With `inputs`, also everything they read.
    pub(crate) fn selected(&self, selection: &Selection, inputs: bool) -> Result<Vec<&Model>, TransformError> {
        let Selection::Named(names) = selection else { return Ok(self.models().collect()) };
        for name in names {
            if !self.models.contains_key(name) {
                let hint = did_you_mean(name, self.models.keys().map(String::as_str));
                return Err(TransformError::UnknownModel { name: name.clone(), hint });
            }
        }
        let wanted = if inputs {
            let reads = self
                .models
                .iter()
                .map(|(name, model)| (name.clone(), model.inputs().map(str::to_owned).collect()))
                .collect();
            graph::with_inputs(&reads, names)
        } else {
            names.clone()
        };
        Ok(self.models().filter(|model| wanted.contains(&model.head.name)).collect())
    }
}

/// Every table that a query may read.
fn known_tables(models: &BTreeMap<String, Model>, reference: &BTreeMap<String, ReferenceTable>) -> Vec<String> {
    let events = Family::ALL.map(|family| format!("events.{}", family.table()));
    let marts = models.keys().map(|name| format!("marts.{name}"));
    let reference = reference.values().map(ReferenceTable::table);
    events.into_iter().chain(SETTINGS.map(str::to_owned)).chain(reference).chain(marts).collect()
}

fn add(
    models: &mut BTreeMap<String, Model>,
    stem: &str,
    File { name: file, text: sql }: File,
    beside: (Option<File>, Option<File>),
) -> Result<(), TransformError> {
    let head = Head::parse(&file, &sql)?;
    if head.name != stem {
        let problem =
            format!("the head names the model {:?}, but the file is {stem}.sql; they must be the same", head.name);
        return Err(TransformError::Head { file, line: 1, problem });
    }
    let reads = sql::tables(&file, &sql)?.into_iter().map(|(table, _)| table).collect();
    let pair = |file: Option<File>| file.map(|File { name, text }| (name, text));
    let (fixture, check) = (pair(beside.0), pair(beside.1));
    models.insert(stem.to_owned(), Model { head, file, sql, fixture, check, reads, is_builtin: false });
    Ok(())
}

fn read(path: &Path) -> Result<File, TransformError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| TransformError::Read { path: path.to_owned(), source })?;
    Ok(File { name: path.display().to_string(), text })
}

/// Paths of all `.sql` files, sorted.
fn sql_files(folder: &Path) -> Result<Vec<PathBuf>, TransformError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(TransformError::Read { path: folder, source }),
        };
        for entry in entries {
            let entry = entry.map_err(|source| TransformError::Read { path: folder.clone(), source })?;
            let kind = entry.file_type().map_err(|source| TransformError::Read { path: entry.path(), source })?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "sql") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str) -> String {
        format!("/* ---\nname: {name}\ndescription: d\ngrain: g\nkey: [shop]\ncolumns:\n  shop: The shop\n--- */\n")
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, query) in files {
            std::fs::write(folder.path().join(format!("{name}.sql")), format!("{}{query}", head(name))).unwrap();
        }
        folder
    }

    #[test]
    fn every_built_in_model_has_a_fixture_and_a_check_and_a_comment_on_every_column() {
        for model in Project::builtin().unwrap().models() {
            assert!(model.fixture.is_some(), "{} has no fixture", model.file);
            assert!(model.check.is_some(), "{} has no check", model.file);
        }
    }

    #[test]
    fn models_come_after_those_they_read() {
        let project = Project::builtin().unwrap();
        let names: Vec<&str> = project.models().map(|model| model.head.name.as_str()).collect();
        for model in project.models() {
            let place = |name: &str| names.iter().position(|other| *other == name).unwrap();
            for input in model.inputs() {
                assert!(place(input) < place(&model.head.name), "{} reads {input}", model.head.name);
            }
        }
    }

    #[test]
    fn a_users_model_joins_the_built_in_ones_or_takes_the_place_of_one() {
        let folder = folder(&[("mine", "select shop from marts.orders"), ("orders", "select shop from events.orders")]);
        let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
        assert_eq!(project.model("mine").unwrap().inputs().collect::<Vec<_>>(), ["orders"]);
        assert_eq!(project.model("orders").unwrap().reads, ["events.orders"]);
        let selection = Selection::Named(vec!["mine".to_owned()]);
        let names: Vec<&str> =
            project.selected(&selection, true).unwrap().iter().map(|model| model.head.name.as_str()).collect();
        assert_eq!(names, ["orders", "mine"]);
    }

    #[test]
    fn an_unknown_table_is_named_with_its_line_and_the_nearest_known_one() {
        let folder = folder(&[("mine", "select shop\nfrom marts.order_line")]);
        let error = Project::builtin().unwrap().with_folder(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("mine.sql:10: no table \"marts.order_line\"; did you mean \"marts.order_lines\"?"),
            "{error}"
        );
    }

    #[test]
    fn a_ring_is_refused_by_its_path() {
        let folder = folder(&[("a", "select shop from marts.b"), ("b", "select shop from marts.a")]);
        let error = Project::builtin().unwrap().with_folder(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "models read each other in a ring: a reads b reads a");
    }

    #[test]
    fn a_file_must_bear_the_name_of_its_model() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.sql"), head("y") + "select 1 as shop").unwrap();
        let error = Project::builtin().unwrap().with_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("the head names the model \"y\", but the file is x.sql"), "{error}");
    }

    #[test]
    fn a_model_that_is_not_there_is_named_with_the_nearest() {
        let selection = Selection::Named(vec!["sale_daily".to_owned()]);
        let error = Project::builtin().unwrap().selected(&selection, true).unwrap_err().to_string();
        assert_eq!(error, "no model \"sale_daily\"; did you mean \"sales_daily\"?");
    }
}
