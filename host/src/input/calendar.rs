//! The made-up table `_calendar`: one row for each day of some years, a function of the years alone.

use chrono::{Datelike, Days, NaiveDate};
use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;

/// Some years, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarYears {
    first: i32,
    last: i32,
}

/// Years that are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` are no years; expected two years of 1 to 9999, the first not after the last, as `2022..2027`")]
pub struct YearsError {
    /// What was given.
    text: String,
}

impl FromStr for CalendarYears {
    type Err = YearsError;

    fn from_str(text: &str) -> Result<Self, YearsError> {
        let years = text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        match years {
            Some((first, last)) if 1 <= first && first <= last && last <= 9999 => Ok(Self { first, last }),
            _ => Err(YearsError { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for CalendarYears {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..{}", self.first, self.last)
    }
}

impl CalendarYears {
    /// The years `first` to `last`; `None` if they are none.
    #[must_use]
    pub fn new(first: i32, last: i32) -> Option<Self> {
        (1 <= first && first <= last && last <= 9999).then_some(Self { first, last })
    }

    /// The first year.
    #[must_use]
    pub fn first(&self) -> i32 {
        self.first
    }

    /// The last year.
    #[must_use]
    pub fn last(&self) -> i32 {
        self.last
    }

    /// How many years there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.last.abs_diff(self.first)) + 1
    }

    /// The years from the first to the last of both.
    #[must_use]
    pub fn span(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// The table's lines: `{"date":"2022-01-01"}` and so on.
    #[must_use]
    pub fn lines(&self) -> CalendarLines {
        CalendarLines {
            next: NaiveDate::from_ymd_opt(self.first, 1, 1),
            last_year: self.last,
            line: Vec::new(),
            read: 0,
        }
    }
}

/// The lines of `_calendar`.
#[derive(Clone, Debug)]
pub struct CalendarLines {
    next: Option<NaiveDate>,
    last_year: i32,
    line: Vec<u8>,
    read: usize,
}

impl Read for CalendarLines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read == self.line.len() {
            self.line.clear();
            self.read = 0;
            if let Some(day) = self.next.filter(|day| day.year() <= self.last_year) {
                writeln!(self.line, "{{\"date\":\"{day}\"}}")?;
                self.next = day.checked_add_days(Days::new(1));
            }
        }
        let count = buffer.len().min(self.line.len() - self.read);
        buffer[..count].copy_from_slice(&self.line[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}
