//! The front of the store, owned by the writer: one question an entry, "is it new?".

use std::hint::black_box;
use std::sync::Arc;
use std::thread::JoinHandle;

use std::path::Path;

use hashbrown::HashSet;
use hashbrown::hash_set::Entry;

use super::background::start;
use super::filter::Hash;
use super::shelf::{Frozen, Shelf, Shelved};
use super::{Known, Named};
use crate::error::LogError;

/// Identities in memory. The hasher is seeded at random: senders choose identities, and shall not choose collisions.
pub(crate) type Set = HashSet<Named>;

/// Lookups made together; their answers fit into one word.
const TOGETHER: usize = 64;

/// Why the store cannot say whether an identity is new.
#[derive(Debug)]
pub(crate) enum IdentityError {
    /// Memory is as full as it may be, and there is no disk space to seal it.
    Full,
    /// Memory is as full as it may be, and sealing fails for another reason.
    Stuck,
    /// A sealed run cannot be read.
    Unreadable(LogError),
}

/// Answers to [`TOGETHER`] lookups: a bit for each.
#[derive(Default)]
struct Shelves {
    known: u64,
    /// Of the known ones, those that say the same.
    same: u64,
}

impl Shelves {
    fn mark(&mut self, place: usize, same: bool) {
        self.known |= 1 << place;
        self.same |= u64::from(same) << place;
    }
}

/// Every identity ever stored.
pub(crate) struct Identities {
    recent: Set,
    recent_max: usize,
    /// The last position whose identity is frozen or sealed.
    frozen_to: u64,
    shelved: Shelved,
    shelf: Arc<Shelf>,
    threads: Vec<JoinHandle<()>>,
}

impl Identities {
    /// Opens what is sealed in a folder. What came later has to be [`restore`](Identities::restore)d.
    pub(crate) fn open(dir: &Path, recent_max: usize) -> Result<Identities, LogError> {
        let shelf = Arc::new(Shelf::open(dir)?);
        Ok(Identities {
            recent: Set::new(),
            recent_max,
            frozen_to: shelf.sealed_to(),
            shelved: shelf.shelved(),
            threads: start(&shelf)?,
            shelf,
        })
    }

    pub(crate) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf)
    }

    /// The last position whose identity is sealed.
    pub(crate) fn sealed_to(&self) -> u64 {
        self.shelf.sealed_to()
    }

    /// Identities in sealed runs.
    pub(crate) fn sealed(&self) -> u64 {
        self.shelf.stats().sealed_identities
    }

    /// Identities in the recent set.
    pub(crate) fn recent(&self) -> usize {
        self.recent.len()
    }

    /// Gets ready for up to `more` identities, of records behind `last_position`. Waits when sealing does not keep up.
    pub(crate) fn make_room(&mut self, more: usize, last_position: u64) -> Result<(), IdentityError> {
        if !self.recent.is_empty() && self.recent.len() + more > self.recent_max {
            self.shelf.wait_room()?;
            self.freeze(last_position);
        }
        if more > 0 && self.recent.capacity() == 0 {
            // In full at once: growing later would stop the writer to move everything.
            self.recent = Set::with_capacity(self.recent_max);
        }
        self.shelved = self.shelf.shelved();
        Ok(())
    }

    /// Remembers identities, one after the other, and says of each what was known of it. New ones are added to `fresh`, also
    /// when it fails half way.
    ///
    /// A lookup waits for memory more than it computes, so they are made a few dozen at a time, each kind together.
    pub(crate) fn insert_all(
        &mut self,
        identities: impl ExactSizeIterator<Item = u128>,
        fresh: &mut Vec<u128>,
    ) -> Result<Vec<Known>, IdentityError> {
        let mut known = Vec::with_capacity(identities.len());
        let mut identities = identities.peekable();
        let mut asked = Vec::with_capacity(TOGETHER);
        while identities.peek().is_some() {
            asked.clear();
            asked.extend(identities.by_ref().take(TOGETHER).map(|identity| (identity, Hash::of(identity))));
            let shelved = self.shelved(&asked)?;
            // A question that nothing hangs on first: the waits for memory overlap, where insertions would wait in turn.
            black_box(asked.iter().filter(|(identity, _)| self.recent.contains(&Named(*identity))).count());
            for (place, (identity, _)) in asked.iter().enumerate() {
                let bit = 1 << place;
                known.push(if shelved.known & bit != 0 {
                    if shelved.same & bit != 0 { Known::Same } else { Known::Other }
                } else {
                    match self.recent.entry(Named(*identity)) {
                        Entry::Occupied(there) if there.get().0 == *identity => Known::Same,
                        Entry::Occupied(_) => Known::Other,
                        Entry::Vacant(free) => {
                            free.insert();
                            fresh.push(*identity);
                            Known::Not
                        }
                    }
                });
            }
        }
        Ok(known)
    }

    /// Which of these are frozen or sealed.
    fn shelved(&self, asked: &[(u128, Hash)]) -> Result<Shelves, IdentityError> {
        let mut found = Shelves::default();
        for frozen in &self.shelved.frozen {
            for (place, (identity, _)) in asked.iter().enumerate() {
                if let Some(there) = frozen.set.get(&Named(*identity)) {
                    found.mark(place, there.0 == *identity);
                }
            }
        }
        for run in self.shelved.runs.iter() {
            let mut maybe = run.filter.may_contain_each(asked.iter().map(|(_, hash)| *hash)) & !found.known;
            while maybe != 0 {
                let place = maybe.trailing_zeros();
                maybe &= maybe - 1;
                let identity = asked[place as usize].0;
                if let Some(there) = run.look_up(identity).map_err(IdentityError::Unreadable)? {
                    found.mark(place as usize, there == identity);
                }
            }
        }
        Ok(found)
    }

    /// Takes back what was inserted since the last [`make_room`](Identities::make_room).
    pub(crate) fn forget(&mut self, identities: &[u128]) {
        for identity in identities {
            self.recent.remove(&Named(*identity));
        }
    }

    /// Takes up identities of stored records behind `last_position`, when the log is opened.
    pub(crate) fn restore(&mut self, identities: &[u128], last_position: u64) -> Result<(), LogError> {
        let refused = |error| match error {
            IdentityError::Full => LogError::Failed { reason: "no disk space to seal identities".to_owned() },
            IdentityError::Stuck => LogError::Failed { reason: "identities cannot be sealed".to_owned() },
            IdentityError::Unreadable(error) => error,
        };
        self.make_room(identities.len(), last_position).map_err(refused)?;
        self.recent.extend(identities.iter().copied().map(Named));
        Ok(())
    }

    /// Hands the recent set to be sealed; it covers the records up to `to`.
    pub(crate) fn freeze(&mut self, to: u64) {
        if self.recent.is_empty() {
            return;
        }
        let set = std::mem::take(&mut self.recent);
        self.shelf.push_frozen(Frozen { set, positions: self.frozen_to + 1..=to });
        self.frozen_to = to;
        self.shelved = self.shelf.shelved();
    }

    /// Seals what is frozen and ends the threads. A merge that is under way is given up and begun again next time.
    pub(crate) fn close(&mut self) {
        self.shelf.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(dir = %self.shelf.dir.display(), "a thread of the identities panicked");
            }
        }
    }
}

impl Drop for Identities {
    fn drop(&mut self) {
        self.close();
    }
}
