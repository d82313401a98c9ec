//! Rows of a packet that come into facts after the packet itself: those of records that were rejected at first.
//!
//! They are added once, whatever is asked for and however often: a row whose key is already in the table is left out, and the
//! commit is made on top of the version of the table in which that was looked up.

use super::packets::Packets;
use super::publish::StarUpload;
use super::table::{Try, app, star_tables};
use super::{Parts, Plan, Process, ProcessError, StarTableReport, keys};
use crate::columns::{ColumnValues, Rows};
use crate::manifest::StarTable;
use crate::sandbox::Plugin;
use crate::star::{StarFile, StarObject, TableVersion};
use crate::transform::{Days, metadata};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Rows of a packet.
pub(crate) struct LateRows {
    /// The packet.
    pub(crate) sequence: u64,
    /// The rows, a table each, in the order of the plugin's manifest.
    pub(crate) tables: Vec<Rows>,
}

/// What became of late rows in a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LateTable {
    pub(crate) table: String,
    /// Rows that the table does not have, or did not.
    pub(crate) new: u64,
    /// Rows whose keys it has.
    pub(crate) there: u64,
    /// The files that hold the new ones, one for each packet, where they were made.
    pub(crate) files: Vec<String>,
}

/// Tells which of `late` are not in the facts of `plugin`, and with `publish` adds them, the days `days` to the calendar first.
/// The key of each fact is one column of whole numbers. Rows of a packet that a table does not hold yet are left out: they come
/// with it.
pub(crate) fn late_rows(
    parts: &Parts,
    plugin: &Plugin,
    late: &[LateRows],
    days: Option<Days>,
    publish: bool,
) -> Result<Vec<LateTable>, ProcessError> {
    let plan = Plan::new(&parts.plugins)?;
    let calendars = Mutex::default();
    let packets = Packets::new(parts, BTreeMap::new());
    let process = Process::new(parts, &plan, packets, &calendars);
    let tables = star_tables(plugin);
    let one = |(index, table): (usize, &StarTable)| {
        process.until_done(&table.name, || process.try_late(plugin, index, table, late, days, publish))
    };
    tables.iter().enumerate().map(one).collect()
}

impl Process<'_> {
    fn try_late(
        &self,
        plugin: &Plugin,
        index: usize,
        table: &StarTable,
        late: &[LateRows],
        days: Option<Days>,
        publish: bool,
    ) -> Result<Try<LateTable>, ProcessError> {
        let mut done = LateTable { table: table.name.clone(), new: 0, there: 0, files: Vec::new() };
        let source = &plugin.manifest().source_table;
        let Some(version) = self.parts.star.open(&table.name)? else { return Ok(Try::Done(done)) };
        let processed = self.parts.star.progress(&version, &app(plugin, source))?.unwrap_or(0);
        self.check_lake(&table.name, &self.parts.star.packets(&version)?, source, processed)?;
        let held = late.iter().filter(|late| late.sequence <= processed);
        let mut packets: BTreeMap<u64, Vec<Rows>> = BTreeMap::new();
        held.for_each(|late| packets.entry(late.sequence).or_default().push(late.tables[index].clone()));
        let there = self.keys_there(&version, table, packets.values().flatten())?;
        for rows in packets.values_mut().flatten() {
            let before = rows.count;
            let kept: Vec<bool> = key_numbers(table, rows).iter().map(|key| !there.contains(key)).collect();
            rows.retain(&kept);
            done.there += (before - rows.count) as u64;
            done.new += rows.count as u64;
        }
        if done.new == 0 || !publish {
            return Ok(Try::Done(done));
        }
        let mut uploads = Vec::new();
        for (sequence, rows) in packets.iter().filter(|(_, rows)| rows.iter().any(|rows| rows.count > 0)) {
            let metadata = metadata(plugin, &format!("{source}/{sequence:08}"));
            let file = StarFile::of_parts(table, &metadata, rows)?;
            let name = keys::late_file(*sequence, &file.spooled.sha256);
            done.files.push(name.clone());
            uploads.push(StarUpload { table: 0, name, file });
        }
        let added = self.parts.store_files(&[&table.name], uploads)?.into_iter().map(|(_, file)| file).collect();
        crate::crash::point("late-rows-stored");
        self.ensure_calendar(days)?;
        let change = self.change(plugin, added, BTreeSet::new(), BTreeMap::new());
        let mut report = StarTableReport::new(table, plugin);
        match self.commit(&version, table, &change, &mut report)? {
            Try::Conflict => Ok(Try::Conflict),
            Try::Done(_) => {
                crate::crash::point("late-rows-committed");
                Ok(Try::Done(done))
            }
        }
    }

    /// Those keys of `rows` that a table has.
    fn keys_there<'a>(
        &self,
        version: &TableVersion,
        table: &StarTable,
        rows: impl Iterator<Item = &'a Rows>,
    ) -> Result<BTreeSet<i64>, ProcessError> {
        let wanted: BTreeSet<i64> = rows.flat_map(|rows| key_numbers(table, rows)).collect();
        let column = &table.key[0];
        let mut there = BTreeSet::new();
        for file in self.parts.star.files_with(version, column, &wanted)? {
            there.extend(StarObject::open(&self.parts.star, &table.name, &file.path)?.numbers(column, &wanted)?);
        }
        Ok(there)
    }
}

/// The keys of rows whose key is one column of whole numbers.
fn key_numbers(table: &StarTable, rows: &Rows) -> Vec<i64> {
    let index = table.fields.iter().position(|field| field.name == table.key[0]);
    match index.map(|index| &rows.columns[index].values) {
        Some(ColumnValues::Int32(numbers)) => numbers[..rows.count].iter().map(|number| (*number).into()).collect(),
        Some(ColumnValues::Int64(numbers)) => numbers[..rows.count].to_vec(),
        _ => Vec::new(),
    }
}
