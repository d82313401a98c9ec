//! What an ingest did.

use super::IngestError;
use crate::source::BadLine;
use std::time::Duration;

/// What an ingest did, table by table.
#[derive(Debug)]
pub struct IngestReport {
    /// The run.
    pub run: String,
    /// The tables, in the order in which they were read.
    pub tables: Vec<TableReport>,
    /// Tables that were read before and that the source no longer has, where all were asked for.
    pub vanished: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// What an ingest did with a table.
#[derive(Debug)]
pub struct TableReport {
    /// The table.
    pub table: String,
    /// How it ended.
    pub result: Result<Outcome, IngestError>,
    /// The packet that was committed, even where the table failed after that: its checkpoint could not be written, say.
    pub committed: Option<Committed>,
    /// How many rows were read.
    pub rows_read: u64,
    /// Which rows were read, in words.
    pub window: String,
    /// How many lines are no rows.
    pub bad_lines: u64,
    /// The first of them.
    pub first_bad_lines: Vec<BadLine>,
    /// How many packets are missing in the lake.
    pub gaps: u64,
    /// How long it took.
    pub took: Duration,
}

/// How the ingest of a table ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A packet was committed.
    Committed(Committed),
    /// No row has changed.
    Unchanged,
}

/// A packet that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its sequence id.
    pub sequence: u64,
    /// The key of its manifest.
    pub key: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many keys it deletes.
    pub deletes: u64,
    /// The size of its data objects.
    pub bytes: u64,
}

impl IngestReport {
    /// The packets that were committed.
    pub fn committed(&self) -> impl Iterator<Item = (&str, &Committed)> {
        self.tables.iter().filter_map(|table| Some((table.table.as_str(), table.committed.as_ref()?)))
    }
}
