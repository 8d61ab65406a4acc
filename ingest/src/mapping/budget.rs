//! What one record may cost: counted at every step of the interpreter, so that nothing loops for ever.
//!
//! The interpreter asks its context for the table of terms at each term it evaluates. Our context counts there.
//! When the budget is spent it unwinds, which passes through the interpreter's iterators without running more
//! of the program, and is caught at the border of this room. (So the program must not be built with
//! `panic = "abort"`; a test would not survive it.)

use std::any::Any;
use std::cell::Cell;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use jaq_core::data::HasLut;
use jaq_core::{DataT, Lut};
use jaq_json::Val;

/// Stack of the threads that map: half for the program's recursion, half for what it calls and drops.
pub(super) const STACK_BYTES: usize = 256 << 20;
const DEPTH_BYTES: usize = STACK_BYTES / 2;

/// How many steps pass between two looks at the clock.
const CLOCK_EVERY: u64 = 1024;

/// What one record may cost.
///
/// Steps, time and recursion are checked at every term of the program, memory at every `+`, `*`, `range`,
/// `tojson` and string interpolation: an endless loop, endless recursion and runaway growth all end. What is
/// not counted: one single built-in over a big input (a `sort` or a regular expression over the record) runs
/// to its end before the next check, copies that an update (`.a[0] = 1`) makes of a large shared array are not
/// charged, and the memory of a record is bounded by this account of it, not by the operating system.
/// The allowance for the rows of a group is large enough for a hostile program to nest arrays so deeply that
/// dropping them overflows the stack: mappings are the operator's own, not a stranger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Terms evaluated, for a record of one row.
    pub steps: u64,
    /// Further terms for each row of a group.
    pub steps_per_row: u64,
    /// Bytes that sums, products, ranges and texts may take in all.
    pub bytes: u64,
    /// Wall-clock time.
    pub time: Duration,
    /// Events a record may give.
    pub outputs: usize,
    /// Bytes of JSON of one event.
    pub event_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: 1_000_000,
            steps_per_row: 2_000,
            bytes: 256 << 20,
            time: Duration::from_secs(10),
            outputs: 10_000,
            event_bytes: 1 << 20,
        }
    }
}

/// What unwinds when a budget is spent.
pub(super) struct Spent(pub(super) &'static str);

impl Spent {
    /// The reason, if this is what an unwinding carried.
    pub(super) fn reason(payload: &(dyn Any + Send)) -> Option<&'static str> {
        payload.downcast_ref::<Self>().map(|spent| spent.0)
    }
}

/// The account of the record being mapped.
pub(super) struct Meter {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    deadline: Instant,
    stack: usize,
}

impl Meter {
    pub(super) fn new(budget: &Budget, rows: usize) -> Self {
        let rows = rows as u64;
        Self {
            steps: Cell::new(budget.steps.saturating_add(budget.steps_per_row.saturating_mul(rows))),
            bytes: Cell::new(budget.bytes),
            deadline: Instant::now() + budget.time,
            stack: here(),
        }
    }

    fn step(&self) {
        let left = self.steps.get();
        if left == 0 {
            stop("took too many steps (does it loop without end?)");
        }
        self.steps.set(left - 1);
        if self.stack.abs_diff(here()) > DEPTH_BYTES {
            stop("calls itself too deeply (does a definition recurse without end?)");
        }
        if left.is_multiple_of(CLOCK_EVERY) && Instant::now() > self.deadline {
            stop("took too long");
        }
    }

    /// Takes `bytes` off the memory account.
    pub(super) fn charge(&self, bytes: usize) {
        let left = self.bytes.get();
        let bytes = bytes as u64;
        if bytes > left {
            stop("builds too much text or too large an array");
        }
        self.bytes.set(left - bytes);
    }
}

fn stop(reason: &'static str) -> ! {
    // Not `panic!`: an exhausted budget is no fault of ours and must not print a backtrace.
    resume_unwind(Box::new(Spent(reason)))
}

/// About where the stack is now.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// The interpreter's context type: values are JSON, data is the table of terms and the account.
pub(super) struct Metered;

/// The data of one run.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) lut: &'a Lut<Metered>,
    pub(super) meter: &'a Meter,
}

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Run<'a>;
}

impl<'a> HasLut<'a, Metered> for Run<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.meter.step();
        self.lut
    }
}
