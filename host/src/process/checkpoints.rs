//! Where each star table stands, for people: a hint, as the checkpoints of source tables are.

use super::{Parts, ProcessReport, StarOutcome, StarTableReport};
use crate::sandbox::Plugin;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a star table stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarCheckpoint {
    /// The star table.
    pub star_table: String,
    /// The source table.
    pub table: String,
    /// The last packet of the source that it holds.
    pub sequence: u64,
    /// The plugin, as name@version.
    pub plugin: String,
    /// When it came so far.
    #[serde(with = "crate::packet::moment")]
    pub processed_at: DateTime<Utc>,
}

/// How far the packets of each source table go at least, by the checkpoints of the star tables that these plugins make. They save
/// looking at all packets; one that is lost, or wrong, costs that.
pub(super) fn hints(parts: &Parts, plugins: &[&Plugin]) -> BTreeMap<String, u64> {
    let mut hints = BTreeMap::new();
    for table in plugins.iter().flat_map(|plugin| &plugin.manifest().star_tables) {
        let document = parts.star.wait(parts.checkpoints.read(&table.name)).ok().flatten();
        let checkpoint = document.and_then(|document| serde_json::from_str::<StarCheckpoint>(&document).ok());
        if let Some(StarCheckpoint { table, sequence, .. }) = checkpoint {
            let hint = hints.entry(table).or_insert(0);
            *hint = sequence.max(*hint);
        }
    }
    hints
}

/// Writes the checkpoints of the tables that moved. One that can't be written is told and costs nothing: the table's own log
/// knows better.
pub(super) fn write(parts: &Parts, reports: &[StarTableReport]) {
    let moved = |report: &&StarTableReport| report.packets > 0 && !matches!(report.result, Ok(StarOutcome::Unchanged));
    for report in reports.iter().filter(moved) {
        let checkpoint = StarCheckpoint {
            star_table: report.table.clone(),
            table: report.source.clone(),
            sequence: report.sequence,
            plugin: report.plugin.clone(),
            processed_at: (parts.clock)(),
        };
        let Ok(document) = serde_json::to_string(&checkpoint) else { continue };
        let written = parts.star.wait(parts.checkpoints.write(&report.table, &document));
        if let Err(error) = written {
            let error = crate::error::with_causes(&error);
            tracing::warn!(table = report.table, error, "the checkpoint of the star table can't be written");
        }
    }
    crate::crash::point("star-checkpoints-stored");
}

impl ProcessReport {
    /// Whether every star table holds all that the lake has.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_whole = |outcome: &StarOutcome| matches!(outcome, StarOutcome::Advanced | StarOutcome::Unchanged);
        self.tables.iter().all(|table| table.result.as_ref().is_ok_and(is_whole))
    }
}
