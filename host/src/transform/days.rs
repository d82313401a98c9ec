//! Days that refer to the calendar: how far they go, and that none lies outside of it.

use crate::columns::{Column, ColumnValues, Rows};
use crate::manifest::{ColumnType, Manifest};
use crate::reject::Reject;
use crate::sandbox::{Isolated, Transformed};
use chrono::{Datelike, NaiveDate, TimeDelta};
use std::collections::BTreeMap;

/// The word for a row with a day outside of the calendar.
const OUTSIDE_CALENDAR: &str = "outside-calendar";

/// Some days, the first and the last included, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: i32,
    /// The last.
    pub last: i32,
}

/// Which columns refer to the calendar.
#[derive(Clone, Debug)]
pub struct CalendarColumns {
    limit: Days,
    /// For each star table the indices of its columns.
    columns: Vec<Vec<usize>>,
    manifest: Manifest,
}

impl Days {
    /// All days of some years.
    #[must_use]
    pub fn of_years(first: i32, last: i32) -> Self {
        let day = |date: Option<NaiveDate>| {
            date.map_or(0, |date| date.signed_duration_since(NaiveDate::default()).num_days() as i32)
        };
        Self { first: day(NaiveDate::from_ymd_opt(first, 1, 1)), last: day(NaiveDate::from_ymd_opt(last, 12, 31)) }
    }

    /// The years of the first and the last day.
    #[must_use]
    pub fn years(self) -> (i32, i32) {
        (date(self.first).map_or(1970, |date| date.year()), date(self.last).map_or(1970, |date| date.year()))
    }

    /// The days from the first to the last of both.
    #[must_use]
    pub fn span(left: Option<Self>, right: Option<Self>) -> Option<Self> {
        match (left, right) {
            (Some(left), Some(right)) => {
                Some(Self { first: left.first.min(right.first), last: left.last.max(right.last) })
            }
            (left, right) => left.or(right),
        }
    }

    fn contains(self, day: i32) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

fn date(day: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(day.into())?)
}

impl CalendarColumns {
    /// The columns of days that refer to one of `calendars`, the star tables that are made of the calendar.
    #[must_use]
    pub fn new(manifest: &Manifest, calendars: &[String], limit: Days) -> Self {
        let columns = manifest.star_tables.iter().map(|table| {
            let fields = table.fields.iter().enumerate().filter(|(_, field)| {
                let refers = field.references.as_ref().is_some_and(|reference| calendars.contains(&reference.table));
                field.column_type == ColumnType::Date && refers
            });
            fields.map(|(index, _)| index).collect()
        });
        Self { limit, columns: columns.collect(), manifest: manifest.clone() }
    }

    /// Rejects lines with a day outside of the calendar, and tells how far the days of the others go.
    pub(crate) fn check(&self, isolated: &mut Isolated) -> Option<Days> {
        if let Some(days) = self.days(isolated)
            && self.limit.contains(days.first)
            && self.limit.contains(days.last)
        {
            return Some(days);
        }
        let mut outside = BTreeMap::new();
        for part in &isolated.parts {
            self.find_outside(part, &isolated.rejects, &mut outside);
        }
        let is_outside: Vec<Vec<Vec<u64>>> = isolated
            .parts
            .iter()
            .map(|part| (0..part.tables.len()).map(|table| part.row_lines(table, &isolated.rejects)).collect())
            .collect();
        for (part, lines) in isolated.parts.iter_mut().zip(is_outside) {
            for (rows, lines) in part.tables.iter_mut().zip(lines) {
                let kept: Vec<bool> = lines.iter().map(|line| !outside.contains_key(line)).collect();
                rows.retain(&kept);
            }
        }
        isolated.rejects.extend(outside.into_values());
        isolated.rejects.sort_by_key(|reject| reject.line);
        self.days(isolated)
    }

    fn days(&self, isolated: &Isolated) -> Option<Days> {
        let columns = isolated.parts.iter().flat_map(|part| {
            part.tables
                .iter()
                .zip(&self.columns)
                .flat_map(|(rows, columns)| columns.iter().map(|index| days_of(rows, &rows.columns[*index])))
        });
        columns.fold(None, Days::span)
    }

    fn find_outside(&self, part: &Transformed, rejects: &[Reject], outside: &mut BTreeMap<u64, Reject>) {
        for (table, columns) in self.columns.iter().enumerate() {
            let rows = &part.tables[table];
            let lines = part.row_lines(table, rejects);
            for index in columns {
                let column = &rows.columns[*index];
                let ColumnValues::Date(days) = &column.values else { continue };
                for (row, day) in days.iter().enumerate().take(rows.count) {
                    if !column.is_valid(row) || self.limit.contains(*day) {
                        continue;
                    }
                    let field = &self.manifest.star_tables[table].fields[*index].name;
                    outside.entry(lines[row]).or_insert_with(|| self.reject(lines[row], field, *day));
                }
            }
        }
    }

    fn reject(&self, line: u64, field: &str, day: i32) -> Reject {
        let (first, last) = self.limit.years();
        let day = date(day).map_or_else(|| format!("day {day}"), |date| date.to_string());
        Reject {
            line,
            code: OUTSIDE_CALENDAR.to_owned(),
            column: Some(field.to_owned()),
            message: format!("`{day}` lies outside of the calendar, which ends at the years {first} and {last}"),
            by_host: false,
        }
    }
}

fn days_of(rows: &Rows, column: &Column) -> Option<Days> {
    let ColumnValues::Date(days) = &column.values else { return None };
    let days = &days[..rows.count];
    if column.validity.is_none() {
        return Some(Days { first: *days.iter().min()?, last: *days.iter().max()? });
    }
    let valid = days.iter().enumerate().filter(|(row, _)| column.is_valid(*row));
    valid.fold(None, |span, (_, day)| Days::span(span, Some(Days { first: *day, last: *day })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_years_are_told_apart() {
        let days = Days::of_years(1990, 2100);
        assert_eq!((1990, 2100), days.years());
        assert_eq!((7305, 47846), (days.first, days.last));
        assert_eq!((1970, 1970), Days { first: 0, last: 364 }.years());
        assert_eq!((1969, 1971), Days { first: -1, last: 365 }.years());
    }
}
