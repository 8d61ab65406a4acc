//! Everything that one fsync covers: requests are checked for duplicates, put into one frame, and answered together.

use crate::format::FrameBuilder;
use crate::identities::{Identities, IdentityError, Known};
use crate::queue::Request;
use crate::types::{Entry, Outcome};

/// Requests on their way to disk.
pub(crate) struct Group {
    requests: Vec<Request>,
    outcomes: Vec<Vec<Outcome>>,
    /// Identities that were not known before this group.
    fresh: Vec<u128>,
    stored_bytes: u64,
    duplicates: u64,
}

impl Group {
    /// Sorts entries into new ones, which go into the frame, and duplicates. On an error the identities are as before.
    pub(crate) fn build(
        requests: Vec<Request>,
        first_position: u64,
        frame: &mut FrameBuilder,
        identities: &mut Identities,
    ) -> Result<Group, (Vec<Request>, IdentityError)> {
        let entries = requests.iter().map(|request| request.entries.len()).sum();
        let mut group = Group {
            outcomes: Vec::with_capacity(requests.len()),
            fresh: Vec::with_capacity(entries),
            requests,
            stored_bytes: 0,
            duplicates: 0,
        };
        match group.fill(first_position, frame, identities) {
            Ok(()) => Ok(group),
            Err(error) => {
                identities.forget(&group.fresh);
                Err((group.requests, error))
            }
        }
    }

    fn fill(
        &mut self,
        first_position: u64,
        frame: &mut FrameBuilder,
        identities: &mut Identities,
    ) -> Result<(), IdentityError> {
        identities.make_room(self.fresh.capacity(), first_position - 1)?;
        for request in &self.requests {
            frame.begin_request(request.received_at_us);
            let mut outcomes = Vec::with_capacity(request.entries.len());
            let known = identities.insert_all(request.entries.iter().map(Entry::key), &mut self.fresh)?;
            for (entry, known) in request.entries.iter().zip(known) {
                outcomes.push(match known {
                    Known::Not => {
                        self.stored_bytes += entry.bytes.len() as u64;
                        Outcome::Stored(frame.push(entry))
                    }
                    Known::Same => Outcome::Duplicate,
                    Known::Other => Outcome::Conflict,
                });
                self.duplicates += u64::from(known != Known::Not);
            }
            frame.end_request();
            self.outcomes.push(outcomes);
        }
        Ok(())
    }

    /// Identities of the group's new records.
    pub(crate) fn fresh(&self) -> &[u128] {
        &self.fresh
    }

    /// Bytes of the new records, without overhead.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Tells everyone what became of their entries. Who does not wait any more does not mind.
    pub(crate) fn answer(self) {
        for (request, outcomes) in self.requests.into_iter().zip(self.outcomes) {
            let _ = request.answer.send(Ok(outcomes));
        }
    }

    /// The requests, to be told that nothing came of them.
    pub(crate) fn into_requests(self) -> Vec<Request> {
        self.requests
    }
}
