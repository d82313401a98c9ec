//! Rejected records, run through the plugin that is in force now.

use super::RejectsError;
use super::file::rejected_records;
use crate::input::{ChunkLimits, LineChunks, Lookups};
use crate::lake::{PickedLine, pick_lines};
use crate::manifest::StarTable;
use crate::packet::Manifest;
use crate::process::{LateRows, Parts, Plan, app, check_drift, is_fact, late_rows, plugin_name, star_tables};
use crate::report::{RejectGroup, RejectGroups};
use crate::sandbox::Plugin;
use crate::transform::{CalendarColumns, Days, RunError, transform};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Cursor;

/// The most lines of a call: so many that a plugin fails on are rejected one by one, and never blamed on the plugin as a whole.
const LINES_PER_CALL: usize = 20;

/// What a plugin makes of rejected records today.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The plugin, as name@version.
    pub plugin: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The source table.
    pub source: String,
    /// How many records were run.
    pub records: u64,
    /// How many of them pass.
    pub passed: u64,
    /// How many are rejected.
    pub rejected: u64,
    /// These by reason, the most frequent first.
    pub reasons: Vec<PacketReason>,
    /// Packets that the star tables do not hold yet: their records were not run.
    pub waiting: Vec<u64>,
    /// The star tables of the plugin.
    pub tables: Vec<ReplayedTable>,
    /// Whether it was asked to publish what passes.
    pub publish: bool,
}

/// A reason, and where it is met first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketReason {
    /// The packet of the first line.
    pub first_packet: u64,
    /// The reason.
    #[serde(flatten)]
    pub group: RejectGroup,
}

/// What the rows that pass are to a star table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayedTable {
    /// The star table.
    pub table: String,
    /// Rows that it did not have.
    pub new: u64,
    /// Rows that it has already: they were published before, or another version of the plugin has made them.
    pub there: u64,
    /// The files that the new rows were published in, one for each packet.
    pub files: Vec<String>,
}

/// What the records of some packets became.
#[derive(Default)]
struct Replayed {
    records: u64,
    rejected: u64,
    groups: RejectGroups<u64>,
    days: Option<Days>,
    rows: Vec<LateRows>,
}

/// Runs the records that were ever rejected for the fact `table`, each with its own number and sequence id, through the plugin
/// that is in force. With `publish` the rows that pass are added to the facts of the plugin, but for those that they have: to ask
/// for it twice, or at the same time, does no harm.
///
/// # Errors
/// [`RejectsError`]; nothing was published then.
pub fn replay(parts: &Parts, table: &str, publish: bool) -> Result<Replay, RejectsError> {
    let plan = Plan::new(&parts.plugins)?;
    let plugin = plan.maker(table).ok_or_else(|| plan.unknown_table(table))?;
    if !is_fact(plugin) {
        return Err(RejectsError::Dimension { table: table.to_owned() });
    }
    let tables = star_tables(plugin);
    if let Some(table) = tables.iter().find(|table| table.record_key().is_none()) {
        return Err(RejectsError::NoRecordKey { table: table.name.clone() });
    }
    let source = &plugin.manifest().source_table;
    let processed = processed(parts, plugin, &tables)?;
    let calendar = CalendarColumns::new(plugin.manifest(), &plan.calendars(), parts.calendar.limit());
    let mut replayed = Replayed::default();
    let mut waiting = Vec::new();
    for (sequence, records) in rejected_records(&parts.star, &tables[0].name)? {
        if sequence > processed {
            waiting.push(sequence);
            continue;
        }
        let manifest = parts.star.wait(parts.lake.manifest(source, sequence))?;
        check_drift(plugin, &manifest)?;
        let indices = records.iter().filter_map(|record| record.checked_sub(manifest.first_record)).collect();
        let lines = parts.star.wait(pick_lines(&parts.lake, &manifest, &indices))?;
        for stretch in stretches(&lines) {
            replayed.run(plugin, &calendar, &manifest, &stretch)?;
        }
    }
    let late = late_rows(parts, plugin, &replayed.rows, replayed.days, publish)?;
    let tables = late.into_iter().map(|late| ReplayedTable {
        table: late.table,
        new: late.new,
        there: late.there,
        files: late.files,
    });
    let reasons = replayed.groups.finish().into_iter();
    Ok(Replay {
        plugin: plugin_name(plugin),
        digest: plugin.digest().to_owned(),
        source: source.clone(),
        records: replayed.records,
        passed: replayed.records - replayed.rejected,
        rejected: replayed.rejected,
        reasons: reasons.map(|(first_packet, group)| PacketReason { first_packet, group }).collect(),
        waiting,
        tables: tables.collect(),
        publish,
    })
}

/// The last packet that all tables of a plugin hold.
fn processed(parts: &Parts, plugin: &Plugin, tables: &[StarTable]) -> Result<u64, RejectsError> {
    let app = app(plugin, &plugin.manifest().source_table);
    let mut least = u64::MAX;
    for table in tables {
        let processed = match parts.star.open(&table.name)? {
            Some(version) => parts.star.progress(&version, &app)?.unwrap_or(0),
            None => 0,
        };
        least = least.min(processed);
    }
    Ok(least)
}

/// Lines that follow one another: the index of the first, and their text.
struct Stretch {
    first: u64,
    lines: usize,
    text: Vec<u8>,
}

fn stretches(lines: &BTreeMap<u64, PickedLine>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, line) in lines {
        let follows =
            |stretch: &&mut Stretch| stretch.first + stretch.lines as u64 == *index && stretch.lines < LINES_PER_CALL;
        let stretch = match stretches.last_mut().filter(follows) {
            Some(stretch) => stretch,
            None => stretches.push_mut(Stretch { first: *index, lines: 0, text: Vec::new() }),
        };
        stretch.lines += 1;
        stretch.text.extend_from_slice(&line.text);
        stretch.text.push(b'\n');
    }
    stretches
}

impl Replayed {
    /// Runs lines of a packet that follow one another.
    fn run(
        &mut self,
        plugin: &Plugin,
        calendar: &CalendarColumns,
        manifest: &Manifest,
        stretch: &Stretch,
    ) -> Result<(), RunError> {
        let sequence = manifest.sequence;
        let name = format!("{}/{sequence:08} from line {} on", manifest.table, stretch.first + 1);
        let text = Box::new(Cursor::new(stretch.text.clone()));
        let mut chunks = LineChunks::new(name.clone(), text, ChunkLimits::default(), None);
        let mut first = stretch.first;
        while let Some(mut chunk) = chunks.next_chunk(Vec::new())? {
            chunk.records_before = first;
            let called = transform(plugin, &Lookups::default(), sequence, manifest.first_record, &chunk);
            let mut isolated = called.map_err(|faults| RunError::plugin(plugin, &name, &chunk, faults))?;
            self.days = Days::span(self.days, calendar.check(&mut isolated));
            self.records += u64::from(chunk.lines);
            self.rejected += isolated.rejects.len() as u64;
            for reject in &isolated.rejects {
                let line = first + reject.line + 1;
                self.groups.add(sequence, line, &reject.code, reject.column.as_deref(), &reject.message);
            }
            let parts = isolated.parts.into_iter().filter(|part| part.tables.iter().any(|rows| rows.count > 0));
            self.rows.extend(parts.map(|part| LateRows { sequence, tables: part.tables }));
            first += u64::from(chunk.lines);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn lines_that_follow_one_another_are_run_together() {
        let line = |index: u64| (index, PickedLine { object: String::new(), text: Bytes::from(index.to_string()) });
        let lines = [1, 2, 4].into_iter().chain(10..35).map(line).collect();
        let found: Vec<(u64, usize)> = stretches(&lines).iter().map(|stretch| (stretch.first, stretch.lines)).collect();
        assert_eq!(found, [(1, 2), (4, 1), (10, 20), (30, 5)]);
        assert_eq!(stretches(&lines)[0].text, b"1\n2\n");
    }
}
