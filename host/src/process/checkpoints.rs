//! Where each star table stands, for people: a hint, as the checkpoints of source tables are.

use super::packets::Packets;
use super::{Parts, ProcessReport, StarOutcome, StarTableReport};
use crate::checkpoint::CheckpointStore;
use crate::error::Explain;
use crate::star::StarLake;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    /// When it came so far, or failed.
    #[serde(with = "crate::packet::moment")]
    pub processed_at: DateTime<Utc>,
    /// Why it could not be brought further, if the last process failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<StarFailure>,
    /// The packet that is held, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<u64>,
}

/// Why a star table could not be brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarFailure {
    /// The stable word for the error.
    pub code: String,
    /// The error, and what caused it.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl StarFailure {
    pub(super) fn new(error: &(impl Explain + 'static)) -> Self {
        let message: String = crate::error::with_causes(error).chars().take(MESSAGE_CHARS_MAX).collect();
        Self { code: error.code().to_owned(), message, hint: error.hint() }
    }
}

/// A checkpoint is a small document.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The checkpoints of star tables, as they were before a process.
pub(super) type Known = BTreeMap<String, StarCheckpoint>;

/// The checkpoint of a star table; `None` if there is none that can be read.
pub(crate) fn read(star: &StarLake, checkpoints: &dyn CheckpointStore, table: &str) -> Option<StarCheckpoint> {
    let document = star.wait(checkpoints.read(table)).ok().flatten()?;
    serde_json::from_str(&document).ok()
}

/// The checkpoints of all star tables, those that can be read.
pub(super) fn known(parts: &Parts) -> Known {
    let documents = parts.star.wait(parts.checkpoints.documents()).unwrap_or_default();
    let parsed = documents.into_iter().filter_map(|(table, text)| Some((table, serde_json::from_str(&text).ok()?)));
    parsed.collect()
}

/// How far the packets of each source table go at least, by the checkpoints of star tables. They save looking at all packets; one
/// that is lost, or wrong, costs that.
pub(super) fn hints(known: &Known) -> BTreeMap<String, u64> {
    let mut hints = BTreeMap::new();
    for StarCheckpoint { table, sequence, .. } in known.values() {
        let hint = hints.entry(table.clone()).or_insert(0);
        *hint = (*sequence).max(*hint);
    }
    hints
}

/// The tables that a replay has made again and that stopped at a packet that it did not come to: what was known of that holds.
pub(super) fn still_stopped(known: &Known, reports: &[StarTableReport], packets: &Packets<'_>) -> BTreeSet<String> {
    let is_stopped = |report: &&StarTableReport| {
        let Some(known) = known.get(&report.table).filter(|_| report.result.is_ok()) else { return false };
        // Other failures are of the table itself, which is as it should be now.
        let is_of_packet = known.held.is_some()
            || known.failure.as_ref().is_some_and(|failure| !failure.code.starts_with(OF_THE_TABLE));
        let is_behind = |last| last > report.sequence.max(known.sequence);
        is_of_packet && packets.last(&report.source).is_ok_and(is_behind)
    };
    reports.iter().filter(is_stopped).map(|report| report.table.clone()).collect()
}

/// How the codes of failures begin that a replay mends.
const OF_THE_TABLE: &str = "star-";

/// Writes the checkpoints of the tables that moved, that fail, or no longer do; those of `stopped` fail as they did. One that can't
/// be written is told and costs nothing: the table's own log knows better.
pub(super) fn write(parts: &Parts, known: &Known, reports: &[StarTableReport], stopped: &BTreeSet<String>) {
    for report in reports {
        let known = known.get(&report.table);
        let (mut failure, mut held) = (report.result.as_ref().err().map(StarFailure::new), None);
        if let Ok(StarOutcome::Held(packet)) = &report.result {
            held = Some(packet.sequence);
        }
        if let Some(known) = known.filter(|_| stopped.contains(&report.table)) {
            (failure, held) = (known.failure.clone(), known.held);
        }
        let has_moved = report.packets > 0 && !matches!(report.result, Ok(StarOutcome::Unchanged));
        // A table that was not looked at is as it was.
        let is_new = !matches!(report.result, Ok(StarOutcome::OutOfTime))
            && (failure.as_ref(), held) != known.map_or((None, None), |known| (known.failure.as_ref(), known.held));
        if !has_moved && !is_new {
            continue;
        }
        let checkpoint = StarCheckpoint {
            star_table: report.table.clone(),
            table: report.source.clone(),
            sequence: if report.sequence > 0 { report.sequence } else { known.map_or(0, |known| known.sequence) },
            plugin: report.plugin.clone(),
            processed_at: (parts.clock)(),
            failure,
            held,
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
