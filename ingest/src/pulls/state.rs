//! How far a pull has come, so that the next one goes on there.
//!
//! One small file a connector, `pulls/NAME.json` in the data directory. It is written only after the events of a page are
//! on disk. A crash in between reads that page again, of which all is known then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::error::PullError;
use crate::durable;

const VERSION: u32 = 1;
/// The next pull begins this long before the end of the last one: what is told late is told within it.
const OVERLAP_US: i64 = 24 * 3_600 * 1_000_000;

/// Where the pull of one connector is.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    saved: Saved,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    version: u32,
    /// Whose data it is: another account begins anew.
    address: String,
    /// Everything up to here was pulled, in microseconds since 1970.
    complete_until: Option<i64>,
    run: Option<Run>,
    /// What lies in the rejected store already.
    refused: BTreeSet<String>,
}

/// A pull under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// From here; none is the beginning.
    pub(super) since: Option<i64>,
    /// To here, if the person said so.
    pub(super) until: Option<i64>,
    /// When it was begun.
    pub(super) started: i64,
    /// Each kind of object that was begun.
    kinds: BTreeMap<String, Step>,
}

/// How far one kind of object is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// The next page.
    At(String),
    /// Read to its end.
    Done,
}

impl State {
    /// The state of a connector. One that cannot be read, or is about another account, counts as none.
    pub(super) fn open(data: &Path, connector: &str, address: &str) -> Result<State, PullError> {
        let folder = data.join("pulls");
        fs::create_dir_all(&folder).map_err(|source| PullError::State { path: folder.clone(), source })?;
        let path = folder.join(format!("{connector}.json"));
        let saved = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Saved>(&bytes)
                .ok()
                .filter(|saved| saved.version == VERSION && saved.address == address),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(PullError::State { path, source }),
        };
        let fresh = || Saved { version: VERSION, address: address.to_owned(), ..Saved::default() };
        Ok(State { path, saved: saved.unwrap_or_else(fresh) })
    }

    /// The pull to go on with, or a new one. Without `since` that is the one under way, or what followed the last one.
    /// Says whether it was under way.
    pub(super) fn begin(
        &mut self,
        since: Option<i64>,
        until: Option<i64>,
        again: bool,
        now: i64,
    ) -> Result<(Run, bool), PullError> {
        let asked_for = |run: &&Run| (since.is_none() || run.since == since) && (until.is_none() || run.until == until);
        if let Some(run) = self.saved.run.as_ref().filter(asked_for).filter(|_| !again) {
            return Ok((run.clone(), true));
        }
        let since = since.or(self.saved.complete_until.filter(|_| !again).map(|until| until - OVERLAP_US));
        let run = Run { since, until, started: now, kinds: BTreeMap::new() };
        self.saved.run = Some(run.clone());
        self.write()?;
        Ok((run, false))
    }

    /// How far a kind is; none when it was not begun.
    pub(super) fn step(&self, kind: &str) -> Option<&Step> {
        self.saved.run.as_ref().and_then(|run| run.kinds.get(kind))
    }

    /// Keeps how far a kind is; the events before it must be on disk.
    pub(super) fn keep(&mut self, kind: &str, step: Step) -> Result<(), PullError> {
        if let Some(run) = &mut self.saved.run {
            run.kinds.insert(kind.to_owned(), step);
        }
        self.write()
    }

    /// Keeps that all kinds were read to their end.
    pub(super) fn finish(&mut self) -> Result<(), PullError> {
        if let Some(run) = self.saved.run.take() {
            let until = run.until.map_or(run.started, |until| until.min(run.started));
            let known = self.saved.complete_until;
            // A gap before it stays open: the next pull closes it.
            if known.is_none_or(|known| until > known && run.since.is_none_or(|since| since <= known)) {
                self.saved.complete_until = Some(until);
            }
        }
        self.write()
    }

    /// What lies in the rejected store already.
    pub(super) fn refused(&mut self) -> &mut BTreeSet<String> {
        &mut self.saved.refused
    }

    fn write(&self) -> Result<(), PullError> {
        let json = serde_json::to_vec(&self.saved).map_err(io::Error::from);
        let written = json.and_then(|json| durable::replace(&self.path, &json));
        written.map_err(|source| PullError::State { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = OVERLAP_US;

    fn open(data: &Path) -> State {
        State::open(data, "a", "https://x.example/").unwrap()
    }

    #[test]
    fn a_pull_goes_on_where_it_was_cut_and_the_next_one_a_day_before_its_end() {
        let data = tempfile::tempdir().unwrap();
        let mut state = open(data.path());
        let (run, resumed) = state.begin(Some(10 * DAY), None, false, 30 * DAY).unwrap();
        assert_eq!((run.since, run.started, resumed), (Some(10 * DAY), 30 * DAY, false));
        state.keep("orders", Step::At("p2".to_owned())).unwrap();

        // With the same words, and without any.
        for since in [Some(10 * DAY), None] {
            let mut state = open(data.path());
            let (run, resumed) = state.begin(since, None, false, 31 * DAY).unwrap();
            assert_eq!((run.started, resumed), (30 * DAY, true));
            assert_eq!(state.step("orders"), Some(&Step::At("p2".to_owned())));
        }
        let mut state = open(data.path());
        state.begin(None, None, false, 31 * DAY).unwrap();
        state.finish().unwrap();
        let mut state = open(data.path());
        let (run, resumed) = state.begin(None, None, false, 40 * DAY).unwrap();
        assert_eq!((run.since, resumed, state.step("orders")), (Some(29 * DAY), false, None));
    }

    #[test]
    fn other_words_or_again_begin_anew_and_a_gap_stays_open() {
        let data = tempfile::tempdir().unwrap();
        let mut state = open(data.path());
        state.begin(None, Some(5 * DAY), false, 30 * DAY).unwrap();
        state.keep("orders", Step::Done).unwrap();
        assert!(!state.begin(None, Some(5 * DAY), true, 30 * DAY).unwrap().1);
        state.finish().unwrap();
        // Days 5 to 20 were never pulled.
        state.begin(Some(20 * DAY), None, false, 31 * DAY).unwrap();
        state.finish().unwrap();
        assert_eq!(state.begin(None, None, false, 32 * DAY).unwrap().0.since, Some(4 * DAY));
    }

    #[test]
    fn another_account_or_a_damaged_file_begins_anew() {
        let data = tempfile::tempdir().unwrap();
        let mut state = open(data.path());
        state.begin(None, None, false, DAY).unwrap();
        state.finish().unwrap();
        let mut other = State::open(data.path(), "a", "https://y.example/").unwrap();
        assert_eq!(other.begin(None, None, false, 3 * DAY).unwrap().0.since, None);
        fs::write(data.path().join("pulls/a.json"), "{\"version\":").unwrap();
        assert_eq!(open(data.path()).begin(None, None, false, 3 * DAY).unwrap().0.since, None);
    }
}
