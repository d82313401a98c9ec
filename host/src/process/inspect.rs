//! What star tables should hold, told without changing anything.

use super::packets::Packets;
use super::plan::{CALENDAR, is_calendar};
use super::table::{app, star_tables};
use super::{Parts, Plan, Process, ProcessError, StarTableReport, keys};
use crate::input::CalendarYears;
use crate::manifest::StarTable;
use crate::sandbox::Plugin;
use crate::star::{BucketRows, Fold, TableVersion};
use crate::transform::metadata;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Looks at star tables as a process does.
pub struct Inspection<'a> {
    parts: &'a Parts,
    plan: Plan<'a>,
    packets: Packets<'a>,
}

/// An input of a star table of which it does not hold all packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The source table.
    pub table: String,
    /// The last packet that the star table holds.
    pub processed: u64,
    /// The last packet in the lake.
    pub last: u64,
}

impl<'a> Inspection<'a> {
    /// An inspection of the tables of all plugins.
    ///
    /// # Errors
    /// [`ProcessError::Plan`].
    pub fn new(parts: &'a Parts) -> Result<Self, ProcessError> {
        Ok(Self { parts, plan: Plan::new(&parts.plugins)?, packets: Packets::new(parts, BTreeMap::new()) })
    }

    /// The plugins, those first to whose tables others refer.
    pub fn plugins(&self) -> impl Iterator<Item = &'a Plugin> + use<'a> {
        self.plan.select(&[]).unwrap_or_default().into_iter()
    }

    /// The inputs of a star table of which it does not hold all packets.
    ///
    /// # Errors
    /// [`ProcessError`] if the lake or the table can't be read.
    pub fn behind(&self, plugin: &Plugin, version: &TableVersion) -> Result<Vec<Behind>, ProcessError> {
        let manifest = plugin.manifest();
        let inputs = manifest.lookups.iter().map(|lookup| &lookup.table).chain([&manifest.source_table]);
        let mut behind = Vec::new();
        for input in inputs.filter(|input| *input != CALENDAR) {
            let processed = self.parts.star.progress(version, &app(plugin, input))?.unwrap_or(0);
            let last = self.packets.last(input)?;
            if processed < last {
                behind.push(Behind { table: input.clone(), processed, last });
            }
        }
        Ok(behind)
    }

    /// The source tables of which a star table holds other packets than the lake has, with the last packet that it holds.
    ///
    /// # Errors
    /// [`ProcessError`] if the lake or the table can't be read.
    pub fn other_packets(&self, plugin: &Plugin, version: &TableVersion) -> Result<Vec<(String, u64)>, ProcessError> {
        let mut others = Vec::new();
        for (table, held) in self.parts.star.packets(version)? {
            // What it remembers of tables that are no longer among its inputs does not matter.
            if self.parts.star.progress(version, &app(plugin, &table))? != Some(held.sequence) {
                continue;
            }
            let found = self.packets.mark(&table, held.sequence)?;
            if found.is_some_and(|found| found != held) || held.sequence > self.packets.last(&table)? {
                others.push((table, held.sequence));
            }
        }
        Ok(others)
    }

    /// The files that a dimension should have, by what its packets fold to; `None` where that can't be told: it was made by another
    /// plugin, or it looks rows up in a table that has moved since.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn expected_buckets(
        &self,
        plugin: &Plugin,
        index: usize,
        version: &TableVersion,
    ) -> Result<Option<BTreeSet<String>>, ProcessError> {
        let tables = star_tables(plugin);
        let table = &tables[index];
        let made_by = self.parts.made_by(version)?;
        let Some(made_by) = made_by.filter(|made_by| made_by.digest == plugin.digest()) else { return Ok(None) };
        let source = &plugin.manifest().source_table;
        if self.behind(plugin, version)?.iter().any(|behind| behind.table != *source) {
            return Ok(None);
        }
        let calendars = Mutex::default();
        let process = Process::new(self.parts, &self.plan, self.packets.clone(), &calendars);
        let process = Process { is_dry: true, ..process };
        let fold = if is_calendar(plugin) {
            let Some(years) = made_by.years.and_then(|years| years.parse::<CalendarYears>().ok()) else {
                return Ok(None);
            };
            process.fold_years(plugin, index, years)?.0
        } else {
            let processed = self.parts.star.progress(version, &app(plugin, source))?.unwrap_or(0);
            let mut reports: Vec<_> = tables.iter().map(|table| StarTableReport::new(table, plugin)).collect();
            let mut folded = process.fold(plugin, &tables, 0, processed, &mut reports)?;
            folded.folds.swap_remove(index)
        };
        bucket_names(plugin, table, fold).map(Some)
    }
}

/// The names of the files that a fold makes.
fn bucket_names(plugin: &Plugin, table: &StarTable, fold: Fold) -> Result<BTreeSet<String>, ProcessError> {
    let metadata = metadata(plugin, &plugin.manifest().source_table);
    let mut names = BTreeSet::new();
    fold.finish(&mut |rows: BucketRows| {
        let file = rows.write(table, &metadata)?;
        names.insert(keys::bucket_file(rows.bucket, &file.spooled.sha256));
        Ok::<_, ProcessError>(())
    })?;
    Ok(names)
}
