//! Keys that were looked up before, until one is revoked in whatever process.
//!
//! Every request names a key, and a look into the database costs more than all the rest of a small request. A key stays
//! what it is until it is revoked; who revokes replaces a file beside the database, and a look at that costs a microsecond.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Key;

/// More keys than shops have; beyond it all are looked up anew.
const KEPT_MAX: usize = 1_000;

/// Which file it was: another one is another inode, or a later change of the same.
type Stamp = Option<(u64, i64, i64)>;

/// The keys, by the hash of their secrets.
#[derive(Debug)]
pub(crate) struct Recent {
    revoked: PathBuf,
    kept: Mutex<(Stamp, HashMap<[u8; 32], Key>)>,
}

impl Recent {
    /// For the database in this file.
    pub(crate) fn beside(database: &Path) -> Recent {
        let revoked = database.with_extension("revoked");
        let kept = Mutex::new((stamp(&revoked), HashMap::new()));
        Recent { revoked, kept }
    }

    /// What to give back to [`keep`](Self::keep) after a look into the database.
    pub(crate) fn stamp(&self) -> Stamp {
        stamp(&self.revoked)
    }

    /// The key with this hash, if it was looked up since the last was revoked.
    pub(crate) fn get(&self, hash: &[u8; 32]) -> Option<Key> {
        let now = self.stamp();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != now {
            *kept = (now, HashMap::new());
        }
        kept.1.get(hash).cloned()
    }

    /// Keeps a key that was found after `stamp` was taken.
    pub(crate) fn keep(&self, stamp: Stamp, hash: [u8; 32], key: Key) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Revoked in between: it may be this one.
        if kept.0 != stamp {
            return;
        }
        if kept.1.len() >= KEPT_MAX {
            kept.1.clear();
        }
        kept.1.insert(hash, key);
    }

    /// A key was revoked: from the return of this on, every process looks again.
    pub(crate) fn forget(&self) -> io::Result<()> {
        let fresh = self.revoked.with_extension(format!("revoked-{}", uuid::Uuid::now_v7()));
        fs::write(&fresh, b"")?;
        fs::rename(&fresh, &self.revoked)
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}
