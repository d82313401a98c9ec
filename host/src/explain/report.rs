//! What is known of a row.

use crate::manifest::StarKind;
use crate::process::Held;
use crate::rejects::Rejected;
use crate::star::Cell;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a row comes from, or why it is not there.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The star table.
    pub table: String,
    /// Fact or dimension.
    pub kind: StarKind,
    /// What was asked for.
    pub key: String,
    /// Whether the row is there, and why not.
    pub outcome: Outcome,
    /// The last packet of its source that the star table holds.
    pub processed: Option<u64>,
    /// Where the row comes from.
    pub origin: Origin,
    /// What is said of the packet, where it is held.
    pub held: Option<Held>,
    /// What versions of the plugin have said against the line.
    pub rejects: Vec<Rejected>,
    /// The file that holds the row.
    pub file: Option<ExplainedFile>,
    /// The row.
    pub row: Option<Vec<Cell>>,
    /// The tables in which a plugin looks up more for a row.
    pub lookups: Vec<ExplainedLookup>,
}

/// Whether a row is there, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is there.
    Made,
    /// The line was rejected.
    Rejected,
    /// The packet has too many rejects, and nobody has accepted it.
    Held,
    /// The star table does not hold the packet yet.
    Waiting,
    /// The plugin made no row of the line, and did not reject it.
    NoRow,
}

/// Where a row comes from.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A line of a packet.
    Line(Box<OriginLine>),
    /// The calendar, which the host makes up.
    Calendar,
    /// The row is gone from the source; a dimension keeps its last version.
    Gone {
        /// The packet that found it gone.
        sequence: u64,
    },
    /// It can't be told.
    Untold {
        /// Why not.
        reason: String,
    },
}

/// A line of a packet.
#[derive(Clone, Debug, Serialize)]
pub struct OriginLine {
    /// The source table.
    pub table: String,
    /// The packet.
    pub sequence: u64,
    /// Its manifest, in the raw lake.
    pub manifest: String,
    /// When it was committed.
    #[serde(with = "crate::packet::moment")]
    pub committed_at: DateTime<Utc>,
    /// The run that brought it.
    pub run: String,
    /// The object that holds the line.
    pub object: String,
    /// The number of the line in the packet, from 1.
    pub line: u64,
    /// How many lines the packet has.
    pub lines: u64,
    /// The number of the record among all records of its table, from 1.
    pub record: u64,
    /// The line.
    pub text: String,
}

/// A file of a star table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedFile {
    /// Its key in the store of the star tables.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// What made it.
    pub made_by: Maker,
}

/// What made a file, as the file says; what it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Maker {
    /// What it was made of.
    pub input: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The version of the contract.
    pub contract: String,
    /// The version of the host.
    pub host: String,
}

impl Maker {
    pub(super) fn new(lineage: &BTreeMap<String, String>) -> Self {
        let said = |key: &str| lineage.get(key).cloned().unwrap_or_default();
        Self {
            input: said("star:input"),
            plugin: said("star:plugin"),
            version: said("star:plugin-version"),
            digest: said("star:plugin-digest"),
            contract: said("star:contract-version"),
            host: said("star:host-version"),
        }
    }
}

/// A table in which a plugin looks up more for a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedLookup {
    /// The looked-up table.
    pub table: String,
    /// Its column that is compared.
    pub key: String,
    /// With this column of the source.
    pub column: String,
    /// The value of that column in the line, as the line has it, where the line is known.
    pub value: Option<String>,
    /// The last packet of the looked-up table that the dimension holds.
    pub processed: Option<u64>,
}
