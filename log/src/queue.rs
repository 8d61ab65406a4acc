//! The bounded queue between callers and the writer thread.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::disk::lock;
use crate::error::AppendError;
use crate::format::{RECORD_OVERHEAD, REQUEST_OVERHEAD};
use crate::types::{Entry, Outcome};

/// Bytes of one request with its overhead, at most. Keeps every length in the format far below its 32 bits.
pub(crate) const REQUEST_BYTES_MAX: usize = 1 << 30;

/// What became of a request.
pub(crate) type Answer = Result<Vec<Outcome>, AppendError>;

/// Entries that wait to be written, and who waits for them.
pub(crate) struct Request {
    pub(crate) received_at_us: i64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: usize,
    /// It comes from a load of many, which is not read again at once.
    pub(crate) bulk: bool,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What the writer shall do next.
pub(crate) struct Work {
    pub(crate) requests: Vec<Request>,
    pub(crate) bytes: usize,
    /// Those who want the identities so far to be sealed; they get the position up to which that was begun.
    pub(crate) seals: Vec<mpsc::Sender<u64>>,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    seals: Vec<mpsc::Sender<u64>>,
    /// Bytes queued and being written.
    bytes: usize,
    closed: bool,
}

/// Callers put requests in, the writer takes as many as one group may hold.
pub(crate) struct Queue {
    max_bytes: usize,
    state: Mutex<State>,
    work: Condvar,
    space: Condvar,
}

impl Queue {
    pub(crate) fn new(max_bytes: usize) -> Queue {
        Queue { max_bytes, state: Mutex::default(), work: Condvar::new(), space: Condvar::new() }
    }

    /// Puts a request in, or says at once why not.
    pub(crate) fn offer(
        &self,
        received_at_us: i64,
        entries: Vec<Entry>,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let bytes = request_bytes(&entries)?;
        let state = lock(&self.state);
        if !state.closed && !self.fits(&state, bytes) {
            return Err(AppendError::Busy);
        }
        self.put(state, received_at_us, entries, bytes, false)
    }

    /// Puts a request of a large load in as soon as there is room.
    pub(crate) fn offer_blocking(
        &self,
        received_at_us: i64,
        entries: Vec<Entry>,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let bytes = request_bytes(&entries)?;
        let state = self.space.wait_while(lock(&self.state), |state| !state.closed && !self.fits(state, bytes));
        self.put(state.unwrap_or_else(PoisonError::into_inner), received_at_us, entries, bytes, true)
    }

    /// A request larger than the whole queue is taken when it is alone; otherwise it never could be.
    fn fits(&self, state: &State, bytes: usize) -> bool {
        state.bytes == 0 || state.bytes + bytes <= self.max_bytes
    }

    fn put(
        &self,
        mut state: MutexGuard<'_, State>,
        received_at_us: i64,
        entries: Vec<Entry>,
        bytes: usize,
        bulk: bool,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        if state.closed {
            return Err(AppendError::Closed);
        }
        let (answer, receiver) = oneshot::channel();
        state.bytes += bytes;
        state.requests.push_back(Request { received_at_us, entries, bytes, bulk, answer });
        self.work.notify_one();
        Ok(receiver)
    }

    /// Asks for the identities so far to be sealed.
    pub(crate) fn ask_seal(&self) -> Result<mpsc::Receiver<u64>, AppendError> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(AppendError::Closed);
        }
        let (sender, receiver) = mpsc::channel();
        state.seals.push(sender);
        self.work.notify_one();
        Ok(receiver)
    }

    /// Everything queued up to `max_bytes`, at least one request. Waits for work; none once closed and empty.
    pub(crate) fn take(&self, max_bytes: usize) -> Option<Work> {
        let state = lock(&self.state);
        let idle = |state: &mut State| state.requests.is_empty() && state.seals.is_empty() && !state.closed;
        let mut state = self.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        if state.requests.is_empty() && state.seals.is_empty() {
            return None;
        }
        let mut work = Work { requests: Vec::new(), bytes: 0, seals: std::mem::take(&mut state.seals) };
        while let Some(request) =
            state.requests.pop_front_if(|next| work.requests.is_empty() || work.bytes + next.bytes <= max_bytes)
        {
            work.bytes += request.bytes;
            work.requests.push(request);
        }
        Some(work)
    }

    /// Gives back the room of requests that are answered.
    pub(crate) fn release(&self, bytes: usize) {
        lock(&self.state).bytes -= bytes;
        self.space.notify_all();
    }

    /// Takes nothing more; what is in stays to be taken.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.work.notify_all();
        self.space.notify_all();
    }

    /// Drops what is left, so that nobody waits for a writer that is gone.
    pub(crate) fn abandon(&self) {
        self.close();
        let mut state = lock(&self.state);
        state.requests.clear();
        state.seals.clear();
        state.bytes = 0;
    }

    pub(crate) fn bytes(&self) -> usize {
        lock(&self.state).bytes
    }
}

fn request_bytes(entries: &[Entry]) -> Result<usize, AppendError> {
    let bytes = REQUEST_OVERHEAD + entries.iter().map(|entry| RECORD_OVERHEAD + entry.bytes.len()).sum::<usize>();
    if bytes > REQUEST_BYTES_MAX {
        return Err(AppendError::TooLarge { bytes, max: REQUEST_BYTES_MAX });
    }
    Ok(bytes)
}
