//! Folders that are watched: files that appear in them are imported, once, while the server runs.
//!
//! One thread looks into each folder every few seconds, which works on network shares as well. A file is taken once its
//! size and time are the same at two looks. What is in the log is left to the worker that follows it; how far a file
//! has come is kept as for any import, so that a stop or a crash costs no event and doubles none. Nothing of the user's
//! is ever moved or deleted.

mod looks;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::{FileError, Source, SourceFile};
use crate::import::{ImportError, ImportOptions, ImportSummary, Stop, append};
use crate::intake::Intake;
use crate::mapping::{Mapping, MappingError};
use looks::{Looks, Turn, list};

/// How long between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A folder to watch, as the settings name it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchSettings {
    /// The folder.
    pub folder: PathBuf,
    /// The mapping for its files; without one they hold events.
    pub mapping: Option<PathBuf>,
    /// The shop of events that name none.
    pub shop: Option<String>,
}

/// Why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is nothing to look into.
    #[error("folder: {folder} cannot be read: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its mapping cannot be used.
    #[error("mapping: {0}")]
    Mapping(#[from] MappingError),
}

/// A folder that can be watched.
pub struct Watch {
    folder: PathBuf,
    mapping: Option<Mapping>,
    shop: Option<String>,
}

impl Watch {
    /// Looks whether the folder is there and the mapping is sound. Paths are taken from `base`.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub fn new(settings: &WatchSettings, base: &Path) -> Result<Watch, WatchError> {
        let folder = base.join(&settings.folder);
        std::fs::read_dir(&folder).map_err(|source| WatchError::Folder { folder: folder.clone(), source })?;
        let mapping = settings.mapping.as_ref().map(|path| Mapping::load(base.join(path))).transpose()?;
        Ok(Watch { folder, mapping, shop: settings.shop.clone() })
    }
}

/// The thread that looks.
pub struct Watcher {
    stop: Stop,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Begins to look into these folders; `data` is the data directory.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(watches: Vec<Watch>, intake: Intake, data: &Path) -> io::Result<Watcher> {
        let stop = Stop::default();
        let (wake, woken) = channel();
        let mut thread = None;
        if !watches.is_empty() {
            let folders = watches.into_iter().map(|watch| Folder { watch, looks: Looks::default(), lost: false });
            let importer = Importer { intake, data: data.to_owned(), stop: stop.clone() };
            let mut folders: Vec<Folder> = folders.collect();
            let work = move || run(&mut folders, &importer, &woken);
            thread = Some(std::thread::Builder::new().name("mizan-watch".to_owned()).spawn(work)?);
        }
        Ok(Watcher { stop, wake: Some(wake), thread })
    }

    /// Ends it after the rows that are under way; waits until everything that was read is in the log. Blocks.
    pub fn stop(mut self) {
        self.ask();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that watches folders broke down; what it took is safe");
        }
    }

    fn ask(&mut self) {
        self.stop.ask();
        // Without a sender the thread wakes.
        self.wake = None;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.ask();
    }
}

fn run(folders: &mut [Folder], importer: &Importer, woken: &Receiver<()>) {
    loop {
        for folder in &mut *folders {
            folder.look(importer);
        }
        if woken.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// A watched folder with what is known of its files.
struct Folder {
    watch: Watch,
    looks: Looks,
    /// Whether it could not be read at the last look.
    lost: bool,
}

impl Folder {
    fn look(&mut self, importer: &Importer) {
        let folder = self.watch.folder.display();
        match list(&self.watch.folder) {
            Ok(found) => {
                if std::mem::take(&mut self.lost) {
                    tracing::warn!(%folder, "the watched folder is back");
                }
                self.looks.saw(found);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.lost, true) {
                    tracing::error!(%folder, %error, "the watched folder cannot be read; will look again");
                    failed();
                }
                return;
            }
        }
        for path in self.looks.due() {
            if importer.stop.is_asked() {
                return;
            }
            let turn = importer.take(&self.watch, &path);
            if let Turn::Failed { error, .. } = &turn
                && self.looks.is_news(&path)
            {
                tracing::error!(file = %path.display(), %error, "a file of a watched folder cannot be imported");
                failed();
            }
            self.looks.took(&path, &turn);
        }
    }
}

fn failed() {
    metrics::counter!("mizan_watch_failures_total").increment(1);
}

/// What every import needs.
struct Importer {
    intake: Intake,
    data: PathBuf,
    stop: Stop,
}

impl Importer {
    fn take(&self, watch: &Watch, path: &Path) -> Turn {
        match self.import(watch, path) {
            Ok(summary) => {
                told(path, &summary);
                Turn::Done
            }
            Err(ImportError::Stopped) => Turn::Stopped,
            Err(ImportError::File(FileError::UnknownType { .. })) => {
                tracing::warn!(file = %path.display(), "not a kind of file that can be imported; passed over");
                Turn::Done
            }
            // Gone since it was seen: nothing is wrong with that.
            Err(ImportError::File(FileError::Read { .. })) if !path.exists() => Turn::Done,
            // The file itself will not get better; the disk, the network or the log may.
            Err(ImportError::File(error)) if !matches!(error, FileError::Read { .. }) => {
                Turn::Failed { error: error.to_string(), again: false }
            }
            Err(error) => Turn::Failed { error: error.to_string(), again: true },
        }
    }

    fn import(&self, watch: &Watch, path: &Path) -> Result<ImportSummary, ImportError> {
        let source = Source { files: vec![SourceFile::open(path)?], skipped: Vec::new() };
        let options = ImportOptions { data: self.data.clone(), again: false, strict: false, shop: watch.shop.clone() };
        append(&self.intake, &source, watch.mapping.as_ref(), &options, &self.stop)
    }
}

fn told(path: &Path, summary: &ImportSummary) {
    let ImportSummary { files, accepted, duplicates, conflicts, rejected, .. } = *summary;
    if files == 0 {
        tracing::debug!(file = %path.display(), "was imported before");
        return;
    }
    tracing::info!(file = %path.display(), events = accepted, duplicates, rejected, "took a file of a watched folder");
    if rejected > 0 {
        tracing::warn!(file = %path.display(), rejected, "rows were refused; `mizan rejected list` shows why");
    }
    if conflicts > 0 {
        tracing::warn!(file = %path.display(), conflicts, "events were known with other content, which stays");
    }
    metrics::counter!("mizan_watch_files_total").increment(1);
    metrics::counter!("mizan_events_accepted_total").increment(accepted);
    metrics::counter!("mizan_events_duplicate_total").increment(duplicates);
    metrics::counter!("mizan_events_rejected_total").increment(rejected);
}
