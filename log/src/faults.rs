//! Failures of a disk, for tests.

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What shall fail from now on. Clones are the same plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    plan: Arc<Mutex<Plan>>,
    gate: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Bytes that may still be written before the disk is full.
    space: Option<usize>,
    fail_write: bool,
    fail_sync: bool,
    fail_set_len: bool,
    syncs: u64,
    held: u64,
}

/// While it lives, every fsync waits.
pub(crate) struct Held<'a>(#[expect(dead_code, reason = "held until dropped")] MutexGuard<'a, ()>);

impl Faults {
    pub(crate) fn set_space(&self, bytes: Option<usize>) {
        self.plan.lock().unwrap().space = bytes;
    }

    pub(crate) fn fail_write(&self, fail: bool) {
        self.plan.lock().unwrap().fail_write = fail;
    }

    pub(crate) fn fail_sync(&self, fail: bool) {
        self.plan.lock().unwrap().fail_sync = fail;
    }

    pub(crate) fn fail_set_len(&self, fail: bool) {
        self.plan.lock().unwrap().fail_set_len = fail;
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.plan.lock().unwrap().syncs
    }

    pub(crate) fn hold_syncs(&self) -> Held<'_> {
        Held(self.gate.lock().unwrap())
    }

    /// How many fsyncs have begun to wait.
    pub(crate) fn held(&self) -> u64 {
        self.plan.lock().unwrap().held
    }

    /// How many bytes are written before which error.
    pub(crate) fn on_write(&self, bytes: usize) -> Option<(usize, Error)> {
        let mut plan = self.plan.lock().unwrap();
        if plan.fail_write {
            return Some((bytes / 2, Error::other("injected write error")));
        }
        let space = plan.space.as_mut()?;
        if bytes > *space {
            return Some((std::mem::take(space), Error::from(ErrorKind::StorageFull)));
        }
        *space -= bytes;
        None
    }

    pub(crate) fn on_sync(&self) -> Result<()> {
        if self.gate.try_lock().is_err() {
            self.plan.lock().unwrap().held += 1;
            drop(self.gate.lock().unwrap());
        }
        let mut plan = self.plan.lock().unwrap();
        plan.syncs += 1;
        if plan.fail_sync { Err(Error::other("injected sync error")) } else { Ok(()) }
    }

    pub(crate) fn on_set_len(&self) -> Result<()> {
        if self.plan.lock().unwrap().fail_set_len { Err(Error::other("injected truncate error")) } else { Ok(()) }
    }
}

/// A folder whose disk fails at a step that a test chooses, whoever in this room takes it. Steps are everything that
/// changes the disk: writes, syncs, lengths, names.
pub(crate) struct Disk {
    root: PathBuf,
    steps: Arc<Mutex<Steps>>,
}

#[derive(Debug, Default)]
struct Steps {
    taken: usize,
    plan: Option<(usize, Death)>,
}

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The step fails and every one after it: what is on the disk is what a crash leaves there.
    ForGood,
    /// The step fails, the others do not.
    Once(ErrorKind),
}

static DISKS: Mutex<Vec<(PathBuf, Arc<Mutex<Steps>>)>> = Mutex::new(Vec::new());

impl Disk {
    /// The disk under a folder, which fails at this step, counted from 0.
    pub(crate) fn failing(root: &Path, step: usize, death: Death) -> Disk {
        let steps = Arc::new(Mutex::new(Steps { taken: 0, plan: Some((step, death)) }));
        DISKS.lock().unwrap().push((root.to_owned(), Arc::clone(&steps)));
        Disk { root: root.to_owned(), steps }
    }

    /// Whether the step was reached.
    pub(crate) fn has_failed(&self) -> bool {
        let steps = self.steps.lock().unwrap();
        steps.plan.is_some_and(|(step, _)| steps.taken > step)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        DISKS.lock().unwrap().retain(|(root, _)| *root != self.root);
    }
}

/// What every change of the disk asks first.
pub(crate) fn before_change(path: &Path) -> Result<()> {
    let disks = DISKS.lock().unwrap();
    let Some((_, steps)) = disks.iter().find(|(root, _)| path.starts_with(root)) else { return Ok(()) };
    let mut steps = steps.lock().unwrap();
    let step = steps.taken;
    steps.taken += 1;
    match steps.plan {
        Some((at, Death::ForGood)) if step >= at => Err(Error::other("the disk is gone")),
        Some((at, Death::Once(kind))) if step == at => Err(Error::from(kind)),
        _ => Ok(()),
    }
}
