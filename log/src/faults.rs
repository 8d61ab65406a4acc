//! Failures of a disk, for tests.

use std::io::{Error, ErrorKind, Result};
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
