//! Neighbouring small files of facts become few large ones.
//!
//! ```text
//! 00000001-…  00000002-…  …  00000040-…   ──►   00000001-00000040-…
//! a file a packet, of some rows each            the same rows, in the same order
//! ```
//!
//! A table of facts gets a file with each packet, and a reader opens them all. What is joined with what depends on the files
//! alone: their packets, sizes and origins. The rows stay as they are and where they are, and the table's log says so: its entry
//! changes no data. The files that were joined stay in the store, for those who still read them, until garbage is collected.
//!
//! Dimensions are kept in buckets and need none of this. All of it waits for stores: call it from a thread that may be blocked.

mod error;
mod plan;
mod report;
mod table;

pub use error::CompactError;
pub use report::{CompactReport, CompactedTable, Extent};

use crate::ingest::Clock;
use crate::manifest::StarKind;
use crate::star::StarLake;
use crate::text::listed;
use std::time::{Duration, Instant};

/// What a compaction works on.
pub struct Parts {
    /// Where star tables are.
    pub star: StarLake,
    /// The time.
    pub clock: Clock,
    /// The name of this run, that no other has.
    pub run: String,
}

/// What is to be joined.
#[derive(Clone, Debug, Default)]
pub struct CompactOptions {
    /// Fact tables; all if empty.
    pub tables: Vec<String>,
    /// How large files become.
    pub limits: JoinLimits,
}

/// How large files become by being joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinLimits {
    /// The most rows of a joined file.
    pub rows_max: u64,
    /// The most bytes of the files that become one.
    pub bytes_max: u64,
}

impl Default for JoinLimits {
    /// Eight full row groups, or 128 MiB: large enough that few files are to be opened, small enough to be read at once.
    fn default() -> Self {
        Self { rows_max: 1_048_576, bytes_max: 128 * 1024 * 1024 }
    }
}

/// How far a compaction is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The star table.
    pub table: String,
    /// How many of its files were read.
    pub files: u64,
    /// How many tables are done, and how many there are.
    pub tables: (usize, usize),
}

/// Joins small files of fact tables. One table's failure does not stop the others; it is in the report.
///
/// # Errors
/// [`CompactError::UnknownTable`] if a table is asked for that is no fact; [`CompactError::Table`] if the tables can't be listed.
pub fn compact(
    parts: &Parts,
    options: &CompactOptions,
    progress: &dyn Fn(&Progress),
) -> Result<CompactReport, CompactError> {
    let began = Instant::now();
    let selected = select(&parts.star, &options.tables)?;
    let mut tables = Vec::new();
    for (done, table) in selected.iter().enumerate() {
        let tell = |files| progress(&Progress { table: table.clone(), files, tables: (done, selected.len()) });
        tables.push(table::compact_table(parts, table, options.limits, &tell));
    }
    Ok(CompactReport { run: parts.run.clone(), tables, took: began.elapsed() })
}

/// The tables that are asked for, or all.
fn select(star: &StarLake, asked: &[String]) -> Result<Vec<String>, CompactError> {
    let all = star.tables()?;
    let mut facts = Vec::new();
    for table in all {
        // A table that can't be opened is no reason to leave the others.
        let is_fact =
            star.open(&table).map(|version| version.is_some_and(|version| version.kind() == Some(StarKind::Fact)));
        if is_fact.unwrap_or(true) {
            facts.push(table);
        }
    }
    if let Some(unknown) = asked.iter().find(|table| !facts.contains(table)) {
        return Err(CompactError::UnknownTable { table: unknown.clone(), known: listed(&facts, "none") });
    }
    facts.retain(|table| asked.is_empty() || asked.contains(table));
    Ok(facts)
}

impl CompactedTable {
    fn new(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            result: Ok(()),
            before: Extent::default(),
            after: Extent::default(),
            joined: 0,
            written: 0,
            took: Duration::ZERO,
        }
    }
}
