//! The queue of what is still to happen, earliest first; what is queued first goes first among equals.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Milliseconds since 1970, UTC.
pub(crate) type Instant = i64;

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) struct Schedule<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    queued: u64,
}

struct Entry<T> {
    at: Instant,
    place: u64,
    what: T,
}

impl<T> Schedule<T> {
    pub(crate) fn new() -> Schedule<T> {
        Schedule { heap: BinaryHeap::new(), queued: 0 }
    }

    pub(crate) fn at(&mut self, at: Instant, what: T) {
        self.heap.push(Reverse(Entry { at, place: self.queued, what }));
        self.queued += 1;
    }

    pub(crate) fn next(&mut self) -> Option<(Instant, T)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.place).cmp(&(other.at, other.place))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_equals_keep_their_order() {
        let mut schedule = Schedule::new();
        for (at, what) in [(5, "late"), (1, "first"), (1, "second"), (3, "middle")] {
            schedule.at(at, what);
        }
        let order: Vec<_> = std::iter::from_fn(|| schedule.next()).map(|(_, what)| what).collect();
        assert_eq!(order, ["first", "second", "middle", "late"]);
    }
}
