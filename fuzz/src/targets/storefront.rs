//! What storefronts send, through the whole gate onto a disk in memory.

use std::cell::RefCell;
use std::sync::Arc;

use mizan_events::Unknown;
use mizan_ingest::Intake;
use mizan_ingest::rejected::RejectedStore;
use mizan_ingest::storefront::{Collected, Sender, Storefront};
use mizan_log::{Log, Options};
use tokio::runtime::{Builder, Runtime};

use super::now;
use crate::scratch;

/// After this many inputs everything is made anew: the log would grow without end.
const INPUTS: usize = 2_000;

struct Gate {
    runtime: Runtime,
    storefront: Storefront,
    intake: Intake,
    inputs: usize,
    // Goes last.
    _dir: tempfile::TempDir,
}

thread_local! {
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
}

impl Gate {
    fn new() -> Gate {
        let dir = scratch::folder();
        let (log, _) = Log::open(dir.path().join("log"), Options::default()).unwrap();
        let rejected = Arc::new(RejectedStore::open(&dir.path().join("rejected")).unwrap());
        Gate {
            runtime: Builder::new_current_thread().build().unwrap(),
            storefront: Storefront::new().unwrap(),
            intake: Intake::new(log, rejected, Unknown::Keep),
            inputs: 0,
            _dir: dir,
        }
    }

    fn take(&mut self, road: u8, body: &[u8]) {
        self.inputs += 1;
        let sender = Sender { shop: "default", only_visits: road & 1 == 0 };
        let call = ["batch", "track", "page", "identify"][usize::from(road >> 2) % 4];
        let before = self.intake.log().last_position();
        let taken = self.runtime.block_on(async {
            if road & 2 == 0 {
                return self.storefront.segment(&self.intake, call, body, sender, now()).await;
            }
            match serde_json::from_slice::<Collected>(body) {
                Ok(request) => self.storefront.collect(&self.intake, &request, sender, now()).await,
                Err(_) => Ok(Default::default()),
            }
        });
        if let Ok(taken) = taken {
            let stored = self.intake.log().last_position() - before;
            assert_eq!(stored, taken.accepted as u64, "said to be on disk");
            assert!(!taken.rejected.iter().any(|reason| reason.contains("could not be run")), "{:?}", taken.rejected);
        }
    }
}

pub(crate) fn run(data: &[u8]) {
    let Some((road, body)) = data.split_first() else { return };
    GATE.with_borrow_mut(|gate| {
        let gate = gate.get_or_insert_with(Gate::new);
        if gate.inputs == INPUTS {
            *gate = Gate::new();
        }
        gate.take(*road, body);
    });
}
