//! What a process did.

use super::ProcessError;
use crate::manifest::StarKind;
use crate::report::RejectGroup;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a process did, star table by star table.
#[derive(Debug)]
pub struct ProcessReport {
    /// The run.
    pub run: String,
    /// The star tables, in the order in which they were brought up to date.
    pub tables: Vec<StarTableReport>,
    /// How long it took.
    pub took: Duration,
}

/// What a process did with a star table.
#[derive(Debug)]
pub struct StarTableReport {
    /// The star table.
    pub table: String,
    /// Fact or dimension.
    pub kind: StarKind,
    /// The plugin, as name@version.
    pub plugin: String,
    /// The source table.
    pub source: String,
    /// How it ended.
    pub result: Result<StarOutcome, ProcessError>,
    /// The last packet that the table holds.
    pub sequence: u64,
    /// How many packets came into it.
    pub packets: u64,
    /// How many rows were written: new ones, and those that share a file with one that changed.
    pub rows: u64,
    /// How many records were rejected.
    pub rejects: u64,
    /// How many files were written, and how large they are.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// How many sequence ids are missing in the lake.
    pub gaps: u64,
    /// How long it took.
    pub took: Duration,
}

/// How it ended with a star table.
#[derive(Clone, Debug, PartialEq)]
pub enum StarOutcome {
    /// It holds everything that the lake has, and more than before.
    Advanced,
    /// There was nothing new.
    Unchanged,
    /// It waits for tables of which the lake has no packet.
    Waiting {
        /// These tables.
        tables: Vec<String>,
    },
    /// A packet with too many rejects stops it.
    Held(Box<Held>),
    /// The run had to end before the table held all packets; those that it holds it keeps.
    OutOfTime,
}

/// A packet with too many rejects, as the star lake remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The star table.
    pub star_table: String,
    /// The source table.
    pub table: String,
    /// The packet.
    pub sequence: u64,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The years beyond which no day may lie, as they were then.
    #[serde(default)]
    pub calendar_limit: String,
    /// The limits of the plugin's calls, as they were then, in JSON.
    #[serde(default)]
    pub limits: String,
    /// The records of the packet.
    pub records: u64,
    /// Those that were rejected.
    pub rejects: u64,
    /// Those of them that the plugin could not cope with.
    pub rejects_by_host: u64,
    /// By reason, the most frequent first.
    pub reasons: Vec<RejectGroup>,
    /// The file of the rejects.
    pub rejects_key: Option<String>,
}

impl ProcessReport {
    /// What is said where there was nothing to do.
    #[must_use]
    pub fn empty() -> Self {
        Self { run: String::new(), tables: Vec::new(), took: Duration::ZERO }
    }
}

impl Held {
    /// How `--accept` names it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.star_table, self.sequence)
    }
}
