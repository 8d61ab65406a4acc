//! How much one statement may take, and how many may run at once.

use std::path::PathBuf;
use std::time::Duration;

/// The bounds the engine keeps. The defaults suit one small machine that also takes in events.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the call to the last row taken: planning, waiting, running and reading the result.
    pub time: Duration,
    /// How long a statement waits for a free place before it is told that the engine is busy.
    pub patience: Duration,
    /// Bytes of working memory that all running statements share. Sorts, joins and groups beyond their
    /// share go to disk. This is an account that operators keep, not a fence around the process.
    pub memory: usize,
    /// Bytes on disk for what does not fit the memory.
    pub spill: u64,
    /// Where to spill; the system's temporary folder when absent.
    pub spill_folder: Option<PathBuf>,
    /// Rows of one result; what comes after them is cut and the result says so.
    pub rows: usize,
    /// Bytes of one statement's text.
    pub sql_bytes: usize,
    /// Nodes of the parsed statement: expressions, values, relations, selects.
    pub nodes: usize,
    /// Terms of one chain such as `a + a + …` or `a OR b OR …`.
    pub chain: usize,
    /// Tables, joins and uses of a `WITH` part, each counted as often as planning unfolds it.
    pub relations: usize,
    /// Statements that run at the same time.
    pub concurrent: usize,
    /// Threads that run plans, shared by all statements.
    pub threads: usize,
    /// Bytes of text or elements of a list that one call of a growing function (`repeat`, `lpad`,
    /// `range` …) may make for one batch of rows.
    pub growth: usize,
    /// Rows that `generate_series` and `range` may make as a table.
    pub series: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            patience: Duration::from_secs(5),
            memory: 512 << 20,
            spill: 4 << 30,
            spill_folder: None,
            rows: 100_000,
            sql_bytes: 64 << 10,
            nodes: 10_000,
            chain: 500,
            relations: 200,
            concurrent: 8,
            threads: 2,
            growth: 16 << 20,
            series: 10_000_000,
        }
    }
}
