//! The calendar: days, made before the facts that refer to them.

use super::plan::CALENDAR;
use super::report::StarOutcome;
use super::table::{MadeBy, Try, app, star_tables};
use super::{Process, ProcessError, StarTableReport};
use crate::input::{CalendarYears, ChunkLimits, LineChunks, Lookups};
use crate::manifest::{Field, StarTable};
use crate::sandbox::Plugin;
use crate::star::{Fold, TableError};
use crate::transform::{Days, PacketInput, PacketOptions, fold_packet, metadata};
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Which days there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarOptions {
    /// Years that are there in any case.
    pub years: Option<CalendarYears>,
    /// Years beyond which no day of a fact may lie: a row with one is rejected.
    pub limit: CalendarYears,
}

impl Default for CalendarOptions {
    /// No years without facts, and none that is a slip of the pen.
    fn default() -> Self {
        let limit = CalendarYears::new(1990, 2100).expect("the first year is not after the last");
        Self { years: None, limit }
    }
}

impl CalendarOptions {
    pub(crate) fn limit(&self) -> Days {
        Days::of_years(self.limit.first(), self.limit.last())
    }
}

impl Process<'_> {
    /// Brings the tables that a plugin makes of the calendar up to date with the configuration.
    pub(super) fn calendar(&self, plugin: &Plugin) -> Vec<StarTableReport> {
        let tables = star_tables(plugin);
        let mut reports: Vec<_> = tables.iter().map(|table| StarTableReport::new(table, plugin)).collect();
        let years = self.years_to_make_again(&tables);
        let result = years.and_then(|years| self.cover_years(plugin, &tables, years, &mut reports));
        super::share_result(reports, result)
    }

    /// The years of the facts that are there, where tables of the calendar are not, or are made again.
    fn years_to_make_again(&self, tables: &[StarTable]) -> Result<Option<CalendarYears>, ProcessError> {
        let mut is_missing = self.is_replay;
        for table in tables {
            is_missing |= self.parts.star.open(&table.name)?.is_none();
        }
        Ok(if is_missing { self.years_of_facts() } else { None })
    }

    /// The years from the first to the last day of all facts, by the logs of their tables.
    fn years_of_facts(&self) -> Option<CalendarYears> {
        let (calendars, limit) = (self.plan.calendars(), self.parts.calendar.limit);
        let mut years = None;
        for table in self.parts.plugins.iter().flat_map(|plugin| &plugin.manifest().star_tables) {
            let refers = |field: &&Field| {
                field.references.as_ref().is_some_and(|reference| calendars.contains(&reference.table))
            };
            let fields: Vec<&Field> = table.fields.iter().filter(refers).collect();
            if fields.is_empty() {
                continue;
            }
            let dates = self.dates(&table.name, &fields).unwrap_or_else(|error| {
                // A fact that can't be read has its own trouble.
                let error = crate::error::with_causes(&error);
                tracing::warn!(table = table.name, error, "the days of the fact can't be told");
                Vec::new()
            });
            for (first, last) in dates {
                let (first, last) = (first.year().max(limit.first()), last.year().min(limit.last()));
                years = [years, CalendarYears::new(first, last)].into_iter().flatten().reduce(CalendarYears::span);
            }
        }
        years
    }

    /// The first and the last day of each of these columns of a star table that has any.
    fn dates(&self, table: &str, fields: &[&Field]) -> Result<Vec<(NaiveDate, NaiveDate)>, TableError> {
        let star = &self.parts.star;
        let Some(version) = star.open(table)? else { return Ok(Vec::new()) };
        fields.iter().filter_map(|field| star.dates(&version, &field.name).transpose()).collect()
    }

    /// Sees to it that each calendar has the years of some days.
    pub(super) fn ensure_calendar(&self, days: Option<Days>) -> Result<(), ProcessError> {
        let Some(days) = days else { return Ok(()) };
        let (first, last) = days.years();
        let years = CalendarYears::new(first, last);
        for plugin in self.plan.calendar_plugins() {
            let tables = star_tables(plugin);
            let mut reports: Vec<_> = tables.iter().map(|table| StarTableReport::new(table, plugin)).collect();
            if self.cover_years(plugin, &tables, years, &mut reports)? == StarOutcome::Advanced {
                reports.iter_mut().for_each(|report| report.result = Ok(StarOutcome::Advanced));
                let mut calendars = self.calendars.lock().unwrap_or_else(PoisonError::into_inner);
                reports.into_iter().for_each(|report| report.merge_into(&mut calendars));
            }
        }
        Ok(())
    }

    fn cover_years(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        years: Option<CalendarYears>,
        reports: &mut [StarTableReport],
    ) -> Result<StarOutcome, ProcessError> {
        let wanted = [years, self.parts.calendar.years].into_iter().flatten().reduce(CalendarYears::span);
        let Some(wanted) = wanted else {
            return self.keep_years(plugin, tables, reports);
        };
        let mut outcome = StarOutcome::Unchanged;
        for (table, report) in tables.iter().zip(reports) {
            let moved = self.until_done(&table.name, || self.try_years(plugin, table, Some(wanted), report))?;
            outcome = if moved { StarOutcome::Advanced } else { outcome };
        }
        Ok(outcome)
    }

    /// The years that a table has, made anew where another plugin made them.
    fn keep_years(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        reports: &mut [StarTableReport],
    ) -> Result<StarOutcome, ProcessError> {
        let mut outcome = StarOutcome::Unchanged;
        for (table, report) in tables.iter().zip(reports) {
            if self.parts.star.open(&table.name)?.is_none() {
                continue;
            }
            let moved = self.until_done(&table.name, || self.try_years(plugin, table, None, report))?;
            outcome = if moved { StarOutcome::Advanced } else { outcome };
        }
        Ok(outcome)
    }

    /// Whether the table had to be changed to have these years.
    fn try_years(
        &self,
        plugin: &Plugin,
        table: &StarTable,
        wanted: Option<CalendarYears>,
        report: &mut StarTableReport,
    ) -> Result<Try<bool>, ProcessError> {
        let version = self.open_tables(plugin, std::slice::from_ref(table))?.remove(0);
        let made_by = self.parts.made_by(&version)?;
        let found: Option<CalendarYears> = made_by.as_ref().and_then(|made_by| made_by.years.as_ref()?.parse().ok());
        let Some(years) = [wanted, found].into_iter().flatten().reduce(CalendarYears::span) else {
            return Ok(Try::Done(false));
        };
        report.sequence = years.count();
        let is_same = found == Some(years) && made_by.is_some_and(|made_by| made_by.digest == plugin.digest());
        if is_same && !self.is_replay {
            return Ok(Try::Done(false));
        }
        let tables = star_tables(plugin);
        let index = tables.iter().position(|other| other.name == table.name).unwrap_or(0);
        let (fold, rejects) = self.fold_years(plugin, index, years)?;
        let replaced = self.replace_all(table, &version, fold, &metadata(plugin, CALENDAR))?;
        if is_same && replaced.added.is_empty() && replaced.removed.is_empty() {
            return Ok(Try::Done(false));
        }
        let progress = BTreeMap::from([(app(plugin, CALENDAR), years.count())]);
        let mut change = self.change(plugin, replaced.added, replaced.removed, progress);
        change.made_by = serde_json::to_string(&MadeBy::new(plugin, Some(years.to_string()))).ok();
        if let Try::Conflict = self.commit(&version, table, &change, report)? {
            return Ok(Try::Conflict);
        }
        crate::crash::point("calendar-committed");
        (report.packets, report.rejects) = (1, rejects);
        Ok(Try::Done(true))
    }

    /// Folds the days of some years to the rows of a table, and counts those that are rejected.
    pub(super) fn fold_years(
        &self,
        plugin: &Plugin,
        index: usize,
        years: CalendarYears,
    ) -> Result<(Fold, u64), ProcessError> {
        let tables = star_tables(plugin);
        let mut fold = Fold::new(&tables[index]);
        let options = PacketOptions {
            tables: &tables,
            lookups: &Lookups::default(),
            calendar: None,
            budget: self.parts.budget,
            threads: self.parts.threads,
            progress: self.progress,
        };
        let name = format!("{CALENDAR}:{years}");
        let input = PacketInput {
            lines: LineChunks::new(name.clone(), Box::new(years.lines()), ChunkLimits::default(), None),
            name,
            sequence: years.count(),
            first_record: 1,
        };
        let transformed = fold_packet(plugin, input, &options, |mut rows| fold.take(rows.swap_remove(index)))?;
        Ok((fold, transformed.rejects))
    }
}
