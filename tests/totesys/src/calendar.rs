//! Days, instants and working time.
//!
//! Working time is what the rows are spread over: the milliseconds of all office hours since the database was opened,
//! put end to end without nights and weekends.

use std::sync::LazyLock;

use chrono::NaiveDate;

use crate::random::Random;

/// Day 0: a Monday far enough back for the oldest design files.
const DAY_ZERO: NaiveDate = NaiveDate::from_ymd_opt(2021, 1, 4).expect("a date of the calendar");
/// The Thursday on which the database was filled for the first time, 2022-11-03.
pub(crate) const OPENING_DAY: Day = Day(668);
/// Working days from the opening up to Friday 2024-11-15.
const WORKING_DAYS: u64 = 532;
/// The longest time from an order's creation to a date agreed for it.
pub(crate) const AGREED_DAYS_MAX: u64 = 894;
/// The most working days that a database goes on for: a year.
pub(crate) const LATER_DAYS_MAX: u64 = 260;
/// Enough for the longest agreed date of an order of the last day, and for its edits.
const DAYS: usize = 3_000;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const OFFICE_OPENS_MS: u64 = 8 * 60 * 60 * 1_000;
/// From 08:00 to a tenth of a second before 19:00, so that rows which follow by some milliseconds are in time too.
const OFFICE_MS: u64 = 11 * 60 * 60 * 1_000 - 100;
/// The first order came at 14:20:52.186.
const FIRST_ORDER_MS: u64 = ((14 * 60 + 20) * 60 + 52) * 1_000 + 186;

static DATES: LazyLock<Vec<String>> =
    LazyLock::new(|| DAY_ZERO.iter_days().take(DAYS).map(|date| date.to_string()).collect());

/// A calendar day, counted from a Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) u64);

impl Day {
    /// The date as YYYY-MM-DD.
    pub(crate) fn text(self) -> &'static str {
        DATES.get(self.0 as usize).map(String::as_str).unwrap_or_default()
    }

    /// The day that is `days` later.
    pub(crate) fn plus(self, days: u64) -> Self {
        Self(self.0 + days)
    }

    /// This day, or the Monday after it if it is of a weekend.
    pub(crate) fn or_next_working_day(self) -> Self {
        match self.0 % 7 {
            5 => Self(self.0 + 2),
            6 => Self(self.0 + 1),
            _ => self,
        }
    }

    /// The instant of this day at `ms` milliseconds after midnight.
    pub(crate) fn at_ms(self, ms: u64) -> Instant {
        Instant(self.0 * DAY_MS + ms)
    }
}

/// A timestamp without time zone, in milliseconds since day 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

impl Instant {
    /// The last moment at which this database was written to, so many working days after its last one.
    pub(crate) fn end(later_days: u64) -> Self {
        working_instant(WORKING_MS + later_days * OFFICE_MS)
    }

    pub(crate) fn day(self) -> Day {
        Day(self.0 / DAY_MS)
    }

    pub(crate) fn ms_of_day(self) -> u64 {
        self.0 % DAY_MS
    }

    pub(crate) fn plus_ms(self, ms: u64) -> Self {
        Self(self.0 + ms)
    }
}

/// Working time that all rows are spread over, in milliseconds.
pub(crate) const WORKING_MS: u64 = WORKING_DAYS * OFFICE_MS - (FIRST_ORDER_MS - OFFICE_OPENS_MS) - 1;

/// The instant that lies `working_ms` of working time after the first order.
pub(crate) fn working_instant(working_ms: u64) -> Instant {
    let office_ms = working_ms + FIRST_ORDER_MS - OFFICE_OPENS_MS;
    // Counted from the Monday of the opening's week, so that five days make a week.
    let weekday_of_opening = OPENING_DAY.0 % 7;
    let working_day = office_ms / OFFICE_MS + weekday_of_opening;
    let day = OPENING_DAY.0 - weekday_of_opening + working_day / 5 * 7 + working_day % 5;
    Day(day).at_ms(OFFICE_OPENS_MS + office_ms % OFFICE_MS)
}

/// An instant of the working day that is `later_day` days after the last one, from 1: the office hours are cut into
/// `shares` equal ones, and `random` chooses within the one numbered `share`, from 0.
pub(crate) fn later_instant(later_day: u64, share: u64, shares: u64, random: &mut Random) -> Instant {
    let share_ms = OFFICE_MS / shares;
    let since_opening = share * share_ms + random.below(share_ms);
    working_instant(WORKING_MS + 1 + (later_day - 1) * OFFICE_MS + since_opening)
}

/// How far back `working_ms` can go, up to `wanted_ms`, without leaving the office hours of its day.
pub(crate) fn back_within_day(working_ms: u64, wanted_ms: u64) -> u64 {
    let since_opening = (working_ms + FIRST_ORDER_MS - OFFICE_OPENS_MS) % OFFICE_MS;
    if since_opening >= wanted_ms && working_ms >= wanted_ms { wanted_ms } else { 0 }
}

/// How much working time lies between `working_ms` and the next whole second.
pub(crate) fn ms_to_whole_second(working_ms: u64) -> u64 {
    (1_000 - working_instant(working_ms).0 % 1_000) % 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(instant: Instant) -> String {
        let seconds = instant.ms_of_day() / 1_000;
        format!("{} {:02}:{:02}:{:02}", instant.day().text(), seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }

    #[test]
    fn working_time_starts_with_the_first_order_and_ends_on_the_last_friday() {
        assert_eq!("2022-11-03 14:20:52", text(working_instant(0)));
        assert_eq!("2024-11-15 18:59:59", text(Instant::end(0)));
    }

    #[test]
    fn working_time_skips_nights_and_weekends() {
        for step in 0..5_000 {
            let instant = working_instant(WORKING_MS / 5_000 * step);
            assert!(instant.day().0 % 7 < 5);
            assert!((8..19).contains(&(instant.ms_of_day() / 3_600_000)));
        }
    }

    #[test]
    fn weekends_move_to_monday() {
        let monday = Day(7);
        assert_eq!([monday; 3], [Day(5), Day(6), Day(7)].map(Day::or_next_working_day));
        assert_eq!("2021-01-11", monday.text());
    }

    #[test]
    fn the_furthest_agreed_date_has_a_text() {
        assert_eq!("2027-04-28", Instant::end(0).day().plus(AGREED_DAYS_MAX).text());
        assert_eq!("2028-04-26", Instant::end(LATER_DAYS_MAX).day().plus(AGREED_DAYS_MAX).text());
    }

    #[test]
    fn later_days_follow_the_last_friday() {
        let instant = |day, share| later_instant(day, share, 31, &mut Random::of(1, 2, 3));
        assert_eq!("2024-11-18 08", &text(instant(1, 0))[..13]);
        assert_eq!("2024-11-22 18", &text(instant(5, 30))[..13]);
        assert_eq!("2024-11-25", instant(6, 0).day().text());
        assert_eq!("2024-11-18 18:59:59", text(Instant::end(1)));
    }
}
