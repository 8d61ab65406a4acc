//! A mapping, ready to be applied to records.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use jaq_core::{Ctx, Filter, Vars, unwrap_valr};
use jaq_json::Val;
use xxhash_rust::xxh3::xxh3_128;

use super::budget::{Budget, Meter, Metered, Run, STACK_BYTES, Spent};
use super::directives::Directives;
use super::error::{MapError, MappingError};
use super::input::Values;
use super::{emit, program};
use crate::files::{Row, Rows};

/// Characters of a program's own error that are passed on.
const REASON_CHARS: usize = 400;

/// A compiled mapping. Cheap to clone, and to share between threads by reference.
#[derive(Clone)]
pub struct Mapping {
    name: String,
    directives: Directives,
    filter: Arc<Filter<Metered>>,
    hash: u128,
    budget: Budget,
    /// What events carry that do not say it themselves.
    defaults: Vec<(&'static str, String)>,
}

impl Mapping {
    /// Reads and compiles a mapping file; its name is the file's, without the extension.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, MappingError> {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).map_err(|source| MappingError::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().map_or_else(|| "mapping".into(), |stem| stem.to_string_lossy());
        Self::parse(&name, &text)
    }

    /// Compiles the text of a mapping called `name`.
    pub fn parse(name: &str, text: &str) -> Result<Self, MappingError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let directives = Directives::parse(name, text)?;
        let source = directives.source.clone().unwrap_or_else(|| name.to_owned());
        Ok(Self {
            name: name.to_owned(),
            directives,
            filter: Arc::new(program::compile(name, text)?),
            hash: xxh3_128(text.as_bytes()),
            budget: Budget::default(),
            defaults: vec![("specversion", "1.0".to_owned()), ("source", source)],
        })
    }

    /// The same mapping with another budget for each record.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The same mapping for events of this source and shop, where they name none themselves.
    #[must_use]
    pub fn for_source(&self, source: &str, shop: &str) -> Self {
        let defaults =
            vec![("specversion", "1.0".to_owned()), ("source", source.to_owned()), ("shop", shop.to_owned())];
        Self { defaults, ..self.clone() }
    }

    /// The same mapping for events of this shop, where they name none themselves.
    #[must_use]
    pub fn for_shop(&self, shop: &str) -> Self {
        let mut mapping = self.clone();
        mapping.defaults.retain(|(name, _)| *name != "shop");
        mapping.defaults.push(("shop", shop.to_owned()));
        mapping
    }

    /// The mapping's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its top lines say about the files.
    pub fn directives(&self) -> &Directives {
        &self.directives
    }

    /// A hash of its text: another text, another import.
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// The events of one record, as JSON text.
    ///
    /// Starts a thread with a stack of its own size; for many records, [`apply_all`](Self::apply_all) starts
    /// one for all.
    pub fn apply(&self, rows: &Rows) -> Result<Vec<String>, MapError> {
        let mut results = self.apply_all(std::slice::from_ref(rows), 1);
        results.pop().unwrap_or_else(|| Err(MapError::Internal("no result came back".to_owned())))
    }

    /// The events of one JSON value, as JSON text.
    pub fn apply_json(&self, json: &str) -> Result<Vec<String>, MapError> {
        let bytes = bytes::Bytes::copy_from_slice(json.as_bytes());
        self.apply(&Rows::One(Row::Json(bytes)))
    }

    /// The events of each of many records, in their order, on up to `threads` threads.
    pub fn apply_all(&self, records: &[Rows], threads: usize) -> Vec<Result<Vec<String>, MapError>> {
        let share = records.len().div_ceil(threads.max(1)).max(1);
        thread::scope(|scope| {
            let running: Vec<_> = records
                .chunks(share)
                .map(|part| {
                    let work = move || {
                        let mut values = Values::default();
                        part.iter().map(|rows| self.run(rows, &mut values)).collect::<Vec<_>>()
                    };
                    let started = thread::Builder::new()
                        .name("mapping".to_owned())
                        .stack_size(STACK_BYTES)
                        .spawn_scoped(scope, work);
                    (part.len(), started)
                })
                .collect();
            running
                .into_iter()
                .flat_map(|(count, started)| {
                    let failed = |reason: String| vec![Err(MapError::Internal(reason)); count];
                    match started {
                        Ok(handle) => handle.join().unwrap_or_else(|_| failed("its thread ended early".to_owned())),
                        Err(error) => failed(format!("no thread could be started: {error}")),
                    }
                })
                .collect()
        })
    }

    fn run(&self, rows: &Rows, values: &mut Values) -> Result<Vec<String>, MapError> {
        // The interpreter is stateless between records, so nothing half-done is left behind by an unwinding.
        catch_unwind(AssertUnwindSafe(|| self.run_metered(rows, values))).unwrap_or_else(|payload| {
            Err(match Spent::reason(&*payload) {
                Some(reason) => MapError::Budget(reason),
                None => MapError::Internal("the interpreter failed on this record".to_owned()),
            })
        })
    }

    fn run_metered(&self, rows: &Rows, values: &mut Values) -> Result<Vec<String>, MapError> {
        let value = values.of(rows)?;
        let meter = Meter::new(&self.budget, rows.len());
        let data = Run { lut: &self.filter.lut, meter: &meter };
        let ctx = Ctx::<Metered>::new(data, Vars::new([]));
        let mut events = Vec::new();
        for output in self.filter.id.run((ctx, value)).map(unwrap_valr) {
            let value = output.map_err(|error| MapError::Program(reason(error.into_val())))?;
            if events.len() == self.budget.outputs {
                return Err(MapError::Budget("emits too many events for one record"));
            }
            let text = self.event(&value).map_err(|problem| MapError::Output { index: events.len() + 1, problem })?;
            meter.charge(text.len());
            events.push(text);
        }
        Ok(events)
    }

    fn event(&self, value: &Val) -> Result<String, String> {
        emit::event(value, &self.defaults, self.budget.event_bytes)
    }
}

fn reason(value: Val) -> String {
    let text = match &value {
        Val::TStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => emit::text(other, 1 << 16).unwrap_or_else(|problem| problem),
    };
    match text.char_indices().nth(REASON_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
