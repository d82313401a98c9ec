//! The working days after the last one: what they add, edit, move and delete.
//!
//! A database so many days later is the database of one day less, and one day more: each day's work follows from the
//! seed and the day's number, from 1.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::calendar::{self, Instant, LATER_DAYS_MAX};
use crate::random::Random;
use crate::schema::Table;
use crate::timeline::{OrderId, Timeline};
use crate::words;

/// Orders of a working day, as many as the real database gets.
const SALES_A_DAY: u64 = 22;
const PURCHASES_A_DAY: u64 = 9;
const EVENTS_A_DAY: u64 = SALES_A_DAY + PURCHASES_A_DAY;
/// Orders that are deleted in a day.
const DELETED_A_DAY: u64 = 1;
/// How many columns of an order are ever edited silently.
const EDITED_COLUMNS: u64 = 4;

/// The purposes of the random numbers here, beside the tables'; edits have one for each table.
const INSTANTS_PURPOSE: u64 = 20;
const DELETIONS_PURPOSE: u64 = 21;
const MOVES_PURPOSE: u64 = 22;
const COLUMNS_PURPOSE: u64 = 23;
const EDITS_PURPOSE: u64 = 48;

/// More days than a database can go on for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaysError(u64);

impl fmt::Display for DaysError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` working days later is not possible; there can be 0 to {LATER_DAYS_MAX}", self.0)
    }
}

impl std::error::Error for DaysError {}

/// The later days of a database.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Later {
    seed: u64,
    days: u64,
}

impl Later {
    pub(crate) fn new(seed: u64, days: u64) -> Result<Self, DaysError> {
        if days <= LATER_DAYS_MAX { Ok(Self { seed, days }) } else { Err(DaysError(days)) }
    }

    pub(crate) fn days(self) -> u64 {
        self.days
    }

    /// How many rows the days add to a table.
    pub(crate) fn rows_added(self, table: Table) -> u64 {
        self.days
            * match table {
                Table::SalesOrder => SALES_A_DAY,
                Table::PurchaseOrder => PURCHASES_A_DAY,
                Table::Transaction | Table::Payment => EVENTS_A_DAY,
                _ => 0,
            }
    }

    /// The order of an event, both counted from the first of the later days.
    pub(crate) fn order(self, event: u64) -> OrderId {
        self.timeline().order(event)
    }

    /// The event of an order, both counted from the first of the later days.
    pub(crate) fn event(self, order: OrderId) -> u64 {
        self.timeline().event(order)
    }

    /// When an event happened.
    pub(crate) fn instant(self, event: u64) -> Instant {
        let (day, share) = (1 + event / EVENTS_A_DAY, event % EVENTS_A_DAY);
        calendar::later_instant(day, share, EVENTS_A_DAY, &mut Random::of(self.seed, INSTANTS_PURPOSE, event))
    }

    /// Rows that are edited, of the first `rows` of a table, with the days on which they are. All keep their
    /// `last_updated` but for departments, which move.
    pub(crate) fn edits(self, table: Table, rows: u64) -> BTreeMap<u64, Vec<u64>> {
        let (purpose, edits_a_day) = match table {
            Table::Department => (MOVES_PURPOSE, 1),
            Table::Design => (EDITS_PURPOSE + table as u64, 2),
            Table::SalesOrder => (EDITS_PURPOSE + table as u64, 3),
            Table::PurchaseOrder => (EDITS_PURPOSE + table as u64, 1),
            _ => return BTreeMap::new(),
        };
        let mut edits: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (day, id) in self.picks(purpose, edits_a_day, rows) {
            edits.entry(id).or_default().push(day);
        }
        edits
    }

    /// Sales orders that are deleted with what belongs to them, of the first `sales`.
    pub(crate) fn deleted_sales(self, sales: u64) -> BTreeSet<u64> {
        self.picks(DELETIONS_PURPOSE, DELETED_A_DAY, sales).map(|(_, id)| id).collect()
    }

    /// Some ids a day, with their day.
    fn picks(self, purpose: u64, picks_a_day: u64, rows: u64) -> impl Iterator<Item = (u64, u64)> {
        let days = if rows == 0 { 0 } else { self.days };
        (1..=days).flat_map(move |day| {
            let mut random = Random::of(self.seed, purpose, day);
            (0..picks_a_day).map(move |_| (day, random.between(1, rows)))
        })
    }

    /// Sales and purchases take turns in the same way on each day, however many days there are.
    fn timeline(self) -> Timeline {
        Timeline::new(self.seed, SALES_A_DAY * self.days, PURCHASES_A_DAY * self.days)
    }
}

/// Where the department that moves on a day moves to, and when.
pub(crate) fn department_move(seed: u64, day: u64) -> (Option<&'static str>, Instant) {
    // The stream of another day would be the one that the department was picked by.
    let mut random = Random::of(seed, MOVES_PURPOSE, LATER_DAYS_MAX + day);
    let location = words::LATER_LOCATIONS[(day % words::LATER_LOCATIONS.len() as u64) as usize];
    (Some(location), calendar::later_instant(day, 0, 1, &mut random))
}

/// Which column of an order is edited on a day.
pub(crate) fn edited_column(seed: u64, id: u64, day: u64) -> u64 {
    Random::of(seed, COLUMNS_PURPOSE, id * (LATER_DAYS_MAX + 1) + day).below(EDITED_COLUMNS)
}
