//! What was joined.

use super::CompactError;
use std::time::Duration;

/// What was joined, table by table.
#[derive(Debug)]
pub struct CompactReport {
    /// The run.
    pub run: String,
    /// The tables, by name.
    pub tables: Vec<CompactedTable>,
    /// How long it took.
    pub took: Duration,
}

/// What was joined of a table.
#[derive(Debug)]
pub struct CompactedTable {
    /// The star table.
    pub table: String,
    /// How it ended.
    pub result: Result<(), CompactError>,
    /// The files that the table had.
    pub before: Extent,
    /// The files that it has now.
    pub after: Extent,
    /// How many files were joined; 0 if there was nothing to do.
    pub joined: u64,
    /// How many files they became.
    pub written: u64,
    /// How long it took.
    pub took: Duration,
}

/// How much a table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Its files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
}
